//! Chat completion messages and choices composed from the messages in OpenTelemetry's attributes.

use crate::json::{self, Json, Object};

/// Returns a chat message.
pub(super) fn message(role: &str, content: Json<'static>) -> Json<'static> {
    let members = [("role", Json::string(role.to_owned())), ("content", content)];
    Json::Object(members.into_iter().collect())
}

/// Returns a choice of a chat completion.
pub(super) fn chat_choice(
    index: usize,
    message: Json<'static>,
    finish_reason: Json<'static>,
) -> Json<'static> {
    let members = [("index", Json::number(index)), ("message", message), ("finish_reason", finish_reason)];
    Json::Object(members.into_iter().collect())
}

/// Returns the texts of OpenTelemetry's message parts, joined by newlines.
pub(super) fn joined_text(parts: &Json<'_>) -> String {
    let texts = parts.items().iter().filter(|part| part.get("type").scalar() == "text");
    texts.map(|part| part.get("content").scalar()).collect::<Vec<_>>().join("\n")
}

/// Returns a message of OpenTelemetry's shape (`role`, `parts`) as a chat message; one without parts is a chat message
/// already.
/// <https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-input-messages.json>
pub(super) fn chat_message(item: &Json<'_>) -> Json<'static> {
    let parts = item.get("parts");
    if parts.is_null() {
        return item.clone().into_owned();
    }
    let of_kind =
        |kind: &'static str| parts.items().iter().filter(move |part| part.get("type").scalar() == kind);
    let mut role = item.get("role").scalar();
    let text = joined_text(parts);
    let mut members = Object::new();
    let responses: Vec<_> = of_kind("tool_call_response").collect();
    let content = match responses.first() {
        Some(response) => {
            role = "tool".to_owned();
            let results = ["response", "result"].map(|key| response.get(key));
            let result = results.into_iter().find(|result| !result.is_null()).unwrap_or(&Json::Null);
            let mut plain = Vec::new();
            match result {
                Json::String(text) => plain.extend_from_slice(text.plain().as_bytes()),
                other => json::compact(other, &mut plain),
            }
            members.set("tool_call_id", Json::string(response.get("id").scalar()));
            Json::string(json::lossy(&plain).into_owned())
        }
        None if text.is_empty() => Json::Null,
        None => Json::string(text),
    };
    let Json::Object(mut chat) = message(&role, content) else {
        return Json::Null;
    };
    for (key, value) in members {
        chat.set_text(key, value);
    }
    let reasoning: Vec<_> = of_kind("reasoning").map(|part| part.get("content").scalar()).collect();
    if !reasoning.is_empty() {
        chat.set("reasoning_content", Json::string(reasoning.join("\n")));
    }
    let calls: Vec<_> = of_kind("tool_call").map(tool_call).collect();
    if !calls.is_empty() {
        chat.set("tool_calls", Json::Array(calls));
    }
    Json::Object(chat)
}

/// Returns the tool call of a chat message for a message part of OpenTelemetry's shape.
fn tool_call(part: &Json<'_>) -> Json<'static> {
    let arguments = match part.get("arguments") {
        Json::String(text) => text.plain().into_owned(),
        Json::Null => String::new(),
        other => {
            let mut out = Vec::new();
            json::compact(other, &mut out);
            json::lossy(&out).into_owned()
        }
    };
    let function =
        [("name", Json::string(part.get("name").scalar())), ("arguments", Json::string(arguments))];
    let members = [
        ("id", Json::string(part.get("id").scalar())),
        ("type", Json::string("function")),
        ("function", Json::Object(function.into_iter().collect())),
    ];
    Json::Object(members.into_iter().collect())
}

/// Returns the choice for an output message of OpenTelemetry's shape.
pub(super) fn choice(index: usize, item: &Json<'_>) -> Json<'static> {
    let reason = match item.get("finish_reason") {
        // OpenTelemetry's reason differs from that of chat completions.
        Json::String(reason) if *reason == *"tool_call" => Json::string("tool_calls"),
        Json::String(reason) if *reason == *"unknown" => Json::Null,
        other => other.clone().into_owned(),
    };
    chat_choice(index, chat_message(item), reason)
}
