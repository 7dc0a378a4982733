//! The messages of a call as attributes, redacted and cut.

use llmlogs_core::api::{Interpretation, dialect};
use llmlogs_core::capture::{CapturedResponse, Endpoint};
use llmlogs_core::json::{self, Json};
use llmlogs_core::semconv;
use opentelemetry::KeyValue;

use super::cut::{self, Keep};
use super::messages;
use super::rules::Rules;

/// Bodies of more bytes than this are not read for their messages.
pub(super) const MAX_READ: usize = 8 << 20;

/// Longer strings that are base64 are media, and stay out.
const MEDIA: usize = 4 << 10;

const JSON: &str = "application/json";
const TEXT: &str = "text/plain";

/// Returns the attributes of a request.
pub(super) fn of_request(endpoint: &Endpoint, body: &[u8], rules: &Rules) -> Vec<KeyValue> {
    let max = rules.max_bytes();
    let mut attributes = Vec::new();
    let Some(text) = readable(body) else {
        return attributes;
    };
    let Ok(mut body) = json::parse(text) else {
        if let Some(text) = rules.body_text(text) {
            attributes.push(KeyValue::new(semconv::INPUT_VALUE, cut::text(text, max)));
            attributes.push(KeyValue::new(semconv::INPUT_MIME_TYPE, TEXT));
        }
        return attributes;
    };
    leave_media_out(&mut body);
    rules.json(&mut body);
    let view = dialect(endpoint.api).request(endpoint, &body);
    let (instructions, listed) = messages::split(&view);
    let parts = instructions.iter().flat_map(|message| &message.parts).map(messages::part);
    let mut put =
        |name: &'static str, items: Vec<Json<'_>>, keep, mark: fn(Json<'static>) -> Json<'static>| {
            if !items.is_empty() {
                attributes.push(KeyValue::new(name, cut::list(items, keep, max, mark)));
            }
        };
    put(semconv::GEN_AI_SYSTEM_INSTRUCTIONS, parts.collect(), Keep::First, |mark| mark);
    // The last messages are those that the answer answers.
    let listed = listed.iter().map(messages::message).collect();
    put(semconv::GEN_AI_INPUT_MESSAGES, listed, Keep::Last, |mark| {
        let members = [("role", Json::string("system")), ("parts", Json::Array(vec![mark]))];
        Json::Object(members.into_iter().collect())
    });
    put(semconv::GEN_AI_TOOL_DEFINITIONS, messages::tools(&body), Keep::First, |mark| mark);
    attributes.push(KeyValue::new(semconv::INPUT_VALUE, cut::value(body, max)));
    attributes.push(KeyValue::new(semconv::INPUT_MIME_TYPE, JSON));
    attributes
}

/// Returns the attributes of a response; `answer` is its interpretation, redacted and without media.
pub(super) fn of_response(
    response: &CapturedResponse,
    answer: &Interpretation<'_>,
    failed: bool,
    rules: &Rules,
) -> Vec<KeyValue> {
    let max = rules.max_bytes();
    let mut attributes = Vec::new();
    let view = answer.view();
    if !view.choices.is_empty() {
        let choices = view.choices.iter().map(|choice| messages::answer(choice, failed)).collect();
        let messages = cut::list(choices, Keep::First, max, |mark| mark);
        attributes.push(KeyValue::new(semconv::GEN_AI_OUTPUT_MESSAGES, messages));
    }
    let value = match answer.json() {
        Json::Null => {
            let text = readable(response.body.bytes()).filter(|text| !text.is_empty());
            text.and_then(|text| rules.body_text(text)).map(|text| (cut::text(text, max), TEXT))
        }
        body => Some((cut::value(body.clone(), max), JSON)),
    };
    if let Some((value, mime_type)) = value {
        attributes.push(KeyValue::new(semconv::OUTPUT_VALUE, value));
        attributes.push(KeyValue::new(semconv::OUTPUT_MIME_TYPE, mime_type));
    }
    attributes
}

/// Returns the text of a body that is not too long to be read here.
fn readable(body: &[u8]) -> Option<&str> {
    std::str::from_utf8(body).ok().filter(|text| text.len() <= MAX_READ)
}

/// Replaces long base64 strings by how long they are; returns whether there were any.
pub(super) fn leave_media_out(json: &mut Json<'_>) -> bool {
    match json {
        Json::String(text) if text.len() > MEDIA => {
            let text = text.plain();
            let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=_-\r\n".contains(&byte);
            // A data URL stays one, so that it is still read as a medium.
            let start = if text.starts_with("data:") { text.find(";base64,").map(|at| at + 8) } else { None };
            let (url, data) = text.split_at(start.unwrap_or(0));
            let is_medium = data.bytes().all(is_base64);
            if is_medium {
                *json = Json::string(format!("{url}[{} bytes of base64 left out]", data.len()));
            }
            is_medium
        }
        Json::Array(items) => items.iter_mut().fold(false, |any, item| any | leave_media_out(item)),
        Json::Object(members) => {
            members.iter_mut().fold(false, |any, (_, member)| any | leave_media_out(member))
        }
        _ => false,
    }
}
