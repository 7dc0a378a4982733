//! Responses with a status of success that are no answer: a captive portal's page, JSON that was cut, an empty body, a
//! stream without its end.

use crate::capture::{Api, Body, CapturedResponse, Completion, Endpoint, ErrorType, Failure, ResponseHead};
use crate::json::{self, Json};
use crate::redact::{REPLACEMENT, Redactor};

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
    if decoded.streamed || is_encoded(&head.content_encoding) {
        return None;
    }
    let bytes = arrived_whole(response)?;
    let problem = problem(bytes, head, decoded)?;
    let is_failure = match Expected::of(endpoint, head) {
        Expected::Json => true,
        Expected::Media => match problem {
            Problem::Page => true,
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
    if has_ended || is_encoded(&response.head.content_encoding) {
        return None;
    }
    arrived_whole(response)?;
    Some(Failure::new(ErrorType::Stream, "the stream ended without the API's end mark or a finish reason"))
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

/// Returns whether a body with this `Content-Encoding` is in a content coding, so that it cannot be read here.
pub fn is_encoded(content_encoding: &str) -> bool {
    let encodings = content_encoding.split(',').map(str::trim);
    encodings.into_iter().any(|encoding| !encoding.is_empty() && !encoding.eq_ignore_ascii_case("identity"))
}

/// Returns whether the content type of a response begins with `kind`.
fn is_type(head: &ResponseHead, kind: &str) -> bool {
    head.content_type.get(..kind.len()).is_some_and(|start| start.eq_ignore_ascii_case(kind))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::api::framing::aws_frames::{event, exception};
    use crate::api::{Depth, detect_endpoint, interpret, unrecognised};
    use crate::capture::ChunkTimings;

    const JSON: &str = "application/json";
    const EVENTS: &str = "text/event-stream";
    const CHAT: &str = "https://api.openai.com/v1/chat/completions";

    fn endpoint(url: &str) -> Endpoint {
        let request = Request { method: "POST", url };
        detect_endpoint(request).or_else(|| unrecognised(request)).unwrap()
    }

    fn response(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> CapturedResponse {
        CapturedResponse {
            head: ResponseHead {
                status: Some(status),
                content_type: content_type.into(),
                ..ResponseHead::default()
            },
            body: Body::limited(body.into().into(), usize::MAX),
            chunk_timings: ChunkTimings::default(),
            completion: Completion::Complete,
            ended: Instant::now(),
        }
    }

    /// Returns the type and the message of the failure that a response is; the span's type is the same.
    fn failure_of(url: &str, response: &CapturedResponse) -> Option<(String, String)> {
        let endpoint = endpoint(url);
        let kind = |depth| {
            let mut answer = interpret(&endpoint, response, depth);
            answer.redact(&Redactor::new(), |_| false);
            answer.failure(&answer.view())
        };
        let whole = kind(Depth::Whole);
        let summary = kind(Depth::Summary);
        assert_eq!(summary.map(|failure| failure.kind), whole.as_ref().map(|failure| failure.kind.clone()));
        whole.map(|failure| (failure.kind.word().into_owned(), failure.message))
    }

    #[test]
    fn a_body_that_is_no_answer_was_recorded_as_ok() {
        for (content_type, body, came) in [
            (
                "text/html; charset=utf-8",
                &b"<!DOCTYPE html>\n<title>Sign in</title>"[..],
                "a page (text/html; charset=utf-8, 38 bytes): <!DOCTYPE html> <title>Sign in</title>",
            ),
            (JSON, b"<html>", "a page (application/json, 6 bytes): <html>"),
            ("text/plain", b"upstream gone", "no JSON (text/plain, 13 bytes): upstream gone"),
            ("", b"upstream gone", "no JSON (no content type, 13 bytes): upstream gone"),
            (
                JSON,
                br#"{"id":"c","choices":[{"mess"#,
                r#"broken JSON (application/json, 27 bytes): {"id":"c","choices":[{"mess"#,
            ),
            (
                JSON,
                b"{\"id\":\"\xff\"}",
                "invalid UTF-8 after 7 bytes (application/json, 10 bytes): {\"id\":\"\u{fffd}\"}",
            ),
            (JSON, b"\x1f\x8b\x08\x00\xff", "invalid UTF-8 after 1 bytes (application/json, 5 bytes)"),
            (JSON, b"", "an empty body (application/json, 0 bytes)"),
            (JSON, b" \n", "an empty body (application/json, 2 bytes)"),
            (EVENTS, b"", "an empty body (text/event-stream, 0 bytes)"),
            (
                EVENTS,
                b"<html>data: 1\ndata: 2</html>",
                "a page (text/event-stream, 28 bytes): <html>data: 1 data: 2</html>",
            ),
            (EVENTS, b"no healthy upstream", "no JSON (text/event-stream, 19 bytes): no healthy upstream"),
            (
                "application/x-ndjson",
                b"no\nhealthy\nupstream",
                "no JSON (application/x-ndjson, 19 bytes): no healthy upstream",
            ),
            (
                "application/vnd.amazon.eventstream",
                b"Service Unavailable",
                "no JSON (application/vnd.amazon.eventstream, 19 bytes): Service Unavailable",
            ),
            (JSON, b"\"hello\"", "a JSON value that is no answer (application/json, 7 bytes): \"hello\""),
        ] {
            let expected =
                ("InvalidResponseError".to_owned(), format!("expected the API's answer, got {came}"));
            assert_eq!(failure_of(CHAT, &response(200, content_type, body)), Some(expected));
        }
    }

    #[test]
    fn calls_that_rightly_have_no_json_are_ok() {
        let host = "https://api.openai.com/v1";
        for (path, status, content_type, body) in [
            ("audio/speech", 200, "audio/mpeg", &b"\xff\xfb\x90"[..]),
            ("audio/transcriptions", 200, "text/plain; charset=utf-8", b"Hello."),
            ("audio/transcriptions", 200, "text/plain", b""),
            ("images/generations", 200, "image/png", b"\x89PNG"),
            ("embeddings", 200, "application/octet-stream", b"\x00\x01"),
            ("chat/completions", 202, JSON, b""),
            ("chat/completions", 204, "", b""),
            ("chat/completions", 302, "text/html", b"<html>"),
            ("chat/completions", 200, JSON, b"\xef\xbb\xbf{\"choices\":[]}"),
            ("chat/completions", 200, "application/json; charset=iso-8859-1", b"{\"id\":\"\xe9\"}"),
            ("of/my/own", 200, "text/html", b"<html>"),
            ("of/my/own", 200, "", b""),
        ] {
            let response = response(status, content_type, body);
            assert_eq!(failure_of(&format!("{host}/{path}"), &response), None, "{path} {content_type}");
        }
        let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
        assert_eq!(failure_of(CHAT, &response(200, JSON, deep)), None);
        let mut encoded = response(200, JSON, &b"\x1f\x8b\x08\x00\xff"[..]);
        encoded.head.content_encoding = "gzip".into();
        assert_eq!(failure_of(CHAT, &encoded), None);
        let mut without_http = response(200, "", &b"done"[..]);
        without_http.head.status = None;
        assert_eq!(failure_of(CHAT, &without_http), None);
        let mut cut = response(200, JSON, &b"{\"id\":"[..]);
        cut.body = Body::Cut { bytes: "{\"id\":".into(), original: 9 << 20 };
        assert_eq!(failure_of(CHAT, &cut), None);
    }

    #[test]
    fn a_page_is_no_speech_and_half_an_object_no_image() {
        for (path, content_type, body) in [
            ("audio/speech", "text/html", "<html>"),
            ("audio/speech", "audio/mpeg", ""),
            ("audio/transcriptions", "text/html", "<html>"),
            ("images/generations", JSON, "{\"data\":["),
            ("embeddings", "text/html", "<html>"),
        ] {
            let url = format!("https://api.openai.com/v1/{path}");
            let (kind, _) = failure_of(&url, &response(200, content_type, body)).unwrap();
            assert_eq!(kind, "InvalidResponseError", "{path} {content_type}");
        }
    }

    #[test]
    fn answers_of_older_and_smaller_apis_are_judged_by_what_they_may_be() {
        let replicate = "https://api.replicate.com/v1/predictions";
        let hugging_face = "https://router.huggingface.co/hf-inference/models/acme/m";
        let sagemaker = "https://runtime.sagemaker.eu-west-1.amazonaws.com/endpoints/m/invocations";
        let listen = "https://api.deepgram.com/v1/listen?model=nova-3";
        let speak = "https://api.deepgram.com/v1/speak?model=aura-2";
        let complete = "https://api.anthropic.com/v1/complete";
        let failed = "{\"id\":\"p\",\"status\":\"failed\",\"error\":\"out of memory\"}";
        let begun = "{\"id\":\"p\",\"status\":\"starting\",\"output\":null,\"error\":null}";
        let run = "{\"object\":\"thread.run\",\"status\":\"queued\",\"last_error\":null}";
        for (url, status, content_type, body, kind) in [
            (replicate, 201, JSON, begun.as_bytes(), None),
            (replicate, 202, JSON, begun.as_bytes(), None),
            (replicate, 201, JSON, failed.as_bytes(), Some("APIError")),
            (replicate, 201, "text/html", b"<html>", Some("InvalidResponseError")),
            (hugging_face, 200, "image/jpeg", b"\xff\xd8\xff", None),
            (hugging_face, 200, "audio/flac", b"fLaC\x00", None),
            (hugging_face, 200, JSON, b"[{\"generated_text\":\"Hi\"}]", None),
            (hugging_face, 200, JSON, b"[{\"generated", Some("InvalidResponseError")),
            (hugging_face, 200, "text/html", b"<html>", Some("InvalidResponseError")),
            (sagemaker, 200, "text/csv; charset=utf-8", b"0.5,0.25", None),
            (sagemaker, 200, JSON, b"0.5", None),
            (sagemaker, 200, JSON, b"", Some("InvalidResponseError")),
            (listen, 200, JSON, b"{\"results\":{}}", None),
            (listen, 200, "text/html", b"<html>", Some("InvalidResponseError")),
            (speak, 200, "audio/mpeg", b"\xff\xfb\x90", None),
            (speak, 200, "audio/mpeg", b"", Some("InvalidResponseError")),
            (complete, 200, "text/plain", b"upstream gone", Some("InvalidResponseError")),
            ("https://api.openai.com/v1/threads/runs", 200, JSON, run.as_bytes(), None),
            (
                "https://api.openai.com/v1/moderations",
                200,
                "text/html",
                b"<html>",
                Some("InvalidResponseError"),
            ),
        ] {
            let failure = failure_of(url, &response(status, content_type, body));
            assert_eq!(failure.as_ref().map(|(kind, _)| &**kind), kind, "{url} {content_type} {status}");
        }
        let (_, message) = failure_of(replicate, &response(201, JSON, failed)).unwrap();
        assert_eq!(message, "out of memory");
    }

    #[test]
    fn what_is_quoted_is_redacted_before_it_is_cut_and_has_no_control_characters() {
        let key = format!("sk-{}", "a1B2".repeat(12));
        let body = format!("{} {key} end", "x".repeat(QUOTED - 12));
        let (_, message) = failure_of(CHAT, &response(200, "text/plain", body)).unwrap();
        assert!(!message.contains("sk-a1B2"), "{message}");
        assert!(message.ends_with("x [REDACTED]..."), "{message}");
        let body = Body::Whole("\x1b[31mred".into());
        assert_eq!(quotation(&body, &Redactor::new()), "");
        let body = Body::Whole("{\"private\":\"text\"".into());
        assert_eq!(quotation(&body, &Redactor::new().pointer("/private")), REPLACEMENT);
    }

    const CHUNK: &str = r#"{"id":"c","choices":[{"index":0,"delta":{"content":"Hi"}}]}"#;

    #[test]
    fn a_stream_without_its_end_was_recorded_as_ok() {
        let google = "https://generativelanguage.googleapis.com/v1beta";
        let gemini = &format!("{google}/models/m:streamGenerateContent?alt=sse");
        let interactions = &format!("{google}/interactions");
        let messages = "https://api.anthropic.com/v1/messages";
        let text = r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}"#;
        for (url, begin, end) in [
            (CHAT, CHUNK, "[DONE]"),
            (CHAT, CHUNK, r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#),
            (messages, text, r#"{"type":"message_stop"}"#),
            (messages, text, r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"}}"#),
            (
                "https://api.openai.com/v1/responses",
                r#"{"type":"response.created","response":{"id":"r","status":"in_progress"}}"#,
                r#"{"type":"response.completed","response":{"id":"r","status":"completed"}}"#,
            ),
            (
                gemini,
                r#"{"candidates":[{"content":{"parts":[{"text":"Hi"}]}}]}"#,
                r#"{"candidates":[{"finishReason":"STOP"}]}"#,
            ),
            (
                interactions,
                r#"{"event_type":"interaction.created","interaction":{"id":"i","status":"in_progress"}}"#,
                r#"{"event_type":"interaction.completed","interaction":{"id":"i"}}"#,
            ),
            (
                "https://api.cohere.com/v2/chat",
                r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"Hi"}}}}"#,
                r#"{"type":"message-end","delta":{"finish_reason":"COMPLETE"}}"#,
            ),
            (
                "http://localhost:11434/api/chat",
                r#"{"model":"m","message":{"content":"Hi"},"done":false}"#,
                r#"{"model":"m","message":{"content":""},"done":true}"#,
            ),
            (
                "https://api.openai.com/v1/threads/t/runs",
                r#"{"id":"m","object":"thread.message.delta","delta":{"content":[{"index":0,"type":"text","text":{"value":"Hi"}}]}}"#,
                r#"{"id":"r","object":"thread.run","status":"completed"}"#,
            ),
            (
                "https://api.anthropic.com/v1/complete",
                r#"{"type":"completion","completion":"Hi","stop_reason":null}"#,
                r#"{"type":"completion","completion":"","stop_reason":"stop_sequence"}"#,
            ),
            (
                "https://us-south.ml.cloud.ibm.com/ml/v1/text/generation_stream",
                r#"{"results":[{"generated_text":"Hi","stop_reason":"not_finished"}]}"#,
                r#"{"results":[{"generated_text":"","stop_reason":"eos_token"}]}"#,
            ),
            (
                "https://us-south.ml.cloud.ibm.com/ml/v1/text/chat_stream",
                r#"{"model_id":"ibm/granite","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":""}]}"#,
                r#"{"model_id":"ibm/granite","choices":[{"index":0,"delta":{"content":""},"finish_reason":"stop"}]}"#,
            ),
            (
                "https://api-inference.huggingface.co/models/gpt2",
                r#"{"token":{"id":1,"text":"Hi","special":false},"generated_text":null}"#,
                r#"{"token":{"id":2,"text":"</s>","special":true},"generated_text":"Hi"}"#,
            ),
            (
                "https://api.aleph-alpha.com/complete",
                r#"{"type":"stream_chunk","index":0,"completion":"Hi"}"#,
                r#"{"type":"completion_summary","num_tokens_generated":1}"#,
            ),
        ] {
            let events = |content_type, events: &[&str], start: &str| {
                let body: String = events.iter().map(|event| format!("{start}{event}\n\n")).collect();
                failure_of(url, &response(200, content_type, body)).map(|(kind, _)| kind)
            };
            let kind = |list: &[&str]| {
                if url.ends_with("/api/chat") {
                    events("application/x-ndjson", list, "")
                } else {
                    events(EVENTS, list, "data: ")
                }
            };
            assert_eq!(kind(&[begin]).as_deref(), Some("StreamError"), "{begin}");
            assert_eq!(kind(&[begin, end]), None, "{end}");
        }
        assert_eq!(
            failure_of(CHAT, &response(200, EVENTS, ": ping\n\n: ping\n\n")).unwrap().0,
            "StreamError"
        );
        assert_eq!(
            failure_of(CHAT, &response(200, EVENTS, "data: Internal Error\n\n")).unwrap().0,
            "StreamError"
        );
    }

    #[test]
    fn a_stream_of_frames_without_its_last_one_was_recorded_as_ok() {
        let url = "https://bedrock-runtime.us-east-1.amazonaws.com/model/m/converse-stream";
        let aws = "application/vnd.amazon.eventstream";
        let text = event("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"Hi"}}"#);
        let last = event("metadata", "{}");
        let kind = |body| failure_of(url, &response(200, aws, body)).map(|(kind, _)| kind);
        assert_eq!(kind(text.clone()).as_deref(), Some("StreamError"));
        assert_eq!(kind([text.clone(), last[..20].to_vec()].concat()).as_deref(), Some("StreamError"));
        assert_eq!(kind(text[..20].to_vec()).as_deref(), Some("StreamError"));
        assert_eq!(kind([text, last].concat()), None);
    }

    #[test]
    fn a_stream_without_end_marks_has_ended_where_its_last_frame_is_whole() {
        let url =
            "https://bedrock-agent-runtime.us-east-1.amazonaws.com/agents/A/agentAliases/T/sessions/s/text";
        let aws = "application/vnd.amazon.eventstream";
        let chunk = event("chunk", r#"{"bytes":"SGk="}"#);
        let failure = |body| failure_of(url, &response(200, aws, body));
        assert_eq!(failure(chunk.clone()), None);
        let cut = [chunk.clone(), chunk[..20].to_vec()].concat();
        assert_eq!(failure(cut).unwrap().0, "StreamError");
        let throttled = exception("throttlingException", r#"{"message":"slow down"}"#);
        let expected = ("RateLimitError".to_owned(), "slow down".to_owned());
        assert_eq!(failure([chunk.clone(), throttled].concat()), Some(expected));
        let mut dropped = response(200, aws, chunk);
        dropped.completion = Completion::Dropped;
        assert_eq!(failure_of(url, &dropped).unwrap().0, "CancelledError");
    }

    #[test]
    fn a_models_own_stream_in_frames_is_read_as_what_it_is() {
        let url = "https://runtime.sagemaker.eu-west-1.amazonaws.com/endpoints/m/invocations-response-stream";
        let aws = "application/vnd.amazon.eventstream";
        let parts = |pieces: &[&str]| {
            pieces.iter().flat_map(|piece| event("PayloadPart", piece)).collect::<Vec<u8>>()
        };
        let failure = |body| failure_of(url, &response(200, aws, body));
        let token = "data:{\"token\":{\"id\":1,\"text\":\"Hi\"},\"generated_text\":null}\n\n";
        let last = "data:{\"token\":{\"id\":2,\"text\":\"!\"},\"generated_text\":\"Hi!\"}\n\n";
        assert_eq!(failure(parts(&[&token[..20], &token[20..], last])), None);
        assert_eq!(failure(parts(&[token])).unwrap().0, "StreamError");
        assert_eq!(failure(parts(&["Hi ", "there."])), None);
        let failed = exception("ModelStreamError", r#"{"message":"gone"}"#);
        assert_eq!(failure([parts(&[token]), failed].concat()).unwrap().1, "gone");
        let body = response(200, aws, parts(&[token, last]));
        let endpoint = endpoint(url);
        let answer = interpret(&endpoint, &body, Depth::Whole);
        assert_eq!(answer.json().get("generated_text").as_str().as_deref(), Some("Hi!"));
    }

    #[test]
    fn a_stream_of_another_api_has_an_end_that_is_not_known() {
        let other = "data: {\"value\":\"Hi\"}\n\ndata: {\"value\":\"!\"}\n\n";
        assert_eq!(failure_of("https://api.writer.com/v1/chat", &response(200, EVENTS, other)), None);
        let raw = "https://api.openai.com/v1/of/my/own";
        assert_eq!(failure_of(raw, &response(200, EVENTS, other)), None);
    }

    #[test]
    fn an_error_that_cannot_be_read_has_no_bytes_of_it_as_its_message() {
        let mut encoded = response(503, JSON, &b"\x1f\x8b\x08\x00\xff\x00"[..]);
        encoded.head.content_encoding = "gzip".into();
        let (kind, message) = failure_of(CHAT, &encoded).unwrap();
        assert_eq!(kind, "InternalServerError");
        assert_eq!(message, "an error without a text (application/json, gzip, 6 bytes)");
        let (_, message) = failure_of(CHAT, &response(502, "", &b"\x00\x01"[..])).unwrap();
        assert_eq!(message, "an error without a text (no content type, 2 bytes)");
        let (_, message) = failure_of(CHAT, &response(502, "text/plain", "bad\ngateway\n")).unwrap();
        assert_eq!(message, "bad\ngateway");
    }
}
