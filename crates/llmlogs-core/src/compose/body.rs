//! A body as `input.json` and `output.json` hold it.

use base64::Engine;

use crate::capture::Body;
use crate::json::{self, Json};
use crate::redact::{REPLACEMENT, Redactor};

use super::media::{self, Media};
use super::options::ComposeOptions;

/// A body to be stored.
#[derive(Default)]
pub struct Content<'c> {
    /// The body as JSON, redacted.
    pub json: Option<&'c Json<'c>>,
    /// Whether redaction changed it.
    pub redacted: bool,
    /// The body itself; `None` if `json` was composed.
    pub body: Option<&'c Body>,
    /// The body's media type; empty if it is not known.
    pub content_type: &'c str,
}

impl Content<'_> {
    /// Returns the length of what [`store`](Self::store) returns.
    pub fn stored_bytes(&self, options: &ComposeOptions) -> usize {
        if let Some(json) = self.json {
            let mut json = json.clone();
            if media::elide_without_hash(&mut json, options.max_media_bytes) {
                return pretty(&json).len();
            }
        }
        self.store(options, &mut Vec::new()).len()
    }

    /// Returns the body as its file holds it, without the newline at the end: unchanged except for
    /// redacted strings and elided media. Adds the elided media to `media`.
    pub fn store(&self, options: &ComposeOptions, media: &mut Vec<Media>) -> Vec<u8> {
        match (self.json, self.body) {
            (Some(json), _) if media::has_long_string(json, options.max_media_bytes) => {
                let mut json = json.clone();
                let elided_media = media::elide(&mut json, options.max_media_bytes);
                match self.body {
                    Some(body) if elided_media.is_empty() && !self.redacted => {
                        stored_body(body, &options.redact)
                    }
                    _ => {
                        media.extend(elided_media);
                        pretty(&json)
                    }
                }
            }
            (Some(json), Some(Body::Whole(bytes))) if !self.redacted => {
                let mut out = Vec::new();
                match std::str::from_utf8(bytes).map(|text| json::reformat(text, &mut out)) {
                    Ok(Ok(())) => out,
                    _ => pretty(json),
                }
            }
            (Some(json), _) => pretty(json),
            (None, Some(Body::Whole(bytes)))
                if bytes.len() > options.max_media_bytes && std::str::from_utf8(bytes).is_err() =>
            {
                let clean = options.redact.bytes(bytes);
                let (elided, medium) = media::elide_body(&clean, self.content_type);
                media.push(medium);
                pretty(&Json::Object([("base64", elided)].into_iter().collect()))
            }
            (None, Some(body)) => stored_body(body, &options.redact),
            (None, None) => pretty(&Json::Null),
        }
    }
}

/// Returns `body` as its file holds it, without the newline at the end, all media included.
pub fn stored_body(body: &Body, redact: &Redactor) -> Vec<u8> {
    let mut out = Vec::new();
    match body {
        Body::Empty => json::pretty(&Json::Null, &mut out),
        Body::Streaming => json::pretty(&streaming(), &mut out),
        Body::Whole(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => {
                let text = redact.text(text);
                if json::reformat(&text, &mut out).is_err() {
                    json::quote(&text, &mut out);
                }
            }
            Err(_binary) => json::pretty(&base64_object(&redact.bytes(bytes)), &mut out),
        },
        // A rule for a position cannot be applied to a truncated body.
        Body::Cut { original, .. } if redact.has_positional_rules() => {
            json::pretty(&truncated(REPLACEMENT, *original), &mut out);
        }
        Body::Cut { bytes, original } => {
            json::pretty(&truncated(&redact.text(&json::lossy(bytes)), *original), &mut out);
        }
        Body::Dropped { original } => json::pretty(&truncated("", *original), &mut out),
    }
    out
}

/// Returns the placeholder for a request body that the client produced while sending it.
fn streaming() -> Json<'static> {
    Json::Object([("streaming", Json::Bool(true))].into_iter().collect())
}

/// Returns the placeholder for a body of which only `text` is kept.
fn truncated(text: &str, original_bytes: u64) -> Json<'_> {
    let members = [
        ("truncated", Json::Bool(true)),
        ("original_bytes", Json::number(original_bytes)),
        ("text", Json::string(text)),
    ];
    Json::Object(members.into_iter().collect())
}

/// Returns the placeholder for a body that is not text.
pub fn base64_object(bytes: &[u8]) -> Json<'static> {
    let text = base64::engine::general_purpose::STANDARD.encode(bytes);
    Json::Object([("base64", Json::string(text))].into_iter().collect())
}

/// Returns whether only a part of the body is kept, or nothing.
pub fn is_cut(body: &Body) -> bool {
    matches!(body, Body::Cut { .. } | Body::Dropped { .. })
}

/// Returns `contents` with a newline at its end, as every file has one.
pub fn with_newline(mut contents: Vec<u8>) -> Vec<u8> {
    contents.push(b'\n');
    contents
}

fn pretty(json: &Json<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    json::pretty(json, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_body_is_stored() {
        let stored = |body| String::from_utf8(stored_body(&body, &Redactor::new())).unwrap();
        assert_eq!(stored(Body::Whole("{\"z\":1.0,\"a\":[]}".into())), "{\n  \"z\": 1.0,\n  \"a\": []\n}");
        assert_eq!(stored(Body::Whole("no json\n".into())), "\"no json\\n\"");
        assert_eq!(stored(Body::Whole(vec![0xff, 0xfe].into())), "{\n  \"base64\": \"//4=\"\n}");
        assert_eq!(stored(Body::Streaming), "{\n  \"streaming\": true\n}");
        assert_eq!(stored(Body::Empty), "null");
        let cut = Body::limited("abcdef".into(), 3);
        assert_eq!(
            stored(cut),
            "{\n  \"truncated\": true,\n  \"original_bytes\": 6,\n  \"text\": \"abc\"\n}"
        );
    }
}
