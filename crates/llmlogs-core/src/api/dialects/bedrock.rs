//! Bedrock's `converse` and `converse-stream`, one shape for every model.
//!
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html>

use std::borrow::Cow;

use crate::capture::Endpoint;
use crate::format::Usage;
use crate::json::{Json, Object, Text};

use crate::api::dialect::{Dialect, EventKind, Fold, Folded};
use crate::api::error::reported;
use crate::api::shared::delta::joined_json;
use crate::api::shared::media::base64_bytes;
use crate::api::shared::members::{count, present, text, text_or_json};
use crate::api::view::{Choice, Message, Part, RequestView, ResponseView, Tool};

pub(crate) struct BedrockConverse;

impl Dialect for BedrockConverse {
    fn request<'j>(&self, endpoint: &Endpoint, body: &'j Json<'j>) -> RequestView<'j> {
        let listed = body.get("messages").items();
        let system = parts(body.get("system"));
        let system = (!system.is_empty()).then_some(Message { role: Cow::Borrowed("system"), parts: system });
        let settings = body.get("inferenceConfig");
        let tools = body.at(&["toolConfig", "tools"]).items();
        RequestView {
            model: None,
            stream: endpoint.path.ends_with("-stream"),
            temperature: present(settings, "temperature"),
            // The second is Nova's own.
            max_tokens: present(settings, "maxTokens").or(present(settings, "max_new_tokens")),
            tool_choice: present(body.get("toolConfig"), "toolChoice"),
            messages_count: listed.len(),
            messages: system.into_iter().chain(listed.iter().map(message)).collect(),
            tools: tools.iter().filter_map(tool).collect(),
        }
    }

    fn response<'j>(&self, _endpoint: &Endpoint, body: &'j Json<'j>) -> ResponseView<'j> {
        let choice = |message: &'j Json<'j>| Choice {
            finish_reason: text(body.get("stopReason")),
            parts: parts(message.get("content")),
        };
        ResponseView {
            // A prompt router names the model that it chose.
            model: text(body.at(&["trace", "promptRouter", "invokedModelId"])),
            choices: present(body.get("output"), "message").map(choice).into_iter().collect(),
            usage: usage(body.get("usage")),
            service_tier: text(body.at(&["serviceTier", "type"])),
            error: reported(body),
            ..ResponseView::default()
        }
    }

    fn fold<'a>(&self, _endpoint: &Endpoint) -> Option<Box<dyn Fold<'a> + 'a>> {
        Some(Box::new(ConverseFold::default()))
    }
}

/// Returns a tool; `None` for a cache point in the list of tools.
fn tool<'j>(tool: &'j Json<'j>) -> Option<Tool<'j>> {
    let (kind, inner) = tool.as_object()?.iter().next()?;
    if *kind == *"cachePoint" {
        return None;
    }
    let name = inner.get("name").as_str().unwrap_or_else(|| kind.plain());
    let parameters = Some(inner.at(&["inputSchema", "json"])).filter(|schema| !schema.is_null());
    Some(Tool { name, description: text(inner.get("description")), parameters })
}

fn message<'j>(message: &'j Json<'j>) -> Message<'j> {
    Message::with_results(text(message.get("role")), parts(message.get("content")))
}

fn parts<'j>(content: &'j Json<'j>) -> Vec<Part<'j>> {
    match content {
        // Nova's own format takes a text too.
        Json::String(text) if !text.is_empty() => vec![Part::Text(text.plain())],
        content => content.items().iter().flat_map(block_parts).collect(),
    }
}

/// Returns the parts of a block, which is an object of one member that names its kind.
fn block_parts<'j>(block: &'j Json<'j>) -> Vec<Part<'j>> {
    let Some((kind, inner)) = block.as_object().and_then(|block| block.iter().find(|(_, v)| !v.is_null()))
    else {
        return Vec::new();
    };
    let kind = kind.plain();
    let one = match (&*kind, inner) {
        ("text", Json::String(text)) => Part::Text(text.plain()),
        ("reasoningContent", reasoning) => match reasoning.at(&["reasoningText", "text"]).as_str() {
            Some(text) => Part::Reasoning(text),
            None => Part::Reasoning(Cow::Borrowed("[redacted]")),
        },
        ("toolUse", call) => {
            let (name, arguments) = (text(call.get("name")), text_or_json(call.get("input")));
            Part::ToolCall { id: text(call.get("toolUseId")), name, arguments }
        }
        ("toolResult", result) => return tool_result(result),
        ("image" | "document" | "video" | "audio", inner) => media(kind, inner),
        ("citationsContent", cited) => return parts(cited.get("content")),
        ("guardContent", guarded) => match guarded.at(&["text", "text"]).as_str() {
            Some(text) => Part::Text(text),
            None => return block_parts(guarded),
        },
        ("cachePoint", _) => return Vec::new(),
        _ => Part::Other(block),
    };
    vec![one]
}

fn media<'j>(kind: Cow<'j, str>, media: &'j Json<'j>) -> Part<'j> {
    let source = media.get("source");
    let format = text(media.get("format"));
    let family = match (&*kind, &*format) {
        ("document", "csv" | "html" | "md" | "txt") => "text",
        ("document", _) => "application",
        (kind, _) => kind,
    };
    let plain = source.get("text").as_str().map(|text| text.len() as u64);
    Part::Media {
        media_type: if format.is_empty() { kind } else { format!("{family}/{format}").into() },
        bytes: source.get("bytes").as_str().map(|data| base64_bytes(&data)).or(plain),
        source: source.at(&["s3Location", "uri"]).as_str().unwrap_or_else(|| text(media.get("name"))),
    }
}

/// Returns the parts of a tool's result: its text, then its images and documents.
fn tool_result<'j>(result: &'j Json<'j>) -> Vec<Part<'j>> {
    let mut texts = Vec::new();
    let mut media = Vec::new();
    for item in result.get("content").items() {
        match block_parts(item).pop() {
            Some(Part::Text(text)) => texts.push(text),
            Some(part @ Part::Media { .. }) => media.push(part),
            _ => texts.push(text_or_json(present(item, "json").unwrap_or(item))),
        }
    }
    let call_id = text(result.get("toolUseId"));
    let mut parts =
        vec![Part::ToolResult { call_id: call_id.clone(), label: call_id, text: texts.join("\n").into() }];
    parts.append(&mut media);
    parts
}

/// Returns the token counts of a `usage` object, whose input tokens leave out those of the cache.
fn usage(usage: &Json<'_>) -> Option<Usage> {
    usage.as_object()?;
    // Models on `invoke`, and older answers, have names that end in `TokenCount`.
    let number = |paths: [&str; 2]| count(usage, &[&paths[..1], &paths[1..]]).unwrap_or(0);
    let cached = number(["cacheReadInputTokens", "cacheReadInputTokenCount"]);
    let written = number(["cacheWriteInputTokens", "cacheWriteInputTokenCount"]);
    let prompt = number(["inputTokens", "inputTokenCount"]) + cached + written;
    let completion = number(["outputTokens", "outputTokenCount"]);
    Some(Usage {
        prompt_tokens: prompt,
        completion_tokens: completion,
        total_tokens: count(usage, &[&["totalTokens"]]).unwrap_or(prompt + completion),
        cached_tokens: cached,
        cache_creation_tokens: written,
        reasoning_tokens: 0,
    })
}

/// Returns the token counts that `invoke` reports apart from the model's own answer.
pub(crate) fn invocation_usage(metrics: &Json<'_>) -> Option<Usage> {
    present(metrics, "inputTokenCount").or(present(metrics, "outputTokenCount"))?;
    usage(metrics)
}

/// The names of the events of `converse-stream`.
const EVENTS: [&str; 6] =
    ["messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata"];

/// Returns whether an event has its name as a key: Nova on `invoke` and gateways send
/// `{"contentBlockDelta": {…}}`.
pub(crate) fn names_itself(data: &Json<'_>) -> bool {
    EVENTS.iter().any(|name| data.get(name).as_object().is_some())
}

/// Folds events into a `converse` response.
#[derive(Default)]
pub(crate) struct ConverseFold<'a> {
    response: Object<'a>,
    role: Option<Json<'a>>,
    blocks: Vec<Block<'a>>,
    error: Option<Json<'a>>,
}

struct Block<'a> {
    index: Option<u64>,
    members: Object<'a>,
    /// The JSON of a tool's input so far.
    input: Text<'a>,
    citations: Vec<Json<'a>>,
}

impl<'a> Fold<'a> for ConverseFold<'a> {
    fn event(&mut self, name: &str, data: Json<'a>) -> EventKind {
        let known = EVENTS.contains(&name);
        let wrapped = !known && names_itself(&data);
        let Json::Object(event) = data else {
            return EventKind::Unknown;
        };
        if event.get("__type").is_some_and(|kind| !kind.is_null()) {
            self.error = Some(Json::Object(event));
            return EventKind::Other;
        }
        if known {
            return self.take(name, event);
        }
        if !wrapped {
            return EventKind::Unknown;
        }
        let mut kind = EventKind::Other;
        for (key, value) in event {
            match (&*key.plain(), value) {
                (name, Json::Object(event)) if EVENTS.contains(&name) => kind = self.take(name, event),
                ("p", _) => {}
                (_, value) => self.response.set_text(key, value),
            }
        }
        kind
    }

    fn finish(mut self: Box<Self>) -> Folded<'a> {
        if self.role.is_some() || !self.blocks.is_empty() {
            let content = self.blocks.into_iter().map(Block::finish).collect();
            let role = self.role.unwrap_or_else(|| Json::string("assistant"));
            let message = object([("role", role), ("content", Json::Array(content))]);
            self.response.set("output", object([("message", message)]));
        }
        Folded { object: Json::Object(self.response), error: self.error }
    }
}

fn object<'a, const N: usize>(members: [(&'static str, Json<'a>); N]) -> Json<'a> {
    Json::Object(members.into_iter().collect())
}

impl<'a> ConverseFold<'a> {
    fn take(&mut self, name: &str, mut event: Object<'a>) -> EventKind {
        let index = event.get("contentBlockIndex").and_then(Json::as_u64);
        match name {
            "messageStart" => {
                self.role = event.remove("role");
                // Its place is before what ends the answer.
                self.response.set("output", Json::Null);
                EventKind::Other
            }
            "contentBlockStart" => match event.remove("start") {
                Some(Json::Object(start)) if !start.is_empty() => {
                    self.blocks.push(Block::new(index, start));
                    EventKind::Content
                }
                _ => EventKind::Other,
            },
            "contentBlockDelta" => match event.remove("delta") {
                Some(Json::Object(delta)) => EventKind::content_if(self.block(index).take(delta)),
                _ => EventKind::Other,
            },
            "messageStop" | "metadata" => {
                for (key, value) in event {
                    // Padding against traffic analysis; no part of the answer.
                    if key != *"p" && !value.is_null() {
                        self.response.set_text(key, value);
                    }
                }
                if name == "metadata" { EventKind::End } else { EventKind::Other }
            }
            _ => EventKind::Other,
        }
    }

    fn block(&mut self, index: Option<u64>) -> &mut Block<'a> {
        let place = match index {
            Some(_) => self.blocks.iter().rposition(|block| block.index == index),
            None => self.blocks.len().checked_sub(1),
        };
        let place = place.unwrap_or_else(|| {
            self.blocks.push(Block::new(index, Object::new()));
            self.blocks.len() - 1
        });
        &mut self.blocks[place]
    }
}

impl<'a> Block<'a> {
    fn new(index: Option<u64>, members: Object<'a>) -> Self {
        Block { index, members, input: Text::default(), citations: Vec::new() }
    }

    /// Takes a delta; returns whether it has content.
    fn take(&mut self, delta: Object<'a>) -> bool {
        let mut is_content = false;
        for (key, value) in delta {
            is_content |= has_text(&value);
            match (&*key.plain(), value) {
                ("toolUse", Json::Object(mut call)) => {
                    if let Some(Json::String(piece)) = call.remove("input") {
                        self.input.push(&piece);
                    }
                    append(self.members.entry(&key), Json::Object(call));
                }
                // Whole, a text and its signature stand one level deeper.
                ("reasoningContent", Json::Object(mut reasoning)) => {
                    let redacted = reasoning.remove("redactedContent");
                    let redacted = redacted.map(|data| ("redactedContent", data));
                    let text = (!reasoning.is_empty()).then_some(("reasoningText", Json::Object(reasoning)));
                    let whole = redacted.into_iter().chain(text).collect();
                    append(self.members.entry(&key), Json::Object(whole));
                }
                ("toolResult", Json::Array(items)) => {
                    let result = object([("content", Json::Array(items))]);
                    append(self.members.entry(&key), result);
                }
                ("citation", citation) => self.citations.push(citation),
                (_, value) => append(self.members.entry(&key), value),
            }
        }
        is_content
    }

    fn finish(mut self) -> Json<'a> {
        if let Some(Json::Object(call)) = self.members.get_mut("toolUse") {
            if !self.input.is_empty() {
                call.set("input", joined_json(self.input));
            } else if call.get("input").is_none() {
                call.set("input", Json::Object(Object::new()));
            }
        }
        if !self.citations.is_empty() {
            let text = self.members.remove("text").map(|text| object([("text", text)]));
            let cited = [
                ("content", Json::Array(text.into_iter().collect())),
                ("citations", Json::Array(self.citations)),
            ];
            self.members.set("citationsContent", object(cited));
        }
        Json::Object(self.members)
    }
}

/// Returns whether there is a text that is not empty anywhere in a delta, whose objects come empty to begin with.
fn has_text(delta: &Json<'_>) -> bool {
    match delta {
        Json::String(text) => !text.is_empty(),
        Json::Array(items) => items.iter().any(has_text),
        Json::Object(members) => members.iter().any(|(_, value)| has_text(value)),
        Json::Null | Json::Bool(_) | Json::Number(_) => false,
    }
}

/// Adds a piece: to a text at its end, to an object member by member, to a list as an item, or to
/// its last one where both are texts.
fn append<'a>(whole: &mut Json<'a>, piece: Json<'a>) {
    match (whole, piece) {
        (_, Json::Null) => {}
        (Json::String(old), Json::String(new)) => old.push(&new),
        (Json::Object(old), Json::Object(new)) => {
            for (key, value) in new {
                append(old.entry(&key), value);
            }
        }
        (Json::Array(old), Json::Array(new)) => {
            let is_text = |item: &Json<'_>| item.get("text").as_text().is_some();
            for item in new {
                match old.last_mut().filter(|last| is_text(last) && is_text(&item)) {
                    Some(last) => append(last, item),
                    None => old.push(item),
                }
            }
        }
        (whole, piece) => *whole = piece,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::api::framing::aws_frames::{event, exception};
    use crate::api::view::tool_ids;
    use crate::api::{Request, decode, detect_endpoint, reported_failure};
    use crate::capture::{Body, CapturedResponse, ChunkTimings, Completion, ResponseHead};
    use crate::json;

    const BASE: &str = "https://bedrock-runtime.us-east-1.amazonaws.com/model/us.amazon.nova-v1%3A0";

    fn endpoint(verb: &str) -> Endpoint {
        detect_endpoint(Request { method: "POST", url: &format!("{BASE}/{verb}") }).unwrap()
    }

    fn compact(json: &Json<'_>) -> String {
        let mut out = Vec::new();
        json::compact(json, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn fold(events: &[(&str, &str)]) -> (String, Vec<EventKind>, Option<String>) {
        let mut fold = BedrockConverse.fold(&endpoint("converse-stream")).unwrap();
        let kinds = events.iter().map(|(name, data)| fold.event(name, json::parse(data).unwrap())).collect();
        let folded = fold.finish();
        (compact(&folded.object), kinds, folded.error.map(|error| compact(&error)))
    }

    #[test]
    fn a_stream_folds_into_the_response_it_stands_for() {
        let (object, kinds, error) = fold(&[
            ("messageStart", r#"{"p":"abc","role":"assistant"}"#),
            (
                "contentBlockDelta",
                r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"h"}},"p":"a"}"#,
            ),
            ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"m"}}}"#),
            (
                "contentBlockDelta",
                r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"signature":"s="}}}"#,
            ),
            ("contentBlockStop", r#"{"contentBlockIndex":0,"p":"a"}"#),
            ("contentBlockDelta", r#"{"contentBlockIndex":1,"delta":{"text":""}}"#),
            ("contentBlockDelta", r#"{"contentBlockIndex":1,"delta":{"text":"Hi"}}"#),
            (
                "contentBlockStart",
                r#"{"contentBlockIndex":2,"start":{"toolUse":{"toolUseId":"t","name":"add"}}}"#,
            ),
            ("contentBlockDelta", r#"{"contentBlockIndex":2,"delta":{"toolUse":{"input":"{\"a\":"}}}"#),
            ("contentBlockDelta", r#"{"contentBlockIndex":2,"delta":{"toolUse":{"input":" 1.0}"}}}"#),
            ("contentBlockStop", r#"{"contentBlockIndex":2}"#),
            (
                "contentBlockStart",
                r#"{"contentBlockIndex":3,"start":{"toolUse":{"toolUseId":"u","name":"now"}}}"#,
            ),
            ("contentBlockStop", r#"{"contentBlockIndex":3}"#),
            ("messageStop", r#"{"stopReason":"tool_use","additionalModelResponseFields":{"x":1},"p":"a"}"#),
            (
                "metadata",
                r#"{"metrics":{"latencyMs":7},"p":"a","usage":{"inputTokens":1,"outputTokens":2,"totalTokens":3}}"#,
            ),
        ]);
        assert_eq!(
            object,
            r#"{"output":{"message":{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"hm","signature":"s="}}},{"text":"Hi"},{"toolUse":{"toolUseId":"t","name":"add","input":{"a":1.0}}},{"toolUse":{"toolUseId":"u","name":"now","input":{}}}]}},"stopReason":"tool_use","additionalModelResponseFields":{"x":1},"metrics":{"latencyMs":7},"usage":{"inputTokens":1,"outputTokens":2,"totalTokens":3}}"#
        );
        assert_eq!(kinds.iter().position(|kind| *kind == EventKind::Content), Some(1));
        assert_eq!((kinds[5], kinds.last()), (EventKind::Other, Some(&EventKind::End)));
        assert_eq!(error, None);
    }

    #[test]
    fn citations_redactions_and_tool_results_fold_into_their_blocks() {
        let (object, _, _) = fold(&[
            ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"It is"}}"#),
            ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"citation":{"title":"T"}}}"#),
            ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":" so."}}"#),
            (
                "contentBlockDelta",
                r#"{"contentBlockIndex":1,"delta":{"reasoningContent":{"redactedContent":"AAAA"}}}"#,
            ),
            (
                "contentBlockStart",
                r#"{"contentBlockIndex":2,"start":{"toolResult":{"toolUseId":"t","status":"success"}}}"#,
            ),
            ("contentBlockDelta", r#"{"contentBlockIndex":2,"delta":{"toolResult":[{"text":"a"}]}}"#),
            (
                "contentBlockDelta",
                r#"{"contentBlockIndex":2,"delta":{"toolResult":[{"text":"b"},{"json":1}]}}"#,
            ),
        ]);
        assert_eq!(
            object,
            r#"{"output":{"message":{"role":"assistant","content":[{"citationsContent":{"content":[{"text":"It is so."}],"citations":[{"title":"T"}]}},{"reasoningContent":{"redactedContent":"AAAA"}},{"toolResult":{"toolUseId":"t","status":"success","content":[{"text":"ab"},{"json":1}]}}]}}}"#
        );
    }

    #[test]
    fn an_exception_in_the_stream_is_told_and_what_came_before_it_kept() {
        let (object, kinds, error) = fold(&[
            ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"Hi"}}"#),
            ("fromTheFuture", r#"{"x":1}"#),
            ("throttlingException", r#"{"message":"slow down","__type":"throttlingException"}"#),
        ]);
        assert_eq!(object, r#"{"output":{"message":{"role":"assistant","content":[{"text":"Hi"}]}}}"#);
        assert_eq!(kinds[1], EventKind::Unknown);
        assert_eq!(error.as_deref(), Some(r#"{"message":"slow down","__type":"throttlingException"}"#));
    }

    /// Reads a whole body of frames as the recorder does.
    fn decoded(bytes: Vec<u8>) -> (Option<String>, Option<(String, String)>) {
        let outcome = CapturedResponse {
            head: ResponseHead {
                status: Some(200),
                content_type: "application/vnd.amazon.eventstream".into(),
                ..ResponseHead::default()
            },
            body: Body::Whole(bytes.into()),
            chunk_timings: ChunkTimings::default(),
            completion: Completion::Complete,
            ended: Instant::now(),
        };
        let endpoint = endpoint("converse-stream");
        let decoded = decode(&endpoint, &outcome);
        let failure = reported_failure(&decoded, &ResponseView::default());
        (decoded.json.as_ref().map(compact), failure.map(|failure| (failure.code, failure.message)))
    }

    #[test]
    fn frames_are_read_up_to_the_one_that_broke_off() {
        let text_event = |text: &str| {
            event("contentBlockDelta", &format!(r#"{{"contentBlockIndex":0,"delta":{{"text":"{text}"}}}}"#))
        };
        let whole = [text_event("Hé"), text_event("llo")].concat();
        let cut = [whole.clone(), text_event(" lost")[..50].to_vec()].concat();
        let object = r#"{"output":{"message":{"role":"assistant","content":[{"text":"Héllo"}]}}}"#;
        assert_eq!(decoded(whole.clone()), (Some(object.to_owned()), None));
        assert_eq!(decoded(cut), (Some(object.to_owned()), None));
        let throttled = exception("throttlingException", r#"{"message":"slow down"}"#);
        let failure = ("throttlingException".to_owned(), "slow down".to_owned());
        assert_eq!(decoded([whole, throttled].concat()), (Some(object.to_owned()), Some(failure)));
    }

    #[test]
    fn events_that_carry_their_name_as_a_key_are_the_same_events() {
        let events = [
            ("messageStart", r#"{"role":"assistant"}"#),
            ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"Hi"}}"#),
            ("metadata", r#"{"usage":{"inputTokens":1}}"#),
        ];
        let wrapped = events.map(|(name, data)| format!("{{\"{name}\":{data}}}"));
        let wrapped: Vec<_> = wrapped.iter().map(|data| ("chunk", &**data)).collect();
        assert_eq!(fold(&wrapped), fold(&events));
    }

    #[test]
    fn tokens_count_cache_reads_and_writes_as_input() {
        let body = r#"{"output":{"message":{"role":"assistant","content":[]}},"stopReason":"end_turn","usage":{"inputTokens":3,"cacheReadInputTokens":40,"cacheReadInputTokenCount":40,"cacheWriteInputTokens":500,"outputTokens":7,"totalTokens":550}}"#;
        let body = json::parse(body).unwrap();
        let view = BedrockConverse.response(&endpoint("converse"), &body);
        let usage = view.usage.unwrap();
        assert_eq!((usage.prompt_tokens, usage.completion_tokens, usage.total_tokens), (543, 7, 550));
        assert_eq!((usage.cached_tokens, usage.cache_creation_tokens), (40, 500));
        assert_eq!(view.finish_reason(), "end_turn");
    }

    #[test]
    fn a_request_reads_in_order_whatever_its_content_is() {
        let body = r#"{"system":[{"text":"Be brief."},{"cachePoint":{"type":"default"}}],
            "messages":[{"role":"user","content":[{"text":"Hi"},{"image":{"format":"png","source":{"bytes":"AAAA"}}}]},
              {"role":"assistant","content":[{"toolUse":{"toolUseId":"t","name":"f","input":{"a":1}}}]},
              {"role":"user","content":[{"toolResult":{"toolUseId":"t","content":[{"json":{"b":2}},{"text":"ok"},{"document":{"format":"pdf","name":"D","source":{"s3Location":{"uri":"s3://x"}}}}]}},{"cachePoint":{"type":"default"}}]}],
            "inferenceConfig":{"maxTokens":9,"temperature":0.5},
            "toolConfig":{"tools":[{"toolSpec":{"name":"f","description":"does","inputSchema":{"json":{}}}},{"cachePoint":{"type":"default"}},{"systemTool":{"name":"nova_grounding"}}],"toolChoice":{"any":{}}}}"#;
        let body = json::parse(body).unwrap();
        let view = BedrockConverse.request(&endpoint("converse-stream"), &body);
        let roles: Vec<_> = view.messages.iter().map(|message| &*message.role).collect();
        assert_eq!(roles, ["system", "user", "assistant", "tool"]);
        assert_eq!((view.messages_count, view.stream), (3, true));
        assert_eq!(view.tools.iter().map(|tool| &*tool.name).collect::<Vec<_>>(), ["f", "nova_grounding"]);
        assert_eq!(view.tool_choice.map(compact).as_deref(), Some(r#"{"any":{}}"#));
        let result =
            Part::ToolResult { call_id: "t".into(), label: "t".into(), text: "{\"b\":2}\nok".into() };
        let document =
            Part::Media { media_type: "application/pdf".into(), bytes: None, source: "s3://x".into() };
        assert_eq!(view.messages[3].parts, [result, document]);
        assert_eq!(view.last_user_message(), "Hi");
    }

    #[test]
    fn tool_results_join_their_calls_by_id() {
        let body = r#"{"messages":[{"role":"assistant","content":[{"toolUse":{"toolUseId":"t","name":"f","input":{}}}]},
            {"role":"user","content":[{"toolResult":{"toolUseId":"t","content":[{"text":"1"}]}}]}]}"#;
        let body = json::parse(body).unwrap();
        let view = BedrockConverse.request(&endpoint("converse"), &body);
        let parts = view.messages.iter().flat_map(|message| &message.parts);
        assert_eq!(tool_ids(parts), ["f called as t", "result of t"]);
    }
}
