//! What the targets drive: each decoder, the JSON writer, redaction and the composing of a call's files, without a disk.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use llmlogs_core::capture::{
    Api, Body, CallKey, CallRecord, CapturedRequest, CapturedResponse, ChunkTimings, Completion,
    EnclosingSpan, Endpoint, Fields, ResponseHead, SpanRecord, TimeAnchor,
};
use llmlogs_core::compose::{ComposeOptions, Composer};
use llmlogs_core::redact::Redactor;
use llmlogs_core::{api, json};
use serde_json::value::RawValue;

/// The JSON parser and both writers: what serde_json accepts, they accept, and what they write is read back the same.
pub fn json(text: &str) {
    let tree = json::parse(text);
    let mut printed = Vec::new();
    let reformatted = json::reformat(text, &mut printed);
    if serde_json::from_str::<&RawValue>(text).is_ok() {
        assert!(reformatted.is_ok());
    }
    // Beyond a depth there is no tree, and the writer does without.
    let Ok(tree) = tree else {
        return;
    };
    assert!(reformatted.is_ok());
    let mut pretty = Vec::new();
    json::pretty(&tree, &mut pretty);
    assert_eq!(pretty, printed, "from the tree and without it");
    let mut compact = Vec::new();
    json::compact(&tree, &mut compact);
    let again = std::str::from_utf8(&compact).expect("JSON is text");
    assert_eq!(json::parse(again).expect("what was written is read"), tree);
    let shallow = json::parse_shallow(text).expect("shallow parsing accepts what parsing accepts");
    assert_eq!(shallow.is_null(), tree.is_null());
}

/// The built-in redaction rules: what they leave holds nothing more for them.
pub fn redact(text: &str) {
    let rules = Redactor::new();
    let once = rules.text(text).into_owned();
    assert_eq!(rules.text(&once), once);
}

/// A URL on its way to a file: recognised or not, no credential and no query is left.
pub fn url(text: &str) {
    if let Some(endpoint) = api::detect_endpoint(api::Request { method: "POST", url: text }) {
        assert!(!endpoint.base_url.contains('@'));
        assert!(!endpoint.path.contains('?'));
    }
}

/// An exchange with `api`, through what happens on the caller's thread and into all files of a call.
///
/// The first byte says how the answer comes: `s` as a stream, `d` as a stream that the caller drops, `e` as an error, and
/// anything else whole. Then come the request, a line of `---`, and the answer.
pub fn exchange(api: Api, bytes: &[u8]) {
    const SEPARATOR: &[u8] = b"\n---\n";
    let Some((how, rest)) = bytes.split_first() else {
        return;
    };
    let place = rest.windows(SEPARATOR.len()).position(|window| window == SEPARATOR);
    let (request, answer) = match place {
        Some(place) => (&rest[..place], &rest[place + SEPARATOR.len()..]),
        None => (&[][..], rest),
    };
    let (status, streamed, completion) = match how {
        b's' => (200, true, Completion::Complete),
        b'd' => (200, true, Completion::Dropped),
        b'e' => (429, false, Completion::Complete),
        _ => (200, false, Completion::Complete),
    };
    let (_, stream) = provider_of(api);
    let head = ResponseHead {
        status: Some(status),
        content_type: if streamed { stream } else { "application/json" }.into(),
        ..ResponseHead::default()
    };
    record(api, request, "", answer, head, completion);
}

/// A chat completion in a content coding, and the same bytes as its request. The first byte says which coding.
pub fn content_coding(bytes: &[u8]) {
    let Some((coding, body)) = bytes.split_first() else {
        return;
    };
    let coding = match coding {
        b'g' => "gzip",
        b'd' => "deflate",
        b'b' => "br",
        b't' => "deflate, gzip",
        _ => "zstd",
    };
    let head = ResponseHead {
        status: Some(200),
        content_type: "text/event-stream".into(),
        content_encoding: coding.into(),
        ..ResponseHead::default()
    };
    record(Api::OpenAiChat, body, coding, body, head, Completion::Complete);
}

/// Records an exchange.
fn record(
    api: Api,
    request: &[u8],
    content_encoding: &str,
    answer: &[u8],
    head: ResponseHead,
    completion: Completion,
) {
    let (provider, _) = provider_of(api);
    let endpoint = Endpoint {
        api,
        provider: provider.into(),
        operation: "chat".into(),
        path_model: None,
        base_url: "https://api.example".into(),
        path: "/v1".into(),
        query: String::new(),
        method: "POST".into(),
    };
    let clock = Instant::now();
    let mut chunk_timings = ChunkTimings::default();
    chunk_timings.record(answer.len() / 2, || clock);
    let body = |bytes: &[u8]| Body::limited(bytes.to_vec().into(), 1 << 20);
    let response = CapturedResponse {
        head,
        body: body(answer),
        chunk_timings,
        completion,
        ended: clock + Duration::from_millis(5),
    };
    // What happens on the caller's thread.
    let summary = api::interpret(&endpoint, &response, api::Depth::Summary);
    let _failure = summary.failure(&summary.view());
    drop(summary);
    let span = SpanRecord {
        started: TimeAnchor { wall: SystemTime::UNIX_EPOCH, clock },
        ended: clock + Duration::from_millis(5),
        fields: Fields::default(),
        request: Some(Arc::new(CapturedRequest {
            endpoint: Arc::new(endpoint),
            content_encoding: content_encoding.into(),
            body: body(request),
        })),
        response: Some(Arc::new(response)),
        attempts: Vec::new(),
        panicked: false,
        trace: None,
    };
    compose(&CallRecord {
        key: CallKey::next(),
        own: span,
        attempts: Vec::new(),
        context: Fields::default(),
        spans: vec![EnclosingSpan { id: 1, name: "agent", started: None }],
    });
}

/// The provider's name and the content type of its streams.
fn provider_of(api: Api) -> (&'static str, &'static str) {
    const SSE: &str = "text/event-stream";
    const AWS: &str = "application/vnd.amazon.eventstream";
    match api {
        Api::OpenAiChat | Api::OpenAiResponses => ("openai", SSE),
        Api::Anthropic => ("anthropic", SSE),
        Api::Gemini => ("gcp.gemini", "application/json"),
        Api::GeminiInteractions => ("gcp.gemini", SSE),
        Api::BedrockConverse | Api::BedrockInvoke => ("aws.bedrock", AWS),
        Api::CohereChat => ("cohere", SSE),
        Api::Ollama => ("ollama", "application/x-ndjson"),
        Api::Embeddings => ("openai", "application/json"),
        Api::OpenAiRuns => ("openai", SSE),
        Api::TextCompletion => ("anthropic", SSE),
        Api::Replicate => ("replicate", "application/json"),
        Api::BedrockAgent => ("aws.bedrock", AWS),
        Api::Deepgram => ("deepgram", "application/json"),
        Api::Raw => ("unknown", SSE),
    }
}

/// Composes a call's files: each JSON file is JSON, whatever was answered.
fn compose(record: &CallRecord) {
    thread_local! {
        static COMPOSER: Composer = Composer::new(ComposeOptions {
            max_body_bytes: 1 << 20,
            // Small, so that media of a few bytes are taken out.
            max_media_bytes: 64,
            ..ComposeOptions::default()
        });
    }
    let composed = COMPOSER.with(|composer| composer.compose(record, "session", true));
    let composed = composed.expect("metadata is serializable");
    let (metadata, line) = composed.named("call");
    let input = composed.input.into_iter().map(|input| input.json);
    for file in input.chain([composed.output_json, metadata, line]) {
        let text = std::str::from_utf8(&file).expect("every file is text");
        serde_json::from_str::<&RawValue>(text).expect("every file is JSON");
    }
}
