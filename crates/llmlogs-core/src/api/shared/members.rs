//! Reading single members of a body, whatever they are.

use std::borrow::Cow;

use crate::json::{self, Json};

/// The string at `json`, or nothing.
pub fn text<'j>(json: &'j Json<'j>) -> Cow<'j, str> {
    json.as_str().unwrap_or_default()
}

/// A member that is present and not null.
pub fn present<'j>(body: &'j Json<'j>, key: &str) -> Option<&'j Json<'j>> {
    Some(body.get(key)).filter(|json| !json.is_null())
}

/// A string as it stands, anything else as compact JSON.
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

/// The first of `paths` at which a whole number stands.
pub fn count(body: &Json<'_>, paths: &[&[&str]]) -> Option<u64> {
    paths.iter().find_map(|path| body.at(path).as_u64())
}

/// Unix seconds from a number, or from an RFC 3339 time.
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
