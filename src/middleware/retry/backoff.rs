//! How long to wait before the next attempt.

use std::time::Duration;

use super::failure::FailureKind;
use super::judge::Judgement;

/// The settings of delays.
#[derive(Debug, Clone)]
pub(in crate::middleware) struct Backoff {
    /// The first delay's upper bound, which doubles with each further attempt.
    pub(in crate::middleware) base: Duration,
    /// The same where the server is short of capacity: 429 and 529.
    pub(in crate::middleware) busy_base: Duration,
    /// The upper bound of a delay of our own.
    pub(in crate::middleware) max: Duration,
    /// The longest delay that a server may ask for and have.
    pub(in crate::middleware) max_requested: Duration,
}

/// No delay of our own is shorter.
const MIN: Duration = Duration::from_millis(50);

/// How much is added at most to a delay that the server asks for, as a part of it.
const REQUESTED_JITTER: f64 = 0.1;

impl Default for Backoff {
    fn default() -> Self {
        Backoff {
            base: Duration::from_millis(500),
            busy_base: Duration::from_secs(1),
            max: Duration::from_secs(8),
            max_requested: Duration::from_secs(60),
        }
    }
}

impl Backoff {
    /// Returns the delay before the next attempt at a target, `failed` attempts at which have failed, one at least;
    /// `None` if the server asks for more than is waited for. `random` is in `0.0..1.0`.
    pub(in crate::middleware) fn delay(
        &self,
        judged: &Judgement,
        failed: u32,
        random: f64,
    ) -> Option<Duration> {
        if let Some(requested) = judged.delay {
            // A minimum: it may only grow.
            let delay = requested + requested.mul_f64(REQUESTED_JITTER * random);
            return (requested <= self.max_requested).then_some(delay);
        }
        let base = match judged.kind {
            FailureKind::RateLimited | FailureKind::Overloaded => self.busy_base,
            _ => self.base,
        };
        let doubled = 1_u32.checked_shl(failed.saturating_sub(1)).unwrap_or(u32::MAX);
        let bound = base.saturating_mul(doubled).min(self.max);
        Some(bound.mul_f64(random).max(MIN))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn judged(kind: FailureKind, delay: Option<Duration>) -> Judgement {
        Judgement { delay, ..Judgement::of_kind(kind) }
    }

    #[test]
    fn a_delay_of_our_own_doubles_up_to_its_bound() {
        let backoff = Backoff::default();
        let bound = |kind, failed| backoff.delay(&judged(kind, None), failed, 1.0).unwrap().as_millis();
        let bounds = |kind| [1, 2, 3, 4, 5, 6, 40].map(|failed| bound(kind, failed));
        assert_eq!(bounds(FailureKind::Server), [500, 1000, 2000, 4000, 8000, 8000, 8000]);
        assert_eq!(bounds(FailureKind::RateLimited), [1000, 2000, 4000, 8000, 8000, 8000, 8000]);
        assert_eq!(bounds(FailureKind::Overloaded), bounds(FailureKind::RateLimited));
        assert_eq!(backoff.delay(&judged(FailureKind::Server, None), 1, 0.0), Some(MIN));
    }

    #[test]
    fn a_longer_delay_than_is_waited_for_is_none() {
        let backoff = Backoff::default();
        let delay = |seconds| {
            backoff.delay(&judged(FailureKind::RateLimited, Some(Duration::from_secs(seconds))), 1, 0.5)
        };
        assert_eq!(delay(60), Some(Duration::from_secs(63)));
        assert_eq!(delay(61), None);
        assert_eq!(delay(3600), None);
    }

    proptest! {
        #[test]
        fn a_delay_keeps_its_bounds(
            requested in prop::option::of(1_u64..60_000), failed in 1_u32..100, random in 0.0..1.0_f64,
        ) {
            let requested = requested.map(Duration::from_millis);
            let delay = Backoff::default().delay(&judged(FailureKind::Server, requested), failed, random).unwrap();
            match requested {
                Some(requested) => prop_assert!(delay >= requested && delay <= requested.mul_f64(1.1)),
                None => prop_assert!(delay >= MIN && delay <= Duration::from_secs(8)),
            }
        }
    }
}
