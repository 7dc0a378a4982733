//! Requests and responses in terms that all APIs share.
//!
//! Every dialect fills these, so that `metadata.json` and the text files are made in one place.

use std::borrow::Cow;

use crate::format::Usage;
use crate::json::Json;

/// A request in terms that all APIs share.
#[derive(Debug, Default)]
pub struct RequestView<'j> {
    /// The model that is asked for, where the body names it.
    pub model: Option<Cow<'j, str>>,
    /// Whether the response is to be a stream.
    pub stream: bool,
    /// The sampling temperature; `None` where the request has none.
    pub temperature: Option<&'j Json<'j>>,
    /// The most tokens that the answer may have; `None` where the request has no limit.
    pub max_tokens: Option<&'j Json<'j>>,
    /// Which tools may or must be called; `None` where the request leaves that open.
    pub tool_choice: Option<&'j Json<'j>>,
    /// How many messages the request lists; instructions outside of the list do not count.
    pub messages_count: usize,
    /// The conversation in reading order, instructions first.
    pub messages: Vec<Message<'j>>,
    /// The tools that are offered to the model.
    pub tools: Vec<Tool<'j>>,
}

impl RequestView<'_> {
    /// Returns the text of the last user message that has one; an empty string where none has.
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
    /// As OpenAI names roles: `system`, `developer`, `user`, `assistant`, `tool`.
    pub role: Cow<'j, str>,
    /// The parts in reading order.
    pub parts: Vec<Part<'j>>,
}

impl<'j> Message<'j> {
    /// Returns a message of an API in which results of tools are sent as the user's: one that has nothing else gets the
    /// role `tool`.
    pub fn with_results(role: Cow<'j, str>, parts: Vec<Part<'j>>) -> Self {
        let only_results = matches!(parts.first(), Some(Part::ToolResult { .. }))
            && parts.iter().all(|part| matches!(part, Part::ToolResult { .. } | Part::Media { .. }));
        Message { role: if only_results { Cow::Borrowed("tool") } else { role }, parts }
    }
}

/// One part of a message or of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Part<'j> {
    /// Text.
    Text(Cow<'j, str>),
    /// The reason why the model does not answer.
    Refusal(Cow<'j, str>),
    /// What the model thinks, or a summary of it.
    Reasoning(Cow<'j, str>),
    /// An image, a sound, a file.
    Media {
        /// The media type, or as much of it as is known: `image`.
        media_type: Cow<'j, str>,
        /// The size of the data, where that is in the body.
        bytes: Option<u64>,
        /// The address, id or name; empty where the data is all there is.
        source: Cow<'j, str>,
    },
    /// A call of one of the caller's tools.
    ToolCall {
        /// What the result of the call names as its `call_id`; empty where the API has no such ids.
        id: Cow<'j, str>,
        /// The tool's name.
        name: Cow<'j, str>,
        /// As the body has them: JSON, or whatever the model wrote instead.
        arguments: Cow<'j, str>,
    },
    /// A call that the provider itself carried out: OpenTelemetry's `server_tool_call`, which is none
    /// that the caller has to answer.
    ServerToolCall {
        /// As for [`Part::ToolCall`].
        id: Cow<'j, str>,
        /// The tool's name, or what kind of tool it is.
        name: Cow<'j, str>,
        /// As for [`Part::ToolCall`].
        arguments: Cow<'j, str>,
    },
    /// What a tool returned.
    ToolResult {
        /// The id of the call that it answers; empty where the API has no such ids.
        call_id: Cow<'j, str>,
        /// What text shows it under: the call's id or the tool's name, whichever the API puts first.
        label: Cow<'j, str>,
        /// The result as text, JSON where it is no text.
        text: Cow<'j, str>,
    },
    /// A part of an unknown kind, as it is.
    Other(&'j Json<'j>),
}

impl Part<'_> {
    /// Returns the text of a [`Part::Text`]; `None` for any other part.
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
    /// Its name; the type of a built-in tool that has none.
    pub name: Cow<'j, str>,
    /// What it does; empty where the request does not describe it.
    pub description: Cow<'j, str>,
    /// The schema of its arguments, in the API's own form; `None` where the request has none.
    pub parameters: Option<&'j Json<'j>>,
}

/// A response in terms that all APIs share.
#[derive(Debug, Default)]
pub struct ResponseView<'j> {
    /// The provider's id of the response; empty where it has none.
    pub id: Cow<'j, str>,
    /// The type of object, as the provider names it; empty where it does not.
    pub object: Cow<'j, str>,
    /// Unix seconds.
    pub created: Option<u64>,
    /// The model that answered; empty where the body does not name it.
    pub model: Cow<'j, str>,
    /// The answers.
    pub choices: Vec<Choice<'j>>,
    /// The token counts, where the body has them.
    pub usage: Option<Usage>,
    /// The cost that the provider reports.
    pub cost: Option<ReportedCost>,
    /// The tier that was billed, where the provider names it.
    pub service_tier: Cow<'j, str>,
    /// The failure that a body reports whose status is not that of an error.
    pub error: Option<&'j Json<'j>>,
}

impl<'j> ResponseView<'j> {
    /// Returns the finish reason, as the provider names it, of the first choice that has one; an empty string where none
    /// has.
    pub fn finish_reason(&self) -> &str {
        let mut reasons = self.choices.iter().map(|c| &*c.finish_reason);
        reasons.find(|r| !r.is_empty()).unwrap_or_default()
    }

    /// Returns the names of the tools that the caller has to run, choice after choice.
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
    /// As the provider names it; empty where there is none.
    pub finish_reason: Cow<'j, str>,
    /// The parts in reading order.
    pub parts: Vec<Part<'j>>,
}

/// A cost in US dollars, as the provider reports it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ReportedCost {
    /// The cost of the input; zero where the total alone is reported.
    pub input: f64,
    /// The cost of the output; zero where the total alone is reported.
    pub output: f64,
    /// The whole cost.
    pub total: f64,
}
