//! Putting a streamed answer together from its pieces.

use crate::json::{self, Json, Text};

/// Returns whether a value is null or empty.
#[inline]
pub(crate) fn is_empty(json: &Json<'_>) -> bool {
    match json {
        Json::Null => true,
        Json::String(text) => text.is_empty(),
        Json::Array(items) => items.is_empty(),
        Json::Object(members) => members.is_empty(),
        Json::Bool(_) | Json::Number(_) => false,
    }
}

/// Returns whether a value is a text, a list or an object that is not empty. Numbers and truth values, which are
/// indexes and marks, do not count.
#[inline]
pub(crate) fn has_content(json: &Json<'_>) -> bool {
    !matches!(json, Json::Bool(_) | Json::Number(_)) && !is_empty(json)
}

/// Returns whether a piece of a message has content besides its role.
#[inline]
pub(crate) fn message_has_content(message: &Json<'_>) -> bool {
    message
        .as_object()
        .is_some_and(|message| message.iter().any(|(key, value)| has_content(value) && *key != *"role"))
}

/// Adds a piece to a text at its end; anything else is replaced.
#[inline]
pub(crate) fn append_text<'a>(whole: &mut Json<'a>, piece: Json<'a>) {
    match (&mut *whole, piece) {
        (_, Json::Null) => {}
        (Json::String(old), Json::String(new)) => old.push(&new),
        (_, new) => *whole = new,
    }
}

/// Adds a piece to what came before it: texts and lists grow, anything else is replaced.
pub(crate) fn append_delta<'a>(whole: &mut Json<'a>, key: &str, piece: Json<'a>) {
    const NOT_IN_PIECES: [&str; 5] = ["id", "type", "role", "name", "generation_id"];
    match (&mut *whole, piece) {
        (_, Json::Null) => {}
        (Json::Object(old), Json::Object(new)) => {
            for (key, value) in new {
                append_delta(old.entry(&key), &key.plain(), value);
            }
        }
        (Json::Array(old), Json::Array(new)) => old.extend(new),
        (Json::String(old), Json::String(new)) if !NOT_IN_PIECES.contains(&key) => old.push(&new),
        (_, new) => *whole = new,
    }
}

/// Returns the JSON that a tool's input came as in pieces; the text itself where it is no JSON, or not all of it.
pub(crate) fn joined_json(pieces: Text<'_>) -> Json<'_> {
    let parsed = json::parse(&pieces.plain()).map(Json::into_owned);
    parsed.unwrap_or(Json::String(pieces))
}
