//! `attempts` of `metadata.json`.

use crate::api::{self, Depth};
use crate::capture::{CallRecord, Endpoint, ErrorType, Failure, SpanRecord};
use crate::format::Attempt;
use crate::format::time::LocalTime;

use super::content_coding::decoded_response;
use super::exchange::is_http;
use super::failure;
use super::media;
use super::metadata::milliseconds;
use super::options::ComposeOptions;

/// Returns one entry per HTTP attempt if there was more than one.
///
/// `endpoint` is the call's; it is used for attempts without a captured request.
pub fn attempts(record: &CallRecord, endpoint: &Endpoint, options: &ComposeOptions) -> Vec<Attempt> {
    let attempts: Vec<&SpanRecord> = record.attempts.iter().filter(|span| is_http(span)).collect();
    if attempts.len() < 2 {
        return Vec::new();
    }
    attempts.iter().zip(1..).map(|(span, number)| attempt(number, span, endpoint, options)).collect()
}

fn attempt(number: u64, span: &SpanRecord, endpoint: &Endpoint, options: &ComposeOptions) -> Attempt {
    let captured = span.response.as_deref();
    let in_clear = captured.and_then(|response| decoded_response(response, options.max_body_bytes));
    let response = in_clear.as_ref().or(captured);
    let endpoint = span.request.as_deref().map_or(endpoint, |request| &request.endpoint);
    let mut failure = match response {
        Some(response) => {
            let mut answer = api::interpret(endpoint, response, Depth::Whole);
            answer.redact(&options.redact, |json| media::redact(json, options));
            answer.failure(&answer.view())
        }
        None => Some(Failure::new(ErrorType::Cancelled, "the attempt was dropped before its end")),
    };
    if let Some(failure) = &mut failure {
        failure::clean(failure, &options.redact);
    }
    let head = response.map(|response| &response.head);
    let ended = response.map_or(span.ended, |response| response.ended);
    Attempt {
        attempt: number,
        started_at: LocalTime::of(span.started.wall).rfc3339(),
        latency_ms: milliseconds(span.started.until(ended)),
        http_status: head.and_then(|head| head.status),
        retry_after_ms: head.and_then(|head| head.retry_after_ms),
        error_type: failure.as_ref().map(|failure| failure.kind.word().into_owned()).unwrap_or_default(),
        error_code: failure.as_ref().map(|failure| failure.code.clone()).unwrap_or_default(),
        error_message: failure.map(|failure| failure.message).unwrap_or_default(),
    }
}
