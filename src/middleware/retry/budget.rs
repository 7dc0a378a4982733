//! How many retries a target may have: so many for each hundred calls, so that many callers that fail at once make no
//! storm.

use std::time::Instant;

/// The settings of a budget.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::middleware) struct BudgetLimits {
    /// Retries for each call within the window.
    pub(in crate::middleware) ratio: f64,
    /// Retries within the window that are there without any call.
    pub(in crate::middleware) reserve: u32,
}

impl Default for BudgetLimits {
    fn default() -> Self {
        BudgetLimits { ratio: 0.2, reserve: 10 }
    }
}

/// What is counted within a second.
#[derive(Debug, Clone, Copy, Default)]
struct Second {
    calls: u32,
    retries: u32,
}

const SECONDS: usize = 60;

/// The calls and the retries of the last 60 seconds.
#[derive(Debug)]
pub(in crate::middleware) struct Budget {
    started: Instant,
    seconds: [Second; SECONDS],
    /// The second since `started` that was last counted in.
    last: u64,
    calls: u32,
    retries: u32,
}

impl Budget {
    pub(in crate::middleware) fn new(now: Instant) -> Self {
        Budget { started: now, seconds: [Second::default(); SECONDS], last: 0, calls: 0, retries: 0 }
    }

    /// Counts a call.
    pub(in crate::middleware) fn call(&mut self, now: Instant) {
        let second = self.second(now);
        second.calls = second.calls.saturating_add(1);
        self.calls = self.calls.saturating_add(1);
    }

    /// Counts a retry if there is room for it; returns whether there is.
    pub(in crate::middleware) fn retry(&mut self, limits: BudgetLimits, now: Instant) -> bool {
        self.second(now);
        let allowed = f64::from(self.calls) * limits.ratio + f64::from(limits.reserve);
        if f64::from(self.retries) + 1.0 > allowed {
            return false;
        }
        let second = self.second(now);
        second.retries = second.retries.saturating_add(1);
        self.retries = self.retries.saturating_add(1);
        true
    }

    /// Returns the counts of the current second, after those that are too old are forgotten.
    fn second(&mut self, now: Instant) -> &mut Second {
        let current = now.saturating_duration_since(self.started).as_secs().max(self.last);
        for second in (self.last + 1..=current).take(SECONDS) {
            let old = std::mem::take(&mut self.seconds[(second % SECONDS as u64) as usize]);
            self.calls = self.calls.saturating_sub(old.calls);
            self.retries = self.retries.saturating_sub(old.retries);
        }
        self.last = current;
        &mut self.seconds[(current % SECONDS as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn two_hundred_callers_of_a_dead_server_make_no_storm() {
        let now = Instant::now();
        let mut budget = Budget::new(now);
        (0..200).for_each(|_| budget.call(now));
        let granted = (0..400).filter(|_| budget.retry(BudgetLimits::default(), now)).count();
        assert_eq!(granted, 50, "a fifth of the calls and the reserve");
    }

    #[test]
    fn what_is_older_than_the_window_is_forgotten() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut budget = Budget::new(start);
        let limits = BudgetLimits { ratio: 0.0, reserve: 2 };
        assert_eq!(
            [0, 30, 31, 59].map(|second| budget.retry(limits, at(second))),
            [true, true, false, false]
        );
        assert_eq!(
            [60, 61, 89, 90].map(|second| budget.retry(limits, at(second))),
            [true, false, false, true]
        );
        assert_eq!([1000, 1000, 1000].map(|second| budget.retry(limits, at(second))), [true, true, false]);
    }

    proptest! {
        #[test]
        fn no_more_retries_than_the_budget_within_a_window(
            steps in prop::collection::vec((0_u64..5, any::<bool>()), 0..300),
        ) {
            let start = Instant::now();
            let limits = BudgetLimits::default();
            let mut budget = Budget::new(start);
            let (mut second, mut calls, mut retries) = (0, Vec::new(), Vec::new());
            for (pause, is_call) in steps {
                second += pause;
                let now = start + Duration::from_secs(second);
                let within = |times: &[u64]| times.iter().filter(|at| **at + 60 > second).count();
                if is_call {
                    budget.call(now);
                    calls.push(second);
                } else {
                    let room = within(&calls) as f64 * 0.2 + 10.0;
                    let granted = budget.retry(limits, now);
                    prop_assert_eq!(granted, within(&retries) as f64 + 1.0 <= room);
                    if granted {
                        retries.push(second);
                    }
                }
            }
        }
    }
}
