//! Responses with a status of success that are no answer: a captive portal's page, JSON that was cut, an empty body, a
//! stream without its end.

use crate::capture::{Api, Body, CapturedResponse, Completion, Endpoint, ErrorType, Failure, ResponseHead};
use crate::json::{self, Json};
use crate::redact::{REPLACEMENT, Redactor};

use super::content_encoding::is_encoded;
use super::decode::DecodedBody;
use super::detect::{Request, detect_endpoint_of};
use super::view::ResponseView;

/// How many characters of a body a message quotes.
const QUOTED: usize = 200;

/// How many bytes are looked through for secrets before they are quoted: more than any secret has that begins in what is
/// quoted.
const REDACTED: usize = 16 << 10;

/// What an API's answers may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// An object or an array.
    Json,
    /// Sound, an image or a text, or JSON.
    Media,
    /// Anything but a page.
    NoPage,
    /// Anything.
    Anything,
}

impl Expected {
    fn of(endpoint: &Endpoint, head: &ResponseHead) -> Self {
        let url = format!("{}{}", endpoint.base_url, endpoint.path);
        let known = detect_endpoint_of(Request { method: "POST", url: &url }, &endpoint.provider);
        // What the user matched on a path that is known may be of another API.
        let recognised =
            known.is_some_and(|known| endpoint.api != Api::Raw || known.operation == endpoint.operation);
        let binary = ["image/", "audio/", "video/", "application/octet-stream"];
        match (endpoint.api, &*endpoint.operation) {
            (Api::Raw, _) if !recognised => Expected::Anything,
            // Requests that the user matched, whose bodies have the shape of a known API.
            _ if !recognised => Expected::NoPage,
            (
                Api::Raw | Api::Deepgram | Api::TextCompletion,
                // Models on Hugging Face and SageMaker make whatever they are made for.
                "image_generation" | "audio_generation" | "transcription" | "prediction",
            ) => Expected::Media,
            // Vectors and images come as bytes where that was asked for.
            (Api::Raw | Api::Embeddings | Api::BedrockInvoke, _)
                if binary.iter().any(|kind| is_type(head, kind)) =>
            {
                Expected::Media
            }
            _ => Expected::Json,
        }
    }
}

/// Returns the failure that a response is which arrived whole with a status of success and cannot be an answer.
///
/// `quoted` is the [quotation](quotation) of the body, redacted.
pub(super) fn invalid_response(
    endpoint: &Endpoint,
    response: &CapturedResponse,
    decoded: &DecodedBody<'_>,
    quoted: Option<&str>,
) -> Option<Failure> {
    let head = &response.head;
    if decoded.streamed || is_unreadable(response) {
        return None;
    }
    let bytes = arrived_whole(response)?;
    let problem = problem(bytes, head, decoded)?;
    let is_failure = match Expected::of(endpoint, head) {
        Expected::Json => true,
        Expected::Media => match problem {
            // A transcription and sound may begin with a `<` of their own.
            Problem::Page => is_page(bytes, head),
            // Silence has an empty transcription.
            Problem::Empty => endpoint.operation != "transcription",
            Problem::NoJson | Problem::BrokenJson | Problem::NotUtf8(_) => is_type(head, "application/json"),
            Problem::Scalar => false,
        },
        Expected::NoPage => problem == Problem::Page,
        Expected::Anything => false,
    };
    is_failure.then(|| Failure::new(ErrorType::InvalidResponse, message(&problem, head, bytes.len(), quoted)))
}

/// Returns the failure of a stream that ended without the API's end: its end mark, or a finish reason.
pub(super) fn incomplete_stream(
    response: &CapturedResponse,
    decoded: &DecodedBody<'_>,
    view: &ResponseView<'_>,
) -> Option<Failure> {
    let has_ended = !decoded.incomplete || !view.finish_reason().is_empty();
    if has_ended || is_unreadable(response) {
        return None;
    }
    arrived_whole(response)?;
    Some(Failure::new(ErrorType::Stream, "the stream ended without the API's end mark or a finish reason"))
}

/// Returns whether a body is in a content coding. Some servers name one that is none (`utf-8`), or send nothing or a page
/// under it.
fn is_unreadable(response: &CapturedResponse) -> bool {
    let is_text = |bytes: &[u8]| {
        std::str::from_utf8(bytes)
            .is_ok_and(|text| !text.chars().any(|c| c.is_control() && !c.is_whitespace()))
    };
    is_encoded(&response.head.content_encoding) && !is_text(response.body.bytes())
}

/// Returns the body of a response with a status of success that has one, if all of it was captured.
fn arrived_whole(response: &CapturedResponse) -> Option<&[u8]> {
    let status = response.head.status?;
    // Accepted, no content, reset content: these have no answer.
    let has_answer = (200..300).contains(&status) && !matches!(status, 202 | 204 | 205);
    match &response.body {
        Body::Empty if has_answer && response.completion == Completion::Complete => Some(&[]),
        Body::Whole(bytes) if has_answer && response.completion == Completion::Complete => Some(bytes),
        _ => None,
    }
}

/// Why a body is no answer in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Problem {
    Empty,
    Page,
    NoJson,
    /// It begins as JSON does.
    BrokenJson,
    /// A text, a number or null.
    Scalar,
    /// With the number of bytes that are UTF-8.
    NotUtf8(usize),
}

fn problem(bytes: &[u8], head: &ResponseHead, decoded: &DecodedBody<'_>) -> Option<Problem> {
    if decoded.is_answer() {
        return None;
    }
    let start = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    if start.is_empty() {
        return Some(Problem::Empty);
    }
    let valid = std::str::from_utf8(bytes).err().map(|error| error.valid_up_to());
    let not_utf8 = valid.map(Problem::NotUtf8);
    let in_utf8 = head.content_type.to_ascii_lowercase().split_once("charset=").is_none_or(|(_, charset)| {
        let charset = charset.trim_start_matches(['"', '\'']);
        ["utf-8", "utf8", "us-ascii"].iter().any(|utf8| charset.starts_with(utf8))
    });
    match &decoded.json {
        Some(Json::Object(_) | Json::Array(_)) => not_utf8.filter(|_| in_utf8),
        Some(_) => Some(Problem::Scalar),
        None if start.starts_with(b"<") || is_type(head, "text/html") => Some(Problem::Page),
        None if not_utf8.is_some() => not_utf8,
        // What is nested too deeply to be read is JSON all the same.
        None => {
            let begins_as_json = matches!(start.first(), Some(b'{' | b'['));
            let problem = if begins_as_json { Problem::BrokenJson } else { Problem::NoJson };
            json::reformat(&json::lossy(bytes), &mut Vec::new()).is_err().then_some(problem)
        }
    }
}

/// Returns whether a body that begins as markup does is a page or another document of markup.
fn is_page(bytes: &[u8], head: &ResponseHead) -> bool {
    const STARTS: [&[u8]; 6] = [b"<!doctype", b"<html", b"<head", b"<body", b"<?xml", b"<!--"];
    let start = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    let starts_with =
        |tag: &[u8]| start.get(..tag.len()).is_some_and(|first| first.eq_ignore_ascii_case(tag));
    is_type(head, "text/html") || STARTS.into_iter().any(starts_with)
}

fn message(problem: &Problem, head: &ResponseHead, length: usize, quoted: Option<&str>) -> String {
    let came = match problem {
        Problem::Empty => "an empty body".to_owned(),
        Problem::Page => "a page".to_owned(),
        Problem::NoJson => "no JSON".to_owned(),
        Problem::BrokenJson => "broken JSON".to_owned(),
        Problem::Scalar => "a JSON value that is no answer".to_owned(),
        Problem::NotUtf8(valid) => format!("invalid UTF-8 after {valid} bytes"),
    };
    let content_type = match &*head.content_type {
        "" => "no content type",
        content_type => content_type,
    };
    let quoted = quoted.filter(|quoted| !quoted.is_empty());
    let quoted = quoted.map(|quoted| format!(": {quoted}")).unwrap_or_default();
    format!("expected the API's answer, got {came} ({content_type}, {length} bytes){quoted}")
}

/// Returns the first characters of a body in one line, redacted by `rules`; empty where the body is no text.
pub(super) fn quotation(body: &Body, rules: &Redactor) -> String {
    let bytes = body.bytes();
    let text = json::lossy(&bytes[..bytes.len().min(REDACTED)]).into_owned();
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.chars().take(QUOTED).any(|c| c.is_control() && !c.is_whitespace()) {
        return String::new();
    }
    // A rule for a position cannot be applied to a part of a body.
    if text.starts_with(['{', '[']) && rules.has_positional_rules() {
        return REPLACEMENT.to_owned();
    }
    let text = rules.text(text);
    let mut line = String::new();
    let mut words = text.split_whitespace();
    while line.len() <= 4 * QUOTED
        && let Some(word) = words.next()
    {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    match line.char_indices().nth(QUOTED) {
        Some((end, _)) => {
            line.truncate(end);
            line.truncate(line.trim_end().len());
            line + "..."
        }
        None => line,
    }
}

/// Returns whether the content type of a response begins with `kind`.
fn is_type(head: &ResponseHead, kind: &str) -> bool {
    head.content_type.get(..kind.len()).is_some_and(|start| start.eq_ignore_ascii_case(kind))
}

#[cfg(test)]
mod tests;
