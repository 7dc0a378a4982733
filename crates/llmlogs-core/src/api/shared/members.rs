//! Reading single members of a body, whatever they are.

use std::borrow::Cow;

use crate::json::{self, Json};

/// Returns the value of a string; an empty one for anything else.
pub fn text<'j>(json: &'j Json<'j>) -> Cow<'j, str> {
    json.as_str().unwrap_or_default()
}

/// Returns an id, which may be a number.
pub fn id<'j>(json: &'j Json<'j>) -> Cow<'j, str> {
    match json {
        Json::Number(digits) => Cow::Borrowed(digits),
        other => text(other),
    }
}

/// Returns the member `key` if it is there and not null.
pub fn present<'j>(body: &'j Json<'j>, key: &str) -> Option<&'j Json<'j>> {
    Some(body.get(key)).filter(|json| !json.is_null())
}

/// Returns the value of a string, nothing for null, and compact JSON for anything else.
pub fn text_or_json<'j>(json: &'j Json<'j>) -> Cow<'j, str> {
    match json {
        Json::String(text) => text.plain(),
        Json::Null => Cow::Borrowed(""),
        other => {
            let mut out = Vec::new();
            json::compact(other, &mut out);
            Cow::Owned(json::lossy(&out).into_owned())
        }
    }
}

/// Returns the first whole number that stands at one of `paths`.
pub fn count(body: &Json<'_>, paths: &[&[&str]]) -> Option<u64> {
    paths.iter().find_map(|path| body.at(path).as_u64())
}

/// Returns Unix seconds from a number, or from an RFC 3339 time.
pub fn unix_seconds(json: &Json<'_>) -> Option<u64> {
    match json {
        Json::Number(_) => json.as_f64().map(|seconds| seconds as u64),
        Json::String(time) => {
            let time = chrono::DateTime::parse_from_rfc3339(&time.plain()).ok()?;
            u64::try_from(time.timestamp()).ok()
        }
        _ => None,
    }
}
