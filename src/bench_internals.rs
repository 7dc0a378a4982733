//! What `benches/` measures of the inside.
//!
//! Built with the feature `bench-internals` only; no part of the public API.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use tracing::Span;

use crate::emit;
use crate::json;
use crate::provider;
use crate::record::{Api, Arrivals, Body, End, Endpoint, Outcome, ResponseHead, SentRequest};

/// The APIs by number.
pub const APIS: [&str; 9] = [
    "openai_chat",
    "openai_responses",
    "anthropic",
    "gemini",
    "gemini_interactions",
    "bedrock_converse",
    "bedrock_invoke",
    "cohere",
    "ollama",
];

fn api(number: usize) -> (Api, &'static str) {
    match APIS[number] {
        "openai_chat" => (Api::OpenAiChat, "openai"),
        "openai_responses" => (Api::OpenAiResponses, "openai"),
        "anthropic" => (Api::Anthropic, "anthropic"),
        "gemini" => (Api::Gemini, "gcp.gemini"),
        "gemini_interactions" => (Api::GeminiInteractions, "gcp.gemini"),
        "bedrock_converse" => (Api::BedrockConverse, "aws.bedrock"),
        "bedrock_invoke" => (Api::BedrockInvoke, "aws.bedrock"),
        "cohere" => (Api::CohereChat, "cohere"),
        _ => (Api::Ollama, "ollama"),
    }
}

fn endpoint(number: usize) -> Endpoint {
    let (api, provider) = api(number);
    Endpoint {
        api,
        provider: provider.into(),
        operation: "chat".into(),
        path_model: None,
        base_url: String::new(),
        path: String::new(),
        method: String::new(),
    }
}

fn outcome(content_type: &str, body: Bytes) -> Outcome {
    Outcome {
        head: ResponseHead {
            status: Some(200),
            content_type: content_type.into(),
            ..ResponseHead::default()
        },
        body: Body::Whole(body),
        arrivals: Arrivals::default(),
        end: End::Complete,
        ended: Instant::now(),
    }
}

/// Reads an answer of the API of this number, folding it where it is a stream; says whether it was all understood.
pub fn decode(number: usize, content_type: &str, body: &Bytes) -> bool {
    let (endpoint, outcome) = (endpoint(number), outcome(content_type, body.clone()));
    let decoded = provider::decode(&endpoint, &outcome);
    let understood = |json: &json::Json<'_>| json.get("unknown_events").is_null();
    decoded.finished && decoded.error.is_none() && decoded.json.as_ref().is_some_and(understood)
}

/// Leaves a request beside `span`, as the middleware does; its target has to be `tracing_llmlogs`.
pub fn leave_request(span: &Span, body: Bytes) {
    let endpoint = Arc::new(endpoint(0));
    emit::leave_request(span, Arc::new(SentRequest { endpoint, body: Body::Whole(body) }));
}

/// Leaves the answer there.
pub fn leave_answer(span: &Span, body: Bytes) {
    emit::leave_outcome(span, Arc::new(outcome("application/json", body)));
}

/// Pretty-prints a text without building a tree of it.
pub fn pretty(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let _complete = json::reformat(text, &mut out);
    out
}

/// Pretty-prints a text by way of the tree that redaction and media need.
pub fn pretty_by_tree(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    if let Ok(tree) = json::parse(text) {
        json::pretty(&tree, &mut out);
    }
    out
}
