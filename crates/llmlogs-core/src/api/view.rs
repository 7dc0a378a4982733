//! What a body says, whichever API it belongs to.
//!
//! Every dialect fills these, so that `metadata.json` and the text files are made in one place.

use std::borrow::Cow;

use crate::format::Usage;
use crate::json::Json;

/// What a request says.
#[derive(Debug, Default)]
pub struct RequestView<'j> {
    pub model: Option<Cow<'j, str>>,
    pub stream: bool,
    /// Null where the request has none.
    pub temperature: Option<&'j Json<'j>>,
    pub max_tokens: Option<&'j Json<'j>>,
    pub tool_choice: Option<&'j Json<'j>>,
    /// How many messages the request lists; instructions beside the list do not count.
    pub messages_count: usize,
    /// The conversation in reading order, instructions first.
    pub messages: Vec<Message<'j>>,
    pub tools: Vec<Tool<'j>>,
}

impl RequestView<'_> {
    /// The text of the last user message that has one.
    pub fn last_user_message(&self) -> String {
        let text = |message: &Message<'_>| {
            let texts: Vec<_> = message.parts.iter().filter_map(Part::text).collect();
            texts.join("\n")
        };
        let users = self.messages.iter().rev().filter(|m| m.role == "user");
        users.map(text).find(|t| !t.is_empty()).unwrap_or_default()
    }
}

/// One message of a conversation.
#[derive(Debug, Default)]
pub struct Message<'j> {
    /// In the words of OpenAI's roles: `system`, `developer`, `user`, `assistant`, `tool`.
    pub role: Cow<'j, str>,
    pub parts: Vec<Part<'j>>,
}

impl<'j> Message<'j> {
    /// A message of an API in which results of tools travel as the user's: one of nothing else is the
    /// tools'.
    pub fn with_results(role: Cow<'j, str>, parts: Vec<Part<'j>>) -> Self {
        let only_results = matches!(parts.first(), Some(Part::ToolResult { .. }))
            && parts.iter().all(|part| matches!(part, Part::ToolResult { .. } | Part::Media { .. }));
        Message { role: if only_results { Cow::Borrowed("tool") } else { role }, parts }
    }
}

/// One part of a message or of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Part<'j> {
    Text(Cow<'j, str>),
    Refusal(Cow<'j, str>),
    Reasoning(Cow<'j, str>),
    /// An image, a sound, a file; `bytes` where the data stands in the body.
    Media {
        media_type: Cow<'j, str>,
        bytes: Option<u64>,
        source: Cow<'j, str>,
    },
    /// A call of one of the caller's tools.
    ToolCall {
        /// What the result of the call names as its `call_id`; empty where the API has no such ids.
        id: Cow<'j, str>,
        name: Cow<'j, str>,
        /// As the body has them: JSON, or whatever the model wrote instead.
        arguments: Cow<'j, str>,
    },
    /// A call that the provider itself carried out: OpenTelemetry's `server_tool_call`, which is none
    /// that the caller has to answer.
    ServerToolCall {
        /// As for [`Part::ToolCall`].
        id: Cow<'j, str>,
        name: Cow<'j, str>,
        arguments: Cow<'j, str>,
    },
    /// What a tool returned.
    ToolResult {
        /// The id of the call that it answers; empty where the API has no such ids.
        call_id: Cow<'j, str>,
        /// What text shows it under: the call's id or the tool's name, whichever the API gives first.
        label: Cow<'j, str>,
        text: Cow<'j, str>,
    },
    /// A part of a kind that is not known, as it stands.
    Other(&'j Json<'j>),
}

impl Part<'_> {
    pub fn text(&self) -> Option<&str> {
        match self {
            Part::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// Returns the calls of tools and their results among `parts`, each with the id that joins the two.
#[cfg(test)]
pub(crate) fn tool_ids<'p>(parts: impl IntoIterator<Item = &'p Part<'p>>) -> Vec<String> {
    let id = |part: &Part<'_>| match part {
        Part::ToolCall { id, name, .. } => Some(format!("{name} called as {id}")),
        Part::ServerToolCall { id, name, .. } => Some(format!("{name} called by the provider as {id}")),
        Part::ToolResult { call_id, .. } => Some(format!("result of {call_id}")),
        _ => None,
    };
    parts.into_iter().filter_map(id).collect()
}

/// A tool that is offered to the model.
#[derive(Debug, Default)]
pub struct Tool<'j> {
    pub name: Cow<'j, str>,
    pub description: Cow<'j, str>,
}

/// What a response says.
#[derive(Debug, Default)]
pub struct ResponseView<'j> {
    pub id: Cow<'j, str>,
    pub object: Cow<'j, str>,
    /// Unix seconds.
    pub created: Option<u64>,
    pub model: Cow<'j, str>,
    pub choices: Vec<Choice<'j>>,
    pub usage: Option<Usage>,
    /// What the provider says that the call cost.
    pub cost: Option<ReportedCost>,
    /// The tier that was billed, where the provider names it.
    pub service_tier: Cow<'j, str>,
    /// A failure that the body itself reports though its status is no error.
    pub error: Option<&'j Json<'j>>,
}

impl<'j> ResponseView<'j> {
    /// The provider's own word of the first choice that has one.
    pub fn finish_reason(&self) -> &str {
        let mut reasons = self.choices.iter().map(|c| &*c.finish_reason);
        reasons.find(|r| !r.is_empty()).unwrap_or_default()
    }

    /// The names of the tools that were called, choice after choice.
    pub fn tool_names(&self) -> impl Iterator<Item = &Cow<'j, str>> {
        let parts = self.choices.iter().flat_map(|c| &c.parts);
        parts.filter_map(|part| match part {
            Part::ToolCall { name, .. } => Some(name),
            _ => None,
        })
    }
}

/// One of the answers to a request.
#[derive(Debug, Default)]
pub struct Choice<'j> {
    pub finish_reason: Cow<'j, str>,
    pub parts: Vec<Part<'j>>,
}

/// A cost in US dollars as the provider reports it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ReportedCost {
    pub input: f64,
    pub output: f64,
    pub total: f64,
}

/// The request parameters that a span carries, read without building the views.
pub fn parameters<'j>(body: &'j Json<'j>) -> impl Iterator<Item = (&'static str, &'j Json<'j>)> {
    const SPAN_PARAMETERS: [(&str, &str); 6] = [
        ("gen_ai.request.top_p", "top_p"),
        ("gen_ai.request.frequency_penalty", "frequency_penalty"),
        ("gen_ai.request.presence_penalty", "presence_penalty"),
        ("gen_ai.request.seed", "seed"),
        ("gen_ai.request.choice.count", "n"),
        ("gen_ai.request.top_k", "top_k"),
    ];
    SPAN_PARAMETERS.into_iter().map(|(field, key)| (field, body.get(key)))
}
