//! A call in flight, from its request to the end of its response.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use tracing::Span;

use crate::instrument;
use llmlogs_core::capture::{
    Body, CapturePolicy, CapturedAttempt, CapturedResponse, ChunkTimings, Completion, Endpoint, Failure,
    MemoryReservation, ResponseHead,
};

/// The spans of outer middlewares around the same response, which end with the innermost one's. `None` once the response
/// has ended.
#[derive(Clone)]
pub(super) struct LinkedSpans(Arc<Mutex<Option<Vec<Span>>>>);

impl LinkedSpans {
    /// Adds a span; returns it if the response has ended already.
    fn link(&self, span: Span) -> Result<(), Span> {
        match &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(linked) => {
                linked.push(span);
                Ok(())
            }
            None => Err(span),
        }
    }

    fn take(&self) -> Vec<Span> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default()
    }
}

/// Holds the call's span open and gathers the response. Dropped before the end of the call, it records what it has.
pub(super) struct InFlightCall {
    span: Span,
    endpoint: Arc<Endpoint>,
    /// What is captured; `None` if only other layers listen.
    policy: Option<CapturePolicy>,
    head: ResponseHead,
    kept: Vec<u8>,
    /// The memory that `kept` takes of what calls in flight may have; `None` once there was too little.
    reservation: Option<MemoryReservation>,
    /// How many bytes of the body there were so far, kept or not.
    received: u64,
    chunk_timings: ChunkTimings,
    linked: LinkedSpans,
    /// The attempt that is being made, if there were others or something was decided about it.
    attempt: Option<CapturedAttempt>,
    ended: bool,
}

/// How many bytes of a body are kept where no recorder sees the span: enough for the span's own attributes.
const LIMIT_WITHOUT_RECORDER: usize = 1 << 20;

impl InFlightCall {
    pub(super) fn new(span: Span, endpoint: Arc<Endpoint>, policy: Option<CapturePolicy>) -> Self {
        InFlightCall {
            span,
            endpoint,
            policy,
            head: ResponseHead::default(),
            kept: Vec::new(),
            reservation: Some(MemoryReservation::default()),
            received: 0,
            chunk_timings: ChunkTimings::default(),
            linked: LinkedSpans(Arc::new(Mutex::new(Some(Vec::new())))),
            attempt: None,
            ended: false,
        }
    }

    pub(super) fn span(&self) -> &Span {
        &self.span
    }

    pub(super) fn linked(&self) -> LinkedSpans {
        self.linked.clone()
    }

    /// Lets the call that `linked` belongs to end this one's span too. Returns whether it will.
    pub(super) fn link(&mut self, linked: &LinkedSpans) -> bool {
        self.ended = linked.link(self.span.clone()).is_ok();
        if self.ended {
            self.attach_attempt();
        }
        self.ended
    }

    /// Records an attempt that was followed by another one.
    pub(super) fn attempt_made(&mut self, attempt: CapturedAttempt) {
        self.attempt = Some(attempt);
        self.attach_attempt();
    }

    /// Notes the attempt that the call ends with, if it ends now.
    pub(super) fn attempt_begun(&mut self, attempt: Option<CapturedAttempt>) {
        self.attempt = attempt;
    }

    fn attach_attempt(&mut self) {
        if let Some(attempt) = self.attempt.take()
            && self.policy.is_some_and(|policy| policy.bodies)
        {
            instrument::attach_attempt(&self.span, attempt);
        }
    }

    pub(super) fn answered(&mut self, head: ResponseHead, length: Option<u64>) {
        self.head = head;
        let limit = self.limit() as u64;
        if let Some(length) = length {
            // A length that is a lie costs at most the limit, and only what is touched of it.
            self.reserve(length.min(limit).min(1 << 20) as usize);
        }
    }

    fn limit(&self) -> usize {
        match self.policy {
            Some(policy) if policy.bodies => policy.max_body_bytes,
            Some(_) => 0,
            None => LIMIT_WITHOUT_RECORDER,
        }
    }

    pub(super) fn chunk(&mut self, data: &Bytes) {
        self.received += data.len() as u64;
        let room = self.limit().saturating_sub(self.kept.len());
        if room == 0 || self.reservation.is_none() {
            return;
        }
        let part = &data[..data.len().min(room)];
        if self.kept.capacity() - self.kept.len() < part.len() {
            // A quarter more at a time: what many open streams hold stays close to what they got.
            let more = part.len().max(self.kept.len() / 4).max(512);
            if !self.reserve(more) {
                return;
            }
        }
        self.kept.extend_from_slice(part);
        self.chunk_timings.record(self.kept.len(), Instant::now);
    }

    /// Makes room for `more` bytes if the calls in flight do not hold too much already; otherwise this one gives up its
    /// body. Returns whether there is room.
    fn reserve(&mut self, more: usize) -> bool {
        let budget = self.policy.map_or(usize::MAX, |policy| policy.max_bytes_in_flight);
        if self.reservation.as_mut().is_some_and(|reservation| reservation.reserve(more, budget)) {
            self.kept.reserve_exact(more);
            return true;
        }
        self.reservation = None;
        self.kept = Vec::new();
        false
    }

    pub(super) fn fail(&mut self, failure: Failure) {
        self.end(Completion::Failed(failure));
    }

    pub(super) fn end(&mut self, completion: Completion) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let ended = Instant::now();
        if let Some(attempt) = &mut self.attempt {
            attempt.ended = ended;
        }
        self.attach_attempt();
        let bytes = Bytes::from(std::mem::take(&mut self.kept));
        let is_dropped = self.reservation.take().is_none();
        let body = if is_dropped {
            Body::Dropped { original: self.received }
        } else if bytes.len() as u64 == self.received {
            Body::limited(bytes, usize::MAX)
        } else {
            Body::Cut { bytes, original: self.received }
        };
        let response = Arc::new(CapturedResponse {
            head: std::mem::take(&mut self.head),
            body,
            chunk_timings: std::mem::take(&mut self.chunk_timings),
            completion,
            ended,
        });
        if self.policy.is_some_and(|policy| policy.bodies) {
            instrument::attach_response(&self.span, Arc::clone(&response));
        }
        let linked = self.linked.take();
        instrument::record_end(std::iter::once(&self.span).chain(&linked), &self.endpoint, &response);
        // The linked spans close after this call's own, which they surround.
        self.span = Span::none();
    }
}

impl Drop for InFlightCall {
    fn drop(&mut self) {
        self.end(Completion::Dropped);
    }
}
