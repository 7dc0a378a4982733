//! A look at a response before it goes on: whether the attempt succeeded, and what follows if it did not.

use std::time::SystemTime;

use reqwest::Response;

use crate::middleware::read_ahead::{ERROR_WAIT, LIMIT};
use crate::middleware::retry::{FailedAttempt, FailedResponse, FailureKind, Judgement, Retry};
use llmlogs_core::api::error::api_error;
use llmlogs_core::api::{Beginning, beginning, failure_in_body};
use llmlogs_core::capture::{Endpoint, ErrorType, Failure};
use llmlogs_core::json::{self, Json, Object};

use super::held::{Held, More};
use super::in_clear::InClear;
use super::recording::Failed;

/// What an attempt came to.
pub(super) enum Look {
    /// The response, read ahead or not.
    Accepted(Accepted),
    Failed(Box<Looked>),
}

/// A response that goes on.
pub(super) enum Accepted {
    Untouched(Response),
    Held(Box<Held>),
}

/// A failure, and what it says about itself.
pub(super) struct Looked {
    pub(super) failed: Failed,
    pub(super) judged: Judgement,
    pub(super) status: Option<u16>,
    pub(super) code: String,
    pub(super) message: String,
}

impl Looked {
    /// Returns a failure of which the kind alone is known.
    pub(super) fn of_kind(kind: FailureKind) -> Self {
        let error = reqwest_middleware::Error::middleware(std::io::Error::from(std::io::ErrorKind::Other));
        Looked { judged: Judgement::of_kind(kind), ..Looked::of_error(error) }
    }

    pub(super) fn of_error(error: reqwest_middleware::Error) -> Self {
        let judged = Judgement::of_kind(FailureKind::of_error(&error));
        let failed = Failed::Error(error);
        Looked { failed, judged, status: None, code: String::new(), message: String::new() }
    }

    /// Returns the failure as the user's functions see it.
    pub(super) fn view<'v>(&'v self, number: u32, provider: &'v str, model: &'v str) -> FailedAttempt<'v> {
        FailedAttempt {
            number,
            provider,
            model,
            kind: self.judged.kind,
            status: self.status,
            headers: match &self.failed {
                Failed::Response(held) => Some(&held.parts.headers),
                Failed::Error(_) => None,
            },
            error_code: &self.code,
            error_message: &self.message,
            delay: self.judged.delay,
        }
    }
}

/// Looks at the response of an attempt at `endpoint`. `is_stream` is whether the request asked for one,
/// `is_success_doubted` whether a status of success is not enough.
pub(super) async fn look(
    response: Response,
    endpoint: &Endpoint,
    is_stream: bool,
    is_success_doubted: bool,
    retry: &Retry,
) -> Look {
    let status = response.status().as_u16();
    if status >= 400 {
        let mut held = Box::new(Held::new(response));
        held.read(Some(ERROR_WAIT), |_, _, _| More::Read).await;
        return failed_status(held, status);
    }
    if !is_success_doubted {
        return Look::Accepted(Accepted::Untouched(response));
    }
    let content_type = response.headers().get(http::header::CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
    if content_type.starts_with("application/json")
        && response.content_length().is_some_and(|length| length <= LIMIT as u64)
    {
        let mut held = Box::new(Held::new(response));
        held.read(None, |_, _, _| More::Read).await;
        return whole_json(held, endpoint);
    }
    if retry.hold_streams && (is_stream || is_stream_type(content_type)) {
        return stream(Box::new(Held::new(response)), endpoint).await;
    }
    Look::Accepted(Accepted::Untouched(response))
}

pub(super) fn is_stream_type(content_type: &str) -> bool {
    let types = ["event-stream", "eventstream", "ndjson", "jsonl", "stream+json"];
    types.iter().any(|known| content_type.contains(known))
}

fn failed_status(held: Box<Held>, status: u16) -> Look {
    let in_clear = InClear::of(&held.parts.headers, &held.bytes);
    let text = json::lossy(in_clear.bytes(&held.bytes));
    let body = json::parse(&text).ok();
    let response = FailedResponse { status, headers: &held.parts.headers, body: body.as_ref() };
    let judged = Judgement::of_response(&response, SystemTime::now());
    let (code, message) = body.as_ref().map(api_error).unwrap_or_default();
    drop(body);
    drop(text);
    drop(in_clear);
    failed(held, judged, code, message)
}

fn failed(held: Box<Held>, judged: Judgement, code: String, message: String) -> Look {
    let status = Some(held.parts.status.as_u16());
    let failed = Failed::Response(held);
    Look::Failed(Box::new(Looked { failed, judged, status, code, message }))
}

/// Looks at a short body that was read whole, or that broke off.
fn whole_json(held: Box<Held>, endpoint: &Endpoint) -> Look {
    if let Some(error) = held.error() {
        let judged = Judgement::of_kind(FailureKind::of_reqwest(error));
        return failed(held, judged, String::new(), String::new());
    }
    let in_clear = InClear::of(&held.parts.headers, &held.bytes);
    let reads_whole = held.is_whole && !in_clear.is_cut();
    if reads_whole
        && let Some(failure) =
            failure_in_body(endpoint, || in_clear.head(&held.parts), in_clear.bytes(&held.bytes))
    {
        return reported(held, failure);
    }
    Look::Accepted(Accepted::Held(held))
}

async fn stream(mut held: Box<Held>, endpoint: &Endpoint) -> Look {
    let mut told = Beginning::Nothing;
    held.read(None, |parts, bytes, is_over| {
        // A body that cannot be read is not held.
        let in_clear = InClear::of(&parts.headers, bytes);
        told = if endpoint.api == llmlogs_core::capture::Api::Raw || !in_clear.is_readable() {
            Beginning::Content
        } else {
            beginning(endpoint, &in_clear.head(parts), in_clear.bytes(bytes), is_over)
        };
        if told == Beginning::Nothing { More::Read } else { More::Enough }
    })
    .await;
    if let Some(error) = held.error() {
        let kind = if error.is_timeout() { FailureKind::Timeout } else { FailureKind::BrokenStream };
        return failed(held, Judgement::of_kind(kind), String::new(), String::new());
    }
    match told {
        Beginning::Failed(failure) => reported(held, failure),
        Beginning::Nothing | Beginning::Content => Look::Accepted(Accepted::Held(held)),
    }
}

fn reported(held: Box<Held>, failure: Failure) -> Look {
    let judged = judgement_of_reported(&failure, &held.parts.headers, Some(&held.bytes));
    failed(held, judged, failure.code, failure.message)
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
