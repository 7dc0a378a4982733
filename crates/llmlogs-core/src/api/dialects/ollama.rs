//! Ollama's own `/api/chat` and `/api/generate`.
//!
//! <https://docs.ollama.com/api>

use std::borrow::Cow;

use crate::capture::Endpoint;
use crate::format::Usage;
use crate::json::{Json, Object};

use crate::api::dialect::{Dialect, EventKind, Fold, Folded};
use crate::api::error::reported;
use crate::api::shared::delta::{append_delta, has_content, message_has_content};
use crate::api::shared::media::base64_bytes;
use crate::api::shared::members::{present, text, text_or_json, unix_seconds};
use crate::api::view::{Choice, Message, Part, RequestView, ResponseView, Tool};

pub(crate) struct Ollama;

impl Dialect for Ollama {
    fn request<'j>(&self, _endpoint: &Endpoint, body: &'j Json<'j>) -> RequestView<'j> {
        let options = body.get("options");
        let mut messages: Vec<Message<'j>> = body.get("messages").items().iter().map(message).collect();
        // `/api/generate` has a prompt instead.
        if body.get("prompt").as_text().is_some_and(|prompt| !prompt.is_empty()) {
            messages.push(Message { role: Cow::Borrowed("user"), parts: parts(body, "prompt") });
        }
        let messages_count = messages.len();
        if let Some(system) = body.get("system").as_str().filter(|system| !system.is_empty()) {
            messages.insert(0, Message { role: Cow::Borrowed("system"), parts: vec![Part::Text(system)] });
        }
        RequestView {
            model: body.get("model").as_str(),
            stream: body.get("stream").as_bool().unwrap_or(true),
            temperature: present(options, "temperature"),
            max_tokens: present(options, "num_predict"),
            tool_choice: present(body, "tool_choice"),
            messages_count,
            messages,
            tools: body.get("tools").items().iter().map(tool).collect(),
        }
    }

    fn response<'j>(&self, _endpoint: &Endpoint, body: &'j Json<'j>) -> ResponseView<'j> {
        let parts = match present(body, "message") {
            Some(message) => parts(message, "content"),
            None => parts(body, "response"),
        };
        let answered = ["message", "response", "done_reason"].iter().any(|key| !body.get(key).is_null());
        let choice = Choice { finish_reason: text(body.get("done_reason")), parts };
        ResponseView {
            model: text(body.get("model")),
            created: unix_seconds(body.get("created_at")),
            choices: answered.then_some(choice).into_iter().collect(),
            usage: usage(body),
            error: reported(body),
            ..ResponseView::default()
        }
    }

    fn fold<'a>(&self, _endpoint: &Endpoint) -> Option<Box<dyn Fold<'a> + 'a>> {
        Some(Box::new(LinesFold::default()))
    }
}

fn tool<'j>(tool: &'j Json<'j>) -> Tool<'j> {
    let function = present(tool, "function").unwrap_or(tool);
    Tool {
        name: text(function.get("name")),
        description: text(function.get("description")),
        parameters: present(function, "parameters"),
    }
}

fn message<'j>(message: &'j Json<'j>) -> Message<'j> {
    let role = text(message.get("role"));
    let mut parts = parts(message, "content");
    if role == "tool" {
        let names = [message.get("tool_name"), message.get("name"), message.get("tool_call_id")];
        let label = names.iter().find_map(|name| name.as_str()).unwrap_or_default();
        let call_id = text(message.get("tool_call_id"));
        parts.retain(|part| part.text().is_none());
        parts.insert(0, Part::ToolResult { call_id, label, text: text(message.get("content")) });
    }
    Message { role, parts }
}

/// Returns the parts of a message, or of a body that is one; `content` is the member with its text.
fn parts<'j>(message: &'j Json<'j>, content: &str) -> Vec<Part<'j>> {
    let non_empty = |key: &str| message.get(key).as_str().filter(|text| !text.is_empty());
    let image = |image: &'j Json<'j>| Part::Media {
        media_type: Cow::Borrowed("image"),
        bytes: image.as_str().map(|data| base64_bytes(&data)),
        source: Cow::Borrowed(""),
    };
    let call = |call: &'j Json<'j>| {
        let function = present(call, "function").unwrap_or(call);
        Part::ToolCall {
            id: text(call.get("id")),
            name: text(function.get("name")),
            arguments: text_or_json(function.get("arguments")),
        }
    };
    let mut parts: Vec<Part<'j>> = non_empty("thinking").map(Part::Reasoning).into_iter().collect();
    parts.extend(non_empty(content).map(Part::Text));
    parts.extend(message.get("images").items().iter().map(image));
    parts.extend(message.get("tool_calls").items().iter().map(call));
    parts
}

/// Returns the token counts of the last line, which leaves out a prompt that is all in the cache.
pub(crate) fn usage(body: &Json<'_>) -> Option<Usage> {
    let counts = [body.get("prompt_eval_count").as_u64(), body.get("eval_count").as_u64()];
    if counts == [None, None] {
        return None;
    }
    let [prompt, completion] = counts.map(|count| count.unwrap_or(0));
    Some(Usage {
        prompt_tokens: prompt,
        completion_tokens: completion,
        total_tokens: prompt + completion,
        ..Usage::default()
    })
}

/// Folds lines, each of the shape of a whole response with a piece of the answer, into one response.
#[derive(Default)]
struct LinesFold<'a> {
    object: Object<'a>,
    error: Option<Json<'a>>,
}

impl<'a> Fold<'a> for LinesFold<'a> {
    fn event(&mut self, _name: &str, data: Json<'a>) -> EventKind {
        let Json::Object(line) = data else {
            return EventKind::Unknown;
        };
        if line.get("error").is_some_and(has_content) {
            self.error = Some(Json::Object(line));
            return EventKind::Other;
        }
        let known = ["message", "response", "done", "model", "created_at"];
        if !known.iter().any(|key| line.get(key).is_some()) {
            return EventKind::Unknown;
        }
        let mut is_content = false;
        for (key, value) in line {
            match (&*key.plain(), value) {
                ("message", value) => {
                    is_content |= message_has_content(&value);
                    append_delta(self.object.entry(&key), "message", value);
                }
                (name @ ("response" | "thinking" | "tool_calls" | "logprobs"), value) => {
                    is_content |=
                        !matches!(&value, Json::String(text) if text.is_empty()) && !value.is_null();
                    append_delta(self.object.entry(&key), name, value);
                }
                // Those of the last line count: its time, its figures, its context.
                (_, value) => *self.object.entry(&key) = value,
            }
        }
        let done = self.object.get("done") == Some(&Json::Bool(true));
        match (done, is_content) {
            (true, true) => EventKind::LastContent,
            (true, false) => EventKind::End,
            (false, true) => EventKind::Content,
            (false, false) => EventKind::Other,
        }
    }

    fn finish(self: Box<Self>) -> Folded<'a> {
        Folded { object: Json::Object(self.object), error: self.error }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::view::tool_ids;
    use crate::api::{Request, detect_endpoint};
    use crate::json;

    fn endpoint() -> Endpoint {
        let url = "http://localhost:11434/api/chat";
        detect_endpoint(Request { method: "POST", url }).unwrap()
    }

    #[test]
    fn tool_results_join_their_calls_by_id_where_there_are_ids() {
        let body = r#"{"messages":[{"role":"assistant","tool_calls":[{"id":"t","function":{"name":"f","arguments":{}}}]},{"role":"tool","tool_name":"f","tool_call_id":"t","content":"1"},
            {"role":"assistant","tool_calls":[{"function":{"name":"g","arguments":{}}}]},{"role":"tool","tool_name":"g","content":"2"}]}"#;
        let body = json::parse(body).unwrap();
        let view = Ollama.request(&endpoint(), &body);
        let parts = view.messages.iter().flat_map(|message| &message.parts);
        assert_eq!(tool_ids(parts), ["f called as t", "result of t", "g called as ", "result of "]);
    }
}
