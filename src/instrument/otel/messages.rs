//! Messages, answers and tools in the JSON of OpenTelemetry's convention.
//!
//! <https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/>

use std::borrow::Cow;

use llmlogs_core::api::{Choice, Message, Part, RequestView};
use llmlogs_core::json::{self, Json};

fn object<'j, const N: usize>(members: [(&'static str, Json<'j>); N]) -> Json<'j> {
    Json::Object(members.into_iter().collect())
}

fn text<'j>(text: &'j str) -> Json<'j> {
    Json::string(Cow::Borrowed(text))
}

/// Splits the messages of a request into the instructions beside its list of messages and that list.
pub(super) fn split<'v, 'j>(view: &'v RequestView<'j>) -> (&'v [Message<'j>], &'v [Message<'j>]) {
    let beside = view.messages.len().saturating_sub(view.messages_count);
    let leading = view.messages.iter().take_while(|message| message.role == "system").count();
    view.messages.split_at(beside.min(leading))
}

/// Returns a message of a request.
pub(super) fn message<'j>(message: &'j Message<'_>) -> Json<'j> {
    object([("role", text(&message.role)), ("parts", parts(&message.parts))])
}

/// Returns an answer; `failed` is whether the call failed, which has no finish reason then.
pub(super) fn answer<'j>(choice: &'j Choice<'_>, failed: bool) -> Json<'j> {
    let reason = match &*choice.finish_reason {
        "" if failed => "error",
        "" => "unknown",
        reason => finish_reason(reason),
    };
    object([("role", text("assistant")), ("parts", parts(&choice.parts)), ("finish_reason", text(reason))])
}

/// Returns the convention's word for a provider's finish reason, where it has one.
fn finish_reason(reason: &str) -> &str {
    match reason {
        "end_turn" | "stop_sequence" | "STOP" | "COMPLETE" | "completed" | "STOP_SEQUENCE" => "stop",
        "max_tokens" | "MAX_TOKENS" | "max_output_tokens" => "length",
        "tool_calls" | "tool_use" | "function_call" | "TOOL_CALL" => "tool_call",
        "SAFETY" | "refusal" | "guardrail_intervened" | "content_filtered" | "PROHIBITED_CONTENT" => {
            "content_filter"
        }
        other => other,
    }
}

fn parts<'j>(parts: &'j [Part<'_>]) -> Json<'j> {
    Json::Array(parts.iter().map(part).collect())
}

/// Returns one part of a message.
pub(super) fn part<'j>(part: &'j Part<'_>) -> Json<'j> {
    let with_content = |kind, content| object([("type", text(kind)), ("content", text(content))]);
    match part {
        Part::Text(content) => with_content("text", content),
        Part::Refusal(content) => with_content("refusal", content),
        Part::Reasoning(content) => with_content("reasoning", content),
        Part::Media { media_type, source, .. } => media(media_type, source),
        Part::ToolCall { id, name, arguments } => object([
            ("type", text("tool_call")),
            ("id", text(id)),
            ("name", text(name)),
            ("arguments", json_or_text(arguments)),
        ]),
        Part::ServerToolCall { id, name, arguments } => object([
            ("type", text("server_tool_call")),
            ("id", text(id)),
            ("name", text(name)),
            ("server_tool_call", object([("type", text(name)), ("arguments", json_or_text(arguments))])),
        ]),
        Part::ToolResult { call_id, text: result, .. } => object([
            ("type", text("tool_call_response")),
            ("id", text(call_id)),
            ("response", json_or_text(result)),
        ]),
        Part::Other(other) => match other.get("type") {
            Json::String(_) => (*other).clone(),
            _ => object([("type", text("unknown")), ("content", (*other).clone())]),
        },
    }
}

/// Returns a part for a medium, whose data is not exported.
fn media<'j>(media_type: &'j str, source: &'j str) -> Json<'j> {
    let modality = match media_type.split('/').next().unwrap_or_default() {
        known @ ("image" | "audio" | "video") => known,
        _ => "document",
    };
    let mime_type = if media_type.contains('/') { text(media_type) } else { Json::Null };
    let kind = match source {
        "" => "blob",
        address if address.contains("://") => "uri",
        _ => "file",
    };
    let (key, value) = match kind {
        "blob" => ("content", text("")),
        "uri" => ("uri", text(source)),
        _ => ("file_id", text(source)),
    };
    object([("type", text(kind)), ("modality", text(modality)), ("mime_type", mime_type), (key, value)])
}

fn json_or_text<'j>(content: &'j str) -> Json<'j> {
    match json::parse(content) {
        Ok(json @ (Json::Object(_) | Json::Array(_))) => json,
        _ => text(content),
    }
}

/// Returns the tools that `body` offers.
pub(super) fn tools<'j>(body: &'j Json<'j>) -> Vec<Json<'j>> {
    let lists = [body.get("tools"), body.at(&["toolConfig", "tools"]), body.get("functions")];
    let listed = lists.into_iter().flat_map(Json::items);
    let single = listed.flat_map(|tool| {
        let several = [tool.get("functionDeclarations"), tool.get("function_declarations")];
        match several.into_iter().find(|declared| !declared.items().is_empty()) {
            Some(declared) => declared.items().iter().collect(),
            None => vec![tool],
        }
    });
    single.map(tool).collect()
}

/// Returns a tool; one that has no name of its own is the provider's, and stays as it is.
fn tool<'j>(tool: &'j Json<'j>) -> Json<'j> {
    let function =
        ["function", "toolSpec"].into_iter().map(|key| tool.get(key)).find(|inner| !inner.is_null());
    let function = function.unwrap_or(tool);
    if function.get("name").is_null() {
        return tool.clone();
    }
    let parameters = [
        function.get("parameters"),
        function.get("parametersJsonSchema"),
        function.get("input_schema"),
        function.at(&["inputSchema", "json"]),
        function.get("parameter_definitions"),
    ];
    let kind = match tool.get("type") {
        Json::String(kind) if *kind != *"custom" => tool.get("type").clone(),
        _ => text("function"),
    };
    let mut defined = object([("type", kind), ("name", function.get("name").clone())]);
    if let Some(members) = defined.as_object_mut() {
        let parameters = parameters.into_iter().find(|parameters| !parameters.is_null());
        for (key, value) in [("description", Some(function.get("description"))), ("parameters", parameters)] {
            if let Some(value) = value.filter(|value| !value.is_null()) {
                members.set(key, value.clone());
            }
        }
    }
    defined
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compact(json: &Json<'_>) -> String {
        let mut out = Vec::new();
        json::compact(json, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_kind_of_part_has_the_conventions_shape() {
        let other = json::parse(r#"{"type":"compaction","x":1}"#).unwrap();
        for (given, expected) in [
            (Part::Text("Hi".into()), r#"{"type":"text","content":"Hi"}"#),
            (Part::Reasoning("hm".into()), r#"{"type":"reasoning","content":"hm"}"#),
            (
                Part::ToolCall { id: "t1".into(), name: "read".into(), arguments: r#"{"p": 1}"#.into() },
                r#"{"type":"tool_call","id":"t1","name":"read","arguments":{"p":1}}"#,
            ),
            (
                Part::ToolCall { id: "".into(), name: "read".into(), arguments: "{bad".into() },
                r#"{"type":"tool_call","id":"","name":"read","arguments":"{bad"}"#,
            ),
            (
                Part::ToolResult { call_id: "t1".into(), label: "read".into(), text: "42".into() },
                r#"{"type":"tool_call_response","id":"t1","response":"42"}"#,
            ),
            (
                Part::Media { media_type: "image/png".into(), bytes: Some(7), source: "".into() },
                r#"{"type":"blob","modality":"image","mime_type":"image/png","content":""}"#,
            ),
            (
                Part::Media { media_type: "image".into(), bytes: None, source: "https://x/y.png".into() },
                r#"{"type":"uri","modality":"image","mime_type":null,"uri":"https://x/y.png"}"#,
            ),
            (
                Part::Media { media_type: "file".into(), bytes: None, source: "file-1".into() },
                r#"{"type":"file","modality":"document","mime_type":null,"file_id":"file-1"}"#,
            ),
            (Part::Other(&other), r#"{"type":"compaction","x":1}"#),
        ] {
            assert_eq!(compact(&part(&given)), expected);
        }
        let choice = Choice { finish_reason: "tool_use".into(), parts: Vec::new() };
        assert_eq!(
            compact(&answer(&choice, false)),
            r#"{"role":"assistant","parts":[],"finish_reason":"tool_call"}"#
        );
        assert!(compact(&answer(&Choice::default(), true)).contains(r#""finish_reason":"error""#));
    }

    #[test]
    fn tools_of_every_api_have_one_shape() {
        let expected = r#"{"type":"function","name":"f","description":"d","parameters":{"type":"object"}}"#;
        for body in [
            r#"{"tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"}}}]}"#,
            r#"{"tools":[{"type":"function","name":"f","description":"d","parameters":{"type":"object"}}]}"#,
            r#"{"tools":[{"name":"f","description":"d","input_schema":{"type":"object"}}]}"#,
            r#"{"tools":[{"functionDeclarations":[{"name":"f","description":"d","parameters":{"type":"object"}}]}]}"#,
            r#"{"toolConfig":{"tools":[{"toolSpec":{"name":"f","description":"d","inputSchema":{"json":{"type":"object"}}}}]}}"#,
        ] {
            let body = json::parse(body).unwrap();
            assert_eq!(tools(&body).iter().map(compact).collect::<Vec<_>>(), [expected]);
        }
        let builtin = json::parse(r#"{"tools":[{"type":"web_search"}]}"#).unwrap();
        assert_eq!(compact(&tools(&builtin)[0]), r#"{"type":"web_search"}"#);
    }
}
