//! What `fuzz/` drives: each decoder, the JSON writer and the renderer, without a disk.
//!
//! Built with `--cfg fuzzing` only; no part of the public API.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use serde_json::value::RawValue;

use crate::json;
use crate::provider;
use crate::record::{
    Api, Arrivals, Body, CallKey, CallRecord, End, Endpoint, Fields, Leg, Moment, Outcome, ResponseHead,
    SentRequest,
};
use crate::recorder;
use crate::redact::Redact;

/// The APIs by number, and the content types of their streams.
const APIS: [(Api, &str, &str); 11] = [
    (Api::OpenAiChat, "openai", "text/event-stream"),
    (Api::OpenAiResponses, "openai", "text/event-stream"),
    (Api::Anthropic, "anthropic", "text/event-stream"),
    (Api::Gemini, "gcp.gemini", "application/json"),
    (Api::BedrockConverse, "aws.bedrock", "application/vnd.amazon.eventstream"),
    (Api::BedrockInvoke, "aws.bedrock", "application/vnd.amazon.eventstream"),
    (Api::CohereChat, "cohere", "text/event-stream"),
    (Api::Ollama, "ollama", "application/x-ndjson"),
    (Api::Embeddings, "openai", "application/json"),
    (Api::Raw, "unknown", "text/event-stream"),
    (Api::GeminiInteractions, "gcp.gemini", "text/event-stream"),
];

/// A text through the parser and both writers. What serde_json takes, ours takes, and gives back.
pub fn json(text: &str) {
    let ours = json::parse(text);
    let mut printed = Vec::new();
    let reformatted = json::reformat(text, &mut printed);
    if serde_json::from_str::<&RawValue>(text).is_ok() {
        assert!(reformatted.is_ok());
    }
    // Beyond a depth there is no tree, and the writer does without.
    let Ok(ours) = ours else {
        return;
    };
    assert!(reformatted.is_ok());
    let mut pretty = Vec::new();
    json::pretty(&ours, &mut pretty);
    assert_eq!(pretty, printed, "from the tree and without it");
    let mut compact = Vec::new();
    json::compact(&ours, &mut compact);
    let again = std::str::from_utf8(&compact).expect("JSON is text");
    assert_eq!(json::parse(again).expect("what was written is read"), ours);
    let skimmed = json::skim(text).expect("skimming takes what parsing takes");
    assert_eq!(skimmed.is_null(), ours.is_null());
}

/// An exchange with the API of this number: `request`, an answer of `status` (as a stream where `streamed`), into
/// all five files.
pub fn exchange(api: usize, streamed: bool, status: u16, request: &[u8], answer: &[u8]) {
    let (api, provider, stream) = APIS[api % APIS.len()];
    let endpoint = Endpoint {
        api,
        provider: provider.into(),
        operation: "chat".into(),
        path_model: None,
        base_url: "https://api.example".into(),
        path: "/v1".into(),
        method: "POST".into(),
    };
    let clock = Instant::now();
    let mut arrivals = Arrivals::default();
    arrivals.note(answer.len() / 2, || clock);
    let body = |bytes: &[u8]| Body::limited(bytes.to_vec().into(), 1 << 20);
    let outcome = Outcome {
        head: ResponseHead {
            status: Some(status),
            content_type: if streamed { stream } else { "application/json" }.into(),
            ..ResponseHead::default()
        },
        body: body(answer),
        arrivals,
        end: if status % 7 == 0 { End::Dropped } else { End::Complete },
        ended: clock + Duration::from_millis(5),
    };
    // What happens on the caller's thread.
    let seen = provider::glance(&endpoint, &outcome);
    let _failed = provider::exchange_failure(&outcome, Some(&seen));
    drop(seen);
    let leg = Leg {
        started: Moment { wall: SystemTime::UNIX_EPOCH, clock },
        ended: clock + Duration::from_millis(5),
        fields: Fields::default(),
        request: Some(Arc::new(SentRequest { endpoint: Arc::new(endpoint), body: body(request) })),
        outcome: Some(Arc::new(outcome)),
        panicked: false,
    };
    let record = CallRecord {
        key: CallKey::next(),
        own: leg,
        attempts: Vec::new(),
        context: Fields::default(),
        spans: vec!["agent"],
    };
    for file in recorder::composed(&record) {
        let text = std::str::from_utf8(&file).expect("every file is text");
        serde_json::from_str::<&RawValue>(text).expect("every file is JSON");
    }
}

/// A text through the redaction rules: what is left holds no more of them.
pub fn redact(text: &str) {
    let rules = Redact::new();
    let once = rules.text(text).into_owned();
    assert_eq!(rules.text(&once), once);
}

/// A URL on its way to a file.
pub fn url(text: &str) {
    if let Some(endpoint) = provider::recognise(provider::Request { method: "POST", url: text }) {
        assert!(!endpoint.base_url.contains('@'));
        assert!(!endpoint.path.contains('?'));
    }
}
