//! Counting over many calls: groups by name, latencies to the millisecond.

use std::collections::{BTreeMap, HashMap};

use crate::format::Status;
use crate::read::line::{IndexLine, RawStr};

use super::Cost;

/// Latencies below this have a counter each.
const DIRECT: usize = 1 << 14;

/// Up to this many latencies, a list takes less room than counters.
const FEW: usize = 1 << 11;

/// How often each latency occurred: exact, and no larger for more calls.
#[derive(Debug, Clone, Default)]
pub(super) struct Latencies {
    few: Vec<u64>,
    direct: Vec<u32>,
    others: BTreeMap<u64, u64>,
    pub(super) count: u64,
    sum: u64,
}

impl Latencies {
    pub(super) fn add(&mut self, ms: u64) {
        self.count += 1;
        self.sum = self.sum.saturating_add(ms);
        self.add_one(ms);
    }

    fn add_one(&mut self, ms: u64) {
        if self.direct.is_empty() && self.others.is_empty() {
            self.few.push(ms);
            if self.few.len() > FEW {
                std::mem::take(&mut self.few).into_iter().for_each(|ms| self.add_counted(ms, 1));
            }
        } else {
            self.add_counted(ms, 1);
        }
    }

    fn add_counted(&mut self, ms: u64, count: u32) {
        let place = ms as usize;
        if place >= DIRECT {
            *self.others.entry(ms).or_default() += u64::from(count);
            return;
        }
        if place >= self.direct.len() {
            self.direct.resize((place + 1).next_power_of_two(), 0);
        }
        self.direct[place] += count;
    }

    pub(super) fn merge(&mut self, other: &Latencies) {
        self.count += other.count;
        self.sum = self.sum.saturating_add(other.sum);
        other.few.iter().for_each(|ms| self.add_one(*ms));
        if other.direct.is_empty() && other.others.is_empty() {
            return;
        }
        std::mem::take(&mut self.few).into_iter().for_each(|ms| self.add_counted(ms, 1));
        if self.direct.len() < other.direct.len() {
            self.direct.resize(other.direct.len(), 0);
        }
        self.direct.iter_mut().zip(&other.direct).for_each(|(ours, theirs)| *ours += theirs);
        for (ms, count) in &other.others {
            *self.others.entry(*ms).or_default() += count;
        }
    }

    /// Returns each latency with how often it occurred, in order.
    fn counted(&self) -> Vec<(u64, u64)> {
        let mut few = self.few.clone();
        few.sort_unstable();
        let direct = self.direct.iter().enumerate().map(|(ms, count)| (ms as u64, u64::from(*count)));
        let others = self.others.iter().map(|(ms, count)| (*ms, *count));
        let few = few.into_iter().map(|ms| (ms, 1));
        few.chain(direct.chain(others).filter(|(_, count)| *count > 0)).collect()
    }

    pub(super) fn mean(&self) -> u64 {
        self.sum.saturating_add(self.count / 2).checked_div(self.count).unwrap_or_default()
    }

    /// Returns the latency that `percent` of the calls did not exceed: nearest rank.
    pub(super) fn percentile(&self, percent: u64) -> u64 {
        let rank = (self.count * percent).div_ceil(100).max(1);
        let mut below = 0;
        let reaches = |(_, count): &(u64, u64)| {
            below += count;
            below >= rank
        };
        self.counted().into_iter().find(reaches).map_or(0, |(ms, _)| ms)
    }

    pub(super) fn max(&self) -> u64 {
        self.counted().last().map_or(0, |(ms, _)| *ms)
    }
}

/// Amounts by currency.
#[derive(Debug, Clone, Default)]
pub(super) struct Costs(Vec<(Box<[u8]>, f64)>);

impl Costs {
    fn add(&mut self, currency: &[u8], amount: f64) {
        match self.0.iter_mut().find(|(known, _)| **known == *currency) {
            Some((_, sum)) => *sum += amount,
            None => self.0.push((currency.into(), amount)),
        }
    }

    fn merge(&mut self, other: &Costs) {
        other.0.iter().for_each(|(currency, amount)| self.add(currency, *amount));
    }

    /// Returns the amounts, the highest first. The order in which threads add them up shows in the last digits of a sum,
    /// so these are left out.
    pub(super) fn sorted(&self) -> Vec<Cost> {
        let costs = self.0.iter();
        let costs = costs.map(|(currency, amount)| Cost {
            currency: RawStr(currency).text().into_owned(),
            amount: rounded(*amount),
        });
        let mut costs: Vec<_> = costs.collect();
        costs.sort_by(|a, b| b.amount.total_cmp(&a.amount).then_with(|| a.currency.cmp(&b.currency)));
        costs
    }
}

/// Returns the amount to twelve decimals, as far as its digits reach that far.
pub(super) fn rounded(amount: f64) -> f64 {
    const UNIT: f64 = 1e12;
    let units = amount * UNIT;
    if units.abs() < 2_f64.powi(53) { units.round() / UNIT } else { amount }
}

/// What is counted of a set of calls. Sums of what damaged lines say stay at the highest number.
#[derive(Debug, Clone, Default)]
pub(super) struct Sums {
    pub(super) calls: u64,
    pub(super) ok: u64,
    pub(super) errors: u64,
    pub(super) cancelled: u64,
    pub(super) prompt_tokens: u64,
    pub(super) completion_tokens: u64,
    pub(super) total_tokens: u64,
    pub(super) cached_tokens: u64,
    pub(super) reasoning_tokens: u64,
    pub(super) cost: Costs,
    /// Calls with tokens whose cost is not known.
    pub(super) unpriced: u64,
    pub(super) latency: Latencies,
}

impl Sums {
    pub(super) fn add(&mut self, line: &IndexLine<'_>) {
        self.calls += 1;
        match line.status {
            Status::Ok => self.ok += 1,
            Status::Error => self.errors += 1,
            Status::Cancelled => self.cancelled += 1,
        }
        self.prompt_tokens = self.prompt_tokens.saturating_add(line.prompt_tokens);
        self.completion_tokens = self.completion_tokens.saturating_add(line.completion_tokens);
        self.total_tokens = self.total_tokens.saturating_add(line.total_tokens);
        self.cached_tokens = self.cached_tokens.saturating_add(line.cached_tokens);
        self.reasoning_tokens = self.reasoning_tokens.saturating_add(line.reasoning_tokens);
        if !line.currency.is_empty() || line.total_cost != 0.0 {
            self.cost.add(line.currency.0, line.total_cost);
        } else if line.total_tokens > 0 {
            self.unpriced += 1;
        }
        self.latency.add(line.latency_ms);
    }

    pub(super) fn merge(&mut self, other: &Sums) {
        self.calls += other.calls;
        self.ok += other.ok;
        self.errors += other.errors;
        self.cancelled += other.cancelled;
        self.prompt_tokens = self.prompt_tokens.saturating_add(other.prompt_tokens);
        self.completion_tokens = self.completion_tokens.saturating_add(other.completion_tokens);
        self.total_tokens = self.total_tokens.saturating_add(other.total_tokens);
        self.cached_tokens = self.cached_tokens.saturating_add(other.cached_tokens);
        self.reasoning_tokens = self.reasoning_tokens.saturating_add(other.reasoning_tokens);
        self.cost.merge(&other.cost);
        self.unpriced += other.unpriced;
        self.latency.merge(&other.latency);
    }
}

/// How fast tokens came: of calls that succeeded, their completion tokens and the milliseconds spent on them.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Speed {
    tokens: u64,
    ms: u64,
}

impl Speed {
    /// Adds a call that succeeded.
    pub(super) fn add(&mut self, line: &IndexLine<'_>) {
        if line.completion_tokens > 0 {
            self.merge(Speed { tokens: line.completion_tokens, ms: line.latency_ms });
        }
    }

    pub(super) fn merge(&mut self, other: Speed) {
        self.tokens = self.tokens.saturating_add(other.tokens);
        self.ms = self.ms.saturating_add(other.ms);
    }

    /// Returns the tokens a second to two decimals; zero if no time was spent.
    pub(super) fn tokens_per_second(self) -> f64 {
        if self.ms == 0 { 0.0 } else { (self.tokens as f64 * 100_000.0 / self.ms as f64).round() / 100.0 }
    }
}

/// Sets of calls by name.
#[derive(Debug, Default)]
pub(super) struct Groups<T> {
    places: HashMap<Box<[u8]>, usize>,
    groups: Vec<(Box<[u8]>, T)>,
    /// The place of the group asked for last: neighbours are mostly of one group.
    last: usize,
}

impl<T: Default> Groups<T> {
    pub(super) fn of(&mut self, name: &[u8]) -> &mut T {
        if self.groups.get(self.last).is_none_or(|(known, _)| **known != *name) {
            self.last = match self.places.get(name) {
                Some(place) => *place,
                None => {
                    self.places.insert(name.into(), self.groups.len());
                    self.groups.push((name.into(), T::default()));
                    self.groups.len() - 1
                }
            };
        }
        &mut self.groups[self.last].1
    }

    pub(super) fn merge(&mut self, other: &Groups<T>, merge: impl Fn(&mut T, &T)) {
        for (name, theirs) in &other.groups {
            merge(self.of(name), theirs);
        }
    }

    /// Returns the groups with their names, those with the highest `rank` first.
    pub(super) fn ranked(&self, rank: impl Fn(&T) -> u64) -> Vec<(String, &T)> {
        let mut ranked: Vec<_> =
            self.groups.iter().map(|(name, of)| (RawStr(name).text().into_owned(), of)).collect();
        ranked.sort_by(|a, b| rank(b.1).cmp(&rank(a.1)).then_with(|| a.0.cmp(&b.0)));
        ranked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_damaged_lines_do_not_overflow() {
        let line =
            br#"{"latency_ms":1e300,"prompt_tokens":1e300,"completion_tokens":1e300,"total_tokens":1e300,
            "cached_tokens":1e300,"reasoning_tokens":1e300}"#;
        let line = IndexLine::parse(line).unwrap();
        let mut sums = Sums::default();
        (0..2).for_each(|_| sums.add(&line));
        sums.merge(&sums.clone());
        assert_eq!((sums.calls, sums.total_tokens, sums.latency.max()), (4, u64::MAX, u64::MAX));
        assert!(sums.latency.mean() > 0);
    }

    #[test]
    fn the_same_costs_had_another_sum_in_another_order() {
        let sum = |amounts: &[f64]| {
            let mut costs = Costs::default();
            amounts.iter().for_each(|amount| costs.add(b"USD", *amount));
            costs.sorted()[0].amount
        };
        assert_ne!(0.1 + 0.2 + 0.3, 0.3 + 0.2 + 0.1);
        assert_eq!(sum(&[0.1, 0.2, 0.3]), sum(&[0.3, 0.2, 0.1]));
        assert_eq!((sum(&[0.1, 0.2]), sum(&[4e-8]), sum(&[1e300])), (0.3, 4e-8, 1e300));
    }

    #[test]
    fn percentiles_are_latencies_that_occurred() {
        let mut latencies = Latencies::default();
        (1..=100).for_each(|ms| latencies.add(ms * 1000));
        let mut more = Latencies::default();
        more.add(5);
        latencies.merge(&more);
        assert_eq!(latencies.percentile(50), 50_000);
        assert_eq!((latencies.percentile(99), latencies.max()), (99_000, 100_000));
        assert_eq!(latencies.percentile(0), 5);
        assert_eq!(Latencies::default().percentile(50), 0);
        (1..=5000).for_each(|ms| more.add(ms * 10));
        more.merge(&latencies);
        assert_eq!((more.count, more.max(), more.percentile(50)), (5102, 100_000, 25_240));
    }
}
