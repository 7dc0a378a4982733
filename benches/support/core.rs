//! The parts below the public API that two benches reach for.

#![allow(dead_code, reason = "each bench uses a part of it")]

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use llmlogs_core::api;
use llmlogs_core::capture::{
    Api, Body, CapturedRequest, CapturedResponse, ChunkTimings, Completion, Endpoint, ResponseHead,
    SpanCapture,
};
use tracing::Span;
use tracing_subscriber::registry::{LookupSpan, Registry};

fn endpoint(api: Api, provider: &'static str) -> Endpoint {
    Endpoint {
        api,
        provider: provider.into(),
        operation: "chat".into(),
        path_model: None,
        base_url: String::new(),
        path: String::new(),
        query: String::new(),
        method: String::new(),
    }
}

fn response(content_type: &str, body: Bytes) -> CapturedResponse {
    CapturedResponse {
        head: ResponseHead {
            status: Some(200),
            content_type: content_type.into(),
            ..ResponseHead::default()
        },
        body: Body::Whole(body),
        chunk_timings: ChunkTimings::default(),
        completion: Completion::Complete,
        ended: Instant::now(),
    }
}

/// Reads an answer of `api`, folding it where it is a stream; returns whether it was all understood.
pub fn decode(api: Api, provider: &'static str, content_type: &str, body: &Bytes) -> bool {
    let (endpoint, response) = (endpoint(api, provider), response(content_type, body.clone()));
    let decoded = api::decode(&endpoint, &response);
    let understood = |json: &llmlogs_core::json::Json<'_>| json.get("unknown_events").is_null();
    decoded.finished && decoded.error.is_none() && decoded.json.as_ref().is_some_and(understood)
}

fn attach(span: &Span, put: impl FnOnce(&mut SpanCapture)) {
    span.with_subscriber(|(id, dispatch)| {
        let registry = dispatch.downcast_ref::<Registry>()?;
        let span = registry.span(id)?;
        span.extensions_mut().get_mut::<SpanCapture>().map(put)
    });
}

/// Leaves a request beside `span`, as the middleware does; its target has to be `tracing_llmlogs`.
pub fn attach_request(span: &Span, body: Bytes) {
    let endpoint = Arc::new(endpoint(Api::OpenAiChat, "openai"));
    attach(span, |capture| {
        capture.request = Some(Arc::new(CapturedRequest {
            endpoint,
            content_encoding: String::new(),
            body: Body::Whole(body),
        }));
    });
    span.record("http.request.method", "");
}

/// Leaves the answer there.
pub fn attach_response(span: &Span, body: Bytes) {
    attach(span, |capture| capture.response = Some(Arc::new(response("application/json", body))));
}
