//! Noticing that somebody else repeats calls, too: three attempts of theirs with three of ours each are nine.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::warn::WarnOnce;

/// A request that comes again so soon after it failed for good was sent by a loop.
const SOON: Duration = Duration::from_secs(30);

/// How many of the last calls that failed are remembered.
const REMEMBERED: usize = 16;

/// The last calls that failed after all their attempts, by a hash of what they sent.
#[derive(Default)]
pub(super) struct FailedCalls {
    any: AtomicBool,
    hashes: RandomState,
    calls: Mutex<VecDeque<(u64, Instant)>>,
}

impl FailedCalls {
    /// Notes a call that failed although it was worth another attempt.
    pub(super) fn failed(&self, target: u64, body: &[u8], now: Instant) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        if calls.len() == REMEMBERED {
            calls.pop_front();
        }
        calls.push_back((self.hashes.hash_one((target, body)), now));
        self.any.store(true, Ordering::Relaxed);
    }

    /// Returns whether the same request has just failed for good.
    pub(super) fn is_repeated(&self, target: u64, body: &[u8], now: Instant) -> bool {
        // While nothing fails this is all.
        if !self.any.load(Ordering::Relaxed) {
            return false;
        }
        let hash = self.hashes.hash_one((target, body));
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.retain(|(_, at)| now.saturating_duration_since(*at) < SOON);
        self.any.store(!calls.is_empty(), Ordering::Relaxed);
        calls.iter().any(|(known, _)| *known == hash)
    }
}

/// Says once that there are two loops; `why` is how that was noticed.
pub(in crate::middleware) fn warn(why: &str) {
    static TWO_LOOPS: WarnOnce = WarnOnce::new();
    TWO_LOOPS.once(format_args!(
        "two retry loops are on top of each other: {why}. Their attempts multiply; use one of them, or send those requests \
         with the extension `NoRetry`"
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_comes_again_after_it_failed_is_noticed() {
        let (calls, now) = (FailedCalls::default(), Instant::now());
        assert!(!calls.is_repeated(1, b"one", now));
        calls.failed(1, b"one", now);
        let repeated =
            [(1, "one", 1), (1, "two", 1), (2, "one", 1), (1, "one", 31)].map(|(target, body, later)| {
                calls.is_repeated(target, body.as_bytes(), now + Duration::from_secs(later))
            });
        assert_eq!(repeated, [true, false, false, false]);
        (0..100_u64).for_each(|target| calls.failed(target, b"one", now));
        assert_eq!((0..100).filter(|target| calls.is_repeated(*target, b"one", now)).count(), REMEMBERED);
    }
}
