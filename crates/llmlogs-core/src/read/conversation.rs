//! A call's bodies as a conversation, in the same form for every API.

use std::borrow::Cow;

use serde::Serialize;

use crate::api::view::RequestView;
use crate::api::{self, PARAMETERS, ResponseView, dialect, text_or_json};
use crate::capture::{Api, Endpoint};
use crate::compose::stored_endpoint;
use crate::format::{Metadata, Usage};
use crate::json::{self, Json};
use crate::render;

use super::call::Call;
use super::error::Result;
use super::json_text::pretty;

/// The conversation of a call: the messages and tools of the request, and the answers.
///
/// The same for every API. Parts of a body that are not understood are kept as JSON in [`Part::Other`],
/// [`raw_request`](Self::raw_request) or [`raw_response`](Self::raw_response).
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Conversation {
    /// Whether the request body is JSON; if not, it is in [`raw_request`](Self::raw_request), and nothing else is known.
    pub is_json: bool,
    /// Whether the bodies have the shape of OpenAI's chat completions.
    pub is_openai_chat: bool,
    /// The requested model.
    pub model: Option<String>,
    /// Whether a stream was requested.
    pub stream: bool,
    /// As the request has it.
    pub temperature: Option<String>,
    /// As the request has it.
    pub max_tokens: Option<String>,
    /// As the request has it; an object as compact JSON.
    pub tool_choice: Option<String>,
    /// Members of the request such as `top_p`, `seed` and `stop`, where it has them.
    pub parameters: Vec<Parameter>,
    /// The messages in reading order, instructions first.
    pub messages: Vec<Message>,
    /// The tools that were offered to the model.
    pub tools: Vec<Tool>,
    /// The answers; for a failed call, the part of them that arrived.
    pub choices: Vec<Choice>,
    /// The tokens that the response reports.
    pub usage: Option<Usage>,
    /// The failure, for a call that failed.
    pub failure: Option<CallFailure>,
    /// The request body, indented, if no message in it was understood.
    pub raw_request: Option<String>,
    /// The response body, indented, if no answer in it was understood.
    pub raw_response: Option<String>,
}

/// A member of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Parameter {
    /// Its key.
    pub name: &'static str,
    /// A string as it is, anything else as compact JSON.
    pub value: String,
}

/// One message of a conversation.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Message {
    /// By the names of OpenAI's roles: `system`, `developer`, `user`, `assistant`, `tool`.
    pub role: String,
    /// Its parts in order.
    pub parts: Vec<Part>,
}

/// One part of a message or of an answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Part {
    /// Text.
    Text {
        /// The text.
        text: String,
    },
    /// The model's refusal to answer.
    Refusal {
        /// The text of the refusal.
        text: String,
    },
    /// The model's reasoning before its answer.
    Reasoning {
        /// The reasoning, or a summary of it.
        text: String,
    },
    /// A call of one of the caller's tools, to which the caller returns the result.
    ToolCall {
        /// The call's id, by which a result refers to it; empty if the API has none.
        id: String,
        /// The tool.
        name: String,
        /// The arguments: JSON, unless the model generated invalid JSON.
        arguments: String,
    },
    /// A call of a tool that the provider itself executed.
    ServerToolCall {
        /// The call's id; empty if the API has none.
        id: String,
        /// The tool.
        name: String,
        /// The arguments: JSON, unless the model generated invalid JSON.
        arguments: String,
    },
    /// What a tool returned.
    ToolResult {
        /// The id of the tool call with this result; empty if the API has none.
        id: String,
        /// The call's id or the tool's name, whichever the API gives first.
        label: String,
        /// The result.
        content: String,
    },
    /// An image, a sound, a file.
    Media {
        /// Its media type.
        media_type: String,
        /// Its size in bytes, if the data is in the body.
        bytes: Option<u64>,
        /// Its URL or id, if the body only refers to it.
        source: String,
    },
    /// A part of a kind that is not known.
    Other {
        /// The part as compact JSON.
        json: String,
    },
}

/// A tool that was offered to the model.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// Its description.
    pub description: String,
    /// The tool's entry in the request as indented JSON; empty if it has no entry of its own.
    pub definition: String,
}

/// One answer to a request.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Choice {
    /// The provider's own finish reason.
    pub finish_reason: String,
    /// Its parts in order.
    pub parts: Vec<Part>,
}

/// The failure of a call.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CallFailure {
    /// One of the format's types, such as `RateLimitError`.
    pub error_type: String,
    /// The provider's message, or the error chain of a transport failure.
    pub message: String,
    /// The provider's error body, if there was one: text, or indented JSON.
    pub body: Option<String>,
}

impl Conversation {
    /// Returns the text of the last user message that has one; empty if there is none.
    #[must_use]
    pub fn last_user_message(&self) -> String {
        let users = self.messages.iter().rev().filter(|message| message.role == "user");
        users.map(Message::text).find(|text| !text.is_empty()).unwrap_or_default()
    }

    /// Returns whether there is a response: an answer, or a body that was not understood.
    #[must_use]
    pub fn has_response(&self) -> bool {
        !self.choices.is_empty() || self.raw_response.is_some()
    }

    /// Returns all answers as text for people.
    #[must_use]
    pub fn answer(&self) -> String {
        self.choices.iter().map(|choice| parts_text(&choice.parts)).collect::<Vec<_>>().join("\n\n")
    }
}

impl Message {
    /// Returns the text parts, joined by newlines.
    #[must_use]
    pub fn text(&self) -> String {
        let texts = self.parts.iter().filter_map(|part| match part {
            Part::Text { text } => Some(text.as_str()),
            _ => None,
        });
        texts.collect::<Vec<_>>().join("\n")
    }
}

impl Part {
    /// Returns the part as text for people; a tool call as `→ name(arguments)`.
    #[must_use]
    pub fn to_text(&self) -> String {
        match self {
            Part::Text { text } => text.clone(),
            Part::Refusal { text } => format!("[refusal] {text}"),
            Part::Reasoning { text } => format!("[reasoning] {text}"),
            Part::ToolCall { name, arguments, .. } => format!("→ {name}({})", one_line(arguments)),
            Part::ServerToolCall { name, arguments, .. } => {
                format!("→ {name}({}) [by the provider]", one_line(arguments))
            }
            Part::ToolResult { label, content, .. } => format!("[result of {label}]\n{content}"),
            Part::Media { media_type, bytes, source } => {
                let media =
                    api::Part::Media { media_type: media_type.into(), bytes: *bytes, source: source.into() };
                render::plain(&media).map(Cow::into_owned).unwrap_or_default()
            }
            Part::Other { json } => json.clone(),
        }
    }

    fn of(part: &api::Part<'_>) -> Self {
        match part {
            api::Part::Text(text) => Part::Text { text: text.to_string() },
            api::Part::Refusal(text) => Part::Refusal { text: text.to_string() },
            api::Part::Reasoning(text) => Part::Reasoning { text: text.to_string() },
            api::Part::Media { media_type, bytes, source } => {
                Part::Media { media_type: media_type.to_string(), bytes: *bytes, source: source.to_string() }
            }
            api::Part::ToolCall { id, name, arguments } => Part::ToolCall {
                id: id.to_string(),
                name: name.to_string(),
                arguments: arguments.to_string(),
            },
            api::Part::ServerToolCall { id, name, arguments } => Part::ServerToolCall {
                id: id.to_string(),
                name: name.to_string(),
                arguments: arguments.to_string(),
            },
            api::Part::ToolResult { call_id, label, text } => Part::ToolResult {
                id: call_id.to_string(),
                label: label.to_string(),
                content: text.to_string(),
            },
            api::Part::Other(json) => Part::Other { json: text_or_json_always(json) },
        }
    }
}

impl Call {
    /// Reads the bodies and returns the conversation.
    ///
    /// Works for calls in flight and interrupted ones too, which have no answers, and for calls whose
    /// `metadata.json` or `output.json` is damaged or missing.
    ///
    /// # Errors
    ///
    /// If `input.json` cannot be read.
    ///
    /// ```no_run
    /// use tracing_llmlogs::read::Call;
    ///
    /// let call = Call::open("llmlogs/apiCall/20251027/session_20251027_040210/call_20251027_040210_001")?;
    /// for message in call.conversation()?.messages {
    ///     println!("{}: {}", message.role, message.text());
    /// }
    /// # Ok::<(), tracing_llmlogs::read::Error>(())
    /// ```
    pub fn conversation(&self) -> Result<Conversation> {
        let input = self.input()?;
        let metadata = self.metadata().unwrap_or_default();
        let output = self.output().unwrap_or_default();
        Ok(Conversation::from_stored(&metadata, &input, &output))
    }
}

/// Returns the text of the last user message in the stored request of a call; empty if there is none.
pub(crate) fn last_user_message(call: &Call, input: &[u8]) -> String {
    let metadata = call.metadata().unwrap_or_default();
    match json::parse(&json::lossy(input)) {
        Ok(request) => {
            let endpoint = stored_endpoint(&metadata.api_info, &request);
            dialect(endpoint.api).request(&endpoint, &request).last_user_message()
        }
        Err(_not_json) => String::new(),
    }
}

/// Builds the conversation from the stored bodies; `output` is empty if there is none.
pub(super) fn conversation(metadata: &Metadata, input: &str, output: &str) -> Conversation {
    let mut conversation = Conversation::default();
    let request = match json::parse(input) {
        Ok(request) => request,
        Err(_not_json) => {
            conversation.raw_request = Some(input.to_owned());
            return conversation;
        }
    };
    let endpoint = stored_endpoint(&metadata.api_info, &request);
    conversation.is_json = true;
    conversation.is_openai_chat = endpoint.api == Api::OpenAiChat;
    conversation.add_request(&dialect(endpoint.api).request(&endpoint, &request), &request);
    match json::parse(output) {
        Ok(response) => conversation.add_response(&endpoint, metadata, &response),
        Err(_not_json) if output.is_empty() => {}
        Err(_not_json) => conversation.raw_response = Some(output.to_owned()),
    }
    conversation
}

impl Conversation {
    fn add_request(&mut self, view: &RequestView<'_>, body: &Json<'_>) {
        self.model = view.model.as_deref().map(str::to_owned);
        self.stream = view.stream;
        self.temperature = view.temperature.map(Json::scalar);
        self.max_tokens = view.max_tokens.map(Json::scalar);
        self.tool_choice = view.tool_choice.map(|choice| text_or_json(choice).into_owned());
        self.parameters = PARAMETERS
            .into_iter()
            .map(|name| Parameter { name, value: text_or_json(body.get(name)).into_owned() })
            .filter(|parameter| !parameter.value.is_empty())
            .collect();
        self.messages = view
            .messages
            .iter()
            .map(|message| Message { role: message.role.to_string(), parts: parts(&message.parts) })
            .collect();
        let stored = body.get("tools").items();
        let definition = |place: usize| stored.get(place).filter(|_| stored.len() == view.tools.len());
        self.tools = (0..)
            .zip(&view.tools)
            .map(|(place, tool)| Tool {
                name: tool.name.to_string(),
                description: tool.description.to_string(),
                definition: definition(place).map(pretty).unwrap_or_default(),
            })
            .collect();
        if self.messages.is_empty() {
            self.raw_request = Some(pretty(body));
        }
    }

    fn add_response(&mut self, endpoint: &Endpoint, metadata: &Metadata, output: &Json<'_>) {
        let info = &metadata.response_info;
        let body = if info.error { output.get("partial") } else { output };
        if info.error {
            let reported = output.get("body");
            let reported = (!reported.is_null())
                .then(|| reported.as_str().map_or_else(|| pretty(reported), Cow::into_owned));
            self.failure = Some(CallFailure {
                error_type: info.error_type.clone(),
                message: info.error_message.clone(),
                body: reported,
            });
        }
        if info.error && body.is_null() {
            return;
        }
        let view = match body {
            Json::Null => ResponseView::default(),
            body => dialect(endpoint.api).response(endpoint, body),
        };
        self.choices = view
            .choices
            .iter()
            .map(|choice| Choice {
                finish_reason: choice.finish_reason.to_string(),
                parts: parts(&choice.parts),
            })
            .collect();
        self.usage = view.usage;
        if self.choices.is_empty() {
            self.raw_response = Some(pretty(body));
        }
    }
}

fn parts(parts: &[api::Part<'_>]) -> Vec<Part> {
    parts.iter().map(Part::of).collect()
}

/// Returns parts as text for people, joined by newlines.
pub(crate) fn parts_text(parts: &[Part]) -> String {
    parts.iter().map(Part::to_text).collect::<Vec<_>>().join("\n")
}

/// A string in its quotes, too: a part that is a string is no text.
fn text_or_json_always(json: &Json<'_>) -> String {
    let mut out = Vec::new();
    json::compact(json, &mut out);
    json::lossy(&out).into_owned()
}

/// Arguments on one line if they are JSON.
fn one_line(arguments: &str) -> String {
    match json::parse(arguments) {
        Ok(parsed) => text_or_json_always(&parsed),
        Err(_not_json) => arguments.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chat_completion_is_read_part_by_part() {
        let mut metadata = Metadata::default();
        metadata.api_info.base_url = "https://api.openai.com".into();
        metadata.api_info.endpoint = "/v1/chat/completions".into();
        let input = r#"{"model":"m","temperature":0.30,"seed":7,"messages":[
            {"role":"system","content":"Be terse."},{"role":"user","content":"Read a.txt"}],
            "tools":[{"type":"function","function":{"name":"read_file","description":"Reads."}}]}"#;
        let output = r#"{"choices":[{"finish_reason":"tool_calls","message":{"role":"assistant","content":null,
            "tool_calls":[{"id":"t1","type":"function","function":{"name":"read_file","arguments":"{\"path\": \"a.txt\"}"}}]}}],
            "usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}"#;
        let read = conversation(&metadata, input, output);
        assert!(read.is_openai_chat);
        assert_eq!((read.model.as_deref(), read.temperature.as_deref()), (Some("m"), Some("0.30")));
        assert_eq!(read.messages[0].role, "system");
        assert_eq!(read.last_user_message(), "Read a.txt");
        assert_eq!(read.tools[0].name, "read_file");
        assert_eq!(read.answer(), r#"→ read_file({"path":"a.txt"})"#);
        assert_eq!(read.choices[0].finish_reason, "tool_calls");
        assert_eq!(read.usage.unwrap().total_tokens, 7);
        assert_eq!(serde_json::to_value(&read).unwrap()["choices"][0]["parts"][0]["type"], "tool_call");
    }

    #[test]
    fn a_failed_call_has_its_error_body_and_its_partial_answer() {
        let mut metadata = Metadata::default();
        metadata.response_info.error = true;
        metadata.response_info.error_type = "APIError".into();
        let input = r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;
        let output =
            r#"{"error":true,"body":"overloaded","partial":{"choices":[{"message":{"content":"Onc"}}]}}"#;
        let read = conversation(&metadata, input, output);
        assert_eq!(read.failure.unwrap().body.as_deref(), Some("overloaded"));
        assert_eq!(read.choices[0].parts, [Part::Text { text: "Onc".into() }]);
        let damaged = conversation(&metadata, "no json", output);
        assert_eq!(damaged.raw_request.as_deref(), Some("no json"));
    }
}
