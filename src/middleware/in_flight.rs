//! A call in flight, from its request to the end of its response.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use tracing::Span;

use crate::instrument;
use crate::instrument::CallSpan;
use crate::instrument::ResponseBuffer;
use llmlogs_core::capture::{
    CapturePolicy, CapturedAttempt, CapturedResponse, Completion, Endpoint, Failure, ResponseHead,
};

/// The spans of outer middlewares around the same response, which end with the innermost one's. `None` once the response
/// has ended.
#[derive(Clone)]
pub(super) struct LinkedSpans(Arc<Mutex<Option<Vec<CallSpan>>>>);

impl LinkedSpans {
    /// Adds a span; returns it if the response has ended already.
    fn link(&self, span: CallSpan) -> Option<CallSpan> {
        match &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(linked) => {
                linked.push(span);
                None
            }
            None => Some(span),
        }
    }

    fn take(&self) -> Vec<CallSpan> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default()
    }
}

/// Holds the call's span open and gathers the response. Dropped before the end of the call, it records what it has.
pub(super) struct InFlightCall {
    span: CallSpan,
    endpoint: Arc<Endpoint>,
    /// What is captured; `None` if only other layers listen.
    policy: Option<CapturePolicy>,
    head: ResponseHead,
    buffer: ResponseBuffer,
    linked: LinkedSpans,
    /// The attempt that is being made, if there were others or something was decided about it.
    attempt: Option<CapturedAttempt>,
    ended: bool,
}

impl InFlightCall {
    pub(super) fn new(span: CallSpan, endpoint: Arc<Endpoint>, policy: Option<CapturePolicy>) -> Self {
        InFlightCall {
            span,
            endpoint,
            policy,
            head: ResponseHead::default(),
            buffer: ResponseBuffer::new(policy),
            linked: LinkedSpans(Arc::new(Mutex::new(Some(Vec::new())))),
            attempt: None,
            ended: false,
        }
    }

    pub(super) fn span(&self) -> &Span {
        self.span.span()
    }

    pub(super) fn linked(&self) -> LinkedSpans {
        self.linked.clone()
    }

    /// Lets the call that `linked` belongs to end this one's span too. Returns whether it will.
    pub(super) fn link(&mut self, linked: &LinkedSpans) -> bool {
        // A span that is linked is no longer this call's to write to.
        self.attach_attempt();
        match linked.link(std::mem::replace(&mut self.span, CallSpan::none())) {
            None => self.ended = true,
            Some(own) => self.span = own,
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
            instrument::attach_attempt(self.span.span(), attempt);
        }
    }

    pub(super) fn answered(&mut self, head: ResponseHead, length: Option<u64>) {
        self.head = head;
        if let Some(length) = length {
            self.buffer.expect(length);
        }
    }

    pub(super) fn chunk(&mut self, data: &Bytes) {
        self.buffer.push(data);
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
        let response = Arc::new(CapturedResponse {
            head: std::mem::take(&mut self.head),
            body: self.buffer.take_body(),
            chunk_timings: self.buffer.take_timings(),
            completion,
            ended,
        });
        if self.policy.is_some_and(|policy| policy.bodies) {
            instrument::attach_response(self.span.span(), Arc::clone(&response));
        }
        let linked = self.linked.take();
        CallSpan::end(std::iter::once(&self.span).chain(&linked), &self.endpoint, &response);
        // The linked spans close after this call's own, which they surround.
        self.span = CallSpan::none();
    }
}

impl Drop for InFlightCall {
    fn drop(&mut self) {
        self.end(Completion::Dropped);
    }
}
