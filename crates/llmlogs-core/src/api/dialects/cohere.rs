//! Cohere's chat: v2, and v1 which is of another shape altogether.
//!
//! <https://docs.cohere.com/reference/chat>, <https://docs.cohere.com/v1/reference/chat>

use std::borrow::Cow;

use crate::capture::Endpoint;
use crate::format::Usage;
use crate::json::{Json, Object, Text};

use super::openai_chat::{self, OpenAiChat};
use crate::api::dialect::{Dialect, EventKind, Fold, Folded};
use crate::api::error::reported;
use crate::api::shared::content::content_part;
use crate::api::shared::cost::body_cost;
use crate::api::shared::delta::{append_delta, has_content, is_empty};
use crate::api::shared::members::{count, present, text, text_or_json};
use crate::api::shared::usage as openai;
use crate::api::view::{Choice, Message, Part, RequestView, ResponseView};

pub(crate) struct Cohere;

impl Dialect for Cohere {
    fn request<'j>(&self, endpoint: &Endpoint, body: &'j Json<'j>) -> RequestView<'j> {
        // Model, parameters and tools are where OpenAI has them, and so are v2's messages.
        let mut view = OpenAiChat.request(endpoint, body);
        if body.get("messages").is_null() {
            let history = body.get("chat_history").items();
            let has_message = present(body, "message").is_some_and(|message| !text(message).is_empty());
            view.messages_count = history.len() + usize::from(has_message);
            view.messages = v1_messages(body, history);
        } else {
            for (message, json) in view.messages.iter_mut().zip(body.get("messages").items()) {
                message.parts.splice(0..0, plan(json));
                read_documents(message);
            }
        }
        view
    }

    fn response<'j>(&self, endpoint: &Endpoint, body: &'j Json<'j>) -> ResponseView<'j> {
        // Others have a path of that name, and answer in the shape of OpenAI's API.
        if !body.get("choices").is_null() && body.get("message").is_null() {
            return OpenAiChat.response(endpoint, body);
        }
        let is_v1 = body.get("message").is_null();
        let parts = if is_v1 { v1_parts(body) } else { parts(body.get("message")) };
        let finish_reason = text(body.get("finish_reason"));
        let answered = !is_v1 || !parts.is_empty() || !finish_reason.is_empty();
        let ids = [body.get("id"), body.get("response_id"), body.get("generation_id")];
        ResponseView {
            id: ids.iter().find_map(|id| id.as_str()).unwrap_or_default(),
            model: text(body.get("model")),
            choices: answered.then_some(Choice { finish_reason, parts }).into_iter().collect(),
            usage: usage(body.get("usage"))
                .or_else(|| usage(body.get("meta")))
                .or_else(|| openai::usage(endpoint, body.get("usage"))),
            cost: body_cost(body),
            error: reported(body),
            ..ResponseView::default()
        }
    }

    fn fold<'a>(&self, _endpoint: &Endpoint) -> Option<Box<dyn Fold<'a> + 'a>> {
        Some(Box::new(ChatFold::default()))
    }
}

/// Returns what the model plans to do with its tools.
fn plan<'j>(message: &'j Json<'j>) -> Option<Part<'j>> {
    message.get("tool_plan").as_str().filter(|plan| !plan.is_empty()).map(Part::Reasoning)
}

/// Joins the documents that a tool's result may come as into its text.
fn read_documents(message: &mut Message<'_>) {
    let document = |part: &Part<'_>| match part {
        Part::Other(json) => {
            present(json.get("document"), "data").map(|data| text_or_json(data).into_owned())
        }
        _ => None,
    };
    let documents: Vec<String> = message.parts.iter().filter_map(document).collect();
    if let (Some(Part::ToolResult { text, .. }), false) = (message.parts.first_mut(), documents.is_empty()) {
        text.to_mut().push_str(&documents.join("\n"));
        message.parts.retain(|part| document(part).is_none());
    }
}

/// Returns the parts of a response's message.
fn parts<'j>(message: &'j Json<'j>) -> Vec<Part<'j>> {
    let mut parts: Vec<Part<'j>> = plan(message).into_iter().collect();
    match message.get("content") {
        Json::String(text) if !text.is_empty() => parts.push(Part::Text(text.plain())),
        Json::Array(items) => parts.extend(items.iter().map(content_part)),
        _ => {}
    }
    parts.extend(message.get("tool_calls").items().iter().map(|call| {
        let function = call.get("function");
        Part::ToolCall {
            id: text(call.get("id")),
            name: text(function.get("name")),
            arguments: text_or_json(function.get("arguments")),
        }
    }));
    parts
}

fn v1_parts<'j>(body: &'j Json<'j>) -> Vec<Part<'j>> {
    let texts = [body.get("text"), body.get("message")].into_iter().find_map(Json::as_str);
    let text_part = texts.filter(|text| !text.is_empty()).map(Part::Text);
    let calls = body.get("tool_calls").items().iter().map(|call| Part::ToolCall {
        // v1 has no ids: calls and results go by their names.
        id: text(call.get("id")),
        name: text(call.get("name")),
        arguments: text_or_json(call.get("parameters")),
    });
    let results = body.get("tool_results").items().iter().map(|result| Part::ToolResult {
        call_id: text(result.at(&["call", "id"])),
        label: text(result.at(&["call", "name"])),
        text: text_or_json(result.get("outputs")),
    });
    text_part.into_iter().chain(calls).chain(results).collect()
}

/// Returns the preamble, the history, the message and the tools' results.
fn v1_messages<'j>(body: &'j Json<'j>, history: &'j [Json<'j>]) -> Vec<Message<'j>> {
    let preamble = present(body, "preamble")
        .map(|preamble| Message { role: Cow::Borrowed("system"), parts: vec![Part::Text(text(preamble))] });
    let before = history.iter().map(|turn| {
        let role = match &*text(turn.get("role")).to_ascii_lowercase() {
            "chatbot" => Cow::Borrowed("assistant"),
            other => Cow::Owned(other.to_owned()),
        };
        Message { role, parts: v1_parts(turn) }
    });
    let (now, results): (Vec<_>, Vec<_>) =
        v1_parts(body).into_iter().partition(|part| matches!(part, Part::Text(_)));
    let turns = [("user", now), ("tool", results)].into_iter().filter(|(_, parts)| !parts.is_empty());
    let turns = turns.map(|(role, parts)| Message { role: Cow::Borrowed(role), parts });
    preamble.into_iter().chain(before).chain(turns).collect()
}

/// Returns the token counts of v2's `usage` or v1's `meta`: those that are billed, where they are reported.
///
/// The billed prompt leaves out Cohere's own template, the cached tokens do not: they may be more.
pub(crate) fn usage(usage: &Json<'_>) -> Option<Usage> {
    let known = ["billed_units", "tokens"].iter().any(|key| usage.get(key).as_object().is_some());
    if !known {
        return None;
    }
    let number = |name| count(usage, &[&["billed_units", name], &["tokens", name]]).unwrap_or(0);
    let (input, images) = (number("input_tokens"), number("image_tokens"));
    // Those of images are among the others, unless they are more than these.
    let prompt = if images > input { input + images } else { input };
    let completion = number("output_tokens");
    Some(Usage {
        prompt_tokens: prompt,
        completion_tokens: completion,
        total_tokens: prompt + completion,
        cached_tokens: usage.get("cached_tokens").as_u64().unwrap_or(0),
        ..Usage::default()
    })
}

/// Folds events of either version into a response.
#[derive(Default)]
pub(crate) struct ChatFold<'a> {
    /// The fold of a stream in the shape of OpenAI's API.
    other: Option<openai_chat::ChatFold<'a>>,
    object: Object<'a>,
    message: Object<'a>,
    content: Slots<'a>,
    tool_calls: Slots<'a>,
    citations: Slots<'a>,
    error: Option<Json<'a>>,
}

impl<'a> Fold<'a> for ChatFold<'a> {
    fn event(&mut self, name: &str, data: Json<'a>) -> EventKind {
        let Json::Object(mut event) = data else {
            return EventKind::Unknown;
        };
        let of_another =
            event.get("choices").is_some_and(|choices| !choices.is_null()) || openai_chat::is_value(&event);
        if of_another && self.other.is_none() {
            self.other = Some(openai_chat::ChatFold::of_chat());
        }
        if let Some(other) = &mut self.other {
            return other.event(name, Json::Object(event));
        }
        if let Some(kind) = event.get("event_type").and_then(Json::as_str).map(Cow::into_owned) {
            return self.v1_event(&kind, event);
        }
        let kind = event.get("type").and_then(Json::as_str).map_or_else(|| name.to_owned(), Cow::into_owned);
        let index = event.get("index").and_then(Json::as_u64);
        let delta = |event: &mut Object<'a>| event.remove("delta").unwrap_or_default();
        match &*kind {
            "message-start" => {
                if let Some(id) = event.remove("id") {
                    self.object.set("id", id);
                }
                // Lists and texts that are still to come are there already, empty.
                if let Json::Object(message) = take_at(delta(&mut event), &["message"]) {
                    let given = message.into_iter().filter(|(_, value)| !is_empty(value));
                    given.for_each(|(key, value)| self.message.set_text(key, value));
                }
                EventKind::Other
            }
            "content-start" | "content-delta" => {
                if let Some(logprobs) = event.remove("logprobs").filter(|logprobs| !logprobs.is_null()) {
                    append_delta(self.object.entry(&Text::new("logprobs")), "", Json::Array(vec![logprobs]));
                }
                let piece = take_at(delta(&mut event), &["message", "content"]);
                let is_content = ["text", "thinking"].iter().any(|key| !is_empty(piece.get(key)));
                self.content.take(index, piece, kind.ends_with("start"));
                EventKind::content_if(is_content)
            }
            "tool-plan-delta" => {
                let piece = take_at(delta(&mut event), &["message", "tool_plan"]);
                let is_content = !is_empty(&piece);
                append_delta(self.message.entry(&Text::new("tool_plan")), "tool_plan", piece);
                EventKind::content_if(is_content)
            }
            "tool-call-start" | "tool-call-delta" => {
                let piece = take_at(delta(&mut event), &["message", "tool_calls"]);
                self.tool_calls.take(index, piece, kind.ends_with("start"));
                EventKind::Content
            }
            "citation-start" => {
                let citation = take_at(delta(&mut event), &["message", "citations"]);
                self.citations.take(index, citation, true);
                EventKind::Other
            }
            "content-end" | "tool-call-end" | "citation-end" => EventKind::Other,
            "message-end" => {
                if let Json::Object(delta) = delta(&mut event) {
                    if delta.get("error").is_some_and(has_content) {
                        self.error = Some(Json::Object(delta.clone()));
                    }
                    delta.into_iter().for_each(|(key, value)| self.object.set_text(key, value));
                }
                EventKind::End
            }
            "error" => self.failed(event),
            _ if event.get("error").is_some_and(has_content) => self.failed(event),
            _ => EventKind::Unknown,
        }
    }

    fn has_end_mark(&self) -> bool {
        self.other.as_ref().is_none_or(Fold::has_end_mark)
    }

    fn finish(mut self: Box<Self>) -> Folded<'a> {
        if let Some(other) = self.other {
            return Box::new(other).finish();
        }
        let lists =
            [("content", self.content), ("tool_calls", self.tool_calls), ("citations", self.citations)];
        for (name, Slots(items)) in lists {
            if !items.is_empty() {
                let items = items.into_iter().map(|(_, item)| item).collect();
                self.message.set(name, Json::Array(items));
            }
        }
        if !self.message.is_empty() {
            self.object.set("message", Json::Object(self.message));
        }
        Folded { object: Json::Object(self.object), error: self.error }
    }
}

impl<'a> ChatFold<'a> {
    fn failed(&mut self, event: Object<'a>) -> EventKind {
        self.error = Some(Json::Object(event));
        EventKind::Other
    }

    /// Takes an event of v1, which streams members of the response and at the end the response itself.
    fn v1_event(&mut self, kind: &str, mut event: Object<'a>) -> EventKind {
        event.remove("event_type");
        event.remove("is_finished");
        match kind {
            "stream-start"
            | "search-queries-generation"
            | "search-results"
            | "citation-generation"
            | "text-generation" => {
                for (key, value) in event {
                    append_delta(self.object.entry(&key), &key.plain(), value);
                }
                if kind == "text-generation" { EventKind::Content } else { EventKind::Other }
            }
            "tool-calls-chunk" => {
                // The calls so far; the event that ends them has them whole.
                if let Some(mut piece) = event.remove("tool_call_delta") {
                    let index = piece.get("index").as_u64();
                    piece.as_object_mut().map(|piece| piece.remove("index"));
                    self.tool_calls.take(index, piece, false);
                }
                if let Some(text) = event.remove("text") {
                    append_delta(self.object.entry(&Text::new("text")), "text", text);
                }
                EventKind::Content
            }
            "tool-calls-generation" => {
                self.tool_calls = Slots::default();
                event.into_iter().for_each(|(key, value)| self.object.set_text(key, value));
                EventKind::Content
            }
            "stream-end" => {
                self.tool_calls = Slots::default();
                if event.get("error").is_some_and(has_content) {
                    self.error = Some(Json::Object(event.clone()));
                }
                // An answer that comes at once is in this event alone.
                let mut is_content = false;
                if let Some(Json::Object(response)) = event.remove("response") {
                    is_content =
                        ["text", "tool_calls"].iter().any(|key| response.get(key).is_some_and(has_content));
                    response.into_iter().for_each(|(key, value)| self.object.set_text(key, value));
                }
                event.into_iter().for_each(|(key, value)| self.object.set_text(key, value));
                if is_content { EventKind::LastContent } else { EventKind::End }
            }
            _ if event.get("error").is_some_and(has_content) => self.failed(event),
            _ => EventKind::Unknown,
        }
    }
}

/// The elements of a list in the order in which they began, each with its number.
#[derive(Default)]
struct Slots<'a>(Vec<(Option<u64>, Json<'a>)>);

impl<'a> Slots<'a> {
    /// Begins an element, or adds a piece to the one of that number.
    fn take(&mut self, index: Option<u64>, piece: Json<'a>, begins: bool) {
        if piece.is_null() {
            return;
        }
        // A list is one piece for each of its elements.
        if let Json::Array(pieces) = piece {
            return pieces.into_iter().for_each(|piece| self.take(index, piece, begins));
        }
        match self.0.iter().rposition(|(of, _)| *of == index).filter(|_| !begins) {
            Some(place) => append_delta(&mut self.0[place].1, "", piece),
            None => self.0.push((index, piece)),
        }
    }
}

/// Removes the value at the end of a path of keys and returns it.
fn take_at<'a>(mut json: Json<'a>, path: &[&str]) -> Json<'a> {
    for key in path {
        json = json.as_object_mut().and_then(|object| object.remove(key)).unwrap_or_default();
    }
    json
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::view::tool_ids;
    use crate::api::{Request, detect_endpoint};
    use crate::json;

    fn endpoint() -> Endpoint {
        let url = "https://api.cohere.com/v2/chat";
        detect_endpoint(Request { method: "POST", url }).unwrap()
    }

    #[test]
    fn tokens_of_images_were_counted_twice() {
        let prompt = |usage_json: &str| usage(&json::parse(usage_json).unwrap()).unwrap().prompt_tokens;
        let chat = r#"{"billed_units":{"input_tokens":267,"output_tokens":9,"image_tokens":259},"tokens":{"input_tokens":780,"output_tokens":9}}"#;
        assert_eq!(prompt(chat), 267);
        // Without texts there are those of the image alone.
        assert_eq!(prompt(r#"{"billed_units":{"image_tokens":259}}"#), 259);
        assert_eq!(prompt(r#"{"billed_units":{"input_tokens":0,"image_tokens":259}}"#), 259);
    }

    #[test]
    fn an_answer_in_one_event_was_no_first_token() {
        let mut fold = Cohere.fold(&endpoint()).unwrap();
        let end = r#"{"is_finished":true,"event_type":"stream-end","response":{"text":"Hi"},"finish_reason":"COMPLETE"}"#;
        assert_eq!(fold.event("", json::parse(end).unwrap()), EventKind::LastContent);
        let mut fold = Cohere.fold(&endpoint()).unwrap();
        let end = r#"{"is_finished":true,"event_type":"stream-end","finish_reason":"ERROR"}"#;
        assert_eq!(fold.event("", json::parse(end).unwrap()), EventKind::End);
    }

    #[test]
    fn an_answer_in_openais_shape_was_read_as_coheres() {
        let url = "https://gateway.example/v1/chat";
        let endpoint = detect_endpoint(Request { method: "POST", url }).unwrap();
        let body = r#"{"id":"c","choices":[{"message":{"content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":2,"completion_tokens":1,"total_tokens":3}}"#;
        let body = json::parse(body).unwrap();
        let view = Cohere.response(&endpoint, &body);
        assert_eq!((&*view.id, view.finish_reason(), view.usage.unwrap().total_tokens), ("c", "stop", 3));
        let mut fold = Cohere.fold(&endpoint).unwrap();
        let piece =
            r#"{"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"Hi"}}]}"#;
        assert_eq!(fold.event("", json::parse(piece).unwrap()), EventKind::Content);
        let last = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
        assert_eq!(fold.event("", json::parse(last).unwrap()), EventKind::Other);
        assert!(fold.has_end_mark());
        let object = fold.finish().object;
        let view = Cohere.response(&endpoint, &object);
        assert_eq!(
            (view.finish_reason(), &view.choices[0].parts[..]),
            ("stop", &[Part::Text("Hi".into())][..])
        );
    }

    #[test]
    fn tool_results_join_their_calls_by_id() {
        let body = r#"{"messages":[{"role":"assistant","tool_calls":[{"id":"t","type":"function","function":{"name":"f","arguments":"{}"}}]},
            {"role":"tool","tool_call_id":"t","content":[{"type":"document","document":{"data":"1"}}]}]}"#;
        let body = json::parse(body).unwrap();
        let view = Cohere.request(&endpoint(), &body);
        let parts = view.messages.iter().flat_map(|message| &message.parts);
        assert_eq!(tool_ids(parts), ["f called as t", "result of t"]);
        let body = r#"{"message":{"role":"assistant","tool_calls":[{"id":"t","type":"function","function":{"name":"f","arguments":"{}"}}]}}"#;
        let body = json::parse(body).unwrap();
        assert_eq!(tool_ids(&Cohere.response(&endpoint(), &body).choices[0].parts), ["f called as t"]);
    }
}
