//! Two calls side by side.

mod align;
mod myers;

use std::path::PathBuf;

use serde::Serialize;

use crate::format::Metadata;
use crate::read::call::{Call, State};
use crate::read::conversation::{Conversation, parts_text};

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
        let conversation = |call: &Call| call.conversation().unwrap_or_default();
        Diff::of(side(a, conversation(a)), side(b, conversation(b)))
    }

    /// Compares what is known of two calls without their bodies, which are not read: there are no parameters, messages
    /// and tools, and of the outputs only failures.
    #[must_use]
    pub fn of_metadata(a: &Call, b: &Call) -> Self {
        let nothing = || Conversation { is_json: true, ..Conversation::default() };
        Diff::of(side(a, nothing()), side(b, nothing()))
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

fn side(call: &Call, conversation: Conversation) -> (DiffSide, Texts) {
    let metadata = call.metadata().unwrap_or_default();
    let texts = texts(&metadata, &conversation);
    let parameters =
        conversation.parameters.into_iter().map(|parameter| (parameter.name, parameter.value)).collect();
    let side = DiffSide {
        call_id: call.id().to_owned(),
        session_id: call.session_id().to_owned(),
        dir: call.dir().to_owned(),
        state: call.state(),
        metadata,
        parameters,
    };
    (side, texts)
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
