//! A sliding window over finished calls.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::format::{self, IndexEntry, Status};

use super::clock::UnixTime;
use super::histogram::Histogram;

/// In so many currencies costs are added up; others are left out.
const MAX_CURRENCIES: usize = 8;

/// What a percentile is taken of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Percentile {
    /// From the start of a call to its end.
    Latency,
    /// From the start of a streamed call to its first content.
    FirstToken,
}

/// The calls that ended within the last span of time, by slices of it.
///
/// The window moves by whole slices: it covers the span and up to one slice more.
#[derive(Debug, Clone)]
pub struct Window {
    slice: Duration,
    span: Duration,
    /// Oldest first; slices without calls are left out.
    slices: VecDeque<Slice>,
}

#[derive(Debug, Clone)]
struct Slice {
    /// Which slice of time it is, counted from the epoch.
    number: u64,
    stats: WindowStats,
}

/// What was counted of the calls in a window.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WindowStats {
    /// Calls that succeeded.
    pub ok: u64,
    /// Calls that failed.
    pub errors: u64,
    /// Calls that the caller cancelled: neither successes nor failures.
    pub cancelled: u64,
    /// Input tokens.
    pub prompt_tokens: u64,
    /// Output tokens.
    pub completion_tokens: u64,
    /// All tokens.
    pub total_tokens: u64,
    /// Costs by currency; calls without a known price are not in it.
    pub cost: BTreeMap<String, f64>,
    latency: Histogram,
    first_token: Histogram,
}

impl Window {
    /// Returns an empty window over `span`, which moves in `slices` steps.
    ///
    /// # Panics
    ///
    /// If `slices` is 0.
    #[must_use]
    pub fn new(span: Duration, slices: u32) -> Self {
        let slice = (span / slices).max(Duration::from_millis(1));
        Window { slice, span, slices: VecDeque::new() }
    }

    /// Returns the length of a slice.
    #[must_use]
    pub fn slice(&self) -> Duration {
        self.slice
    }

    fn number_of(&self, at: UnixTime) -> u64 {
        u64::try_from(at.as_nanos() / self.slice.as_nanos()).unwrap_or(u64::MAX)
    }

    /// Returns the number of the first slice that a window of `span` has at `now`.
    fn first_number(&self, span: Duration, now: UnixTime) -> u64 {
        self.number_of(now.saturating_sub(span))
    }

    /// Counts a call that ended at `at`; one that is older than the window is not counted, one from the future counts
    /// as of `now`.
    pub fn add(&mut self, call: &IndexEntry, at: UnixTime, now: UnixTime) {
        let first = self.first_number(self.span, now);
        while self.slices.front().is_some_and(|slice| slice.number < first) {
            self.slices.pop_front();
        }
        let number = self.number_of(at.min(now));
        if number < first {
            return;
        }
        // Calls come nearly in the order in which they ended.
        let after = self.slices.iter().rev().take_while(|slice| slice.number > number).count();
        let mut place = self.slices.len() - after;
        if place == 0 || self.slices[place - 1].number != number {
            self.slices.insert(place, Slice { number, stats: WindowStats::default() });
        } else {
            place -= 1;
        }
        self.slices[place].stats.add(call);
    }

    /// Returns what was counted within the last `span` before `now`, or within the whole window if that is shorter.
    #[must_use]
    pub fn stats(&self, span: Duration, now: UnixTime) -> WindowStats {
        let mut sum = WindowStats::default();
        for slice in self.last(span, now) {
            sum.merge_counts(slice);
            sum.latency.merge(&slice.latency);
            sum.first_token.merge(&slice.first_token);
        }
        sum
    }

    /// As [`stats`](Self::stats) over the whole window, without percentiles: cheaper.
    #[must_use]
    pub fn counts(&self, now: UnixTime) -> WindowStats {
        let mut sum = WindowStats::default();
        self.last(self.span, now).for_each(|slice| sum.merge_counts(slice));
        sum
    }

    fn last(&self, span: Duration, now: UnixTime) -> impl Iterator<Item = &WindowStats> {
        let first = self.first_number(span.min(self.span), now);
        self.slices.iter().filter(move |slice| slice.number >= first).map(|slice| &slice.stats)
    }
}

impl WindowStats {
    fn add(&mut self, call: &IndexEntry) {
        match call.status {
            Status::Ok => self.ok += 1,
            Status::Error => self.errors += 1,
            Status::Cancelled => self.cancelled += 1,
        }
        self.prompt_tokens = self.prompt_tokens.saturating_add(call.prompt_tokens);
        self.completion_tokens = self.completion_tokens.saturating_add(call.completion_tokens);
        self.total_tokens = self.total_tokens.saturating_add(call.total_tokens);
        if call.total_cost != 0.0 {
            self.add_cost(&call.currency, call.total_cost);
        }
        // How long a call took that the caller cancelled says nothing about the API.
        if call.status != Status::Cancelled {
            self.latency.add(call.latency_ms);
        }
        if let Some(first) = call.time_to_first_token_ms {
            self.first_token.add(first);
        }
    }

    fn add_cost(&mut self, currency: &str, cost: f64) {
        if let Some(sum) = self.cost.get_mut(currency) {
            *sum += cost;
        } else if self.cost.len() < MAX_CURRENCIES {
            self.cost.insert(currency.to_owned(), cost);
        }
    }

    fn merge_counts(&mut self, other: &WindowStats) {
        self.ok += other.ok;
        self.errors += other.errors;
        self.cancelled += other.cancelled;
        self.prompt_tokens = self.prompt_tokens.saturating_add(other.prompt_tokens);
        self.completion_tokens = self.completion_tokens.saturating_add(other.completion_tokens);
        self.total_tokens = self.total_tokens.saturating_add(other.total_tokens);
        for (currency, cost) in &other.cost {
            self.add_cost(currency, *cost);
        }
    }

    /// Returns how many calls there were, cancelled ones included.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.ok + self.errors + self.cancelled
    }

    /// Returns the share of successes among the calls that succeeded or failed, from 0 to 1; `None` if there were none.
    #[must_use]
    pub fn success_rate(&self) -> Option<f64> {
        format::success_rate(self.ok, self.errors)
    }

    /// Returns the duration in milliseconds that `share` of the calls, from 0 to 1, do not exceed; `None` without such
    /// calls. It is exact to about 6 %.
    #[must_use]
    pub fn percentile(&self, of: Percentile, share: f64) -> Option<u64> {
        self.histogram(of).percentile(share)
    }

    /// Returns of how many calls there are durations.
    #[must_use]
    pub fn durations(&self, of: Percentile) -> u64 {
        self.histogram(of).count()
    }

    /// Returns the longest duration in milliseconds; `None` without one.
    #[must_use]
    pub fn longest(&self, of: Percentile) -> Option<u64> {
        let histogram = self.histogram(of);
        (histogram.count() > 0).then(|| histogram.max())
    }

    fn histogram(&self, of: Percentile) -> &Histogram {
        match of {
            Percentile::Latency => &self.latency,
            Percentile::FirstToken => &self.first_token,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn call(status: Status) -> IndexEntry {
        IndexEntry { status, total_tokens: 3, latency_ms: 100, ..IndexEntry::default() }
    }

    const fn at(ms: u64) -> UnixTime {
        Duration::from_millis(1_700_000_000_000 + ms)
    }

    proptest! {
        #[test]
        fn a_window_counts_what_ended_in_it_and_at_most_a_slice_more(
            ends in prop::collection::vec((0_u64..200_000, 0_u64..5_000), 0..300),
            span in 1_u64..60,
        ) {
            let mut window = Window::new(Duration::from_secs(60), 60);
            let mut now = 0;
            let mut counted = Vec::new();
            for (step, late) in &ends {
                now += step % 3_000;
                let end = now.saturating_sub(*late);
                window.add(&call(Status::Ok), at(end), at(now));
                counted.push(end);
            }
            let within = |ms: u64| counted.iter().filter(|end| **end + ms >= now).count() as u64;
            let stats = window.stats(Duration::from_secs(span), at(now));
            let (least, most) = (within(span * 1000), within(span * 1000 + 1000));
            prop_assert!((least..=most).contains(&stats.ok), "{least} {} {most}", stats.ok);
            prop_assert_eq!(stats.total_tokens, 3 * stats.ok);
            prop_assert!(window.slices.len() <= 62);
            prop_assert!(window.slices.iter().is_sorted_by(|a, b| a.number < b.number));
        }
    }

    #[test]
    fn a_cancelled_call_is_neither_a_success_nor_a_failure() {
        let mut window = Window::new(Duration::from_secs(60), 60);
        window.add(&call(Status::Cancelled), at(0), at(0));
        assert_eq!(window.counts(at(0)).success_rate(), None);
        assert_eq!(window.stats(Duration::MAX, at(0)).percentile(Percentile::Latency, 0.5), None);
        window.add(&call(Status::Ok), at(0), at(0));
        for _ in 0..3 {
            window.add(&call(Status::Error), at(1), at(1));
        }
        assert_eq!(window.counts(at(1)).success_rate(), Some(0.25));
        assert_eq!(window.counts(at(1)).calls(), 5);
        assert_eq!(window.counts(at(120_000)).calls(), 0);
    }

    #[test]
    fn a_call_from_the_future_counts_now_and_an_old_one_not_at_all() {
        let mut window = Window::new(Duration::from_secs(60), 60);
        window.add(&call(Status::Ok), at(500_000), at(90_000));
        window.add(&call(Status::Ok), at(1_000), at(90_000));
        assert_eq!(window.counts(at(90_000)).ok, 1);
    }
}
