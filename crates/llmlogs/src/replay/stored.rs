//! A body as it went over the wire, from the file that holds it: `input.json`, `output.json`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use llmlogs_core::read::pretty_json;

/// A body, or what stands in for it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum StoredBody {
    Empty,
    /// Indented.
    Json(String),
    /// Text that is no JSON.
    Text(String),
    /// Neither; as base64.
    Binary(String),
    /// Neither, and too large to be kept.
    Elided {
        media_type: String,
        bytes: u64,
    },
    /// Its beginning.
    Cut {
        text: String,
        original_bytes: u64,
    },
    /// A request that the client produced while sending it.
    Streaming,
}

/// The one value under `base64`.
#[derive(Deserialize)]
struct Elided {
    elided: Medium,
}

#[derive(Deserialize)]
#[serde(default)]
struct Medium {
    media_type: String,
    bytes: u64,
}

impl Default for Medium {
    fn default() -> Self {
        Medium { media_type: "application/octet-stream".to_owned(), bytes: 0 }
    }
}

impl StoredBody {
    /// Returns the body that a file holds. What is no JSON, which no recorder writes, is text.
    pub(crate) fn of(stored: &[u8]) -> Self {
        let Some(json) = pretty_json(stored) else {
            let text = String::from_utf8_lossy(stored).into_owned();
            return if text.is_empty() { StoredBody::Empty } else { StoredBody::Text(text) };
        };
        if json == "null" {
            return StoredBody::Empty;
        }
        if let Ok(text) = serde_json::from_str(&json) {
            return StoredBody::Text(text);
        }
        placeholder(&json).unwrap_or(StoredBody::Json(json))
    }

    /// Returns the body that a value within a file stands for.
    pub(crate) fn of_value(value: &RawValue) -> Self {
        StoredBody::of(value.get().as_bytes())
    }

    /// Returns the number of bytes that a text of base64 stands for.
    pub(crate) fn base64_bytes(base64: &str) -> u64 {
        base64.trim_end_matches('=').len() as u64 * 3 / 4
    }
}

/// Returns what an object stands in for; `None` if it is the body itself.
fn placeholder(json: &str) -> Option<StoredBody> {
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(json).ok()?;
    let get = |key: &str| members.get(key).map(|value| value.get());
    match members.len() {
        1 if get("streaming") == Some("true") => Some(StoredBody::Streaming),
        1 => {
            let base64 = get("base64")?;
            let elided = || {
                let Elided { elided } = serde_json::from_str(base64).ok()?;
                Some(StoredBody::Elided { media_type: elided.media_type, bytes: elided.bytes })
            };
            serde_json::from_str(base64).map(StoredBody::Binary).ok().or_else(elided)
        }
        3 if get("truncated") == Some("true") => Some(StoredBody::Cut {
            text: serde_json::from_str(get("text")?).ok()?,
            original_bytes: get("original_bytes")?.parse().ok()?,
        }),
        _ => None,
    }
}

/// Returns the media type of a request body that is text: a form names its boundary in its first line.
pub(crate) fn text_type(text: &str) -> String {
    match text.lines().next().and_then(|line| line.strip_prefix("--")) {
        Some(boundary) if !boundary.is_empty() => format!("multipart/form-data; boundary={boundary}"),
        _ => "text/plain".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stand_in_is_told_from_a_body() {
        let of = |text: &str| StoredBody::of(text.as_bytes());
        assert_eq!(of("null\n"), StoredBody::Empty);
        assert_eq!(of("\"no\\njson\"\n"), StoredBody::Text("no\njson".into()));
        assert_eq!(of("{\"base64\": \"//4=\"}"), StoredBody::Binary("//4=".into()));
        let elided = r#"{"base64":{"elided":{"media_type":"audio/mpeg","bytes":7,"sha256":"x"}}}"#;
        assert_eq!(of(elided), StoredBody::Elided { media_type: "audio/mpeg".into(), bytes: 7 });
        let cut = r#"{"truncated":true,"original_bytes":9,"text":"{\"a\""}"#;
        assert_eq!(of(cut), StoredBody::Cut { text: "{\"a\"".into(), original_bytes: 9 });
        assert_eq!(of("{\"streaming\":true}"), StoredBody::Streaming);
        for body in
            ["{\"base64\":1}", "{\"truncated\":true}", "{\"streaming\":false}", "[]", "7", "{\"a\":1.0}"]
        {
            assert!(matches!(of(body), StoredBody::Json(_)), "{body}");
        }
    }
}
