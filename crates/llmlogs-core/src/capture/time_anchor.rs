//! A point in time on both clocks.

use std::time::{Duration, Instant, SystemTime};

/// An instant on both clocks: the wall clock for people, the monotonic one for durations.
#[derive(Debug, Clone, Copy)]
pub struct TimeAnchor {
    /// The wall clock.
    pub wall: SystemTime,
    /// The monotonic clock.
    pub clock: Instant,
}

impl TimeAnchor {
    /// Returns the current time.
    #[must_use]
    #[inline]
    pub fn now() -> Self {
        TimeAnchor { wall: SystemTime::now(), clock: Instant::now() }
    }

    /// Returns the wall time at which the monotonic clock showed `clock`, which is not earlier than the anchor.
    #[must_use]
    #[inline]
    pub fn wall_at(&self, clock: Instant) -> SystemTime {
        self.wall + clock.saturating_duration_since(self.clock)
    }

    /// Returns the time from the anchor until `clock`; zero if that is earlier.
    #[must_use]
    #[inline]
    pub fn until(&self, clock: Instant) -> Duration {
        clock.saturating_duration_since(self.clock)
    }
}
