//! OpenAI chat completions, legacy completions, and everything shaped like them: DeepSeek, Groq,
//! Mistral, OpenRouter, Perplexity, Together, Fireworks, xAI, vLLM, llama.cpp …
//!
//! <https://platform.openai.com/docs/api-reference/chat>

use std::borrow::Cow;

use crate::capture::Endpoint;
use crate::json::{Json, Object, Text};

use crate::api::dialect::{Dialect, EventKind, Fold, Folded};
use crate::api::error::reported;
use crate::api::shared::content::content_part;
use crate::api::shared::cost::{body_cost, usage_cost};
use crate::api::shared::delta::{append_text, has_content, is_empty, message_has_content};
use crate::api::shared::media::base64_bytes;
use crate::api::shared::members::{id, present, text, text_or_json};
use crate::api::shared::usage::usage;
use crate::api::view::{Choice, Message, Part, RequestView, ResponseView, Tool};

pub(crate) struct OpenAiChat;

impl Dialect for OpenAiChat {
    fn request<'j>(&self, endpoint: &Endpoint, body: &'j Json<'j>) -> RequestView<'j> {
        let listed = body.get("messages").items();
        let mut messages: Vec<Message<'j>> = listed.iter().map(message).collect();
        // The legacy completions API has a prompt instead.
        if let Some(prompt) = present(body, "prompt") {
            messages
                .push(Message { role: Cow::Borrowed("user"), parts: vec![Part::Text(text_or_json(prompt))] });
        }
        let tools = body.get("tools").items().iter();
        let functions = body.get("functions").items().iter();
        RequestView {
            // watsonx names it another way, and streams by its path.
            model: body.get("model").as_str().or_else(|| body.get("model_id").as_str()),
            stream: body.get("stream").as_bool().unwrap_or_else(|| endpoint.path.ends_with("/chat_stream")),
            temperature: present(body, "temperature"),
            max_tokens: present(body, "max_completion_tokens").or(present(body, "max_tokens")),
            tool_choice: present(body, "tool_choice").or(present(body, "function_call")),
            messages_count: messages.len(),
            messages,
            tools: tools.map(tool).chain(functions.map(function)).collect(),
        }
    }

    fn response<'j>(&self, endpoint: &Endpoint, body: &'j Json<'j>) -> ResponseView<'j> {
        // Groq has it in `x_groq`, Moonshot in a choice.
        let in_choices = body.get("choices").items().iter().map(|choice| choice.get("usage"));
        let mut places = [body.get("usage"), body.at(&["x_groq", "usage"])].into_iter().chain(in_choices);
        let usage_json = places.find(|usage| usage.as_object().is_some()).unwrap_or(&Json::Null);
        ResponseView {
            id: id(body.get("id")),
            object: text(body.get("object")),
            created: body.get("created").as_f64().map(|seconds| seconds as u64),
            model: body.get("model").as_str().unwrap_or_else(|| text(body.get("model_id"))),
            choices: body.get("choices").items().iter().map(choice).collect(),
            usage: usage(endpoint, usage_json),
            cost: body_cost(body).or_else(|| usage_cost(usage_json)),
            service_tier: text(body.get("service_tier")),
            error: reported(body),
        }
    }

    fn fold<'a>(&self, endpoint: &Endpoint) -> Option<Box<dyn Fold<'a> + 'a>> {
        let is_chat = endpoint.operation == "chat";
        Some(Box::new(if is_chat { ChatFold::of_chat() } else { ChatFold::default() }))
    }
}

fn tool<'j>(tool: &'j Json<'j>) -> Tool<'j> {
    match present(tool, "function") {
        Some(inner) => function(inner),
        // Built-in and custom tools have a name or a type only.
        None => match present(tool, "custom") {
            Some(custom) => function(custom),
            None => Tool {
                name: tool.get("name").as_str().unwrap_or_else(|| text(tool.get("type"))),
                description: text(tool.get("description")),
                parameters: tool_parameters(tool),
            },
        },
    }
}

fn function<'j>(function: &'j Json<'j>) -> Tool<'j> {
    Tool {
        name: text(function.get("name")),
        description: text(function.get("description")),
        parameters: tool_parameters(function),
    }
}

/// Returns the schema of a tool's arguments under OpenAI's name, Anthropic's, or that of Cohere's first API.
fn tool_parameters<'j>(tool: &'j Json<'j>) -> Option<&'j Json<'j>> {
    ["parameters", "input_schema", "parameter_definitions"].into_iter().find_map(|key| present(tool, key))
}

fn message<'j>(message: &'j Json<'j>) -> Message<'j> {
    let role = text(message.get("role"));
    let mut parts = message_parts(message);
    if role == "tool" || role == "function" {
        let call_id = text(message.get("tool_call_id"));
        let label = message.get("tool_call_id").as_str().unwrap_or_else(|| text(message.get("name")));
        let result = parts.iter().filter_map(Part::text).collect::<Vec<_>>().join("\n");
        parts.retain(|part| part.text().is_none());
        parts.insert(0, Part::ToolResult { call_id, label, text: result.into() });
    }
    Message { role, parts }
}

/// Returns the parts of a message of either direction, reasoning first.
fn message_parts<'j>(message: &'j Json<'j>) -> Vec<Part<'j>> {
    let mut parts = Vec::new();
    let keys = ["reasoning_content", "reasoning", "reasoning_text", "thinking"].into_iter();
    match keys.filter_map(|key| message.get(key).as_str()).find(|reasoning| !reasoning.is_empty()) {
        Some(reasoning) => parts.push(Part::Reasoning(reasoning)),
        // Snowflake and MiniMax have the details only.
        None => {
            let details = message.get("reasoning_details").items().iter();
            let texts = details.filter_map(|d| d.get("text").as_str().or_else(|| d.get("summary").as_str()));
            parts.extend(texts.map(Part::Reasoning));
        }
    }
    match message.get("content") {
        Json::String(content) if !content.is_empty() => parts.push(Part::Text(content.plain())),
        Json::Array(items) => parts.extend(items.iter().map(content_part)),
        // Cloudflare's answer to a schema is the object itself, others have a single part.
        content @ Json::Object(_) => parts.push(match content_part(content) {
            Part::Other(json) => Part::Text(text_or_json(json)),
            part => part,
        }),
        _ => {}
    }
    if let Some(refusal) = message.get("refusal").as_str().filter(|r| !r.is_empty()) {
        parts.push(Part::Refusal(refusal));
    }
    if let Some(audio) = present(message, "audio") {
        let non_empty = |key| audio.get(key).as_str().filter(|text| !text.is_empty());
        if let Some(transcript) = non_empty("transcript") {
            parts.push(Part::Text(transcript));
        }
        if let Some(data) = non_empty("data") {
            parts.push(Part::Media {
                media_type: Cow::Borrowed("audio"),
                bytes: Some(base64_bytes(&data)),
                source: Cow::Borrowed(""),
            });
        }
    }
    parts.extend(message.get("images").items().iter().map(content_part));
    for call in message.get("tool_calls").items() {
        let inner = match (present(call, "function"), present(call, "custom")) {
            (Some(inner), _) | (None, Some(inner)) => inner,
            (None, None) => call,
        };
        parts.push(tool_call(text(call.get("id")), inner));
    }
    // Snowflake sends an empty one with every message.
    if let Some(call) = present(message, "function_call").filter(|call| !text(call.get("name")).is_empty()) {
        // The one call of a message, which had no id when calls were of functions alone.
        parts.push(tool_call(Cow::Borrowed(""), call));
    }
    parts
}

fn tool_call<'j>(id: Cow<'j, str>, call: &'j Json<'j>) -> Part<'j> {
    let arguments = present(call, "arguments").unwrap_or_else(|| call.get("input"));
    Part::ToolCall { id, name: text(call.get("name")), arguments: text_or_json(arguments) }
}

fn choice<'j>(choice: &'j Json<'j>) -> Choice<'j> {
    let mut parts = present(choice, "message").map(message_parts).unwrap_or_default();
    // A stream of texts may have an empty message at its end.
    if let Json::String(text) = choice.get("text")
        && !parts.iter().any(|part| part.text().is_some())
    {
        parts.push(Part::Text(text.plain()));
    }
    Choice { finish_reason: text(choice.get("finish_reason")), parts }
}

/// Folds chunks into a `chat.completion`.
#[derive(Default)]
pub(crate) struct ChatFold<'a> {
    object: Object<'a>,
    choices: Vec<ChoiceFold<'a>>,
    error: Option<Json<'a>>,
    /// Whether bare pieces belong to a message.
    is_chat: bool,
    /// Whether pieces came bare.
    is_bare: bool,
}

impl ChatFold<'_> {
    /// Returns the fold of a chat, whose answer is a message.
    pub(crate) fn of_chat() -> Self {
        ChatFold { is_chat: true, ..ChatFold::default() }
    }
}

/// Returns whether a chunk is a bare piece of text, as Writer's are.
pub(crate) fn is_value(chunk: &Object<'_>) -> bool {
    matches!(chunk.get("value"), Some(Json::String(_)))
        && ["choices", "object", "type", "event_type"].iter().all(|key| chunk.get(key).is_none())
}

/// Returns whether a chunk is one of llama.cpp's own completions, which have neither choices nor an end mark.
fn is_llama_cpps(chunk: &Object<'_>) -> bool {
    matches!((chunk.get("content"), chunk.get("stop")), (Some(Json::String(_)), Some(Json::Bool(_))))
        && chunk.get("choices").is_none()
}

struct ChoiceFold<'a> {
    index: u64,
    members: Object<'a>,
    message: Option<Json<'a>>,
}

impl<'a> Fold<'a> for ChatFold<'a> {
    fn event(&mut self, name: &str, data: Json<'a>) -> EventKind {
        let failed = name == "error" || reported(&data).is_some();
        if failed {
            self.error = Some(data.clone());
        }
        let Json::Object(chunk) = data else {
            return if failed { EventKind::Other } else { EventKind::Unknown };
        };
        // An error that is not a chunk too adds nothing to the answer but its token counts.
        if failed && chunk.get("choices").is_none() {
            if let Some(usage) = chunk.get("usage").filter(|usage| !usage.is_null()) {
                self.object.set("usage", usage.clone());
            }
            return EventKind::Other;
        }
        let mut chunk = chunk;
        if is_value(&chunk) {
            let value = chunk.remove("value").unwrap_or_default();
            let piece = if self.is_chat {
                ("delta", Json::Object([("content", value)].into_iter().collect()))
            } else {
                ("text", value)
            };
            self.is_bare = true;
            chunk.set("choices", Json::Array(vec![Json::Object([piece].into_iter().collect())]));
        }
        let is_native = is_llama_cpps(&chunk);
        let ends = is_native && chunk.get("stop").and_then(Json::as_bool) == Some(true);
        let mut kind = EventKind::Other;
        for (key, value) in chunk {
            match (&*key.plain(), value) {
                ("content", piece) if is_native => {
                    kind = EventKind::content_if(has_content(&piece));
                    append_text(self.object.entry(&key), piece);
                }
                ("tokens", Json::Array(new)) if is_native => match self.object.entry(&key) {
                    Json::Array(old) => old.extend(new),
                    place => *place = Json::Array(new),
                },
                ("choices", Json::Array(choices)) => {
                    if self.object.get("choices").is_none() {
                        self.object.set("choices", Json::Null);
                    }
                    for choice in choices {
                        if self.choice(choice) {
                            kind = EventKind::Content;
                        }
                    }
                }
                // Padding against traffic analysis; no part of the answer.
                ("obfuscation" | "p", _) => {}
                ("error", _) if failed => {}
                (name, value) => self.member(name == "x_groq", key, value),
            }
        }
        match kind {
            EventKind::Content if ends => EventKind::LastContent,
            _ if ends => EventKind::End,
            kind => kind,
        }
    }

    fn has_end_mark(&self) -> bool {
        !self.is_bare
    }

    fn finish(mut self: Box<Self>) -> Folded<'a> {
        if let Some(object) = self.object.get_mut("object")
            && let Some(kind) = object.as_str()
            && let Some(whole) = kind.strip_suffix(".chunk").or(kind.strip_suffix(".done"))
        {
            *object = Json::string(whole.to_owned());
        }
        if self.object.get("usage").is_none_or(Json::is_null)
            && let Some(usage) = self.object.get("x_groq").and_then(|x| present_owned(x, "usage"))
        {
            self.object.set("usage", usage);
        }
        self.choices.sort_by_key(|choice| choice.index);
        let choices = self.choices.into_iter().map(ChoiceFold::finish).collect();
        if self.object.get("choices").is_some() {
            self.object.set("choices", Json::Array(choices));
        }
        Folded { object: Json::Object(self.object), error: self.error }
    }
}

fn present_owned<'a>(json: &Json<'a>, key: &str) -> Option<Json<'a>> {
    Some(json.get(key)).filter(|json| !json.is_null()).cloned()
}

impl<'a> ChatFold<'a> {
    /// Takes a member of the chunk itself: the first value stays, except for members that grow or come late.
    fn member(&mut self, merge: bool, key: Text<'a>, value: Json<'a>) {
        let fixed = ["id", "object", "created", "model"].iter().any(|fixed| key == **fixed);
        let place = self.object.entry(&key);
        // Azure opens with a chunk whose id is empty and whose time is zero.
        let unset = is_empty(place) || (fixed && place.as_u64() == Some(0));
        if merge && let (Some(old), Json::Object(new)) = (place.as_object_mut(), &value) {
            for (key, value) in new.iter() {
                old.set_text(key.clone(), value.clone());
            }
        } else if place.is_null() || !is_empty(&value) && (unset || !fixed) {
            *place = value;
        }
    }

    /// Takes one choice of a chunk; returns whether it has content.
    fn choice(&mut self, choice: Json<'a>) -> bool {
        let index = choice.get("index").as_u64().unwrap_or(0);
        let place = match self.choices.iter().position(|c| c.index == index) {
            Some(place) => place,
            None => {
                self.choices.push(ChoiceFold::new(index));
                self.choices.len() - 1
            }
        };
        self.choices[place].take(choice)
    }
}

impl<'a> ChoiceFold<'a> {
    fn new(index: u64) -> Self {
        let mut members = Object::new();
        members.set("index", Json::number(index));
        ChoiceFold { index, members, message: None }
    }

    fn take(&mut self, choice: Json<'a>) -> bool {
        let Json::Object(choice) = choice else {
            return false;
        };
        let has_text = choice.get("text").is_some_and(|text| !is_empty(text));
        let in_text = self.message.is_none() && self.members.get("text").is_some_and(|text| !is_empty(text));
        // Beside a text that is not its own, a delta says nothing.
        let has_delta = choice
            .get("delta")
            .is_some_and(|delta| !(delta.is_null() || in_text || has_text && !message_has_content(delta)));
        let mut is_content = false;
        for (key, value) in choice {
            match (&*key.plain(), value) {
                ("index", _) => {}
                ("delta", delta @ Json::Object(_)) if has_delta => {
                    if self.message.is_none() {
                        self.members.set("message", Json::Null);
                    }
                    is_content |= message_has_content(&delta);
                    let message = self.message.get_or_insert_with(|| {
                        let start = [("role", Json::string("assistant")), ("content", Json::Null)];
                        Json::Object(start.into_iter().collect())
                    });
                    merge(message, "message", delta);
                }
                // Perplexity repeats the whole message with each delta.
                ("message", message)
                    if !has_delta && (message_has_content(&message) || self.message.is_none()) =>
                {
                    self.members.set("message", Json::Null);
                    is_content |= message_has_content(&message);
                    self.message = Some(message);
                }
                ("message" | "delta", _) => {}
                // Together repeats the delta as a text.
                ("text", _) if has_delta => {}
                ("text", value) => {
                    is_content |= value.as_text().is_some_and(|text| !text.is_empty());
                    merge(self.members.entry(&key), "text", value);
                }
                ("logprobs", value) => merge(self.members.entry(&key), "logprobs", value),
                // Token ids and the like are appended, a filter's results replace earlier ones.
                (_, Json::Array(new)) => match self.members.entry(&key) {
                    Json::Array(old) => old.extend(new),
                    place => *place = Json::Array(new),
                },
                (_, value) => replace(self.members.entry(&key), value),
            }
        }
        is_content
    }

    fn finish(mut self) -> Json<'a> {
        if let Some(mut message) = self.message {
            if let Some(Json::Array(calls)) = message.as_object_mut().and_then(|m| m.get_mut("tool_calls")) {
                for call in calls.iter_mut().filter_map(Json::as_object_mut) {
                    call.remove("index");
                }
            }
            self.members.set("message", message);
        }
        Json::Object(self.members)
    }
}

/// Replaces an earlier value by a later one, member by member; an empty one changes nothing.
fn replace<'a>(place: &mut Json<'a>, value: Json<'a>) {
    match (&mut *place, value) {
        (Json::Object(old), Json::Object(new)) => {
            for (key, value) in new {
                replace(old.entry(&key), value);
            }
        }
        (old, new) if old.is_null() || !is_empty(&new) => *old = new,
        _ => {}
    }
}

/// Strings that come whole and may be repeated or corrected.
const NOT_IN_PIECES: [&str; 12] = [
    "role",
    "id",
    "type",
    "format",
    "object",
    "model",
    "native_finish_reason",
    "tool_call_id",
    "mime_type",
    "channel",
    "url",
    "call_id",
];

/// Strings that come in pieces, which may equal what came before them. In others an equal piece is
/// treated as a repetition.
const IN_PIECES: [&str; 13] = [
    "content",
    "reasoning_content",
    "reasoning",
    "reasoning_text",
    "refusal",
    "arguments",
    "input",
    "text",
    "thinking",
    "summary",
    "data",
    "transcript",
    "signature",
];

/// Adds a piece to what came before it.
fn merge<'a>(whole: &mut Json<'a>, key: &str, piece: Json<'a>) {
    match (&mut *whole, piece) {
        (_, Json::Null) => {}
        (Json::String(old), Json::String(new)) => {
            let repeated = !IN_PIECES.contains(&key) && *old == new;
            if NOT_IN_PIECES.contains(&key) {
                if !new.is_empty() {
                    *old = new;
                }
            } else if !repeated {
                old.push(&new);
            }
        }
        (Json::Object(old), Json::Object(new)) => {
            for (key, value) in new {
                merge(old.entry(&key), &key.plain(), value);
            }
        }
        (Json::Array(old), Json::Array(new)) => {
            for item in new {
                merge_item(old, key, item);
            }
        }
        // Mistral's content changes from text to parts, and back.
        (Json::Array(old), Json::String(new)) if key == "content" => {
            if !new.is_empty() {
                merge_item(old, key, text_part(new));
            }
        }
        (Json::String(old), Json::Array(new)) if key == "content" => {
            let mut parts = Vec::new();
            if !old.is_empty() {
                parts.push(text_part(std::mem::take(old)));
            }
            for item in new {
                merge_item(&mut parts, key, item);
            }
            *whole = Json::Array(parts);
        }
        (_, Json::Array(new)) => {
            let mut items = Vec::new();
            for item in new {
                merge_item(&mut items, key, item);
            }
            *whole = Json::Array(items);
        }
        (_, new) => *whole = new,
    }
}

fn text_part(text: Text<'_>) -> Json<'_> {
    let members = [("type", Json::string("text")), ("text", Json::String(text))];
    Json::Object(members.into_iter().collect())
}

/// Adds an element of a list: into the element of the same index and id, onto a last part of the
/// same kind, else at the end.
fn merge_item<'a>(list: &mut Vec<Json<'a>>, key: &str, item: Json<'a>) {
    let index = item.get("index").as_u64();
    let id = item.get("id").as_text().filter(|id| !id.is_empty());
    let last = list.len().checked_sub(1);
    let place = if key == "images" {
        // Each image comes whole, whatever its index.
        list.iter().position(|old| *old == item)
    } else if let Some(index) = index {
        list.iter().rposition(|old| {
            // Gemini gives every call index 0 and an id of its own.
            let other_id = || match (old.get("id").as_text(), id) {
                (Some(old), Some(new)) => !old.is_empty() && old != new,
                _ => false,
            };
            let same_kind = |key| match (old.get(key).as_text(), item.get(key).as_text()) {
                (Some(old), Some(new)) => old == new,
                _ => true,
            };
            old.get("index").as_u64() == Some(index) && !other_id() && same_kind("type")
        })
    } else if key == "tool_calls" {
        // Without an index: the same call again, or more of the last one's arguments.
        let named = !is_empty(item.at(&["function", "name"])) || !is_empty(item.get("name"));
        match id {
            Some(id) => list.iter().position(|old| old.get("id").as_text() == Some(id)),
            None => last.filter(|_| !named),
        }
    } else if key == "content" || key == "thinking" {
        let kind = item.get("type");
        let grows = ["text", "thinking"].iter().any(|k| kind.as_text().is_some_and(|t| *t == **k));
        last.filter(|last| grows && list[*last].get("type") == kind)
    } else {
        None
    };
    match place {
        Some(_) if key == "images" => {}
        // Groq sends a tool that it ran a second time, with its output.
        Some(place) if key == "executed_tools" => {
            if let (Some(old), Json::Object(new)) = (list[place].as_object_mut(), item) {
                new.into_iter().for_each(|(key, value)| old.set_text(key, value));
            }
        }
        Some(place) => merge(&mut list[place], key, item),
        None => list.push(item),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::api::framing::{Framing, for_each_event};
    use crate::api::view::tool_ids;
    use crate::api::{Request, detect_endpoint};
    use crate::json;

    #[test]
    fn a_tool_that_groq_sends_twice_is_listed_once() {
        let mut list = Vec::new();
        for item in [
            r#"{"index":0,"type":"search","arguments":"{\"query\":\"w\"}"}"#,
            r#"{"index":0,"type":"search","arguments":"{\"query\":\"w\"}","output":"found"}"#,
        ] {
            merge_item(&mut list, "executed_tools", json::parse(item).unwrap());
        }
        assert_eq!(list.len(), 1);
        assert_eq!(list[0].get("arguments").as_str().unwrap(), r#"{"query":"w"}"#);
        assert_eq!(list[0].get("output").as_str().unwrap(), "found");
    }

    #[test]
    fn llama_cpps_own_stream_lost_its_text_and_had_no_end() {
        let (object, kinds, _) = fold(&[
            r#"{"index":0,"content":"Once ","tokens":[5],"stop":false}"#,
            r#"{"index":0,"content":"upon","tokens":[7],"stop":false}"#,
            r#"{"index":0,"content":"","tokens":[],"stop":true,"stop_type":"eos","tokens_predicted":2}"#,
        ]);
        assert_eq!(
            object,
            r#"{"index":0,"content":"Once upon","tokens":[5,7],"stop":true,"stop_type":"eos","tokens_predicted":2}"#
        );
        assert_eq!(kinds, [EventKind::Content, EventKind::Content, EventKind::End]);
    }

    fn endpoint(host: &str) -> Endpoint {
        let url = format!("https://{host}/v1/chat/completions");
        detect_endpoint(Request { method: "POST", url: &url }).unwrap()
    }

    fn compact(json: &Json<'_>) -> String {
        let mut out = Vec::new();
        json::compact(json, &mut out);
        String::from_utf8(out).unwrap()
    }

    /// Folds a stream; returns the object, the kind of each event, and the error.
    fn fold_stream(stream: &str) -> (String, Vec<EventKind>, Option<String>) {
        let mut fold = OpenAiChat.fold(&endpoint("api.openai.com")).unwrap();
        let mut kinds = Vec::new();
        for_each_event(Framing::Sse, stream.as_bytes(), |event| {
            if event.data != "[DONE]" {
                kinds.push(fold.event(&event.name, json::parse(&event.data).unwrap().into_owned()));
            }
        });
        let folded = fold.finish();
        (compact(&folded.object), kinds, folded.error.map(|error| compact(&error)))
    }

    fn fold(chunks: &[&str]) -> (String, Vec<EventKind>, Option<String>) {
        fold_stream(&chunks.iter().map(|chunk| format!("data: {chunk}\n\n")).collect::<String>())
    }

    /// The message that deltas fold into.
    fn message(deltas: &[&str]) -> String {
        let chunks: Vec<_> =
            deltas.iter().map(|d| format!(r#"{{"choices":[{{"index":0,"delta":{d}}}]}}"#)).collect();
        let (object, ..) = fold(&chunks.iter().map(|chunk| &**chunk).collect::<Vec<_>>());
        let object = json::parse(&object).unwrap();
        compact(object.get("choices").items()[0].get("message"))
    }

    const STREAM: [&str; 7] = [
        r#"{"id":"c1","object":"chat.completion.chunk","created":1700000000,"model":"gpt-x","service_tier":"default","system_fingerprint":"fp","choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"abc"}"#,
        r#"{"id":"c1","object":"chat.completion.chunk","created":1700000000,"model":"gpt-x","choices":[{"index":1,"delta":{"role":"assistant","content":"two"},"finish_reason":null}]}"#,
        r#"{"id":"c1","object":"chat.completion.chunk","created":1700000000,"model":"gpt-x","choices":[{"index":0,"delta":{"content":"Gr\u00fc"},"logprobs":{"content":[{"token":"Gr","logprob":-0.10,"bytes":[71],"top_logprobs":[]}],"refusal":null},"finish_reason":null}]}"#,
        r#"{"id":"c1","object":"chat.completion.chunk","created":1700000000,"model":"gpt-x","choices":[{"index":0,"delta":{"content":"ße"},"logprobs":{"content":[{"token":"e","logprob":-2,"bytes":[101],"top_logprobs":[]}],"refusal":null},"finish_reason":null}]}"#,
        r#"{"id":"c1","object":"chat.completion.chunk","created":1700000000,"model":"gpt-x","choices":[{"index":1,"delta":{},"finish_reason":"length"}]}"#,
        r#"{"id":"c1","object":"chat.completion.chunk","created":1700000000,"model":"gpt-x","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
        r#"{"id":"c1","object":"chat.completion.chunk","created":1700000000,"model":"gpt-x","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}"#,
    ];

    #[test]
    fn a_stream_folds_into_the_completion_it_stands_for() {
        let (object, kinds, error) = fold(&STREAM);
        assert_eq!(
            object,
            r#"{"id":"c1","object":"chat.completion","created":1700000000,"model":"gpt-x","service_tier":"default","system_fingerprint":"fp","choices":[{"index":0,"message":{"role":"assistant","content":"Grüße","refusal":null},"logprobs":{"content":[{"token":"Gr","logprob":-0.10,"bytes":[71],"top_logprobs":[]},{"token":"e","logprob":-2,"bytes":[101],"top_logprobs":[]}],"refusal":null},"finish_reason":"stop"},{"index":1,"message":{"role":"assistant","content":"two"},"finish_reason":"length"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}"#
        );
        assert_eq!(kinds.iter().position(|kind| *kind == EventKind::Content), Some(1));
        assert_eq!(error, None);
    }

    proptest! {
        #[test]
        fn line_ends_comments_names_and_blank_lines_do_not_change_the_fold(
            newline in prop::sample::select(vec!["\n", "\r\n", "\r"]),
            noise in prop::collection::vec(0_u8..8, STREAM.len()),
            last_blank in any::<bool>(),
            bom in any::<bool>(),
        ) {
            let mut noisy = if bom { "\u{feff}".to_owned() } else { String::new() };
            for (place, (chunk, noise)) in STREAM.iter().zip(noise).enumerate() {
                if noise & 1 != 0 {
                    noisy += &format!(": keep-alive{newline}{newline}");
                }
                if noise & 2 != 0 {
                    noisy += &format!("event: anything{newline}id: {place}{newline}");
                }
                let space = if noise & 4 != 0 { "" } else { " " };
                noisy += &format!("data:{space}{chunk}{newline}");
                if last_blank || place + 1 < STREAM.len() {
                    noisy += newline;
                }
            }
            prop_assert_eq!(fold_stream(&noisy), fold(&STREAM));
        }
    }

    #[test]
    fn azures_opening_chunk_gives_its_filter_results_and_nothing_else() {
        let (object, ..) = fold(&[
            r#"{"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}}}]}"#,
            r#"{"choices":[{"content_filter_results":{},"delta":{"content":"","role":"assistant"},"finish_reason":null,"index":0}],"created":7,"id":"c","model":"gpt-4o","object":"chat.completion.chunk"}"#,
            r#"{"choices":[{"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}},"delta":{"content":"Hi"},"finish_reason":null,"index":0}],"created":7,"id":"c","model":"gpt-4o","object":"chat.completion.chunk"}"#,
            r#"{"choices":[{"content_filter_results":{"hate":{"filtered":true,"severity":"high"}},"delta":{},"finish_reason":null,"index":0}],"created":7,"id":"c","model":"gpt-4o","object":"chat.completion.chunk"}"#,
            r#"{"choices":[{"content_filter_results":{},"delta":{},"finish_reason":"content_filter","index":0}],"created":7,"id":"","model":"","object":""}"#,
        ]);
        assert_eq!(
            object,
            r#"{"choices":[{"index":0,"content_filter_results":{"hate":{"filtered":true,"severity":"high"}},"message":{"role":"assistant","content":"Hi"},"finish_reason":"content_filter"}],"created":7,"id":"c","model":"gpt-4o","object":"chat.completion","prompt_filter_results":[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}}}]}"#
        );
    }

    #[test]
    fn tool_calls_come_whole_however_they_are_cut() {
        // OpenAI: by index.
        assert_eq!(
            message(&[
                r#"{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""}}]}"#,
                r#"{"tool_calls":[{"index":0,"function":{"arguments":"{\"x\""}}]}"#,
                r#"{"tool_calls":[{"index":1,"id":"b","type":"function","function":{"name":"g","arguments":"{}"}}]}"#,
                r#"{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":":1}"}}]}"#,
            ]),
            r#"{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}},{"id":"b","type":"function","function":{"name":"g","arguments":"{}"}}]}"#
        );
        // Gemini: every index is 0.
        assert_eq!(
            message(&[
                r#"{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]}"#,
                r#"{"tool_calls":[{"index":0,"id":"b","function":{"name":"f","arguments":"{}"}}]}"#,
            ]),
            r#"{"role":"assistant","content":null,"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}},{"id":"b","function":{"name":"f","arguments":"{}"}}]}"#
        );
        // No index at all.
        assert_eq!(
            message(&[
                r#"{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{"}}]}"#,
                r#"{"tool_calls":[{"function":{"arguments":"}"}}]}"#,
                r#"{"tool_calls":[{"id":"b","function":{"name":"f","arguments":"{}"}}]}"#,
            ]),
            r#"{"role":"assistant","content":null,"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}},{"id":"b","function":{"name":"f","arguments":"{}"}}]}"#
        );
    }

    #[test]
    fn reasoning_and_its_signature_are_kept() {
        assert_eq!(
            message(&[
                r#"{"role":"assistant","content":"","reasoning":"a","reasoning_details":[{"type":"reasoning.text","text":"a","format":"f","index":0}]}"#,
                r#"{"role":"assistant","content":"","reasoning":"a","reasoning_details":[{"type":"reasoning.text","text":"a","format":"f","index":0}]}"#,
                r#"{"content":"","reasoning_details":[{"type":"reasoning.text","signature":"sig","format":"f","index":0}]}"#,
                r#"{"content":"","reasoning_details":[{"type":"reasoning.encrypted","data":"enc","id":"r","format":"f","index":0}]}"#,
            ]),
            r#"{"role":"assistant","content":"","reasoning":"aa","reasoning_details":[{"type":"reasoning.text","text":"aa","format":"f","index":0,"signature":"sig"},{"type":"reasoning.encrypted","data":"enc","id":"r","format":"f","index":0}]}"#
        );
    }

    #[test]
    fn what_is_said_again_with_every_delta_does_not_grow() {
        // Groq's channels, a gateway's own mark; text may repeat itself.
        assert_eq!(
            message(&[
                r#"{"reasoning":"ha","channel":"analysis","mark":"x"}"#,
                r#"{"reasoning":"ha","channel":"analysis","mark":"x"}"#,
                r#"{"content":"no","channel":"final","mark":"x"}"#,
                r#"{"content":"no","channel":"final","mark":"x"}"#,
            ]),
            r#"{"role":"assistant","content":"nono","reasoning":"haha","channel":"final","mark":"x"}"#
        );
    }

    #[test]
    fn mistrals_content_turns_from_parts_into_text() {
        assert_eq!(
            message(&[
                r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"h"}]}]}"#,
                r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"m"}]}]}"#,
                r#"{"content":"Hi"}"#,
                r#"{"content":"!"}"#,
            ]),
            r#"{"role":"assistant","content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"type":"text","text":"Hi!"}]}"#
        );
    }

    #[test]
    fn images_and_sounds_of_a_stream_are_kept() {
        assert_eq!(
            message(&[
                r#"{"images":[{"index":0,"type":"image_url","image_url":{"url":"data:a"}}]}"#,
                r#"{"images":[{"index":0,"type":"image_url","image_url":{"url":"data:b"}}]}"#,
                r#"{"audio":{"id":"au","transcript":"he"}}"#,
                r#"{"audio":{"id":"au","transcript":"y","data":"AA"}}"#,
            ]),
            r#"{"role":"assistant","content":null,"images":[{"index":0,"type":"image_url","image_url":{"url":"data:a"}},{"index":0,"type":"image_url","image_url":{"url":"data:b"}}],"audio":{"id":"au","transcript":"hey","data":"AA"}}"#
        );
    }

    #[test]
    fn perplexitys_message_beside_the_delta_is_not_said_twice() {
        let (object, ..) = fold(&[
            r#"{"id":"p","object":"chat.completion.chunk","citations":["u"],"choices":[{"index":0,"message":{"role":"assistant","content":"a"},"delta":{"role":"assistant","content":"a"}}],"usage":{"prompt_tokens":1}}"#,
            r#"{"id":"p","object":"chat.completion.done","citations":[],"choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"ab"},"delta":{"role":"assistant","content":"b"}}],"usage":{"prompt_tokens":2}}"#,
        ]);
        assert_eq!(
            object,
            r#"{"id":"p","object":"chat.completion","citations":["u"],"choices":[{"index":0,"message":{"role":"assistant","content":"ab"},"finish_reason":"stop"}],"usage":{"prompt_tokens":2}}"#
        );
    }

    #[test]
    fn an_error_in_a_stream_keeps_its_event_and_what_had_come() {
        let start = r#"{"id":"c","choices":[{"index":0,"delta":{"content":"Hi"}}]}"#;
        for error in [
            r#"{"error":{"message":"m","code":"tool_use_failed","status_code":400}}"#,
            r#"{"object":"error","message":"m","type":"BadRequestError","code":400}"#,
            r#"{"id":"c","error":{"code":502,"message":"m"},"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}"#,
            r#"{"id":"c","choices":[{"index":0,"delta":{}}],"x_groq":{"id":"r","error":"m"}}"#,
        ] {
            let (object, kinds, reported) = fold(&[start, error]);
            assert_eq!(reported.as_deref(), Some(error));
            assert!(
                object.starts_with(
                    r#"{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"}"#
                ),
                "{object}"
            );
            assert!(!object.contains("502"), "{object}");
            assert_eq!(kinds, [EventKind::Content, EventKind::Other]);
        }
        let (_, _, reported) = fold_stream("event: error\ndata: {\"message\":\"m\"}\n\n");
        assert_eq!(reported.as_deref(), Some(r#"{"message":"m"}"#));
    }

    #[test]
    fn legacy_completions_fold_too() {
        let (object, ..) = fold(&[
            r#"{"id":"c","object":"text_completion","choices":[{"text":"a","index":0,"logprobs":{"tokens":["a"],"text_offset":[0]},"finish_reason":null}]}"#,
            r#"{"id":"c","object":"text_completion","choices":[{"text":"a","index":0,"logprobs":{"tokens":["a"],"text_offset":[1]},"finish_reason":"stop"}]}"#,
        ]);
        assert_eq!(
            object,
            r#"{"id":"c","object":"text_completion","choices":[{"index":0,"text":"aa","logprobs":{"tokens":["a","a"],"text_offset":[0,1]},"finish_reason":"stop"}]}"#
        );
    }

    #[test]
    fn the_text_of_completions_was_lost_to_a_trailing_delta() {
        let text = |pieces: &[&str]| {
            let chunks: Vec<String> =
                pieces.iter().map(|piece| format!(r#"{{"choices":[{{"index":0,{piece}}}]}}"#)).collect();
            let (object, kinds, _) = fold(&chunks.iter().map(|chunk| &**chunk).collect::<Vec<_>>());
            let object = json::parse(&object).unwrap();
            let view = OpenAiChat.response(&endpoint("api.together.xyz"), &object);
            let texts: Vec<String> =
                view.choices[0].parts.iter().filter_map(Part::text).map(str::to_owned).collect();
            (texts.concat(), kinds.iter().filter(|kind| **kind == EventKind::Content).count())
        };
        let trailing = r#""text":"","delta":{"role":"assistant","content":""},"finish_reason":"stop""#;
        assert_eq!(text(&[r#""text":"Hel""#, r#""text":"lo""#, trailing]), ("Hello".into(), 2));
        let with_text = r#""text":"lo","delta":{"role":"assistant","content":"lo"}"#;
        assert_eq!(text(&[r#""text":"Hel""#, with_text]), ("Hello".into(), 2));
        let empty = r#""text":"Hel","delta":{"role":"assistant","content":""}"#;
        assert_eq!(text(&[empty, r#""text":"lo""#]), ("Hello".into(), 2));
        // A delta that the text repeats is said once.
        let both = |piece: &str| format!(r#""text":"{piece}","delta":{{"content":"{piece}"}}"#);
        assert_eq!(text(&[&both("Hel"), &both("lo")]), ("Hello".into(), 2));
    }

    #[test]
    fn content_that_is_an_object_was_not_shown() {
        let whole = r#"{"choices":[{"message":{"role":"assistant","content":{"name":"Oslo"}},"finish_reason":"stop"}]}"#;
        let (streamed, kinds, _) =
            fold(&[r#"{"choices":[{"index":0,"delta":{"content":{"name":"Oslo"}}}]}"#]);
        assert_eq!(kinds, [EventKind::Content]);
        for body in [whole, &streamed] {
            let body = json::parse(body).unwrap();
            let view = OpenAiChat.response(&endpoint("api.cloudflare.com"), &body);
            assert_eq!(view.choices[0].parts, [Part::Text(r#"{"name":"Oslo"}"#.into())]);
        }
        let part = r#"{"choices":[{"message":{"content":{"type":"text","text":"Hi"}}}]}"#;
        let part = json::parse(part).unwrap();
        let view = OpenAiChat.response(&endpoint("gateway.example"), &part);
        assert_eq!(view.choices[0].parts, [Part::Text("Hi".into())]);
    }

    #[test]
    fn writers_bare_pieces_were_not_understood() {
        let pieces = [r#"{"value":""}"#, r#"{"value":"Hel"}"#, r#"{"value":"lo"}"#];
        for (path, expected) in [
            ("completions", r#"{"choices":[{"index":0,"text":"Hello"}]}"#),
            ("chat", r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"Hello"}}]}"#),
        ] {
            let url = format!("https://api.writer.com/v1/{path}");
            let endpoint = detect_endpoint(Request { method: "POST", url: &url }).unwrap();
            assert_eq!((endpoint.api, &*endpoint.provider), (crate::capture::Api::OpenAiChat, "writer"));
            let mut fold = crate::api::dialect(endpoint.api).fold(&endpoint).unwrap();
            let kinds = pieces.map(|piece| fold.event("", json::parse(piece).unwrap()));
            assert_eq!(kinds, [EventKind::Other, EventKind::Content, EventKind::Content]);
            assert!(!fold.has_end_mark(), "nothing says that it has ended");
            assert_eq!(compact(&fold.finish().object), expected);
        }
    }

    #[test]
    fn the_last_usage_counts_wherever_it_stands() {
        for chunk in [
            r#"{"choices":[],"usage":{"prompt_tokens":7}}"#,
            r#"{"choices":[{"index":0,"delta":{}}],"x_groq":{"id":"r","usage":{"prompt_tokens":7}}}"#,
            r#"{"choices":[{"index":0,"delta":{},"usage":{"prompt_tokens":7}}]}"#,
        ] {
            let (object, ..) =
                fold(&[r#"{"choices":[{"index":0,"delta":{"content":"x"}}],"usage":null}"#, chunk]);
            let object = json::parse(&object).unwrap();
            let view = OpenAiChat.response(&endpoint("api.groq.com"), &object);
            assert_eq!(view.usage.unwrap().prompt_tokens, 7, "{chunk}");
        }
    }

    #[test]
    fn empty_members_are_no_parts_of_a_message() {
        let body = r#"{"choices":[{"finish_reason":"","message":{"role":"assistant","content":"Hi","refusal":"","audio":{"data":"","transcript":""},"function_call":{"name":"","arguments":""},"tool_calls":null}}]}"#;
        let json = json::parse(body).unwrap();
        let view = OpenAiChat.response(&endpoint("x.snowflakecomputing.com"), &json);
        assert_eq!(view.choices[0].parts, [Part::Text("Hi".into())]);
    }

    #[test]
    fn tool_results_join_their_calls_by_id() {
        let body = r#"{"messages":[
            {"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"b","type":"custom","custom":{"name":"g","input":"x"}}]},
            {"role":"tool","tool_call_id":"b","name":"g","content":"2"},{"role":"tool","tool_call_id":"a","content":"1"},
            {"role":"assistant","function_call":{"name":"old","arguments":"{}"}},{"role":"function","name":"old","content":"3"}]}"#;
        let json = json::parse(body).unwrap();
        let view = OpenAiChat.request(&endpoint("api.openai.com"), &json);
        let parts = view.messages.iter().flat_map(|message| &message.parts);
        let expected =
            ["f called as a", "g called as b", "result of b", "result of a", "old called as ", "result of "];
        assert_eq!(tool_ids(parts), expected);
    }
}
