//! Two calls side by side.

mod align;
mod myers;

use std::path::PathBuf;

use serde::Serialize;

use crate::format::Metadata;
use crate::read::call::{Call, State};
use crate::read::conversation::{Conversation, parts_text};
use crate::read::files;

pub use align::Change;
use align::align;

/// What differs between two calls. See [`Diff::between`].
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Diff {
    /// The first call.
    pub a: DiffSide,
    /// The second call.
    pub b: DiffSide,
    /// The messages of both requests; of each the first line is the role.
    pub messages: Vec<Change>,
    /// The tools of both requests by name; of each the first line is the name.
    pub tools: Vec<Change>,
    /// The answers, or the failures.
    pub output: Vec<Change>,
}

/// One of the calls that are compared.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct DiffSide {
    /// The call's id.
    pub call_id: String,
    /// The session's id.
    pub session_id: String,
    /// The call's folder.
    pub dir: PathBuf,
    /// How far the call has come.
    pub state: State,
    /// What `metadata.json` says; its "not known" values if it cannot be read.
    pub metadata: Metadata,
    /// The members of the request that are neither conversation nor tools: names and values.
    pub parameters: Vec<(&'static str, String)>,
}

/// What has been read of a call, for [`Diff::between_contents`].
#[derive(Debug, Clone)]
#[doc(hidden)]
pub struct CallContents {
    /// The call's folder.
    pub dir: PathBuf,
    /// The session's id.
    pub session_id: String,
    /// How far the call has come.
    pub state: State,
    /// What `metadata.json` says; its "not known" values if it cannot be read.
    pub metadata: Metadata,
    /// `None`: it is not compared.
    pub conversation: Option<Conversation>,
}

/// The texts of a call that are compared.
struct Texts {
    messages: Vec<String>,
    tools: Vec<String>,
    output: String,
}

impl Diff {
    /// Compares two calls. What cannot be read of one of them counts as empty.
    #[must_use]
    pub fn between(a: &Call, b: &Call) -> Self {
        let read = |call: &Call| CallContents {
            dir: call.dir().to_owned(),
            session_id: call.session_id().to_owned(),
            state: call.state(),
            metadata: call.metadata().unwrap_or_default(),
            conversation: Some(call.conversation().unwrap_or_default()),
        };
        Diff::between_contents(read(a), read(b))
    }

    /// Compares two calls that have been read already. Without their conversations there are no parameters, messages and
    /// tools, and of the outputs only failures.
    #[doc(hidden)]
    #[must_use]
    pub fn between_contents(a: CallContents, b: CallContents) -> Self {
        Diff::of(side(a), side(b))
    }

    fn of((a, a_texts): (DiffSide, Texts), (b, b_texts): (DiffSide, Texts)) -> Self {
        Diff {
            messages: align(&a_texts.messages, &b_texts.messages),
            tools: align(&a_texts.tools, &b_texts.tools),
            output: align(&[a_texts.output], &[b_texts.output]),
            a,
            b,
        }
    }
}

fn side(call: CallContents) -> (DiffSide, Texts) {
    let CallContents { dir, session_id, state, metadata, conversation } = call;
    let nothing = || Conversation { is_json: true, ..Conversation::default() };
    let conversation = conversation.unwrap_or_else(nothing);
    let texts = texts(&metadata, &conversation);
    let parameters =
        conversation.parameters.into_iter().map(|parameter| (parameter.name, parameter.value)).collect();
    let call_id = files::name(&dir).to_owned();
    (DiffSide { call_id, session_id, dir, state, metadata, parameters }, texts)
}

fn texts(metadata: &Metadata, conversation: &Conversation) -> Texts {
    if !conversation.is_json {
        let raw = conversation.raw_request.clone().filter(|text| !text.is_empty());
        return Texts { messages: raw.into_iter().collect(), tools: Vec::new(), output: String::new() };
    }
    let messages = conversation.messages.iter();
    let mut tools: Vec<String> = conversation
        .tools
        .iter()
        .map(|tool| {
            let rest = if tool.definition.is_empty() { &tool.description } else { &tool.definition };
            format!("{}\n{rest}", tool.name)
        })
        .collect();
    tools.sort();
    let mut output = conversation.answer();
    let response = &metadata.response_info;
    if response.error {
        output.push_str(&format!("[{}] {}", response.error_type, response.error_message));
    }
    Texts {
        messages: messages
            .map(|message| format!("{}\n{}", message.role, parts_text(&message.parts)))
            .collect(),
        tools,
        output,
    }
}
