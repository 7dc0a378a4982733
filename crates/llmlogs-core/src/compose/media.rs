//! Elides large base64 media from bodies, so that the stored bodies stay readable.

use std::borrow::Cow;
use std::collections::HashSet;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use sha2::{Digest, Sha256};

use crate::json::{Json, Object};
use crate::redact::{Redactor, address};

use super::options::ComposeOptions;

/// A medium that was elided from a body.
#[derive(Debug, PartialEq, Eq)]
pub struct Media {
    /// The name of its file: `<sha256>.<extension>`.
    pub name: String,
    /// The decoded medium.
    pub bytes: Vec<u8>,
}

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Keys under which the APIs put base64 data.
const DATA_KEYS: [&str; 17] = [
    "data",
    "bytes",
    "b64_json",
    "partial_image_b64",
    "file_data",
    "result",
    "image_url",
    "url",
    "audio",
    "input_audio",
    "image",
    "inputImage",
    "maskImage",
    "conditionImage",
    "bytesBase64Encoded",
    "audioContent",
    "video",
];

/// Returns the media type that a key implies; `parent` is the key of the enclosing object.
fn type_of_key(key: &str, parent: &str) -> Option<&'static str> {
    Some(match (key, parent) {
        ("file_data", _) => "application/octet-stream",
        ("input_audio" | "audioContent", _) | ("data", "audio" | "input_audio") => "audio/unknown",
        ("b64_json" | "partial_image_b64" | "inputImage" | "maskImage" | "conditionImage" | "images", _) => {
            "image/unknown"
        }
        _ => return None,
    })
}

/// Returns whether any string is longer than `limit` bytes.
pub fn has_long_string(json: &Json<'_>, limit: usize) -> bool {
    match json {
        Json::String(text) => text.len() > limit,
        Json::Array(items) => items.iter().any(|item| has_long_string(item, limit)),
        Json::Object(members) => members.iter().any(|(_, member)| has_long_string(member, limit)),
        Json::Null | Json::Bool(_) | Json::Number(_) => false,
    }
}

/// Applies the redaction rules to a body; returns whether anything changed.
///
/// What is going to be elided is told from text first: it is most of a body, and has nothing for the built-in rules.
pub fn redact(json: &mut Json<'_>, options: &ComposeOptions) -> bool {
    let limit = options.max_media_bytes;
    options.redact.json_beside(json, |json| {
        let mut found = HashSet::new();
        if has_long_string(json, limit) {
            let mut visit = |json: &Json<'_>, medium: &Medium<'_>| {
                if !medium.may_hide_a_secret(&options.redact) {
                    found.insert(address(json));
                }
            };
            find(json, ("", ""), None, limit, &mut visit);
        }
        found
    })
}

/// Replaces every medium of more than `limit` bytes by `{"elided": {"media_type", "bytes", "sha256"}}`; returns the
/// media.
pub fn elide(json: &mut Json<'_>, limit: usize) -> Vec<Media> {
    let mut elided_media = Vec::new();
    walk(json, ("", ""), None, limit, &mut |media_type, bytes| replace(media_type, bytes, &mut elided_media));
    elided_media
}

/// As [`elide`], for a body of which only the length is asked for: the hashes are not made. Returns whether there were
/// media.
pub fn elide_without_hash(json: &mut Json<'_>, limit: usize) -> bool {
    let mut found = false;
    walk(json, ("", ""), None, limit, &mut |media_type, bytes| {
        found = true;
        placeholder(media_type, bytes.len(), "0".repeat(64))
    });
    found
}

/// A string that is base64 media.
struct Medium<'t> {
    /// What stands before the base64: the head of a `data:` URL, or nothing.
    head: &'t str,
    base64: &'t str,
    media_type: Cow<'t, str>,
    bytes: Vec<u8>,
}

impl<'t> Medium<'t> {
    /// Returns what a string of more than `limit` bytes holds, if that is media of more bytes than this.
    fn of(
        text: &'t str,
        (key, parent): (&str, &str),
        declared: Option<&'t str>,
        limit: usize,
    ) -> Option<Self> {
        let medium = match crate::api::data_url(text) {
            Some((media_type, base64)) => Medium {
                head: &text[..text.len() - base64.len()],
                base64,
                media_type: Cow::Borrowed(media_type),
                bytes: decode(base64)?,
            },
            None if DATA_KEYS.contains(&key) || key == "images" => {
                let bytes = decode(text)?;
                // Signatures and encrypted reasoning are under such keys too; they are not media.
                let media_type =
                    declared.or_else(|| sniffed_type(&bytes)).or_else(|| type_of_key(key, parent))?;
                Medium { head: "", base64: text, media_type: Cow::Borrowed(media_type), bytes }
            }
            None => return None,
        };
        (medium.bytes.len() > limit).then_some(medium)
    }

    /// Returns whether the head, or the beginning of what follows it, has the shape of a secret. Elsewhere in base64
    /// none can begin: before a secret is a character that base64 does not have.
    fn may_hide_a_secret(&self, rules: &Redactor) -> bool {
        const LOOKED_AT: usize = 1 << 10;
        let base64 = self.base64.trim_start();
        let start = base64.get(..LOOKED_AT).unwrap_or(base64);
        self.head.len() > LOOKED_AT || [self.head, start].iter().any(|text| rules.has_secret(text))
    }
}

/// Visits every string that [`walk`] would replace.
fn find(
    json: &Json<'_>,
    (key, parent): (&str, &str),
    declared: Option<&str>,
    limit: usize,
    visit: &mut impl FnMut(&Json<'_>, &Medium<'_>),
) {
    match json {
        Json::String(text) if text.len() > limit => {
            if let Some(medium) = Medium::of(&text.plain(), (key, parent), declared, limit) {
                visit(json, &medium);
            }
        }
        Json::Array(items) => items.iter().for_each(|item| find(item, (key, parent), declared, limit, visit)),
        Json::Object(members) => {
            let own = declared_type(members, key);
            let declared = own.as_deref().or(declared);
            for (member_key, member) in members.iter() {
                find(member, (&member_key.plain(), key), declared, limit, visit);
            }
        }
        _ => {}
    }
}

/// Returns the replacement of a whole body that is not text, and the body as a medium.
pub fn elide_body(bytes: &[u8], content_type: &str) -> (Json<'static>, Media) {
    let content_type = content_type.split(';').next().unwrap_or_default().trim();
    let is_specific = !matches!(content_type, "" | "application/octet-stream" | "application/json");
    let media_type =
        if is_specific { content_type } else { sniffed_type(bytes).unwrap_or("application/octet-stream") };
    let mut elided_media = Vec::new();
    let elided = replace(media_type, bytes.to_vec(), &mut elided_media);
    (elided, elided_media.remove(0))
}

/// Walks through a value under `key`, in an object under the key `parent`; `declared` is the media type that an enclosing
/// object declares. Replaces media by what `replace` makes of their types and bytes.
fn walk(
    json: &mut Json<'_>,
    (key, parent): (&str, &str),
    declared: Option<&str>,
    limit: usize,
    replace: &mut impl FnMut(&str, Vec<u8>) -> Json<'static>,
) {
    match json {
        Json::String(text) if text.len() > limit => {
            let found = Medium::of(&text.plain(), (key, parent), declared, limit)
                .map(|medium| replace(&medium.media_type, medium.bytes));
            if let Some(replacement) = found {
                *json = replacement;
            }
        }
        Json::Array(items) => {
            for item in items {
                walk(item, (key, parent), declared, limit, replace);
            }
        }
        Json::Object(members) => {
            let own = declared_type(members, key);
            let declared = own.as_deref().or(declared);
            for (member_key, member) in members.iter_mut() {
                let own_key = member_key.plain().into_owned();
                walk(member, (&own_key, key), declared, limit, replace);
            }
        }
        _ => {}
    }
}

/// Returns the media type that a member of an object declares for its siblings; a `format` is the second half of one.
fn declared_type(members: &Object<'_>, key: &str) -> Option<String> {
    for name in ["mimeType", "mime_type", "media_type", "mediaType"] {
        if let Some(media_type) = members.get(name).and_then(Json::as_str) {
            return Some(media_type.into_owned());
        }
    }
    let format = members.get("format").and_then(Json::as_str)?;
    let kind = match key {
        "input_audio" | "audio" => "audio",
        "image" => "image",
        "video" => "video",
        "document" => return Some(document_type(&format).to_owned()),
        _ => return None,
    };
    Some(format!("{kind}/{format}"))
}

/// Returns the media type of a document format as Bedrock names it.
fn document_type(format: &str) -> &'static str {
    match format {
        "pdf" => "application/pdf",
        "csv" => "text/csv",
        "html" => "text/html",
        "md" => "text/markdown",
        "txt" => "text/plain",
        "doc" => "application/msword",
        "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xls" => "application/vnd.ms-excel",
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        _ => "application/octet-stream",
    }
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let text = text.trim();
    STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok()
}

/// Returns the media type that the first bytes identify.
fn sniffed_type(bytes: &[u8]) -> Option<&'static str> {
    let is = |at: usize, magic: &[u8]| bytes.get(at..).is_some_and(|rest| rest.starts_with(magic));
    Some(match bytes {
        _ if is(0, b"\x89PNG\r\n\x1a\n") => "image/png",
        _ if is(0, b"\xff\xd8\xff") => "image/jpeg",
        _ if is(0, b"GIF8") => "image/gif",
        _ if is(0, b"RIFF") && is(8, b"WEBP") => "image/webp",
        _ if is(0, b"RIFF") && is(8, b"WAVE") => "audio/wav",
        _ if is(0, b"ID3") || is(0, b"\xff\xfb") || is(0, b"\xff\xf3") => "audio/mpeg",
        _ if is(0, b"OggS") => "audio/ogg",
        _ if is(0, b"fLaC") => "audio/flac",
        _ if is(4, b"ftyp") => "video/mp4",
        _ if is(0, b"%PDF-") => "application/pdf",
        _ => return None,
    })
}

fn replace(media_type: &str, bytes: Vec<u8>, elided_media: &mut Vec<Media>) -> Json<'static> {
    let sha256: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let placeholder = placeholder(media_type, bytes.len(), sha256.clone());
    let name = format!("{sha256}.{}", extension(media_type));
    if elided_media.iter().all(|known| known.name != name) {
        elided_media.push(Media { name, bytes });
    }
    placeholder
}

/// Returns what stands in the place of a medium.
fn placeholder(media_type: &str, bytes: usize, sha256: String) -> Json<'static> {
    let description = [
        ("media_type", Json::string(media_type.to_owned())),
        ("bytes", Json::number(bytes)),
        ("sha256", Json::string(sha256)),
    ];
    let elided = [("elided", Json::Object(description.into_iter().collect()))];
    Json::Object(elided.into_iter().collect())
}

/// Returns the usual extension of a media type; never a text from a body, since it becomes part of a file name.
fn extension(media_type: &str) -> &'static str {
    match media_type {
        "image/png" => "png",
        "image/jpeg" | "image/jpg" => "jpg",
        "image/gif" => "gif",
        "image/webp" => "webp",
        "image/svg+xml" => "svg",
        "audio/wav" | "audio/x-wav" | "audio/wave" => "wav",
        "audio/mpeg" | "audio/mp3" => "mp3",
        "audio/ogg" | "audio/opus" => "ogg",
        "audio/flac" => "flac",
        "audio/aac" | "audio/mp4" | "audio/m4a" => "m4a",
        "video/mp4" => "mp4",
        "video/webm" => "webm",
        "application/pdf" => "pdf",
        "text/plain" => "txt",
        _ => "bin",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn png(length: usize) -> (Vec<u8>, String) {
        let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
        bytes.resize(length, 7);
        let text = STANDARD.encode(&bytes);
        (bytes, text)
    }

    #[test]
    fn media_is_elided_wherever_an_api_puts_it() {
        let (bytes, data) = png(2000);
        for body in [
            format!(r#"{{"type":"image_url","image_url":{{"url":"data:image/png;base64,{data}"}}}}"#),
            format!(r#"{{"type":"input_image","image_url":"data:image/png;base64,{data}"}}"#),
            format!(r#"{{"source":{{"type":"base64","media_type":"image/png","data":"{data}"}}}}"#),
            format!(r#"{{"inlineData":{{"mimeType":"image/png","data":"{data}"}}}}"#),
            format!(r#"{{"image":{{"format":"png","source":{{"bytes":"{data}"}}}}}}"#),
            format!(r#"{{"images":["{data}"]}}"#),
            format!(r#"{{"data":[{{"b64_json":"{data}"}}]}}"#),
            format!(r#"{{"type":"image_generation_call","result":"{data}"}}"#),
            format!(r#"{{"predictions":[{{"bytesBase64Encoded":"{data}"}}]}}"#),
            format!(
                r#"{{"type":"response.image_generation_call.partial_image","partial_image_b64":"{data}"}}"#
            ),
        ] {
            let mut json = json::parse(&body).unwrap();
            assert!(has_long_string(&json, 1000));
            let elided_media = elide(&mut json, 1000);
            assert_eq!(elided_media.len(), 1, "{}", &body[..60]);
            assert_eq!(elided_media[0].bytes, bytes);
            let mut out = Vec::new();
            json::compact(&json, &mut out);
            let out = String::from_utf8(out).unwrap();
            let (sha256, _) = elided_media[0].name.split_once('.').unwrap();
            let elided =
                format!(r#"{{"elided":{{"media_type":"image/png","bytes":2000,"sha256":"{sha256}"}}}}"#);
            assert!(out.contains(&elided), "{out}");
            assert!(elided_media[0].name.ends_with(".png"));
        }
    }

    #[test]
    fn media_without_magic_bytes_are_identified_by_their_key() {
        let data = STANDARD.encode((0..3000_u32).map(|n| (n * 7919 % 251) as u8).collect::<Vec<_>>());
        for (body, expected) in [
            (format!(r#"{{"message":{{"audio":{{"id":"a","data":"{data}"}}}}}}"#), "audio/unknown"),
            (format!(r#"{{"type":"input_audio","input_audio":"{data}"}}"#), "audio/unknown"),
            (
                format!(r#"{{"file":{{"filename":"a.docx","file_data":"{data}"}}}}"#),
                "application/octet-stream",
            ),
            (format!(r#"{{"document":{{"format":"csv","source":{{"bytes":"{data}"}}}}}}"#), "text/csv"),
            (format!(r#"{{"inPaintingParams":{{"maskImage":"{data}"}}}}"#), "image/unknown"),
            (format!(r#"{{"images":["{data}"]}}"#), "image/unknown"),
        ] {
            let mut json = json::parse(&body).unwrap();
            assert_eq!(elide(&mut json, 1000).len(), 1, "{}", &body[..60]);
            let mut out = Vec::new();
            json::compact(&json, &mut out);
            let out = String::from_utf8(out).unwrap();
            assert!(out.contains(&format!(r#""media_type":"{expected}""#)), "{out}");
        }
    }

    #[test]
    fn small_media_and_other_strings_stay() {
        let (_, data) = png(2000);
        let random = STANDARD.encode((0..3000_u32).map(|n| (n * 7919 % 251) as u8).collect::<Vec<_>>());
        for body in [
            format!(r#"{{"inlineData":{{"mimeType":"image/png","data":"{}"}}}}"#, &data[..1200]),
            format!(r#"{{"type":"redacted_thinking","data":"{random}"}}"#),
            format!(r#"{{"encrypted_content":"{data}"}}"#),
            format!(r#"{{"text":"{}"}}"#, "word ".repeat(1000)),
        ] {
            let mut json = json::parse(&body).unwrap();
            assert_eq!(elide(&mut json, 1000), []);
        }
    }

    #[test]
    fn the_same_medium_is_kept_once() {
        let (_, data) = png(2000);
        let body = format!(r#"{{"images":["{data}","{data}"]}}"#);
        assert_eq!(elide(&mut json::parse(&body).unwrap(), 1000).len(), 1);
    }

    fn options(rules: Redactor) -> ComposeOptions {
        ComposeOptions { redact: rules, max_media_bytes: 1000, ..ComposeOptions::default() }
    }

    /// Redacts `body` both ways; asserts that what is on disk in the end is the same, and returns it.
    fn stored(body: &str, rules: &Redactor) -> String {
        let [mut all, mut beside] = [(); 2].map(|()| json::parse(body).unwrap());
        let options = options(rules.clone());
        assert_eq!(rules.json(&mut all), redact(&mut beside, &options));
        let out = |json: &mut Json<'_>| {
            let media = elide(json, 1000);
            let mut out = Vec::new();
            json::compact(json, &mut out);
            (String::from_utf8(out).unwrap(), media)
        };
        let (all, beside) = (out(&mut all), out(&mut beside));
        assert_eq!(all, beside);
        beside.0
    }

    const KEY: &str = "sk-proj-abcDEF123456789012345678";

    #[test]
    fn media_was_looked_through_for_secrets() {
        let (_, data) = png(2000);
        let body = format!(
            r#"{{"text":"my key is {KEY}","image_url":{{"url":"data:image/png;base64,{data}"}},"b64_json":"{data}"}}"#
        );
        let mut json = json::parse(&body).unwrap();
        let found = std::cell::Cell::new(0);
        let rules = Redactor::new();
        rules.json_beside(&mut json, |json| {
            let mut addresses = HashSet::new();
            find(json, ("", ""), None, 1000, &mut |json, _| {
                addresses.insert(address(json));
            });
            found.set(addresses.len());
            addresses
        });
        assert_eq!(found.get(), 2);
        let stored = stored(&body, &rules);
        assert!(stored.contains("[REDACTED]") && !stored.contains(KEY), "{stored}");
        assert_eq!(stored.matches("elided").count(), 2);
    }

    #[test]
    fn what_only_passes_itself_off_as_media_is_redacted() {
        let (_, data) = png(2000);
        let filler = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6".repeat(100);
        for body in [
            // In the head of a URL, as its media type, or beside the data as one.
            format!(r#"{{"url":"data:image/png;key={KEY};base64,{data}"}}"#),
            format!(r#"{{"url":"data:{KEY};base64,{data}"}}"#),
            format!(r#"{{"mimeType":"{KEY}","data":"{data}"}}"#),
            format!(r#"{{"url":"data:image/png;x={};{KEY};base64,{data}"}}"#, " ".repeat(2000)),
            // A key as long as an image, in the alphabet of URLs.
            format!(r#"{{"mimeType":"image/png","data":"sk-{filler}0"}}"#),
            format!(r#"{{"mimeType":"image/png","data":"{}sk-{filler}0"}}"#, " ".repeat(2000)),
            format!(r#"{{"url":"data:image/png;base64,sk-{filler}0"}}"#),
            // No base64.
            format!(r#"{{"mimeType":"image/png","data":"{data} {KEY}"}}"#),
            format!(r#"{{"url":"data:image/png;base64,{data},{KEY}"}}"#),
            format!(r#"{{"b64_json":"{data}={KEY}"}}"#),
            // No place of media.
            format!(r#"{{"content":"{data} {KEY}"}}"#),
            format!(r#"{{"elided":{{"media_type":"image/png","bytes":1,"sha256":"{KEY}"}}}}"#),
        ] {
            let stored = stored(&body, &Redactor::new());
            assert!(!stored.contains(KEY) && !stored.contains("sk-a1B2c3"), "{}", &body[..80]);
        }
    }

    #[test]
    fn the_users_own_rules_see_media_as_they_did() {
        let (_, data) = png(2000);
        let body = format!(r#"{{"photo":{{"url":"data:image/png;base64,{data}"}},"b64_json":"{data}"}}"#);
        for rules in [
            Redactor::new().pointer("/photo/url").pointer("/b64_json"),
            Redactor::new().regex(r"(?s)^.{1000,}$").unwrap(),
            Redactor::new().map_strings(|_, text| (text.len() > 1000).then(|| "gone".to_owned())),
        ] {
            let stored = stored(&body, &rules);
            assert!(!stored.contains("elided") && stored.len() < 100, "{stored}");
        }
    }

    #[test]
    fn the_length_of_a_body_is_known_without_a_hash() {
        let (_, data) = png(2000);
        let body = format!(r#"{{"images":["{data}"],"n":1.0}}"#);
        let [mut hashed, mut measured] = [(); 2].map(|()| json::parse(&body).unwrap());
        elide(&mut hashed, 1000);
        assert!(elide_without_hash(&mut measured, 1000));
        let length = |json: &Json<'_>| {
            let mut out = Vec::new();
            json::pretty(json, &mut out);
            out.len()
        };
        assert_eq!(length(&hashed), length(&measured));
    }
}
