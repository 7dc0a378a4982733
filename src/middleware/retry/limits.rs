//! How often a call may be attempted, and until when: the decision after each attempt.

use std::time::{Duration, Instant};

use llmlogs_core::capture::Decision;

use super::backoff::Backoff;
use super::failure::{FailureKind, Verdict};
use super::judge::Judgement;

/// The settings of limits.
#[derive(Debug, Clone)]
pub(in crate::middleware) struct Limits {
    /// Attempts at one target.
    pub(in crate::middleware) max_attempts: u32,
    /// Attempts at all targets.
    pub(in crate::middleware) max_total_attempts: u32,
    /// Retries after a timeout, which may have cost a whole answer.
    pub(in crate::middleware) max_timeout_retries: u32,
    /// How long after the call's start an attempt may begin.
    pub(in crate::middleware) deadline: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { max_attempts: 3, max_total_attempts: 5, max_timeout_retries: 1, deadline: None }
    }
}

/// What is to be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::middleware) enum Step {
    /// The result goes to the caller.
    Return(Decision),
    /// The same target once more, after this delay.
    Retry(Duration),
    /// The next target, at once; where there is none, the result goes to the caller.
    Elsewhere(Decision),
}

/// What the next step depends on beside the attempt itself.
pub(in crate::middleware) struct Circumstances<R> {
    pub(in crate::middleware) now: Instant,
    /// In `0.0..1.0`.
    pub(in crate::middleware) random: f64,
    /// Whether the request can be sent again at all.
    pub(in crate::middleware) is_repeatable: bool,
    /// Takes a retry from the target's budget; returns whether there was one.
    pub(in crate::middleware) take_retry: R,
}

/// The attempts at one call so far.
#[derive(Debug)]
pub(in crate::middleware) struct Attempts {
    started: Instant,
    total: u32,
    on_target: u32,
    timeouts: u32,
}

impl Attempts {
    pub(in crate::middleware) fn new(started: Instant) -> Self {
        Attempts { started, total: 0, on_target: 0, timeouts: 0 }
    }

    /// Counts an attempt, which is about to be made.
    pub(in crate::middleware) fn begin(&mut self) {
        self.total += 1;
        self.on_target += 1;
    }

    /// Notes that the next attempt goes to another target.
    pub(in crate::middleware) fn change_target(&mut self) {
        self.on_target = 0;
    }

    /// Returns how many attempts there were at all targets.
    pub(in crate::middleware) fn total(&self) -> u32 {
        self.total
    }

    /// Returns what is to be done after an attempt that failed.
    pub(in crate::middleware) fn after_failure<R: FnOnce() -> bool>(
        &mut self,
        limits: &Limits,
        backoff: &Backoff,
        judged: &Judgement,
        circumstances: Circumstances<R>,
    ) -> Step {
        let Circumstances { now, random, is_repeatable, take_retry } = circumstances;
        let deadline = limits.deadline.and_then(|deadline| self.started.checked_add(deadline));
        let is_before = |at: Instant| deadline.is_none_or(|deadline| at < deadline);
        if judged.kind == FailureKind::Timeout {
            self.timeouts += 1;
        }
        match judged.verdict {
            Verdict::Accept => return Step::Return(Decision::Final),
            Verdict::Stop => return Step::Return(Decision::Permanent),
            Verdict::Retry | Verdict::Fallback => {}
        }
        let may_go_on = is_repeatable && self.total < limits.max_total_attempts;
        let otherwise = |decision| {
            if may_go_on && is_before(now) { Step::Elsewhere(decision) } else { Step::Return(decision) }
        };
        if judged.verdict == Verdict::Fallback {
            return otherwise(Decision::Permanent);
        }
        if !may_go_on
            || self.on_target >= limits.max_attempts
            || judged.kind == FailureKind::Timeout && self.timeouts > limits.max_timeout_retries
        {
            return otherwise(Decision::Final);
        }
        let Some(delay) = backoff.delay(judged, self.on_target, random) else {
            return otherwise(Decision::OverCap);
        };
        if !now.checked_add(delay).is_some_and(is_before) {
            return otherwise(Decision::Deadline);
        }
        if !take_retry() {
            return otherwise(Decision::Budget);
        }
        Step::Retry(delay)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ready(now: Instant) -> Circumstances<fn() -> bool> {
        Circumstances { now, random: 0.5, is_repeatable: true, take_retry: || true }
    }

    fn after(
        kind: FailureKind,
        delay: Option<Duration>,
        change: impl FnOnce(&mut Circumstances<fn() -> bool>),
    ) -> Step {
        let now = Instant::now();
        let mut attempts = Attempts::new(now);
        attempts.begin();
        let mut circumstances = ready(now);
        change(&mut circumstances);
        let limits = Limits { deadline: Some(Duration::from_secs(30)), ..Limits::default() };
        let judged = Judgement { delay, ..Judgement::of_kind(kind) };
        attempts.after_failure(&limits, &Backoff::default(), &judged, circumstances)
    }

    #[test]
    fn each_reason_against_a_retry_is_told() {
        use FailureKind::{BadRequest, Quota, Server, Unauthorized};
        use Step::{Elsewhere, Return};
        let seconds = Duration::from_secs;
        assert_eq!(after(Server, None, |_| {}), Step::Retry(Duration::from_millis(250)));
        assert_eq!(after(Server, None, |c| c.take_retry = || false), Elsewhere(Decision::Budget));
        assert_eq!(after(Server, Some(seconds(61)), |_| {}), Elsewhere(Decision::OverCap));
        assert_eq!(after(Server, Some(seconds(40)), |_| {}), Elsewhere(Decision::Deadline));
        assert_eq!(after(Quota, None, |_| {}), Elsewhere(Decision::Permanent));
        assert_eq!(after(Unauthorized, None, |_| {}), Elsewhere(Decision::Permanent));
        // Another target would not help, or comes too late.
        assert_eq!(after(BadRequest, None, |_| {}), Return(Decision::Permanent));
        assert_eq!(after(Server, None, |c| c.is_repeatable = false), Return(Decision::Final));
        assert_eq!(after(Server, None, |c| c.now += seconds(31)), Return(Decision::Deadline));
    }

    #[test]
    fn a_timeout_is_retried_once() {
        let now = Instant::now();
        let mut attempts = Attempts::new(now);
        let mut step = || {
            attempts.begin();
            let judged = Judgement::of_kind(FailureKind::Timeout);
            attempts.after_failure(&Limits::default(), &Backoff::default(), &judged, ready(now))
        };
        assert!(matches!(step(), Step::Retry(_)));
        assert_eq!(step(), Step::Elsewhere(Decision::Final));
    }

    proptest! {
        #[test]
        fn no_more_attempts_than_the_limits(
            max_attempts in 1_u32..5,
            max_total_attempts in 1_u32..8,
            targets in 0_u32..4,
            failures in prop::collection::vec((any::<bool>(), 0_u64..90), 20),
        ) {
            let now = Instant::now();
            let limits = Limits { max_attempts, max_total_attempts, ..Limits::default() };
            let mut attempts = Attempts::new(now);
            let (mut left, mut total, mut on_target) = (targets, 0, 0);
            for (limited, seconds) in failures {
                attempts.begin();
                (total, on_target) = (total + 1, on_target + 1);
                let kind = if limited { FailureKind::RateLimited } else { FailureKind::Server };
                let judged = Judgement { delay: limited.then(|| Duration::from_secs(seconds)), ..Judgement::of_kind(kind) };
                match attempts.after_failure(&limits, &Backoff::default(), &judged, ready(now)) {
                    Step::Return(_) => break,
                    Step::Retry(_) => {}
                    Step::Elsewhere(_) if left == 0 => break,
                    Step::Elsewhere(_) => {
                        attempts.change_target();
                        (left, on_target) = (left - 1, 0);
                    }
                }
            }
            prop_assert!(total <= max_total_attempts);
            prop_assert!(on_target <= max_attempts);
        }
    }
}
