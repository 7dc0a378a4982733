//! Why calls are left out of an export, and how many.

use std::collections::BTreeMap;

use crate::output::format::plural;

/// Why a format has no place for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum LeftOut {
    NotFinished,
    Unreadable,
    Failed,
    Cut,
    NoBodies,
    NoConversation,
    NoAnswer,
    EmptyMessage,
    Media,
    NoAddress,
    NoText,
}

impl LeftOut {
    /// Returns what the calls are that are left out for this reason.
    fn text(self) -> &'static str {
        match self {
            LeftOut::NotFinished => "not finished",
            LeftOut::Unreadable => "not readable",
            LeftOut::Failed => "failed",
            LeftOut::Cut => "with a body that was cut",
            LeftOut::NoBodies => "without bodies",
            LeftOut::NoConversation => "no conversation",
            LeftOut::NoAnswer => "without an answer",
            LeftOut::EmptyMessage => "with an empty answer among the messages",
            LeftOut::Media => "with media that it would lose",
            LeftOut::NoAddress => "without an address",
            LeftOut::NoText => "with a body that is no text",
        }
    }
}

/// How many calls were left out, by reason.
#[derive(Debug, Default)]
pub(super) struct Counts(BTreeMap<LeftOut, u64>);

impl Counts {
    pub(super) fn add(&mut self, reason: LeftOut) {
        *self.0.entry(reason).or_default() += 1;
    }

    /// Returns one line on what was left out; `None` if nothing was.
    pub(super) fn summary(&self) -> Option<String> {
        let total: u64 = self.0.values().sum();
        let reasons: Vec<_> =
            self.0.iter().map(|(reason, count)| format!("{count} {}", reason.text())).collect();
        (total > 0).then(|| format!("{} left out: {}", plural(total, "call"), reasons.join(", ")))
    }
}
