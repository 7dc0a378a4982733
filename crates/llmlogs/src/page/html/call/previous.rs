//! The call before one in its session, and what the two have in common.

use llmlogs_core::format::call_id::CallId;
use llmlogs_core::read::{Conversation, Message, Metadata};

use crate::page::call_dir::CallDir;

/// A session with more calls is not listed to find one.
const LISTED: u64 = 100_000;

/// The call before, and how many of the first messages of both are the same.
pub(super) struct Previous {
    pub(super) dir: CallDir,
    pub(super) shared: usize,
}

impl Previous {
    /// Returns the call before `dir` in its session.
    pub(super) fn of(dir: &CallDir, conversation: &Conversation) -> Option<Self> {
        let own = CallId::of(dir.id().as_bytes());
        if own.number <= 1 || own.number > LISTED {
            return None;
        }
        let previous = dir.previous()?;
        let metadata = previous.metadata().map(|(_, metadata)| metadata);
        let other = previous.conversation(metadata.as_ref().unwrap_or(&Metadata::default()));
        let shared = other.map_or(0, |other| shared(&conversation.messages, &other.messages));
        Some(Previous { dir: previous, shared })
    }
}

/// Returns how many messages are the same from the first on; the last one is never among them, since it is what was asked.
fn shared(messages: &[Message], others: &[Message]) -> usize {
    let same = messages.iter().zip(others).take_while(|(one, other)| one == other).count();
    same.min(messages.len().saturating_sub(1))
}
