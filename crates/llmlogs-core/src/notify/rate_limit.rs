//! How many notices a receiver takes.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Limits of deliveries, each so many within a time. A clock is handed in.
#[derive(Debug, Clone, Default)]
pub struct RateLimit {
    limits: Vec<(usize, Duration)>,
    /// The last deliveries, oldest first; as many as the largest limit.
    past: VecDeque<Instant>,
}

impl RateLimit {
    /// Returns a rate without limits.
    #[must_use]
    pub fn unlimited() -> Self {
        RateLimit::default()
    }

    /// Adds a limit of `deliveries`, at least one, within `time`.
    #[must_use]
    pub fn and(mut self, deliveries: usize, time: Duration) -> Self {
        self.limits.push((deliveries.max(1), time));
        self
    }

    /// Returns how long to wait at `now` before the next delivery.
    #[must_use]
    pub fn wait(&self, now: Instant) -> Duration {
        let of = |(deliveries, time): &(usize, Duration)| {
            // The delivery that has to be older than `time` for another one to fit.
            let oldest = self.past.len().checked_sub(*deliveries).and_then(|place| self.past.get(place));
            oldest.map_or(Duration::ZERO, |oldest| (*oldest + *time).saturating_duration_since(now))
        };
        self.limits.iter().map(of).max().unwrap_or_default()
    }

    /// Notes a delivery at `now`, whether it succeeds or not.
    pub fn note(&mut self, now: Instant) {
        let Some(most) = self.limits.iter().map(|(deliveries, _)| *deliveries).max() else { return };
        while self.past.len() >= most {
            self.past.pop_front();
        }
        self.past.push_back(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_span_of_time_has_more_deliveries_than_the_limits() {
        let s = Duration::from_secs;
        let mut limit = RateLimit::unlimited().and(5, s(1)).and(100, s(60));
        let start = Instant::now();
        let mut now = start;
        let mut sent = Vec::new();
        for _ in 0..250 {
            now += limit.wait(now);
            limit.note(now);
            sent.push(now - start);
        }
        for (place, at) in sent.iter().enumerate() {
            let within = |time: Duration| sent[..=place].iter().filter(|sent| **sent + time > *at).count();
            assert!(within(s(1)) <= 5 && within(s(60)) <= 100, "{at:?}");
        }
        assert_eq!(sent[99], s(19));
        assert_eq!(*sent.last().unwrap(), s(129));
        assert_eq!(RateLimit::unlimited().wait(now), Duration::ZERO);
    }
}
