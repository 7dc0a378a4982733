//! What is recorded of a call that may take several attempts: all of it, its span alone, or nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::Response;
use reqwest_middleware::Result;
use tracing::{Instrument, Span};

use crate::instrument;
use crate::middleware::head::head_of;
use crate::middleware::in_flight::InFlightCall;
use crate::middleware::read_ahead::Opened;
use crate::middleware::tee;
use llmlogs_core::capture::{
    Body, CapturedAttempt, CapturedResponse, ChunkTimings, Completion, Decision, Endpoint, Failure,
    ResponseHead, TimeAnchor,
};

use super::held::Held;

/// What is recorded of a call.
pub(in crate::middleware) enum Recording {
    /// Nobody listens.
    Nothing,
    /// Every recorder is switched off.
    Span(Span),
    Call(Box<InFlightCall>),
}

/// One attempt while it is made.
pub(super) struct Attempt {
    pub(super) started: TimeAnchor,
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) model: Arc<str>,
    pub(super) waited: Duration,
}

impl Attempt {
    fn ended(&self, decision: Decision, response: Option<CapturedResponse>) -> CapturedAttempt {
        CapturedAttempt {
            started: self.started,
            ended: response.as_ref().map_or_else(Instant::now, |response| response.ended),
            endpoint: Arc::clone(&self.endpoint),
            model: Arc::clone(&self.model),
            waited: self.waited,
            decision,
            response: response.map(Arc::new),
        }
    }
}

impl Recording {
    /// Runs `future` inside the call's span.
    pub(in crate::middleware) async fn inside<T>(&self, future: impl Future<Output = T>) -> T {
        match self {
            Recording::Nothing => future.await,
            Recording::Span(span) => future.instrument(span.clone()).await,
            Recording::Call(call) => future.instrument(call.span().clone()).await,
        }
    }

    /// Records an attempt that is not the last one.
    pub(super) fn attempt(&mut self, attempt: &Attempt, decision: Decision, failed: &Failed) {
        if let Recording::Call(call) = self {
            call.attempt_made(attempt.ended(decision, Some(failed.captured())));
        }
    }

    /// Records that a target was not asked, because its circuit is open.
    pub(super) fn skipped(&mut self, endpoint: Arc<Endpoint>, model: Arc<str>) {
        if let Recording::Call(call) = self {
            let (started, waited) = (TimeAnchor::now(), Duration::ZERO);
            let attempt = Attempt { started, endpoint, model, waited };
            call.attempt_made(attempt.ended(Decision::CircuitOpen, None));
        }
    }

    /// Notes the attempt that is being made: it counts if the call ends with it.
    pub(super) fn begin(&mut self, attempt: &Attempt) {
        if let Recording::Call(call) = self {
            call.attempt_begun(Some(attempt.ended(Decision::Final, None)));
        }
    }

    /// Notes that no attempt is being made.
    pub(super) fn pause(&mut self) {
        if let Recording::Call(call) = self {
            call.attempt_begun(None);
        }
    }

    /// Notes that the call ends with `attempt`, for this reason.
    pub(super) fn last(&mut self, attempt: &Attempt, decision: Decision) {
        if let Recording::Call(call) = self {
            call.attempt_begun(Some(attempt.ended(decision, None)));
        }
    }

    /// Hands the call's response on.
    pub(super) async fn response(self, response: Response) -> Response {
        match self {
            Recording::Nothing => response,
            Recording::Span(span) => {
                instrument::record_status(&span, response.status().as_u16());
                response
            }
            Recording::Call(call) => tee::attach(response, call).await,
        }
    }

    /// Does the same for a response in its parts.
    pub(super) async fn opened(self, response: Opened) -> Response {
        match self {
            Recording::Call(call) => tee::attach_opened(response, call).await,
            other => other.response(response.into_response()).await,
        }
    }

    /// Hands the call's result on.
    pub(in crate::middleware) async fn result(self, result: Result<Response>) -> Result<Response> {
        match result {
            Ok(response) => Ok(self.response(response).await),
            Err(error) => {
                let failure = instrument::request_failure(&error);
                self.error(error, failure)
            }
        }
    }

    /// Hands the call's error on.
    pub(super) fn error(self, error: reqwest_middleware::Error, failure: Failure) -> Result<Response> {
        match self {
            Recording::Nothing => {}
            Recording::Span(span) => instrument::record_failure(&span, &failure),
            Recording::Call(mut call) => call.fail(failure),
        }
        Err(error)
    }
}

/// What an attempt that failed left.
pub(super) enum Failed {
    Response(Box<Held>),
    Error(reqwest_middleware::Error),
}

impl Failed {
    /// Returns the response as far as it was read.
    fn captured(&self) -> CapturedResponse {
        let (head, body, completion) = match self {
            Failed::Error(error) => {
                let failure = instrument::request_failure(error);
                (ResponseHead::default(), Body::Empty, Completion::Failed(failure))
            }
            Failed::Response(held) => {
                let completion = match held.error() {
                    Some(error) => Completion::Failed(instrument::body_failure(error)),
                    None => Completion::Complete,
                };
                let bytes = held.bytes.to_bytes();
                (head_of(&held.parts), Body::limited(bytes, usize::MAX), completion)
            }
        };
        CapturedResponse {
            head,
            body,
            chunk_timings: ChunkTimings::default(),
            completion,
            ended: Instant::now(),
        }
    }
}
