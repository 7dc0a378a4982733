//! Errors that a body reports: in which bodies they may stand among events, and how they are judged.

use std::time::SystemTime;

use crate::middleware::retry::{FailedResponse, FailureKind, Judgement};
use llmlogs_core::capture::{ErrorType, Failure};
use llmlogs_core::json::{self, Json, Object};

use super::in_clear::InClear;

/// Returns whether a body of this type is a stream of events.
pub(super) fn is_stream_type(content_type: &str) -> bool {
    let types = ["event-stream", "eventstream", "ndjson", "jsonl", "stream+json"];
    types.iter().any(|known| content_type.contains(known))
}

/// An error under a status of success is judged as if it had come with the status that it stands for. `body` is that in which
/// it was reported, where it is known.
pub(super) fn judgement_of_reported(
    failure: &Failure,
    headers: &http::HeaderMap,
    body: Option<&[u8]>,
) -> Judgement {
    let status = match failure.kind {
        ErrorType::Http(status) => status,
        ErrorType::Stream => return Judgement::of_kind(FailureKind::BrokenStream),
        _ => 500,
    };
    let body = body.unwrap_or_default();
    let in_clear = InClear::of(headers, body);
    let text = json::lossy(in_clear.bytes(body));
    // Of a stream only what was understood of its error is known.
    let body = json::parse(&text).ok().unwrap_or_else(|| error_object(failure));
    let response = FailedResponse { status, headers, body: Some(&body) };
    Judgement::of_response(&response, SystemTime::now())
}

fn error_object(failure: &Failure) -> Json<'static> {
    let error = [("code", &failure.code), ("message", &failure.message)];
    let error: Object<'_> = error.into_iter().map(|(key, text)| (key, Json::string(text.clone()))).collect();
    let error: Object<'_> = [("error", Json::Object(error))].into_iter().collect();
    Json::Object(error).into_owned()
}
