//! The record of a call, which the layer hands to the recorder when the call closes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime};

use super::attempt::CapturedAttempt;
use super::body::Body;
use super::exchange::{CapturedRequest, CapturedResponse};
use super::fields::Fields;
use super::time_anchor::TimeAnchor;

/// Identifies a call within the process, from its start until it has been written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallKey(u64);

impl CallKey {
    /// Returns a key that no other call has.
    #[must_use]
    #[inline]
    pub fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        CallKey(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// Identifies within the process the requests that were made for one call, whatever they ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CallGroup(u64);

impl CallGroup {
    /// Returns a group of which nothing is a member yet.
    #[must_use]
    #[inline]
    pub fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        CallGroup(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// OpenTelemetry's ids of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceIds {
    /// The id of the trace.
    pub trace: [u8; 16],
    /// The id of the span.
    pub span: [u8; 8],
}

/// The record of one span of a call: of the call itself, or of one attempt at it.
#[derive(Debug, Clone)]
pub struct SpanRecord {
    /// When the span opened.
    pub started: TimeAnchor,
    /// When the span closed.
    pub ended: Instant,
    /// The fields of the span and of the events inside it, in their order.
    pub fields: Fields,
    /// The request, if it was captured.
    pub request: Option<Arc<CapturedRequest>>,
    /// The response, if it was captured.
    pub response: Option<Arc<CapturedResponse>>,
    /// The attempts that were made inside the span without spans of their own.
    pub attempts: Vec<CapturedAttempt>,
    /// Whether a panic unwound through the span.
    pub panicked: bool,
    /// OpenTelemetry's ids of the span, if it is exported.
    pub trace: Option<TraceIds>,
}

/// The record of a call that has ended.
#[derive(Debug)]
pub struct CallRecord {
    /// Identifies the call.
    pub key: CallKey,
    /// The call's own span.
    pub own: SpanRecord,
    /// The spans inside it that were attempts at the same call, in their order.
    pub attempts: Vec<SpanRecord>,
    /// Fields of the enclosing spans, outermost first.
    pub context: Fields,
    /// The enclosing spans, outermost first.
    pub spans: Vec<EnclosingSpan>,
}

/// A span that encloses a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EnclosingSpan {
    /// The subscriber's id of the span, which distinguishes it from other spans of the same name.
    pub id: u64,
    /// The span's name.
    pub name: &'static str,
    /// When the span opened; `None` if the layer did not see it.
    pub started: Option<SystemTime>,
}

impl CallRecord {
    /// Returns the record's size in memory, in bytes.
    #[must_use]
    #[inline]
    pub fn weight(&self) -> usize {
        size_of::<Self>() + self.context.weight() + self.span_records().map(SpanRecord::weight).sum::<usize>()
    }

    /// Returns the call's own span and those of its attempts.
    fn span_records(&self) -> impl Iterator<Item = &SpanRecord> {
        std::iter::once(&self.own).chain(&self.attempts)
    }

    /// Returns whether bodies were dropped because memory or disk ran short.
    #[must_use]
    pub fn is_degraded(&self) -> bool {
        self.span_records().any(|span| {
            let dropped = |body: &Body| matches!(body, Body::Dropped { .. });
            span.request.as_ref().is_some_and(|request| dropped(&request.body))
                || span.response.as_ref().is_some_and(|response| dropped(&response.body))
                || span
                    .attempts
                    .iter()
                    .filter_map(|attempt| attempt.response.as_ref())
                    .any(|r| dropped(&r.body))
        })
    }

    /// Drops the bodies and keeps everything else.
    pub fn drop_bodies(&mut self) {
        for span in std::iter::once(&mut self.own).chain(&mut self.attempts) {
            span.drop_bodies();
        }
    }
}

impl SpanRecord {
    fn weight(&self) -> usize {
        let request = self.request.as_ref().map_or(0, |request| request.weight());
        let response = self.response.as_ref().map_or(0, |response| response.weight());
        let attempts: usize = self.attempts.iter().map(CapturedAttempt::weight).sum();
        size_of::<Self>() + self.fields.weight() + request + response + attempts
    }

    fn drop_bodies(&mut self) {
        if let Some(request) = self.request.take() {
            self.request = Some(Arc::new(request.without_body()));
        }
        if let Some(response) = self.response.take() {
            self.response = Some(Arc::new(response.without_body()));
        }
        for attempt in &mut self.attempts {
            if let Some(response) = attempt.response.take() {
                attempt.response = Some(Arc::new(response.without_body()));
            }
        }
    }
}
