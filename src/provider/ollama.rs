//! Ollama's own API: `/api/chat` and `/api/generate`.
//!
//! <https://github.com/ollama/ollama/blob/main/docs/api.md>

use std::borrow::Cow;

use crate::json::{Json, Object};
use crate::record::{Endpoint, Usage};

use super::dialect::{Dialect, Fold, Folded, Seen};
use super::view::{
    Choice, Message, Part, RequestView, ResponseView, Tool, base64_bytes, present, text, text_or_json,
    unix_seconds,
};

pub(super) struct Ollama;

impl Dialect for Ollama {
    fn request<'j>(&self, _endpoint: &Endpoint, body: &'j Json<'j>) -> RequestView<'j> {
        let mut messages: Vec<Message<'j>> = Vec::new();
        if let Some(system) = body.get("system").as_str().filter(|system| !system.is_empty()) {
            messages.push(Message { role: Cow::Borrowed("system"), parts: vec![Part::Text(system)] });
        }
        let listed = body.get("messages").items();
        messages.extend(listed.iter().map(message));
        let mut messages_count = listed.len();
        if let Some(prompt) = present(body, "prompt") {
            let mut parts = vec![Part::Text(text_or_json(prompt))];
            parts.extend(images(body));
            messages.push(Message { role: Cow::Borrowed("user"), parts });
            messages_count += 1;
        }
        RequestView {
            model: body.get("model").as_str(),
            // Streaming is what it does unless told otherwise.
            stream: body.get("stream").as_bool().unwrap_or(true),
            temperature: present(body.get("options"), "temperature"),
            max_tokens: present(body.get("options"), "num_predict"),
            tool_choice: None,
            messages_count,
            messages,
            tools: body.get("tools").items().iter().map(|tool| function(tool.get("function"))).collect(),
        }
    }

    fn response<'j>(&self, _endpoint: &Endpoint, body: &'j Json<'j>) -> ResponseView<'j> {
        let answer = match present(body, "message") {
            Some(message) => parts(message, "content"),
            None => parts(body, "response"),
        };
        let finish_reason = text(body.get("done_reason"));
        let has_answer = !answer.is_empty() || !finish_reason.is_empty();
        ResponseView {
            created: unix_seconds(body.get("created_at")),
            model: text(body.get("model")),
            choices: has_answer.then_some(Choice { finish_reason, parts: answer }).into_iter().collect(),
            usage: usage(body),
            error: present(body, "error").map(|_| body),
            ..ResponseView::default()
        }
    }

    fn fold<'a>(&self, _endpoint: &Endpoint) -> Option<Box<dyn Fold<'a> + 'a>> {
        Some(Box::new(OllamaFold::default()))
    }
}

fn function<'j>(function: &'j Json<'j>) -> Tool<'j> {
    Tool { name: text(function.get("name")), description: text(function.get("description")) }
}

fn message<'j>(message: &'j Json<'j>) -> Message<'j> {
    let role = text(message.get("role"));
    if role == "tool" {
        let of = present(message, "tool_name").unwrap_or_else(|| message.get("tool_call_id"));
        let result = Part::ToolResult { of: text(of), text: text(message.get("content")) };
        return Message { role, parts: vec![result] };
    }
    let mut parts = parts(message, "content");
    parts.extend(images(message));
    Message { role, parts }
}

/// The images of a message: base64 without a word on what they are.
fn images<'j>(of: &'j Json<'j>) -> impl Iterator<Item = Part<'j>> {
    of.get("images").items().iter().filter_map(Json::as_str).map(|data| Part::Media {
        media_type: Cow::Borrowed("image"),
        bytes: Some(base64_bytes(&data)),
        source: Cow::Borrowed(""),
    })
}

fn parts<'j>(of: &'j Json<'j>, answer: &str) -> Vec<Part<'j>> {
    let said = |key: &str| of.get(key).as_str().filter(|text| !text.is_empty());
    let mut parts: Vec<Part<'j>> = said("thinking").map(Part::Reasoning).into_iter().collect();
    parts.extend(said(answer).map(Part::Text));
    parts.extend(of.get("tool_calls").items().iter().map(|call| Part::ToolCall {
        name: text(call.at(&["function", "name"])),
        arguments: text_or_json(call.at(&["function", "arguments"])),
    }));
    parts
}

/// The counts stand in the last line, each left out where it is zero.
fn usage(body: &Json<'_>) -> Option<Usage> {
    let (prompt, completion) = (body.get("prompt_eval_count").as_u64(), body.get("eval_count").as_u64());
    if prompt.is_none() && completion.is_none() {
        return None;
    }
    let (prompt_tokens, completion_tokens) = (prompt.unwrap_or(0), completion.unwrap_or(0));
    Some(Usage {
        prompt_tokens,
        completion_tokens,
        total_tokens: prompt_tokens + completion_tokens,
        ..Usage::default()
    })
}

/// Lines on their way to the one that `"stream": false` would have given.
#[derive(Default)]
struct OllamaFold<'a> {
    object: Object<'a>,
    error: Option<Json<'a>>,
}

impl<'a> Fold<'a> for OllamaFold<'a> {
    fn event(&mut self, _name: &str, data: Json<'a>) -> Seen {
        let Json::Object(line) = data else {
            return Seen::Unknown;
        };
        if line.get("error").is_some_and(|error| !error.is_null()) {
            self.error = Some(Json::Object(line));
            return Seen::End;
        }
        let mut said = false;
        let mut done = false;
        for (key, value) in line {
            match (&*key.plain(), value) {
                ("message", Json::Object(message)) => {
                    let whole = self.object.entry(&key);
                    if whole.is_null() {
                        *whole = Json::Object(Object::new());
                    }
                    if let Some(whole) = whole.as_object_mut() {
                        for (key, piece) in message {
                            said |= grow(whole.entry(&key), &key.plain(), piece);
                        }
                    }
                }
                (name @ ("response" | "thinking" | "logprobs"), piece) => {
                    said |= grow(self.object.entry(&key), name, piece);
                }
                (name, value) => {
                    done |= name == "done" && value.as_bool() == Some(true);
                    *self.object.entry(&key) = value;
                }
            }
        }
        match (done, said) {
            (true, _) => Seen::End,
            (false, true) => Seen::Content,
            (false, false) => Seen::Other,
        }
    }

    fn finish(self: Box<Self>) -> Folded<'a> {
        Folded { object: Json::Object(self.object), error: self.error }
    }
}

/// Adds a piece of the answer to what came before; says whether it is content.
fn grow<'a>(whole: &mut Json<'a>, name: &str, piece: Json<'a>) -> bool {
    match (&mut *whole, piece) {
        (Json::String(old), Json::String(new)) if name != "role" => {
            old.push(&new);
            !new.is_empty()
        }
        (Json::Array(old), Json::Array(new)) => {
            let said = !new.is_empty();
            old.extend(new);
            said
        }
        (_, Json::Null) => false,
        (_, new) => {
            let said = name != "role"
                && (new.as_text().is_some_and(|text| !text.is_empty()) || !new.items().is_empty());
            *whole = new;
            said
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;
    use crate::provider::{Request, recognise};

    fn endpoint() -> Endpoint {
        recognise(Request { method: "POST", url: "http://localhost:11434/api/chat" }).unwrap()
    }

    fn fold(lines: &[&str]) -> (String, Vec<Seen>, bool) {
        let mut fold = Ollama.fold(&endpoint()).unwrap();
        let seen = lines.iter().map(|line| fold.event("", json::parse(line).unwrap())).collect();
        let folded = fold.finish();
        let mut out = Vec::new();
        json::compact(&folded.object, &mut out);
        (String::from_utf8(out).unwrap(), seen, folded.error.is_some())
    }

    #[test]
    fn lines_fold_into_the_last_one_with_the_whole_message() {
        let (object, seen, failed) = fold(&[
            r#"{"model":"q","created_at":"t1","message":{"role":"assistant","content":"","thinking":"Hm"},"done":false}"#,
            r#"{"model":"q","created_at":"t2","message":{"role":"assistant","content":"Hi "},"done":false}"#,
            r#"{"model":"q","created_at":"t3","message":{"role":"assistant","content":"","tool_calls":[{"function":{"name":"a","arguments":{"x":1.0}}}]},"done":false}"#,
            r#"{"model":"q","created_at":"t4","message":{"role":"assistant","content":"you"},"done":true,"done_reason":"stop","eval_count":3}"#,
        ]);
        assert_eq!(
            object,
            r#"{"model":"q","created_at":"t4","message":{"role":"assistant","content":"Hi you","thinking":"Hm","tool_calls":[{"function":{"name":"a","arguments":{"x":1.0}}}]},"done":true,"done_reason":"stop","eval_count":3}"#
        );
        assert_eq!(seen, [Seen::Content, Seen::Content, Seen::Content, Seen::End]);
        assert!(!failed);
    }

    #[test]
    fn an_error_line_inside_a_200_is_the_error_and_what_came_before_it_is_kept() {
        let (object, seen, failed) = fold(&[
            r#"{"model":"q","response":"Once","done":false}"#,
            r#"{"error":"an error was encountered while running the model"}"#,
        ]);
        assert_eq!(object, r#"{"model":"q","response":"Once","done":false}"#);
        assert_eq!((seen, failed), (vec![Seen::Content, Seen::End], true));
    }

    #[test]
    fn a_generate_call_reads_like_a_conversation() {
        let body = json::parse(
            r#"{"model":"q","system":"Be brief.","prompt":"Hi","images":["AAAA"],"options":{"temperature":0,"num_predict":9}}"#,
        )
        .unwrap();
        let view = Ollama.request(&endpoint(), &body);
        assert_eq!((view.stream, view.messages_count, view.messages.len()), (true, 1, 2));
        assert_eq!(view.max_tokens.unwrap().as_u64(), Some(9));
        let body = json::parse(
            r#"{"model":"q","created_at":"2025-10-27T04:02:10.5Z","response":"Yo","done":true,"done_reason":"length","prompt_eval_count":4}"#,
        )
        .unwrap();
        let view = Ollama.response(&endpoint(), &body);
        assert_eq!((view.finish_reason(), view.created), ("length", Some(1_761_537_730)));
        assert_eq!(view.usage.unwrap().total_tokens, 4);
        assert_eq!(view.choices[0].parts, [Part::Text("Yo".into())]);
    }
}
