//! `attempts` and `fallback` of `metadata.json`.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use crate::api::{self, Depth, dialect};
use crate::capture::{
    CallRecord, CapturedAttempt, CapturedRequest, CapturedResponse, Decision, Endpoint, ErrorType, Failure,
    SpanRecord, TimeAnchor,
};
use crate::format::time::LocalTime;
use crate::format::{Attempt, Fallback, Target};
use crate::json;

use super::content_coding::decoded_response;
use super::exchange::is_http;
use super::failure;
use super::media;
use super::metadata::milliseconds;
use super::options::ComposeOptions;
use super::request::named_model;

/// The error type of an attempt that was not made.
const CIRCUIT_OPEN: &str = "CircuitOpenError";

/// Returns one entry per HTTP attempt if there was more than one, or if a decision was made about a single one.
///
/// `endpoint` and `own` are the call's; they are used for attempts without a captured request.
pub fn attempts(
    record: &CallRecord,
    endpoint: &Endpoint,
    own: &Target,
    options: &ComposeOptions,
) -> Vec<Attempt> {
    let mut made = gather(record);
    if made.len() < 2 && made.iter().all(|attempt| attempt.decision.is_none()) {
        return Vec::new();
    }
    made.sort_by_key(|attempt| attempt.started.clock);
    let mut ended: Option<Instant> = None;
    let mut entries = Vec::with_capacity(made.len());
    for (attempt, number) in made.iter().zip(1..) {
        let waited = attempt.waited.unwrap_or_else(|| {
            let before = ended.unwrap_or(attempt.started.clock);
            attempt.started.clock.saturating_duration_since(before)
        });
        let entry = attempt.entry(number, waited, endpoint, own, options);
        ended = Some(attempt.ended());
        entries.push(entry);
    }
    entries
}

/// Returns the change of the target if the last attempt went elsewhere than the call itself asked for, and it was this
/// crate that decided so.
pub fn fallback(attempts: &[Attempt], own: &Target) -> Option<Fallback> {
    let is_left = |attempt: &&Attempt| {
        attempt.decision == Decision::Fallback.word() || attempt.decision == Decision::CircuitOpen.word()
    };
    let left = attempts.iter().find(is_left)?;
    let last = attempts.iter().rev().find(|attempt| attempt.was_sent())?;
    let target = |attempt: &Attempt| Target {
        provider: attempt.provider.clone(),
        model: attempt.model.clone(),
        base_url: attempt.base_url.clone(),
    };
    let (from, to) = (own.clone(), target(last));
    (from != to).then(|| Fallback { from, to, reason: left.error_type.clone() })
}

/// An attempt, whoever made it.
struct Made<'r> {
    started: TimeAnchor,
    span_ended: Instant,
    endpoint: Option<&'r Endpoint>,
    model: Option<Cow<'r, str>>,
    response: Option<&'r CapturedResponse>,
    /// Whether a request was sent.
    is_sent: bool,
    waited: Option<Duration>,
    decision: Option<Decision>,
}

/// Returns the attempts of all spans of the call: those that a span made by itself, and spans that are attempts. Where both
/// are there for the same request, the inner one is the attempt, and has the outer one's decision.
fn gather(record: &CallRecord) -> Vec<Made<'_>> {
    let spans = || record.attempts.iter().filter(|span| is_http(span));
    let (acting, plain): (Vec<_>, Vec<_>) = spans().partition(|span| !span.attempts.is_empty());
    let mut plain: Vec<Made<'_>> = plain.into_iter().map(Made::of_span).collect();
    let mut made = Vec::new();
    for outer in acting {
        let is_inside = |inner: &mut Made<'_>| {
            outer.started.clock <= inner.started.clock && inner.started.clock <= outer.ended
        };
        let inside = plain.extract_if(.., is_inside).collect();
        made.append(&mut decided(outer, inside));
    }
    made.append(&mut plain);
    if record.own.attempts.is_empty() { made } else { decided(&record.own, made) }
}

/// Returns the attempts that `outer` made: `inner`, with its decisions, and those that left nothing else.
fn decided<'r>(outer: &'r SpanRecord, mut inner: Vec<Made<'r>>) -> Vec<Made<'r>> {
    inner.sort_by_key(|made| made.started.clock);
    let mut inner = inner.into_iter().peekable();
    let mut all = Vec::new();
    for (place, attempt) in outer.attempts.iter().enumerate() {
        let next = outer.attempts.get(place + 1).map(|next| next.started.clock);
        let mut own = Vec::new();
        while let Some(made) = inner.next_if(|made| next.is_none_or(|next| made.started.clock < next)) {
            own.push(made);
        }
        if own.is_empty() || attempt.decision == Decision::CircuitOpen {
            own.push(Made::of_attempt(attempt, outer.response.as_deref()));
        }
        if let Some(first) = own.first_mut() {
            first.waited = first.waited.max(Some(attempt.waited));
        }
        if let Some(last) = own.last_mut() {
            last.decision = Some(attempt.decision);
        }
        all.append(&mut own);
    }
    all
}

impl<'r> Made<'r> {
    fn of_span(span: &'r SpanRecord) -> Self {
        let request = span.request.as_deref();
        Made {
            started: span.started,
            span_ended: span.ended,
            endpoint: request.map(|request| &*request.endpoint),
            model: request.map(|request| Cow::Owned(model(request))),
            response: span.response.as_deref(),
            is_sent: true,
            waited: None,
            decision: None,
        }
    }

    /// `last` is the response of the span that made the attempts.
    fn of_attempt(attempt: &'r CapturedAttempt, last: Option<&'r CapturedResponse>) -> Self {
        let is_sent = attempt.decision != Decision::CircuitOpen;
        Made {
            started: attempt.started,
            span_ended: attempt.ended,
            endpoint: Some(&attempt.endpoint),
            model: Some(Cow::Borrowed(&attempt.model)),
            response: attempt.response.as_deref().or(last.filter(|_| is_sent)),
            is_sent,
            waited: None,
            decision: None,
        }
    }

    fn ended(&self) -> Instant {
        self.response.map_or(self.span_ended, |response| response.ended)
    }

    fn failure(&self, endpoint: &Endpoint, options: &ComposeOptions) -> Option<Failure> {
        let mut failure = match self.response {
            _ if !self.is_sent => Some(Failure::new(
                ErrorType::Named(CIRCUIT_OPEN.to_owned()),
                "the breaker's circuit was open",
            )),
            Some(response) => {
                let in_clear = decoded_response(response, options.max_body_bytes);
                let response = in_clear.as_ref().unwrap_or(response);
                let mut answer = api::interpret(endpoint, response, Depth::Whole);
                answer.redact(&options.redact, |json| media::redact(json, options));
                answer.failure(&answer.view())
            }
            None => Some(Failure::new(ErrorType::Cancelled, "the attempt was dropped before its end")),
        };
        if let Some(failure) = &mut failure {
            failure::clean(failure, &options.redact);
        }
        failure
    }

    fn entry(
        &self,
        number: u64,
        waited: Duration,
        endpoint: &Endpoint,
        own: &Target,
        options: &ComposeOptions,
    ) -> Attempt {
        let endpoint = self.endpoint.unwrap_or(endpoint);
        let failure = self.failure(endpoint, options);
        let head = self.response.map(|response| &response.head);
        let model = self.model.as_deref().filter(|model| !model.is_empty()).unwrap_or(&own.model);
        Attempt {
            attempt: number,
            started_at: LocalTime::of(self.started.wall).rfc3339(),
            latency_ms: if self.is_sent { milliseconds(self.started.until(self.ended())) } else { 0 },
            http_status: head.and_then(|head| head.status),
            retry_after_ms: head.and_then(|head| head.retry_after_ms),
            error_type: failure.as_ref().map(|failure| failure.kind.word().into_owned()).unwrap_or_default(),
            error_code: failure.as_ref().map(|failure| failure.code.clone()).unwrap_or_default(),
            error_message: failure.map(|failure| failure.message).unwrap_or_default(),
            provider: endpoint.provider.clone().into_owned(),
            model: options.redact.text(model).into_owned(),
            base_url: endpoint.base_url.clone(),
            waited_ms: milliseconds(waited),
            decision: self.decision.map(Decision::word).unwrap_or_default().to_owned(),
        }
    }
}

/// Returns the model that a request asks for; empty if it names none.
fn model(request: &CapturedRequest) -> String {
    let body = std::str::from_utf8(request.body.bytes()).ok().and_then(|text| json::parse_shallow(text).ok());
    let view = body.as_ref().map(|body| dialect(request.endpoint.api).request(&request.endpoint, body));
    named_model(&view.unwrap_or_default(), &request.endpoint).unwrap_or_default().to_owned()
}
