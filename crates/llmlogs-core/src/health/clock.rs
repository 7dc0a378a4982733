//! A clock that shows wall time and never goes back.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A point in time: the time since the Unix epoch.
pub type UnixTime = Duration;

/// Wall time that goes on evenly, whatever happens to the machine's clock after [`SteadyClock::start`].
#[derive(Debug, Clone, Copy)]
pub struct SteadyClock {
    wall: UnixTime,
    started: Instant,
}

impl SteadyClock {
    /// Returns a clock that shows the machine's wall time now.
    #[must_use]
    pub fn start() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        SteadyClock { wall, started: Instant::now() }
    }

    /// Returns the current time.
    #[must_use]
    pub fn now(&self) -> UnixTime {
        self.at(Instant::now())
    }

    /// Returns the time at which the monotonic clock showed `instant`.
    #[must_use]
    pub fn at(&self, instant: Instant) -> UnixTime {
        match instant.checked_duration_since(self.started) {
            Some(after) => self.wall + after,
            None => self.wall.saturating_sub(self.started.duration_since(instant)),
        }
    }
}
