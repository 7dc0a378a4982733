//! Cohere's chat: v2 with its streams, and what a v1 answer says.
//!
//! <https://docs.cohere.com/reference/chat>

use std::borrow::Cow;

use crate::json::{Json, Object};
use crate::record::{Endpoint, Usage};

use super::dialect::{Dialect, Fold, Folded, Seen};
use super::view::{
    Choice, Message, Part, RequestView, ResponseView, Tool, count, media_at, present, text, text_or_json,
};

pub(super) struct CohereChat;

impl Dialect for CohereChat {
    fn request<'j>(&self, _endpoint: &Endpoint, body: &'j Json<'j>) -> RequestView<'j> {
        // v1 has the conversation in three places.
        let said = |key: &str, role: &'static str| {
            let text = body.get(key).as_str().filter(|text| !text.is_empty());
            text.map(|text| Message { role: Cow::Borrowed(role), parts: vec![Part::Text(text)] })
        };
        let history = body.get("chat_history").items().iter().map(|turn| Message {
            role: match &*text(turn.get("role")) {
                "CHATBOT" => Cow::Borrowed("assistant"),
                other => Cow::Owned(other.to_lowercase()),
            },
            parts: vec![Part::Text(text(turn.get("message")))],
        });
        let listed = body.get("messages").items().iter().map(message);
        let messages: Vec<Message<'j>> = said("preamble", "system")
            .into_iter()
            .chain(history)
            .chain(listed)
            .chain(said("message", "user"))
            .collect();
        let instructions = usize::from(present(body, "preamble").is_some());
        RequestView {
            model: body.get("model").as_str(),
            stream: body.get("stream").as_bool().unwrap_or(false),
            temperature: present(body, "temperature"),
            max_tokens: present(body, "max_tokens"),
            tool_choice: present(body, "tool_choice"),
            messages_count: messages.len().saturating_sub(instructions),
            messages,
            tools: body.get("tools").items().iter().map(tool).collect(),
        }
    }

    fn response<'j>(&self, _endpoint: &Endpoint, body: &'j Json<'j>) -> ResponseView<'j> {
        let parts = match present(body, "message") {
            Some(message @ Json::Object(_)) => parts(message),
            _ => v1_parts(body),
        };
        let finish_reason = text(body.get("finish_reason"));
        let has_answer = !parts.is_empty() || !finish_reason.is_empty();
        ResponseView {
            id: body.get("id").as_str().unwrap_or_else(|| text(body.get("response_id"))),
            choices: has_answer.then_some(Choice { finish_reason, parts }).into_iter().collect(),
            usage: present(body, "usage").or(present(body, "meta")).and_then(usage),
            ..ResponseView::default()
        }
    }

    fn fold<'a>(&self, _endpoint: &Endpoint) -> Option<Box<dyn Fold<'a> + 'a>> {
        Some(Box::new(CohereFold::default()))
    }
}

fn tool<'j>(tool: &'j Json<'j>) -> Tool<'j> {
    let function = present(tool, "function").unwrap_or(tool);
    Tool { name: text(function.get("name")), description: text(function.get("description")) }
}

fn message<'j>(message: &'j Json<'j>) -> Message<'j> {
    let role = text(message.get("role"));
    if role == "tool" {
        let result =
            Part::ToolResult { of: text(message.get("tool_call_id")), text: joined(message.get("content")) };
        return Message { role, parts: vec![result] };
    }
    Message { role, parts: parts(message) }
}

/// The texts of a content that is a string or a list of parts.
fn joined<'j>(content: &'j Json<'j>) -> Cow<'j, str> {
    match content {
        Json::Array(items) => {
            let texts = items.iter().map(|item| match present(item, "document") {
                Some(document) => text_or_json(document.get("data")),
                None => text(item.get("text")),
            });
            Cow::Owned(texts.collect::<Vec<_>>().join("\n"))
        }
        other => text_or_json(other),
    }
}

fn parts<'j>(message: &'j Json<'j>) -> Vec<Part<'j>> {
    let mut parts = Vec::new();
    // What it means to do with its tools is said before it calls them.
    if let Some(plan) = message.get("tool_plan").as_str().filter(|plan| !plan.is_empty()) {
        parts.push(Part::Reasoning(plan));
    }
    match message.get("content") {
        Json::String(content) if !content.is_empty() => parts.push(Part::Text(content.plain())),
        Json::Array(items) => parts.extend(items.iter().map(|item| match &*text(item.get("type")) {
            "text" => Part::Text(text(item.get("text"))),
            "thinking" => Part::Reasoning(text(item.get("thinking"))),
            "image_url" => match item.get("image_url") {
                Json::String(url) => media_at(url.plain(), "image"),
                image => media_at(text(image.get("url")), "image"),
            },
            _ => Part::Other(item),
        })),
        _ => {}
    }
    parts.extend(message.get("tool_calls").items().iter().map(|call| Part::ToolCall {
        name: text(call.at(&["function", "name"])),
        arguments: text_or_json(call.at(&["function", "arguments"])),
    }));
    parts
}

fn v1_parts<'j>(body: &'j Json<'j>) -> Vec<Part<'j>> {
    let answer = body.get("text").as_str().filter(|text| !text.is_empty()).map(Part::Text);
    let calls = body.get("tool_calls").items().iter().map(|call| Part::ToolCall {
        name: text(call.get("name")),
        arguments: text_or_json(call.get("parameters")),
    });
    answer.into_iter().chain(calls).collect()
}

/// The billed units where they are given, else the tokens.
pub(super) fn usage(usage: &Json<'_>) -> Option<Usage> {
    usage.as_object()?;
    let counted = |key: &str| count(usage, &[&["billed_units", key], &["tokens", key]]);
    let (prompt_tokens, completion_tokens) =
        (counted("input_tokens").unwrap_or(0), counted("output_tokens").unwrap_or(0));
    Some(Usage {
        prompt_tokens,
        completion_tokens,
        total_tokens: prompt_tokens + completion_tokens,
        cached_tokens: usage.get("cached_tokens").as_u64().unwrap_or(0),
        ..Usage::default()
    })
}

/// Events on their way to a v2 answer.
#[derive(Default)]
struct CohereFold<'a> {
    object: Object<'a>,
    message: Object<'a>,
    content: Vec<Json<'a>>,
    calls: Vec<Json<'a>>,
    citations: Vec<Json<'a>>,
    error: Option<Json<'a>>,
}

impl<'a> CohereFold<'a> {
    /// The element of `list` that an event's index names; made if it is the next one.
    fn slot<'l>(list: &'l mut Vec<Json<'a>>, event: &Json<'a>) -> &'l mut Json<'a> {
        let last = list.len().saturating_sub(1);
        let place = event.get("index").as_u64().map_or(last, |index| index as usize);
        if place >= list.len() {
            list.push(Json::Object(Object::new()));
        }
        let place = place.min(list.len() - 1);
        &mut list[place]
    }
}

impl<'a> Fold<'a> for CohereFold<'a> {
    fn event(&mut self, name: &str, data: Json<'a>) -> Seen {
        let kind = data.get("type").as_str().map_or_else(|| name.to_owned(), Cow::into_owned);
        let message = data.at(&["delta", "message"]);
        match kind.as_str() {
            "message-start" => {
                self.object.set("id", data.get("id").clone());
                if let Some(members) = message.as_object() {
                    for (key, value) in members.iter() {
                        // The lists and the plan come piece by piece.
                        let comes_later = !matches!(value, Json::String(text) if !text.is_empty());
                        if !comes_later {
                            self.message.set_text(key.clone(), value.clone());
                        }
                    }
                }
                Seen::Other
            }
            "content-start" => {
                grow(Self::slot(&mut self.content, &data), message.get("content"));
                content(message.at(&["content", "text"]), message.at(&["content", "thinking"]))
            }
            "content-delta" => {
                grow(Self::slot(&mut self.content, &data), message.get("content"));
                content(message.at(&["content", "text"]), message.at(&["content", "thinking"]))
            }
            "tool-plan-delta" => {
                let mut plan = Json::Object(std::mem::take(&mut self.message));
                grow(&mut plan, message);
                if let Json::Object(message) = plan {
                    self.message = message;
                }
                Seen::Content
            }
            "tool-call-start" | "tool-call-delta" => {
                grow(Self::slot(&mut self.calls, &data), message.get("tool_calls"));
                Seen::Content
            }
            "citation-start" => {
                match message.get("citations") {
                    Json::Array(more) => self.citations.extend(more.iter().cloned()),
                    one => self.citations.push(one.clone()),
                }
                Seen::Other
            }
            "message-end" => {
                if let Some(members) = data.get("delta").as_object() {
                    for (key, value) in members.iter() {
                        self.object.set_text(key.clone(), value.clone());
                    }
                }
                if !data.at(&["delta", "error"]).is_null() {
                    self.error = Some(data.get("delta").clone());
                }
                Seen::End
            }
            "content-end" | "tool-call-end" | "citation-end" | "debug" => Seen::Other,
            _ if !data.get("error").is_null() || kind == "error" => {
                self.error = Some(data);
                Seen::Other
            }
            _ => Seen::Unknown,
        }
    }

    fn finish(mut self: Box<Self>) -> Folded<'a> {
        for (key, list) in
            [("content", self.content), ("tool_calls", self.calls), ("citations", self.citations)]
        {
            if !list.is_empty() {
                self.message.set(key, Json::Array(list));
            }
        }
        if !self.message.is_empty() {
            self.object.set("message", Json::Object(self.message));
        }
        Folded { object: Json::Object(self.object), error: self.error }
    }
}

fn content(text: &Json<'_>, thinking: &Json<'_>) -> Seen {
    let said = |json: &Json<'_>| json.as_text().is_some_and(|text| !text.is_empty());
    if said(text) || said(thinking) { Seen::Content } else { Seen::Other }
}

/// Adds a piece to what came before it: strings grow, but for what names a thing.
fn grow<'a>(whole: &mut Json<'a>, piece: &Json<'a>) {
    match (&mut *whole, piece) {
        (_, Json::Null) => {}
        (Json::Object(old), Json::Object(new)) => {
            for (key, value) in new.iter() {
                let place = old.entry(key);
                let names = ["id", "type", "name", "role"].iter().any(|name| *key == **name);
                match (&mut *place, value) {
                    (Json::String(old), Json::String(new)) if !names => old.push(new),
                    (Json::Object(_), Json::Object(_)) => grow(place, value),
                    _ => *place = value.clone(),
                }
            }
        }
        (_, piece) => *whole = piece.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;
    use crate::provider::{Request, recognise};

    fn endpoint() -> Endpoint {
        recognise(Request { method: "POST", url: "https://api.cohere.com/v2/chat" }).unwrap()
    }

    fn fold(events: &[&str]) -> (String, Vec<Seen>) {
        let mut fold = CohereChat.fold(&endpoint()).unwrap();
        let seen = events.iter().map(|event| fold.event("", json::parse(event).unwrap())).collect();
        let mut out = Vec::new();
        json::compact(&fold.finish().object, &mut out);
        (String::from_utf8(out).unwrap(), seen)
    }

    #[test]
    fn a_stream_folds_into_the_answer() {
        let (object, seen) = fold(&[
            r#"{"id":"m","type":"message-start","delta":{"message":{"role":"assistant","content":[],"tool_plan":"","tool_calls":[],"citations":[]}}}"#,
            r#"{"type":"content-start","index":0,"delta":{"message":{"content":{"type":"text","text":""}}}}"#,
            r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"Hi "}}}}"#,
            r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"you"}}}}"#,
            r#"{"type":"citation-start","index":0,"delta":{"message":{"citations":{"start":0,"end":2,"text":"Hi"}}}}"#,
            r#"{"type":"citation-end","index":0}"#,
            r#"{"type":"content-end","index":0}"#,
            r#"{"type":"message-end","delta":{"finish_reason":"COMPLETE","usage":{"billed_units":{"input_tokens":3,"output_tokens":2},"tokens":{"input_tokens":70,"output_tokens":4}}}}"#,
        ]);
        assert_eq!(
            object,
            r#"{"id":"m","finish_reason":"COMPLETE","usage":{"billed_units":{"input_tokens":3,"output_tokens":2},"tokens":{"input_tokens":70,"output_tokens":4}},"message":{"role":"assistant","content":[{"type":"text","text":"Hi you"}],"citations":[{"start":0,"end":2,"text":"Hi"}]}}"#
        );
        assert_eq!(seen[1..4], [Seen::Other, Seen::Content, Seen::Content]);
        assert_eq!(seen[7], Seen::End);
        let body = json::parse(&object).unwrap();
        let view = CohereChat.response(&endpoint(), &body);
        assert_eq!((view.finish_reason(), &*view.id), ("COMPLETE", "m"));
        let usage = view.usage.unwrap();
        assert_eq!((usage.prompt_tokens, usage.completion_tokens, usage.total_tokens), (3, 2, 5));
    }

    #[test]
    fn tool_calls_keep_their_whole_arguments_and_the_plan_is_reasoning() {
        let (object, _) = fold(&[
            r#"{"id":"m","type":"message-start","delta":{"message":{"role":"assistant"}}}"#,
            r#"{"type":"tool-plan-delta","delta":{"message":{"tool_plan":"I will "}}}"#,
            r#"{"type":"tool-plan-delta","delta":{"message":{"tool_plan":"look."}}}"#,
            r#"{"type":"tool-call-start","index":0,"delta":{"message":{"tool_calls":{"id":"t","type":"function","function":{"name":"look","arguments":""}}}}}"#,
            r#"{"type":"tool-call-delta","index":0,"delta":{"message":{"tool_calls":{"function":{"arguments":"{\"a\":"}}}}}"#,
            r#"{"type":"tool-call-delta","index":0,"delta":{"message":{"tool_calls":{"function":{"arguments":"1}"}}}}}"#,
            r#"{"type":"tool-call-end","index":0}"#,
        ]);
        let body = json::parse(&object).unwrap();
        let view = CohereChat.response(&endpoint(), &body);
        let call = Part::ToolCall { name: "look".into(), arguments: r#"{"a":1}"#.into() };
        assert_eq!(view.choices[0].parts, [Part::Reasoning("I will look.".into()), call]);
    }

    #[test]
    fn a_v1_call_is_read_as_far_as_it_goes() {
        let body = json::parse(
            r#"{"model":"c","preamble":"Be brief.","chat_history":[{"role":"CHATBOT","message":"Hello"}],"message":"Hi"}"#,
        )
        .unwrap();
        let view = CohereChat.request(&endpoint(), &body);
        let roles: Vec<_> = view.messages.iter().map(|message| &*message.role).collect();
        assert_eq!((roles, view.messages_count), (vec!["system", "assistant", "user"], 2));
        let body = json::parse(
            r#"{"response_id":"r","text":"Yo","finish_reason":"COMPLETE","meta":{"billed_units":{"input_tokens":1,"output_tokens":1}}}"#,
        )
        .unwrap();
        let view = CohereChat.response(&endpoint(), &body);
        assert_eq!((&*view.id, view.usage.unwrap().total_tokens), ("r", 2));
    }
}
