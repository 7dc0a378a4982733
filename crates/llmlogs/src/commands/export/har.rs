//! An HTTP archive, version 1.2: <http://www.softwareishard.com/blog/har-12-spec/>.

use std::io::Write;

use http::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use llmlogs_core::read::{Entry, Metadata, compact_json};

use super::{LeftOut, Writer, finished_metadata};
use crate::outcome::CliError;
use crate::replay::stored::{StoredBody, text_type};
use crate::replay::url::{url, url_or_placeholder};

/// What the archive says of a version or a type that was not recorded; browsers write the same.
const UNKNOWN_VERSION: &str = "unknown";
const UNKNOWN_TYPE: &str = "x-unknown";

#[derive(Default)]
pub(crate) struct Har {
    started: bool,
}

impl Har {
    fn start(&mut self, sink: &mut dyn Write) -> Result<(), CliError> {
        if std::mem::replace(&mut self.started, true) {
            sink.write_all(b",\n")?;
            return Ok(());
        }
        let creator = json!({"name": "llmlogs", "version": env!("CARGO_PKG_VERSION")});
        Ok(writeln!(sink, "{{\"log\":{{\"version\":\"1.2\",\"creator\":{creator},\"entries\":[")?)
    }
}

impl Writer for Har {
    fn call(&mut self, entry: &Entry, sink: &mut dyn Write) -> Result<Option<LeftOut>, CliError> {
        let metadata = match finished_metadata(entry) {
            Ok(metadata) => metadata,
            Err(left_out) => return Ok(Some(left_out)),
        };
        self.start(sink)?;
        write!(sink, "{}", archived(entry, &metadata))?;
        Ok(None)
    }

    fn end(&mut self, sink: &mut dyn Write) -> Result<(), CliError> {
        if !self.started {
            self.start(sink)?;
        }
        Ok(sink.write_all(b"\n]}}\n")?)
    }
}

fn archived(entry: &Entry, metadata: &Metadata) -> Value {
    let time = metadata.performance.latency_ms;
    // Without a stream it is not known when the response started.
    let wait = metadata.performance.time_to_first_token_ms.unwrap_or(time).min(time);
    let started = match chrono::DateTime::parse_from_rfc3339(&metadata.started_at) {
        Ok(_) => metadata.started_at.clone(),
        Err(_older) => {
            let time = chrono::DateTime::from_timestamp_millis((metadata.timestamp * 1000.0) as i64);
            time.unwrap_or_default().to_rfc3339()
        }
    };
    json!({
        "startedDateTime": started,
        "time": time,
        "request": request(entry, metadata),
        "response": response(entry, metadata),
        "cache": {},
        "timings": {"send": 0, "wait": wait, "receive": time - wait},
        "comment": entry.call().id(),
    })
}

fn request(entry: &Entry, metadata: &Metadata) -> Value {
    let api = &metadata.api_info;
    let query: Vec<Value> =
        api.query.split('&').filter(|parameter| !parameter.is_empty()).map(query_parameter).collect();
    let mut request = json!({
        "method": if api.method.is_empty() { "POST" } else { &api.method },
        "url": url_or_placeholder(metadata), "httpVersion": UNKNOWN_VERSION, "cookies": [], "headers": [],
        "queryString": query, "headersSize": -1, "bodySize": -1,
    });
    if url(metadata).is_none() {
        request["comment"] = "The address of this call was not recorded.".into();
    }
    let body = entry.call().input().map_or(StoredBody::Empty, |stored| StoredBody::of(&stored));
    if let Some(body) = post_data(body) {
        request["headers"] = json!([{
            "name": "content-type", "value": body["mimeType"],
            "comment": "Read off the body: headers of requests are never recorded.",
        }]);
        request["postData"] = body;
    }
    request
}

fn query_parameter(parameter: &str) -> Value {
    let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
    json!({"name": name, "value": value})
}

/// Returns the body of a request; `None` if there is none.
fn post_data(body: StoredBody) -> Option<Value> {
    Some(match body {
        StoredBody::Empty => return None,
        StoredBody::Json(text) => json!({"mimeType": "application/json", "text": text}),
        StoredBody::Text(text) => json!({"mimeType": text_type(&text), "text": text}),
        // The format has no encoding for what is sent; names of one's own begin with an underscore.
        StoredBody::Binary(base64) => json!({
            "mimeType": "application/octet-stream", "text": base64, "_encoding": "base64",
            "comment": "The text is base64.",
        }),
        StoredBody::Elided { media_type, bytes } => json!({
            "mimeType": media_type, "text": "",
            "comment": format!("A body of {bytes} bytes, which was not kept."),
        }),
        StoredBody::Cut { text, original_bytes } => json!({
            "mimeType": "application/json", "text": text,
            "comment": format!("The beginning of a body of {original_bytes} bytes."),
        }),
        StoredBody::Streaming => json!({
            "mimeType": "application/octet-stream", "text": "",
            "comment": "The client produced the body while sending it; it was not recorded.",
        }),
    })
}

/// `output.json` of a call that failed.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Failure<'a> {
    #[serde(borrow)]
    body: Option<&'a RawValue>,
    #[serde(borrow)]
    partial: Option<&'a RawValue>,
}

fn response(entry: &Entry, metadata: &Metadata) -> Value {
    let info = &metadata.response_info;
    let stored = entry.call().output().unwrap_or_default();
    let stored = String::from_utf8_lossy(&stored);
    // What came from the server, in the order in which it came.
    let bodies: Vec<StoredBody> = if info.error {
        let failure: Failure<'_> = serde_json::from_str(&stored).unwrap_or_default();
        [failure.partial, failure.body].into_iter().flatten().map(StoredBody::of_value).collect()
    } else {
        vec![StoredBody::of(stored.as_bytes())]
    };
    let bodies: Vec<StoredBody> = bodies.into_iter().filter(|body| *body != StoredBody::Empty).collect();
    let headers = match &*info.content_type {
        "" => json!([]),
        content_type => json!([{"name": "content-type", "value": content_type}]),
    };
    // 0 and an empty text are what browsers write if no response came.
    let status = info.http_status.unwrap_or(0);
    let mut response = json!({
        "status": status, "statusText": status_text(metadata, status), "httpVersion": UNKNOWN_VERSION, "cookies": [],
        "headers": headers, "redirectURL": "", "headersSize": -1, "bodySize": -1,
        "content": content(metadata, bodies),
    });
    if info.error {
        response["_error"] = format!("{}: {}", info.error_type, info.error_message).into();
    }
    response
}

/// Returns the server's own text, else the standard one of its status.
fn status_text(metadata: &Metadata, status: u16) -> &str {
    match &*metadata.response_info.status_text {
        "" => {
            StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or_default()
        }
        text => text,
    }
}

/// How the events of a stream are told apart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stream {
    ServerSentEvents,
    Lines,
    /// Binary frames, or parts of one JSON array.
    Other,
}

/// Returns how a response was streamed; `None` if it was not.
fn stream(metadata: &Metadata) -> Option<Stream> {
    let info = &metadata.response_info;
    let essence = info.content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if info.http_status.is_some_and(|status| status >= 400) {
        return None;
    }
    match &*essence {
        "text/event-stream" => Some(Stream::ServerSentEvents),
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" | "application/stream+json" => {
            Some(Stream::Lines)
        }
        "" if metadata.request_info.stream => Some(Stream::ServerSentEvents),
        "application/vnd.amazon.eventstream" => Some(Stream::Other),
        _ if metadata.request_info.stream => Some(Stream::Other),
        _ => None,
    }
}

fn content(metadata: &Metadata, mut bodies: Vec<StoredBody>) -> Value {
    const FOLDED: &str =
        "A stream is recorded as the one object that its events add up to, which is this text.";
    let content_type = &*metadata.response_info.content_type;
    let type_or =
        |fallback: &str| if content_type.is_empty() { fallback.to_owned() } else { content_type.to_owned() };
    let sized =
        |text: String, mime_type: String| json!({"size": text.len(), "mimeType": mime_type, "text": text});
    let is_json = |body: &StoredBody| matches!(body, StoredBody::Json(_));
    if let Some(stream) = stream(metadata)
        && !bodies.is_empty()
        && bodies.iter().all(is_json)
    {
        let (text, fallback) = match stream {
            Stream::ServerSentEvents => (joined(&bodies, "data: ", "\n\n"), "text/event-stream"),
            Stream::Lines => (joined(&bodies, "", "\n"), "application/x-ndjson"),
            Stream::Other => (joined(&bodies, "", "\n"), "application/json"),
        };
        let mut content = sized(text, type_or(fallback));
        content["comment"] = FOLDED.into();
        return content;
    }
    // An error that came alone, or the last thing that came.
    match bodies.pop() {
        None => json!({"size": 0, "mimeType": type_or(UNKNOWN_TYPE)}),
        Some(StoredBody::Json(text)) => sized(text, type_or("application/json")),
        Some(StoredBody::Text(text)) => sized(text, type_or("text/plain")),
        Some(StoredBody::Binary(base64)) => json!({
            "size": StoredBody::base64_bytes(&base64), "mimeType": type_or("application/octet-stream"),
            "text": base64, "encoding": "base64",
        }),
        Some(StoredBody::Elided { media_type, bytes }) => json!({
            "size": bytes, "mimeType": type_or(&media_type), "comment": "The body was not kept.",
        }),
        Some(StoredBody::Cut { text, original_bytes }) => json!({
            "size": original_bytes, "mimeType": type_or(UNKNOWN_TYPE), "text": text,
            "comment": "The beginning of the body.",
        }),
        Some(StoredBody::Empty | StoredBody::Streaming) => {
            json!({"size": 0, "mimeType": type_or(UNKNOWN_TYPE)})
        }
    }
}

/// Returns JSON bodies on a line each.
fn joined(bodies: &[StoredBody], before: &str, after: &str) -> String {
    let mut text = String::new();
    for body in bodies {
        if let StoredBody::Json(json) = body {
            text.push_str(before);
            text.push_str(compact_json(json.as_bytes()).as_ref().unwrap_or(json));
            text.push_str(after);
        }
    }
    text
}
