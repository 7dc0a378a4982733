//! What the layer hands to the recorder when a call closes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use super::{Body, Fields, Outcome, SentRequest};

/// Names a call from its start to its folder, within the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct CallKey(u64);

impl CallKey {
    pub(crate) fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        CallKey(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// A moment on both clocks: the wall's for people, the monotonic one for durations.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) wall: SystemTime,
    pub(crate) clock: Instant,
}

impl Moment {
    pub(crate) fn now() -> Self {
        Moment { wall: SystemTime::now(), clock: Instant::now() }
    }

    /// The wall time at which the monotonic clock showed `clock`.
    pub(crate) fn wall_at(&self, clock: Instant) -> SystemTime {
        self.wall + clock.saturating_duration_since(self.clock)
    }

    pub(crate) fn until(&self, clock: Instant) -> Duration {
        clock.saturating_duration_since(self.clock)
    }
}

/// One span's part in a call: the call itself, or one attempt at it.
#[derive(Debug, Clone)]
pub(crate) struct Leg {
    pub(crate) started: Moment,
    pub(crate) ended: Instant,
    /// What the span's fields and the events inside it said, in their order.
    pub(crate) fields: Fields,
    pub(crate) request: Option<Arc<SentRequest>>,
    pub(crate) outcome: Option<Arc<Outcome>>,
    /// A panic unwound through the span.
    pub(crate) panicked: bool,
}

/// Everything that is known of a call once it is over.
#[derive(Debug)]
pub(crate) struct CallRecord {
    pub(crate) key: CallKey,
    pub(crate) own: Leg,
    /// The call spans inside this one that were attempts at the same call, in their order.
    pub(crate) attempts: Vec<Leg>,
    /// Fields of the enclosing spans, outermost first.
    pub(crate) context: Fields,
    /// Names of the enclosing spans, outermost first.
    pub(crate) spans: Vec<&'static str>,
}

impl CallRecord {
    /// What the record takes in memory, in bytes.
    pub(crate) fn weight(&self) -> usize {
        let legs = std::iter::once(&self.own).chain(&self.attempts);
        size_of::<Self>() + self.context.weight() + legs.map(Leg::weight).sum::<usize>()
    }

    /// Whether bodies were given up.
    pub(crate) fn is_degraded(&self) -> bool {
        std::iter::once(&self.own).chain(&self.attempts).any(|leg| {
            let given_up = |body: &Body| matches!(body, Body::GivenUp { .. });
            leg.request.as_ref().is_some_and(|request| given_up(&request.body))
                || leg.outcome.as_ref().is_some_and(|outcome| given_up(&outcome.body))
        })
    }

    /// Gives up the bodies and keeps everything else.
    pub(crate) fn drop_bodies(&mut self) {
        for leg in std::iter::once(&mut self.own).chain(&mut self.attempts) {
            leg.drop_bodies();
        }
    }
}

impl Leg {
    fn weight(&self) -> usize {
        let request = self.request.as_ref().map_or(0, |request| request.weight());
        let outcome = self.outcome.as_ref().map_or(0, |outcome| outcome.weight());
        size_of::<Self>() + self.fields.weight() + request + outcome
    }

    fn drop_bodies(&mut self) {
        if let Some(request) = self.request.take() {
            self.request = Some(Arc::new(request.without_body()));
        }
        if let Some(outcome) = self.outcome.take() {
            self.outcome = Some(Arc::new(outcome.without_body()));
        }
    }
}
