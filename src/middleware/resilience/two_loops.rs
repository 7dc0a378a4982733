//! Noticing that somebody else repeats calls, too: three attempts of theirs with three of ours each are nine. A caller's new
//! call of the same request is none of that, so one repetition alone proves nothing unless it is known to be of the same call.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::warn::WarnOnce;
use llmlogs_core::capture::CallGroup;

/// How long a call that failed for good is remembered.
const REMEMBERED_FOR: Duration = Duration::from_secs(30);

/// How many of the last calls that failed are remembered.
const REMEMBERED: usize = 16;

/// The pauses of a loop: a program that only has the same question many times makes none, people make longer ones.
const PAUSE: RangeInclusive<Duration> = Duration::from_millis(20)..=Duration::from_secs(2);

/// So many repetitions one after the other, with such pauses, are a loop.
const REPETITIONS: u32 = 2;

/// The last calls that failed after all their attempts, by a hash of what they sent.
#[derive(Default)]
pub(super) struct FailedCalls {
    any: AtomicBool,
    hashes: RandomState,
    calls: Mutex<VecDeque<FailedCall>>,
}

struct FailedCall {
    hash: u64,
    group: CallGroup,
    ended: Instant,
    repetitions: u32,
}

/// What a request repeats.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Repetition {
    /// How often it was repeated in a row with a loop's pauses.
    repetitions: u32,
    /// Whether it belongs to the call that failed.
    is_same_call: bool,
}

impl Repetition {
    /// Returns whether a loop is behind it.
    pub(super) fn is_loop(self) -> bool {
        self.is_same_call || self.repetitions >= REPETITIONS
    }
}

impl FailedCalls {
    /// Notes a call that failed although it was worth another attempt, and what it repeated itself.
    pub(super) fn failed(
        &self,
        group: CallGroup,
        target: u64,
        body: &[u8],
        repeated: Repetition,
        ended: Instant,
    ) {
        let (hash, repetitions) = (self.hashes.hash_one((target, body)), repeated.repetitions);
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        if calls.len() == REMEMBERED {
            calls.pop_front();
        }
        calls.push_back(FailedCall { hash, group, ended, repetitions });
        self.any.store(true, Ordering::Relaxed);
    }

    /// Returns what a request repeats that is about to be sent. `group` is that of its call, or the one in which the very same
    /// request was sent before.
    pub(super) fn repetition(&self, group: CallGroup, target: u64, body: &[u8], now: Instant) -> Repetition {
        // While nothing fails this is all.
        if !self.any.load(Ordering::Relaxed) {
            return Repetition::default();
        }
        let hash = self.hashes.hash_one((target, body));
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.retain(|call| now.saturating_duration_since(call.ended) < REMEMBERED_FOR);
        let mut same = calls.iter().filter(|call| call.hash == hash);
        // Of several, whose repetition it would be is not known: they are not one after the other.
        let only = same.next().filter(|_| same.next().is_none());
        let repetitions = only.map_or(0, |call| {
            let pause = now.saturating_duration_since(call.ended);
            if PAUSE.contains(&pause) { call.repetitions + 1 } else { 0 }
        });
        let is_same_call = calls.iter().any(|call| call.hash == hash && call.group == group);
        // Each is repeated once.
        calls.retain(|call| call.hash != hash);
        self.any.store(!calls.is_empty(), Ordering::Relaxed);
        Repetition { repetitions, is_same_call }
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

    /// Fails calls of the same request, each so many milliseconds after the one before; returns which of them show a loop.
    fn loops(groups: &[CallGroup], pauses: &[u64]) -> Vec<bool> {
        let (calls, mut now) = (FailedCalls::default(), Instant::now());
        let call = |(group, pause): (&CallGroup, &u64)| {
            now += Duration::from_millis(*pause);
            let repeated = calls.repetition(*group, 1, b"one", now);
            calls.failed(*group, 1, b"one", repeated, now);
            repeated.is_loop()
        };
        groups.iter().zip(pauses).map(call).collect()
    }

    #[test]
    fn a_call_that_is_sent_again_after_it_failed_for_good_is_noticed_at_once() {
        let group = CallGroup::next();
        assert_eq!(loops(&[group; 3], &[0, 5000, 31_000]), [false, true, false]);
    }

    #[test]
    fn a_new_call_of_the_same_request_was_taken_for_a_loop() {
        let groups: Vec<_> = (0..5).map(|_| CallGroup::next()).collect();
        assert_eq!(loops(&groups, &[0, 500, 10_000, 500, 10_000]), [false; 5], "a person asks again");
        assert_eq!(loops(&groups, &[0, 1, 1, 1, 1]), [false; 5], "a program asks many times");
        assert_eq!(loops(&groups, &[0, 500, 1000, 2000, 4000]), [false, false, true, true, false], "a loop");
    }

    #[test]
    fn calls_beside_each_other_are_no_loop() {
        let (calls, start) = (FailedCalls::default(), Instant::now());
        let mut now = start;
        for _ in 0..10 {
            now += Duration::from_millis(500);
            let repeated = [(); 3].map(|()| calls.repetition(CallGroup::next(), 1, b"one", now));
            assert!(!repeated.iter().any(|repeated| repeated.is_loop()));
            repeated.iter().for_each(|repeated| calls.failed(CallGroup::next(), 1, b"one", *repeated, now));
        }
        assert!(!calls.repetition(CallGroup::next(), 2, b"one", now).is_loop(), "another target");
        (0..100_u64).for_each(|target| {
            calls.failed(CallGroup::next(), target, b"one", Repetition::default(), now);
        });
        assert_eq!(calls.calls.lock().unwrap().len(), REMEMBERED);
    }
}
