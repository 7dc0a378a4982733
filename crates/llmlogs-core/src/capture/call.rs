//! What the layer hands to the recorder when a call closes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use super::{Body, CapturedRequest, CapturedResponse, Fields};

/// Names a call from its start to its folder, within the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallKey(u64);

impl CallKey {
    pub fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        CallKey(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// A moment on both clocks: the wall's for people, the monotonic one for durations.
#[derive(Debug, Clone, Copy)]
pub struct TimeAnchor {
    pub wall: SystemTime,
    pub clock: Instant,
}

impl TimeAnchor {
    pub fn now() -> Self {
        TimeAnchor { wall: SystemTime::now(), clock: Instant::now() }
    }

    /// The wall time at which the monotonic clock showed `clock`.
    pub fn wall_at(&self, clock: Instant) -> SystemTime {
        self.wall + clock.saturating_duration_since(self.clock)
    }

    pub fn until(&self, clock: Instant) -> Duration {
        clock.saturating_duration_since(self.clock)
    }
}

/// One span's part in a call: the call itself, or one attempt at it.
#[derive(Debug, Clone)]
pub struct SpanRecord {
    pub started: TimeAnchor,
    pub ended: Instant,
    /// What the span's fields and the events inside it said, in their order.
    pub fields: Fields,
    pub request: Option<Arc<CapturedRequest>>,
    pub response: Option<Arc<CapturedResponse>>,
    /// A panic unwound through the span.
    pub panicked: bool,
}

/// Everything that is known of a call once it is over.
#[derive(Debug)]
pub struct CallRecord {
    pub key: CallKey,
    pub own: SpanRecord,
    /// The call spans inside this one that were attempts at the same call, in their order.
    pub attempts: Vec<SpanRecord>,
    /// Fields of the enclosing spans, outermost first.
    pub context: Fields,
    /// The enclosing spans, outermost first.
    pub spans: Vec<EnclosingSpan>,
}

/// A span that encloses a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EnclosingSpan {
    /// The subscriber's id of the span, which tells it from others of its name.
    pub id: u64,
    pub name: &'static str,
    /// When the span was opened, where the layer saw it.
    pub started: Option<SystemTime>,
}

impl CallRecord {
    /// What the record takes in memory, in bytes.
    pub fn weight(&self) -> usize {
        let legs = std::iter::once(&self.own).chain(&self.attempts);
        size_of::<Self>() + self.context.weight() + legs.map(SpanRecord::weight).sum::<usize>()
    }

    /// Whether bodies were given up.
    pub fn is_degraded(&self) -> bool {
        std::iter::once(&self.own).chain(&self.attempts).any(|leg| {
            let given_up = |body: &Body| matches!(body, Body::GivenUp { .. });
            leg.request.as_ref().is_some_and(|request| given_up(&request.body))
                || leg.response.as_ref().is_some_and(|response| given_up(&response.body))
        })
    }

    /// Gives up the bodies and keeps everything else.
    pub fn drop_bodies(&mut self) {
        for leg in std::iter::once(&mut self.own).chain(&mut self.attempts) {
            leg.drop_bodies();
        }
    }
}

impl SpanRecord {
    fn weight(&self) -> usize {
        let request = self.request.as_ref().map_or(0, |request| request.weight());
        let response = self.response.as_ref().map_or(0, |response| response.weight());
        size_of::<Self>() + self.fields.weight() + request + response
    }

    fn drop_bodies(&mut self) {
        if let Some(request) = self.request.take() {
            self.request = Some(Arc::new(request.without_body()));
        }
        if let Some(response) = self.response.take() {
            self.response = Some(Arc::new(response.without_body()));
        }
    }
}
