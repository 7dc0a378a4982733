//! OpenAI chat completions, legacy completions, and everything shaped like them: DeepSeek, Groq,
//! Mistral, OpenRouter, Perplexity, Together, Fireworks, xAI, vLLM, llama.cpp …
//!
//! <https://platform.openai.com/docs/api-reference/chat>

use std::borrow::Cow;

use crate::json::{Json, Object, Text};
use crate::record::{Endpoint, Usage};

use super::dialect::{Dialect, Fold, Folded, Seen};
use super::view::{
    Choice, Message, Part, ReportedCost, RequestView, ResponseView, Tool, count, media_at, present, text,
    text_or_json,
};

pub(super) struct OpenAiChat;

impl Dialect for OpenAiChat {
    fn request<'j>(&self, _endpoint: &Endpoint, body: &'j Json<'j>) -> RequestView<'j> {
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
            model: body.get("model").as_str(),
            stream: body.get("stream").as_bool().unwrap_or(false),
            temperature: present(body, "temperature"),
            max_tokens: present(body, "max_completion_tokens").or(present(body, "max_tokens")),
            tool_choice: present(body, "tool_choice").or(present(body, "function_call")),
            messages_count: messages.len(),
            messages,
            tools: tools.map(tool).chain(functions.map(function)).collect(),
        }
    }

    fn response<'j>(&self, endpoint: &Endpoint, body: &'j Json<'j>) -> ResponseView<'j> {
        let usage_json = match body.get("usage") {
            Json::Null => body.at(&["x_groq", "usage"]),
            usage => usage,
        };
        ResponseView {
            id: text(body.get("id")),
            object: text(body.get("object")),
            created: body.get("created").as_u64(),
            model: text(body.get("model")),
            choices: body.get("choices").items().iter().map(choice).collect(),
            usage: usage(endpoint, usage_json),
            cost: reported_cost(usage_json),
            service_tier: text(body.get("service_tier")),
            error: present(body, "error"),
        }
    }

    fn fold<'a>(&self, _endpoint: &Endpoint) -> Option<Box<dyn Fold<'a> + 'a>> {
        Some(Box::new(ChatFold::default()))
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
            },
        },
    }
}

fn function<'j>(function: &'j Json<'j>) -> Tool<'j> {
    Tool { name: text(function.get("name")), description: text(function.get("description")) }
}

fn message<'j>(message: &'j Json<'j>) -> Message<'j> {
    let role = text(message.get("role"));
    let mut parts = message_parts(message);
    if role == "tool" || role == "function" {
        let of = message.get("tool_call_id").as_str();
        let of = of.unwrap_or_else(|| text(message.get("name")));
        let result = parts.iter().filter_map(Part::text).collect::<Vec<_>>().join("\n");
        parts.retain(|part| part.text().is_none());
        parts.insert(0, Part::ToolResult { of, text: result.into() });
    }
    Message { role, parts }
}

/// The parts of a message of either direction, reasoning first.
fn message_parts<'j>(message: &'j Json<'j>) -> Vec<Part<'j>> {
    let mut parts = Vec::new();
    for key in ["reasoning_content", "reasoning"] {
        if let Some(reasoning) = message.get(key).as_str().filter(|r| !r.is_empty()) {
            parts.push(Part::Reasoning(reasoning));
            break;
        }
    }
    match message.get("content") {
        Json::String(content) if !content.is_empty() => parts.push(Part::Text(content.plain())),
        Json::Array(items) => parts.extend(items.iter().flat_map(content_part)),
        _ => {}
    }
    if let Some(refusal) = message.get("refusal").as_str().filter(|r| !r.is_empty()) {
        parts.push(Part::Refusal(refusal));
    }
    if let Some(audio) = present(message, "audio") {
        if let Some(transcript) = audio.get("transcript").as_str() {
            parts.push(Part::Text(transcript));
        }
        if let Some(data) = audio.get("data").as_str() {
            parts.push(Part::Media {
                media_type: Cow::Borrowed("audio"),
                bytes: Some(super::view::base64_bytes(&data)),
                source: Cow::Borrowed(""),
            });
        }
    }
    parts.extend(message.get("images").items().iter().flat_map(content_part));
    for call in message.get("tool_calls").items() {
        let inner = match (present(call, "function"), present(call, "custom")) {
            (Some(inner), _) | (None, Some(inner)) => inner,
            (None, None) => call,
        };
        parts.push(tool_call(inner));
    }
    if let Some(call) = present(message, "function_call") {
        parts.push(tool_call(call));
    }
    parts
}

fn tool_call<'j>(call: &'j Json<'j>) -> Part<'j> {
    let arguments = present(call, "arguments").unwrap_or_else(|| call.get("input"));
    Part::ToolCall { name: text(call.get("name")), arguments: text_or_json(arguments) }
}

fn content_part<'j>(part: &'j Json<'j>) -> Vec<Part<'j>> {
    let kind = text(part.get("type"));
    let one = match &*kind {
        "text" | "input_text" | "output_text" => Part::Text(text(part.get("text"))),
        "refusal" => Part::Refusal(text(part.get("refusal"))),
        // Mistral's magistral models.
        "thinking" => match part.get("thinking") {
            Json::Array(items) => {
                let texts: Vec<_> = items.iter().map(|item| text(item.get("text"))).collect();
                Part::Reasoning(texts.concat().into())
            }
            other => Part::Reasoning(text(other)),
        },
        "image_url" => match part.get("image_url") {
            Json::String(url) => media_at(url.plain(), "image"),
            image => media_at(text(image.get("url")), "image"),
        },
        "input_audio" => Part::Media {
            media_type: format!("audio/{}", text(part.at(&["input_audio", "format"]))).into(),
            bytes: part.at(&["input_audio", "data"]).as_str().map(|d| super::view::base64_bytes(&d)),
            source: Cow::Borrowed(""),
        },
        "file" => match part.at(&["file", "file_data"]).as_str() {
            Some(data) => media_at(data, "file"),
            None => Part::Media {
                media_type: Cow::Borrowed("file"),
                bytes: None,
                source: text(part.at(&["file", "file_id"])),
            },
        },
        _ => match part {
            Json::String(text) => Part::Text(text.plain()),
            other => Part::Other(other),
        },
    };
    vec![one]
}

fn choice<'j>(choice: &'j Json<'j>) -> Choice<'j> {
    let parts = match (present(choice, "message"), choice.get("text")) {
        (Some(message), _) => message_parts(message),
        (None, Json::String(text)) => vec![Part::Text(text.plain())],
        (None, _) => Vec::new(),
    };
    Choice { finish_reason: text(choice.get("finish_reason")), parts }
}

/// The tokens of a `usage` object in the common shape, in either generation of names.
pub(super) fn usage(endpoint: &Endpoint, usage: &Json<'_>) -> Option<Usage> {
    usage.as_object()?;
    let prompt = count(usage, &[&["prompt_tokens"], &["input_tokens"]]).unwrap_or(0);
    let completion = count(usage, &[&["completion_tokens"], &["output_tokens"]]).unwrap_or(0);
    let reasoning = count(
        usage,
        &[
            &["completion_tokens_details", "reasoning_tokens"],
            &["output_tokens_details", "reasoning_tokens"],
            &["reasoning_tokens"],
        ],
    )
    .unwrap_or(0);
    let total = count(usage, &[&["total_tokens"]]);
    // xAI's chat completions count reasoning beside the completion; its total says so too.
    let beside = endpoint.provider == "x_ai" && total.is_none_or(|t| t >= prompt + completion + reasoning);
    let completion = if beside { completion + reasoning } else { completion };
    Some(Usage {
        prompt_tokens: prompt,
        completion_tokens: completion,
        total_tokens: total.unwrap_or(prompt + completion),
        cached_tokens: count(
            usage,
            &[
                &["prompt_tokens_details", "cached_tokens"],
                &["input_tokens_details", "cached_tokens"],
                &["prompt_cache_hit_tokens"],
                &["cached_tokens"],
            ],
        )
        .unwrap_or(0),
        cache_creation_tokens: count(
            usage,
            &[
                &["prompt_tokens_details", "cache_write_tokens"],
                &["prompt_tokens_details", "cache_creation_tokens"],
                &["cache_creation_input_tokens"],
            ],
        )
        .unwrap_or(0),
        reasoning_tokens: reasoning,
    })
}

/// OpenRouter's `cost`, Perplexity's `cost.total_cost`, xAI's ticks of 10⁻¹⁰ dollars.
pub(super) fn reported_cost(usage: &Json<'_>) -> Option<ReportedCost> {
    let number = |path: &[&str]| usage.at(path).as_f64();
    if let Some(total) = number(&["cost"]) {
        return Some(ReportedCost {
            input: number(&["cost_details", "upstream_inference_prompt_cost"]).unwrap_or(0.0),
            output: number(&["cost_details", "upstream_inference_completions_cost"]).unwrap_or(0.0),
            total,
        });
    }
    if let Some(total) = number(&["cost", "total_cost"]) {
        return Some(ReportedCost {
            input: number(&["cost", "input_tokens_cost"]).unwrap_or(0.0),
            output: number(&["cost", "output_tokens_cost"]).unwrap_or(0.0),
            total,
        });
    }
    let ticks = number(&["cost_in_usd_ticks"])?;
    Some(ReportedCost { total: ticks / 1e10, ..ReportedCost::default() })
}

/// Chunks on their way to a `chat.completion`.
#[derive(Default)]
pub(super) struct ChatFold<'a> {
    object: Object<'a>,
    choices: Vec<ChoiceFold<'a>>,
    error: Option<Json<'a>>,
}

struct ChoiceFold<'a> {
    index: u64,
    members: Object<'a>,
    message: Option<Json<'a>>,
}

impl<'a> Fold<'a> for ChatFold<'a> {
    fn event(&mut self, _name: &str, data: Json<'a>) -> Seen {
        let Json::Object(chunk) = data else {
            return Seen::Unknown;
        };
        let mut seen = Seen::Other;
        for (key, value) in chunk {
            match (&*key.plain(), value) {
                ("choices", Json::Array(choices)) => {
                    if self.object.get("choices").is_none() {
                        self.object.set("choices", Json::Null);
                    }
                    for choice in choices {
                        if self.choice(choice) {
                            seen = Seen::Content;
                        }
                    }
                }
                // Padding against traffic analysis; no part of the answer.
                ("obfuscation", _) => {}
                ("error", error) if !error.is_null() => self.error = Some(error),
                (name, value) => self.member(name == "x_groq", key, value),
            }
        }
        seen
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
    /// A member of the chunk itself: what was said first stays, but for what grows or comes late.
    fn member(&mut self, merge: bool, key: Text<'a>, value: Json<'a>) {
        let fixed = ["id", "object", "created", "model"].iter().any(|fixed| key == **fixed);
        let place = self.object.entry(&key);
        let unset = place.is_null() || place.as_text().is_some_and(Text::is_empty);
        if merge && let (Some(old), Json::Object(new)) = (place.as_object_mut(), &value) {
            for (key, value) in new.iter() {
                old.set_text(key.clone(), value.clone());
            }
        } else if unset || (!fixed && !value.is_null()) {
            *place = value;
        }
    }

    /// Takes one choice of a chunk; says whether the model said something in it.
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
        let has_delta = choice.get("delta").is_some_and(|delta| !delta.is_null());
        let mut said = false;
        for (key, value) in choice {
            match (&*key.plain(), value) {
                ("index", _) => {}
                ("delta", delta @ Json::Object(_)) => {
                    if self.message.is_none() {
                        self.members.set("message", Json::Null);
                    }
                    said |= says_something(&delta);
                    let message = self.message.get_or_insert_with(|| {
                        let start = [("role", Json::string("assistant")), ("content", Json::Null)];
                        Json::Object(start.into_iter().collect())
                    });
                    merge(message, "message", delta);
                }
                // Perplexity repeats the whole message beside each delta.
                ("message", message) if !has_delta && !message.is_null() => {
                    self.members.set("message", Json::Null);
                    said |= says_something(&message);
                    self.message = Some(message);
                }
                ("message" | "delta", _) => {}
                ("text", value) => {
                    said |= value.as_text().is_some_and(|text| !text.is_empty());
                    merge(self.members.entry(&key), "text", value);
                }
                ("finish_reason", value) => {
                    let place = self.members.entry(&key);
                    if !value.is_null() {
                        *place = value;
                    }
                }
                (name, value) => merge(self.members.entry(&key), name, value),
            }
        }
        said
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

/// Whether a delta carries content of any kind, not just its role.
fn says_something(delta: &Json<'_>) -> bool {
    delta.as_object().is_some_and(|delta| {
        delta.iter().any(|(key, value)| match value {
            Json::String(text) => !text.is_empty() && *key != *"role",
            Json::Array(items) => !items.is_empty(),
            Json::Object(members) => !members.is_empty(),
            Json::Null | Json::Bool(_) | Json::Number(_) => false,
        })
    })
}

/// Strings that are said once and may be repeated; all others come in pieces.
const SAID_ONCE: [&str; 9] =
    ["role", "id", "type", "format", "object", "model", "native_finish_reason", "tool_call_id", "mime_type"];

/// Adds a piece to what came before it.
fn merge<'a>(whole: &mut Json<'a>, key: &str, piece: Json<'a>) {
    match (&mut *whole, piece) {
        (_, Json::Null) => {}
        (Json::String(old), Json::String(new)) => {
            let repeated = key == "name" && *old == new;
            if SAID_ONCE.contains(&key) {
                if !new.is_empty() {
                    *old = new;
                }
            } else if !repeated {
                old.push(&new);
            }
        }
        (Json::Object(old), Json::Object(new)) => {
            for (key, value) in new {
                let name = key.plain().into_owned();
                merge(old.entry(&key), &name, value);
            }
        }
        (Json::Array(old), Json::Array(new)) => {
            for item in new {
                merge_item(old, key, item);
            }
        }
        // Mistral's content turns from text into parts, and back.
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
    let place = if let Some(index) = index {
        let id = item.get("id").as_text().filter(|id| !id.is_empty());
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
    } else if key == "content" || key == "thinking" {
        let kind = item.get("type");
        let grows = ["text", "thinking"].iter().any(|k| kind.as_text().is_some_and(|t| *t == **k));
        let last = list.len().checked_sub(1);
        last.filter(|last| grows && list[*last].get("type") == kind)
    } else {
        None
    };
    match place {
        Some(place) => merge(&mut list[place], key, item),
        None => list.push(item),
    }
}
