//! Anthropic Messages, wherever they are served: api.anthropic.com, Vertex AI, Bedrock, gateways.
//!
//! <https://docs.claude.com/en/api/messages>

use std::borrow::Cow;

use crate::capture::Endpoint;
use crate::format::Usage;
use crate::json::{Json, Object, Text};

use super::openai_chat::OpenAiChat;
use crate::api::dialect::{Dialect, EventKind, Fold, Folded};
use crate::api::error::reported;
use crate::api::shared::cost::usage_cost;
use crate::api::shared::delta::joined_json;
use crate::api::shared::media::base64_bytes;
use crate::api::shared::members::{count, present, text, text_or_json};
use crate::api::view::{Choice, Message, Part, RequestView, ResponseView, Tool};

pub(crate) struct Anthropic;

impl Dialect for Anthropic {
    fn request<'j>(&self, endpoint: &Endpoint, body: &'j Json<'j>) -> RequestView<'j> {
        let listed = body.get("messages").items();
        let system = parts(body.get("system"));
        let system = (!system.is_empty()).then_some(Message { role: Cow::Borrowed("system"), parts: system });
        RequestView {
            model: body.get("model").as_str(),
            // Vertex AI names streaming in the path.
            stream: body.get("stream").as_bool().unwrap_or(endpoint.path.ends_with(":streamRawPredict")),
            temperature: present(body, "temperature"),
            max_tokens: present(body, "max_tokens"),
            tool_choice: present(body, "tool_choice"),
            messages_count: listed.len(),
            messages: system.into_iter().chain(listed.iter().map(message)).collect(),
            tools: body.get("tools").items().iter().map(tool).collect(),
        }
    }

    fn response<'j>(&self, endpoint: &Endpoint, body: &'j Json<'j>) -> ResponseView<'j> {
        // Some gateways answer in the shape of OpenAI's API.
        if !body.get("choices").is_null() && body.get("content").is_null() {
            return OpenAiChat.response(endpoint, body);
        }
        let choice = || Choice {
            finish_reason: text(body.get("stop_reason")),
            parts: joined(parts(body.get("content"))),
        };
        ResponseView {
            id: text(body.get("id")),
            object: text(body.get("type")),
            created: None,
            model: text(body.get("model")),
            choices: present(body, "content").map(|_| choice()).into_iter().collect(),
            usage: usage(body.get("usage")),
            cost: usage_cost(body.get("usage")),
            service_tier: text(body.at(&["usage", "service_tier"])),
            error: reported(body),
        }
    }

    fn fold<'a>(&self, _endpoint: &Endpoint) -> Option<Box<dyn Fold<'a> + 'a>> {
        Some(Box::new(MessageFold::default()))
    }
}

/// Returns a tool: the user's own have a name and a description, built-in ones a name and a type.
fn tool<'j>(tool: &'j Json<'j>) -> Tool<'j> {
    let names = [tool.get("name"), tool.get("mcp_server_name"), tool.get("type")];
    Tool {
        name: names.iter().find_map(|name| name.as_str()).unwrap_or_default(),
        description: text(tool.get("description")),
        parameters: present(tool, "input_schema"),
    }
}

fn message<'j>(message: &'j Json<'j>) -> Message<'j> {
    Message::with_results(text(message.get("role")), parts(message.get("content")))
}

/// Returns the parts of a content that is a string or a list of blocks.
fn parts<'j>(content: &'j Json<'j>) -> Vec<Part<'j>> {
    match content {
        Json::String(text) if !text.is_empty() => vec![Part::Text(text.plain())],
        Json::Array(blocks) => blocks.iter().flat_map(block_parts).collect(),
        _ => Vec::new(),
    }
}

/// Joins texts that follow each other: an answer's text is cut into blocks where citations begin and end.
fn joined(parts: Vec<Part<'_>>) -> Vec<Part<'_>> {
    let mut whole: Vec<Part<'_>> = Vec::with_capacity(parts.len());
    for part in parts {
        match (whole.last_mut(), part) {
            (Some(Part::Text(text)), Part::Text(more)) => text.to_mut().push_str(&more),
            (_, part) => whole.push(part),
        }
    }
    whole
}

fn block_parts<'j>(block: &'j Json<'j>) -> Vec<Part<'j>> {
    let kind = text(block.get("type"));
    let one = match &*kind {
        "text" => Part::Text(text(block.get("text"))),
        "thinking" => Part::Reasoning(text(block.get("thinking"))),
        "redacted_thinking" => Part::Reasoning(Cow::Borrowed("[redacted]")),
        "tool_use" => {
            let (name, arguments) = (text(block.get("name")), text_or_json(block.get("input")));
            Part::ToolCall { id: text(block.get("id")), name, arguments }
        }
        "server_tool_use" | "mcp_tool_use" => Part::ServerToolCall {
            id: text(block.get("id")),
            name: text(block.get("name")),
            arguments: text_or_json(block.get("input")),
        },
        "image" | "document" | "container_upload" => media(&kind, block),
        // `tool_result`, and `web_search_tool_result` and its like.
        kind if kind.ends_with("tool_result") => return tool_result(block),
        _ => match block {
            Json::String(text) => Part::Text(text.plain()),
            other => Part::Other(other),
        },
    };
    vec![one]
}

/// Returns the part of an image or a document: base64, plain text, an address, an uploaded file, or blocks.
fn media<'j>(kind: &str, block: &'j Json<'j>) -> Part<'j> {
    let source = block.get("source");
    let data = source.get("data").as_str();
    let bytes = data.map(|data| match &*text(source.get("type")) {
        "text" => data.len() as u64,
        _ => base64_bytes(&data),
    });
    let addresses = [source.get("url"), source.get("file_id"), block.get("file_id"), block.get("title")];
    Part::Media {
        media_type: source.get("media_type").as_str().unwrap_or_else(|| kind.to_owned().into()),
        bytes,
        source: addresses.iter().find_map(|address| address.as_str()).unwrap_or_default(),
    }
}

/// Returns the parts of a tool's result: its text, then its images and documents.
fn tool_result<'j>(block: &'j Json<'j>) -> Vec<Part<'j>> {
    let content = block.get("content");
    let items = match content {
        Json::Array(items) => items,
        Json::Null => &[][..],
        one => std::slice::from_ref(one),
    };
    let mut texts = Vec::new();
    let mut media = Vec::new();
    for item in items {
        match block_parts(item).pop() {
            Some(Part::Text(text)) => texts.push(text),
            Some(part @ Part::Media { .. }) => media.push(part),
            _ => texts.push(result_text(item)),
        }
    }
    let text = match <[_; 1]>::try_from(texts) {
        Ok([text]) => text,
        Err(texts) => texts.join("\n").into(),
    };
    let call_id = self::text(block.get("tool_use_id"));
    let mut parts = vec![Part::ToolResult { call_id: call_id.clone(), label: call_id, text }];
    parts.append(&mut media);
    parts
}

/// Returns the text of a server tool's result: a page's title and address, a command's output, else all of it.
fn result_text<'j>(item: &'j Json<'j>) -> Cow<'j, str> {
    let joined = |keys: &[&str]| {
        let texts: Vec<_> = keys.iter().filter_map(|key| item.get(key).as_str()).collect();
        let texts: Vec<_> = texts.iter().map(|text| &**text).filter(|text| !text.is_empty()).collect();
        texts.join("\n")
    };
    for keys in [&["text"][..], &["title", "url"], &["stdout", "stderr"]] {
        let text = joined(keys);
        if !text.is_empty() {
            return text.into();
        }
    }
    text_or_json(item)
}

/// Returns the token counts of a `usage` object, whose input tokens leave out those of the cache.
fn usage(usage: &Json<'_>) -> Option<Usage> {
    usage.as_object()?;
    let number = |key: &str| usage.get(key).as_u64();
    let cached = number("cache_read_input_tokens").unwrap_or(0);
    let written = number("cache_creation_input_tokens").unwrap_or_else(|| {
        let by_lifetime = usage.get("cache_creation").as_object();
        by_lifetime
            .into_iter()
            .flat_map(Object::iter)
            .filter_map(|(_, tokens)| tokens.as_u64())
            .fold(0, u64::saturating_add)
    });
    let prompt = number("input_tokens").unwrap_or(0) + cached + written;
    let completion = number("output_tokens").unwrap_or(0);
    Some(Usage {
        prompt_tokens: prompt,
        completion_tokens: completion,
        total_tokens: number("total_tokens").unwrap_or(prompt + completion),
        cached_tokens: cached,
        cache_creation_tokens: written,
        reasoning_tokens: count(usage, &[&["output_tokens_details", "thinking_tokens"]]).unwrap_or(0),
    })
}

/// Folds events into a message.
#[derive(Default)]
pub(crate) struct MessageFold<'a> {
    message: Object<'a>,
    blocks: Vec<Block<'a>>,
    error: Option<Json<'a>>,
}

struct Block<'a> {
    index: Option<u64>,
    members: Object<'a>,
    /// The JSON of a tool's input so far.
    input: Text<'a>,
}

impl<'a> Fold<'a> for MessageFold<'a> {
    fn event(&mut self, name: &str, data: Json<'a>) -> EventKind {
        let Json::Object(mut event) = data else {
            return EventKind::Unknown;
        };
        let kind = event.get("type").and_then(Json::as_str).map(Cow::into_owned);
        let index = event.get("index").and_then(Json::as_u64);
        match kind.as_deref().unwrap_or(name) {
            "message_start" => {
                let is_content = match event.remove("message") {
                    Some(Json::Object(message)) => self.start(message),
                    _ => false,
                };
                self.other_members(event);
                EventKind::content_if(is_content)
            }
            "content_block_start" => match event.remove("content_block") {
                Some(Json::Object(members)) => EventKind::content_if(self.open(index, members)),
                _ => EventKind::Other,
            },
            "content_block_delta" => match event.remove("delta") {
                Some(Json::Object(delta)) => EventKind::content_if(self.block(index, &delta).take(delta)),
                _ => EventKind::Other,
            },
            "content_block_stop" | "ping" => EventKind::Other,
            "message_delta" => {
                if let Some(Json::Object(delta)) = event.remove("delta") {
                    for (key, value) in delta {
                        update(self.message.entry(&key), value);
                    }
                }
                if let Some(usage) = event.remove("usage") {
                    update(self.message.entry(&Text::new("usage")), usage);
                }
                self.other_members(event);
                EventKind::Other
            }
            "message_stop" => {
                self.other_members(event);
                EventKind::End
            }
            _ if ["error", "__type"].iter().any(|key| event.get(key).is_some_and(|e| !e.is_null())) => {
                self.error = Some(Json::Object(event));
                EventKind::Other
            }
            "error" => {
                self.error = Some(Json::Object(event));
                EventKind::Other
            }
            _ => EventKind::Unknown,
        }
    }

    fn finish(mut self: Box<Self>) -> Folded<'a> {
        if !self.blocks.is_empty() {
            let blocks = self.blocks.into_iter().map(Block::finish).collect();
            self.message.set("content", Json::Array(blocks));
        }
        Folded { object: Json::Object(self.message), error: self.error }
    }
}

/// Replaces earlier figures by later ones, member by member: those of a stream are cumulative. Null changes nothing.
fn update<'a>(place: &mut Json<'a>, later: Json<'a>) {
    match (place, later) {
        (Json::Object(old), Json::Object(new)) => {
            for (key, value) in new {
                update(old.entry(&key), value);
            }
        }
        (_, Json::Null) => {}
        (place, later) => *place = later,
    }
}

impl<'a> MessageFold<'a> {
    /// Begins the message; returns whether there is content in it already, as gateways have it that answer at once.
    fn start(&mut self, message: Object<'a>) -> bool {
        let mut is_content = false;
        for (key, value) in message {
            match value {
                Json::Array(blocks) if key == *"content" => {
                    self.message.set_text(key, Json::Array(Vec::new()));
                    for (index, block) in (0..).zip(blocks) {
                        if let Json::Object(members) = block {
                            is_content |= self.open(Some(index), members);
                        }
                    }
                }
                value => self.message.set_text(key, value),
            }
        }
        is_content
    }

    /// Takes the members of an event that are not its own: context management, Bedrock's metrics.
    fn other_members(&mut self, event: Object<'a>) {
        for (key, value) in event {
            if !["type", "index", "p"].iter().any(|own| key == **own) {
                update(self.message.entry(&key), value);
            }
        }
    }

    /// Opens a block; returns whether it has content.
    fn open(&mut self, index: Option<u64>, members: Object<'a>) -> bool {
        let begins_empty = |kind: &Json<'_>| {
            ["text", "thinking"].iter().any(|grows| kind.as_text().is_some_and(|kind| *kind == **grows))
        };
        let is_content = !members.get("type").is_some_and(begins_empty)
            || ["text", "thinking"]
                .iter()
                .any(|key| members.get(key).and_then(Json::as_text).is_some_and(|text| !text.is_empty()));
        self.blocks.push(Block { index, members, input: Text::default() });
        is_content
    }

    /// Returns the block that a delta belongs to; a new one of its kind where none was opened.
    fn block(&mut self, index: Option<u64>, delta: &Object<'a>) -> &mut Block<'a> {
        let place = match index {
            Some(_) => self.blocks.iter().rposition(|block| block.index == index),
            None => self.blocks.len().checked_sub(1),
        };
        let place = place.unwrap_or_else(|| {
            let kind = delta.get("type").and_then(Json::as_str).unwrap_or_default();
            let kind = match &*kind {
                "text_delta" | "citations_delta" => "text",
                "thinking_delta" | "signature_delta" => "thinking",
                "input_json_delta" => "tool_use",
                other => other.strip_suffix("_delta").unwrap_or(other),
            };
            let members = [("type", Json::string(kind.to_owned()))].into_iter().collect();
            self.blocks.push(Block { index, members, input: Text::default() });
            self.blocks.len() - 1
        });
        &mut self.blocks[place]
    }
}

impl<'a> Block<'a> {
    /// Takes a delta; returns whether it has content.
    fn take(&mut self, delta: Object<'a>) -> bool {
        let mut is_content = false;
        for (key, value) in delta {
            if key == *"type" || value.is_null() {
                continue;
            }
            let piece = match value {
                Json::String(piece) => piece,
                value if key == *"citation" => {
                    is_content = true;
                    match self.members.entry(&Text::new("citations")) {
                        Json::Array(citations) => citations.push(value),
                        place => *place = Json::Array(vec![value]),
                    }
                    continue;
                }
                value => {
                    *self.members.entry(&key) = value;
                    continue;
                }
            };
            is_content |= !piece.is_empty();
            if key == *"partial_json" {
                self.input.push(&piece);
                continue;
            }
            match self.members.entry(&key) {
                // A signature is not in pieces.
                Json::String(old) if key != *"signature" => old.push(&piece),
                Json::String(_) if piece.is_empty() => {}
                place => *place = Json::String(piece),
            }
        }
        is_content
    }

    fn finish(mut self) -> Json<'a> {
        if !self.input.is_empty() {
            self.members.set("input", joined_json(self.input));
        }
        Json::Object(self.members)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::api::view::tool_ids;
    use crate::api::{Request, detect_endpoint};
    use crate::json;

    fn endpoint() -> Endpoint {
        detect_endpoint(Request { method: "POST", url: "https://api.anthropic.com/v1/messages" }).unwrap()
    }

    fn compact(json: &Json<'_>) -> String {
        let mut out = Vec::new();
        json::compact(json, &mut out);
        String::from_utf8(out).unwrap()
    }

    /// Folds events; returns the object, the kind of each event, and the error.
    fn fold(events: &[&str]) -> (String, Vec<EventKind>, Option<String>) {
        let mut fold = Anthropic.fold(&endpoint()).unwrap();
        let kinds = events.iter().map(|event| fold.event("", json::parse(event).unwrap())).collect();
        let folded = fold.finish();
        (compact(&folded.object), kinds, folded.error.map(|error| compact(&error)))
    }

    const START: &str = r#"{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","content":[],"model":"claude-x","stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":7,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0},"output_tokens":1,"service_tier":"standard"}}}"#;

    #[test]
    fn a_stream_folds_into_the_message_it_stands_for() {
        let (object, kinds, error) = fold(&[
            START,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#,
            r#"{"type":"ping"}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"m\ud83d"}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"\ude00"}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"sig=="}}"#,
            r#"{"type":"content_block_stop","index":0}"#,
            r#"{"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}"#,
            r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Hel"}}"#,
            r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"lo"}}"#,
            r#"{"type":"content_block_delta","index":1,"delta":{"type":"citations_delta","citation":{"url":"u"}}}"#,
            r#"{"type":"content_block_stop","index":1}"#,
            r#"{"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"t","name":"add","input":{}}}"#,
            r#"{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":""}}"#,
            r#"{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"a\": 1."}}"#,
            r#"{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"50}"}}"#,
            r#"{"type":"content_block_stop","index":2}"#,
            r#"{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"input_tokens":9,"cache_read_input_tokens":null,"output_tokens":30,"server_tool_use":{"web_search_requests":1}},"context_management":{"applied_edits":[]}}"#,
            r#"{"type":"message_stop"}"#,
        ]);
        assert_eq!(
            object,
            r#"{"id":"msg_1","type":"message","role":"assistant","content":[{"type":"thinking","thinking":"hmm😀","signature":"sig=="},{"type":"text","text":"Hello","citations":[{"url":"u"}]},{"type":"tool_use","id":"t","name":"add","input":{"a":1.50}}],"model":"claude-x","stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":9,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0},"output_tokens":30,"service_tier":"standard","server_tool_use":{"web_search_requests":1}},"context_management":{"applied_edits":[]}}"#
        );
        assert_eq!(kinds.iter().position(|kind| *kind == EventKind::Content), Some(3));
        assert_eq!(kinds.last(), Some(&EventKind::End));
        assert_eq!(error, None);
    }

    #[test]
    fn content_inside_the_start_of_a_message_was_no_first_token() {
        let start = START.replace(r#""content":[]"#, r#""content":[{"type":"text","text":"Hi"}]"#);
        let (object, kinds, _) = fold(&[
            &start,
            r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"}}"#,
            r#"{"type":"message_stop"}"#,
        ]);
        assert!(object.contains(r#""content":[{"type":"text","text":"Hi"}]"#), "{object}");
        assert_eq!(kinds, [EventKind::Content, EventKind::Other, EventKind::End]);
        let empty = START.replace(r#""content":[]"#, r#""content":[{"type":"text","text":""}]"#);
        assert_eq!(fold(&[&empty]).1, [EventKind::Other]);
    }

    #[test]
    fn a_tools_input_that_breaks_off_keeps_its_text() {
        let (object, _, _) = fold(&[
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"q\": \"a"}}"#,
        ]);
        assert_eq!(object, r#"{"content":[{"type":"tool_use","id":"t","name":"f","input":"{\"q\": \"a"}]}"#);
    }

    #[test]
    fn a_tool_without_input_keeps_the_empty_object() {
        let (object, _, _) = fold(&[
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"server_tool_use","id":"t","name":"f","input":{}}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":""}}"#,
        ]);
        assert_eq!(object, r#"{"content":[{"type":"server_tool_use","id":"t","name":"f","input":{}}]}"#);
    }

    #[test]
    fn what_is_unknown_does_not_lose_the_rest() {
        let (object, kinds, _) = fold(&[
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"late"}}"#,
            r#"{"type":"from_the_future","x":1}"#,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"hologram","data":"a"}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"hologram_delta","data":"b","depth":2}}"#,
            r#"{"type":"content_block_delta","delta":{"type":"hologram_delta","data":"c"}}"#,
            r#"{"type":"content_block_delta","index":5}"#,
            "[1]",
        ]);
        assert_eq!(
            object,
            r#"{"content":[{"type":"text","text":"late"},{"type":"hologram","data":"abc","depth":2}]}"#
        );
        assert_eq!((kinds[1], kinds[6]), (EventKind::Unknown, EventKind::Unknown));
    }

    #[test]
    fn an_error_in_the_stream_is_told_and_what_came_before_it_kept() {
        let error = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
        let (object, _, reported) = fold(&[
            START,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"Hi"}}"#,
            error,
        ]);
        assert!(object.contains(r#"[{"type":"text","text":"Hi"}]"#));
        assert_eq!(reported.as_deref(), Some(error));
    }

    #[test]
    fn tokens_count_cache_reads_and_writes_as_input() {
        let read = |text: &str| usage(&json::parse(text).unwrap());
        let both = read(
            r#"{"input_tokens":3,"cache_read_input_tokens":40,"cache_creation_input_tokens":500,"cache_creation":{"ephemeral_5m_input_tokens":500},"output_tokens":7,"output_tokens_details":{"thinking_tokens":5}}"#,
        );
        let expected = Usage {
            prompt_tokens: 543,
            completion_tokens: 7,
            total_tokens: 550,
            cached_tokens: 40,
            cache_creation_tokens: 500,
            reasoning_tokens: 5,
        };
        assert_eq!(both, Some(expected));
        let nested = read(
            r#"{"input_tokens":3,"cache_creation_input_tokens":null,"cache_creation":{"ephemeral_5m_input_tokens":1,"ephemeral_1h_input_tokens":2},"output_tokens":0}"#,
        );
        let nested = nested.unwrap();
        assert_eq!((nested.prompt_tokens, nested.cache_creation_tokens), (6, 3));
        assert_eq!(read("null"), None);
    }

    #[test]
    fn a_request_reads_in_order_whatever_its_content_is() {
        let body = r#"{"model":"claude-x","max_tokens":9,"temperature":0.0,"tool_choice":{"type":"auto"},
            "system":[{"type":"text","text":"Be brief.","cache_control":{"type":"ephemeral"}}],
            "tools":[{"name":"f","description":"does","input_schema":{}},{"type":"web_search_20250305","name":"web_search"},{"type":"mcp_toolset","mcp_server_name":"files"}],
            "messages":[{"role":"user","content":"Hi"},
              {"role":"assistant","content":[{"type":"redacted_thinking","data":"xx"},{"type":"tool_use","id":"t","name":"f","input":{"a":1}}]},
              {"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"ok"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}}]}]},
              {"role":"user","content":[{"type":"document","source":{"type":"url","url":"https://x/y.pdf"}},{"type":"text","text":"And?"}]}]}"#;
        let body = json::parse(body).unwrap();
        let view = Anthropic.request(&endpoint(), &body);
        let roles: Vec<_> = view.messages.iter().map(|message| &*message.role).collect();
        assert_eq!(roles, ["system", "user", "assistant", "tool", "user"]);
        assert_eq!((view.messages_count, view.stream), (4, false));
        assert_eq!(view.last_user_message(), "And?");
        let tools: Vec<_> = view.tools.iter().map(|tool| &*tool.name).collect();
        assert_eq!(tools, ["f", "web_search", "files"]);
        let result = Part::ToolResult { call_id: "t".into(), label: "t".into(), text: "ok".into() };
        let image = Part::Media { media_type: "image/png".into(), bytes: Some(3), source: "".into() };
        assert_eq!(view.messages[3].parts, [result, image]);
    }

    #[test]
    fn tools_that_the_provider_runs_are_told_with_their_results_and_are_no_calls_to_answer() {
        let body = r#"{"id":"msg_1","type":"message","model":"m","stop_reason":"end_turn","content":[
            {"type":"server_tool_use","id":"s","name":"web_search","input":{"query":"x"}},
            {"type":"web_search_tool_result","tool_use_id":"s","content":[{"type":"web_search_result","title":"T","url":"U","encrypted_content":"zzz"}]},
            {"type":"bash_code_execution_tool_result","tool_use_id":"b","content":{"type":"bash_code_execution_result","stdout":"out","stderr":"","return_code":0}},
            {"type":"text","text":"do"},{"type":"text","text":"ne","citations":[]}],"usage":{"input_tokens":1,"output_tokens":2}}"#;
        let body = json::parse(body).unwrap();
        let view = Anthropic.response(&endpoint(), &body);
        assert_eq!(view.tool_names().count(), 0);
        assert!(
            matches!(&view.choices[0].parts[0], Part::ServerToolCall { name, .. } if name == "web_search")
        );
        assert_eq!((view.finish_reason(), &*view.object), ("end_turn", "message"));
        let result = |id: &'static str, text: &'static str| Part::ToolResult {
            call_id: id.into(),
            label: id.into(),
            text: text.into(),
        };
        let read = [result("s", "T\nU"), result("b", "out"), Part::Text("done".into())];
        assert_eq!(view.choices[0].parts[1..], read);
    }

    #[test]
    fn vertex_names_model_and_streaming_in_the_path() {
        let url = "https://us-east5-aiplatform.googleapis.com/v1/projects/p/locations/us-east5/publishers/anthropic/models/claude-sonnet-4-5%4020250929:streamRawPredict";
        let endpoint = detect_endpoint(Request { method: "POST", url }).unwrap();
        assert_eq!(endpoint.path_model.as_deref(), Some("claude-sonnet-4-5@20250929"));
        let body = json::parse(r#"{"anthropic_version":"vertex-2023-10-16","messages":[]}"#).unwrap();
        let view = Anthropic.request(&endpoint, &body);
        assert!(view.stream && view.model.is_none());
    }

    proptest! {
        #[test]
        fn pieces_of_a_text_join_however_they_are_cut(text in ".{0,40}", cut in 0usize..40) {
            let cut = text.char_indices().nth(cut).map_or(text.len(), |(at, _)| at);
            let mut fold = Anthropic.fold(&endpoint()).unwrap();
            for piece in [&text[..cut], &text[cut..]] {
                let delta = [("type", Json::string("text_delta")), ("text", Json::string(piece))];
                let event = [
                    ("type", Json::string("content_block_delta")),
                    ("index", Json::number(0)),
                    ("delta", Json::Object(delta.into_iter().collect())),
                ];
                fold.event("", Json::Object(event.into_iter().collect()));
            }
            let object = fold.finish().object;
            let joined = object.get("content").items()[0].get("text").as_str();
            prop_assert_eq!(joined.as_deref(), Some(&*text));
        }
    }

    #[test]
    fn tool_results_join_their_calls_by_id() {
        let body = r#"{"messages":[
            {"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{}},{"type":"server_tool_use","id":"s","name":"web_search","input":{}},{"type":"web_search_tool_result","tool_use_id":"s","content":[]}]},
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"1"}]}]}"#;
        let body = json::parse(body).unwrap();
        let view = Anthropic.request(&endpoint(), &body);
        let parts = view.messages.iter().flat_map(|message| &message.parts);
        let expected =
            ["f called as t", "web_search called by the provider as s", "result of s", "result of t"];
        assert_eq!(tool_ids(parts), expected);
    }
}
