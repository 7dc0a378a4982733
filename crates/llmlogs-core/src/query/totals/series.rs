//! How many, how much, how long, from one stretch of time to the next.

use std::time::SystemTime;

use crate::format::Status;
use crate::query::filter::{Filter, unix_seconds};
use crate::query::scan::{Visitor, scan};
use crate::read::entry::Entry;
use crate::read::error::{Error, Result};
use crate::read::line::{IndexLine, RawStr};
use crate::read::root::Root;
use crate::read::session::Session;

use super::counts::{Groups, Latencies, Speed, Sums, rounded};
use super::{Cost, LatencySummary, summary};

/// How many models a series names; the others are one.
const MODELS: usize = 8;

/// What is counted over the finished calls of stretches of time of the same length. See [`Root::series`].
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Series {
    /// The start of the first stretch, in Unix seconds.
    pub start: f64,
    /// The length of each, in seconds.
    pub step: f64,
    /// In the order of time; empty if there is neither a range nor a call.
    pub buckets: Vec<SeriesBucket>,
    /// What the most expensive models cost in each stretch; the last one is `other` if there are more than eight.
    pub models: Vec<ModelCosts>,
    /// What could not be read, and is not counted.
    pub unreadable: Vec<Error>,
}

/// What is counted over the finished calls that started in one stretch of time.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct SeriesBucket {
    /// Calls whose whole response arrived.
    pub ok: u64,
    /// Calls that failed.
    pub errors: u64,
    /// Calls that the caller gave up.
    pub cancelled: u64,
    /// Input tokens, cached ones included.
    pub prompt_tokens: u64,
    /// Output tokens, reasoning ones included.
    pub completion_tokens: u64,
    /// Input tokens read from a cache.
    pub cached_tokens: u64,
    /// Output tokens spent on reasoning.
    pub reasoning_tokens: u64,
    /// From the start of each call to its end.
    pub latency_ms: LatencySummary,
    /// Of streamed responses.
    pub time_to_first_token_ms: LatencySummary,
    /// By currency, the highest amount first.
    pub cost: Vec<Cost>,
    /// Completion tokens a second of the calls that succeeded; zero if none did.
    pub tokens_per_second: f64,
}

/// What one model cost in one currency.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct ModelCosts {
    /// The model's name, or `other`.
    pub model: String,
    /// ISO 4217; empty if the recorder did not name it.
    pub currency: String,
    /// By stretch of time.
    pub cost: Vec<f64>,
}

impl Root {
    /// Counts the finished calls that pass `filter` by `buckets` stretches of time, on all processors.
    ///
    /// They divide the range that the filter has; where it has none, that from the first to the last call.
    ///
    /// # Errors
    ///
    /// As [`totals`](Self::totals).
    pub fn series(&self, filter: &Filter, buckets: usize) -> Result<Series> {
        let (first, last) = match filter.range() {
            (Some(_), _) => (None, None),
            (None, _) => {
                let totals = self.totals(filter)?;
                (totals.first, totals.last)
            }
        };
        let Some(stretches) = Stretches::new(filter, first, last, buckets) else {
            return Ok(Series::default());
        };
        let sessions = filter.sessions(self)?;
        let mut all = Gatherer::new(filter, stretches);
        for part in scan(&sessions, &|_| {}, || Gatherer::new(filter, stretches)) {
            all.merge(part);
        }
        Ok(all.into_series())
    }
}

/// The stretches of time of a series.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stretches {
    start: f64,
    step: f64,
    count: usize,
}

impl Stretches {
    /// Divides the filter's range; `first` and `last` are the starts of the first and the last call, for a filter without
    /// a beginning. `None` if there is nothing to divide.
    pub(crate) fn new(filter: &Filter, first: Option<f64>, last: Option<f64>, count: usize) -> Option<Self> {
        let (since, until) = filter.range();
        let start = since.or(first)?;
        let now = || unix_seconds(SystemTime::now());
        let end = match since {
            Some(_) => until.unwrap_or_else(now),
            None => until.into_iter().chain(last).reduce(f64::min)?,
        };
        // A range of no length is one of a millisecond.
        let length = (end - start).max(0.001);
        (count > 0 && length.is_finite()).then(|| Stretches { start, step: length / count as f64, count })
    }

    fn of(self, timestamp: f64) -> usize {
        // A cast keeps to zero and above.
        (((timestamp - self.start) / self.step) as usize).min(self.count - 1)
    }
}

/// What calls cost, a number a stretch; the currency as escaped in the index.
type CostsByCurrency = Vec<(Box<[u8]>, Vec<f64>)>;

pub(crate) struct Gatherer<'f> {
    filter: &'f Filter,
    stretches: Stretches,
    buckets: Vec<Bucket>,
    models: Groups<CostsByCurrency>,
    unreadable: Vec<Error>,
}

#[derive(Debug, Clone, Default)]
struct Bucket {
    sums: Sums,
    first_tokens: Latencies,
    speed: Speed,
}

impl<'f> Gatherer<'f> {
    pub(crate) fn new(filter: &'f Filter, stretches: Stretches) -> Self {
        let buckets = vec![Bucket::default(); stretches.count];
        Gatherer { filter, stretches, buckets, models: Groups::default(), unreadable: Vec::new() }
    }

    pub(crate) fn merge(&mut self, other: Gatherer<'_>) {
        for (ours, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            ours.sums.merge(&theirs.sums);
            ours.first_tokens.merge(&theirs.first_tokens);
            ours.speed.merge(theirs.speed);
        }
        let count = self.stretches.count;
        self.models.merge(&other.models, |ours, theirs| {
            for (currency, costs) in theirs {
                let sums = costs_in(ours, currency, count);
                sums.iter_mut().zip(costs).for_each(|(sum, more)| *sum += more);
            }
        });
        self.unreadable.extend(other.unreadable);
    }

    pub(crate) fn into_series(self) -> Series {
        let buckets = self.buckets.iter().map(|bucket| SeriesBucket {
            ok: bucket.sums.ok,
            errors: bucket.sums.errors,
            cancelled: bucket.sums.cancelled,
            prompt_tokens: bucket.sums.prompt_tokens,
            completion_tokens: bucket.sums.completion_tokens,
            cached_tokens: bucket.sums.cached_tokens,
            reasoning_tokens: bucket.sums.reasoning_tokens,
            latency_ms: summary(&bucket.sums.latency),
            time_to_first_token_ms: summary(&bucket.first_tokens),
            cost: bucket.sums.cost.sorted(),
            tokens_per_second: bucket.speed.tokens_per_second(),
        });
        Series {
            start: self.stretches.start,
            step: self.stretches.step,
            buckets: buckets.collect(),
            models: self.model_costs(),
            unreadable: self.unreadable,
        }
    }

    /// Returns the costs of the most expensive models, whatever the currency, and those of the others by currency.
    fn model_costs(&self) -> Vec<ModelCosts> {
        let mut all = Vec::new();
        for (model, by_currency) in self.models.ranked(|_| 0) {
            for (currency, cost) in by_currency {
                let currency = RawStr(currency).text().into_owned();
                all.push(ModelCosts { model: model.clone(), currency, cost: cost.clone() });
            }
        }
        let sum = |costs: &ModelCosts| costs.cost.iter().sum::<f64>();
        all.sort_by(|a, b| sum(b).total_cmp(&sum(a)));
        let mut others: Vec<ModelCosts> = Vec::new();
        for costs in all.split_off(all.len().min(MODELS)) {
            match others.iter_mut().find(|known| known.currency == costs.currency) {
                Some(known) => known.cost.iter_mut().zip(&costs.cost).for_each(|(sum, more)| *sum += more),
                None => others.push(ModelCosts { model: "other".to_owned(), ..costs }),
            }
        }
        all.extend(others);
        all.iter_mut().flat_map(|costs| &mut costs.cost).for_each(|cost| *cost = rounded(*cost));
        all
    }
}

fn costs_in<'m>(
    by_currency: &'m mut Vec<(Box<[u8]>, Vec<f64>)>,
    currency: &[u8],
    count: usize,
) -> &'m mut [f64] {
    let place = by_currency.iter().position(|(known, _)| **known == *currency).unwrap_or_else(|| {
        by_currency.push((currency.into(), vec![0.0; count]));
        by_currency.len() - 1
    });
    &mut by_currency[place].1
}

impl Visitor for Gatherer<'_> {
    fn finished(&mut self, session: &Session, line: &IndexLine<'_>) {
        match self.filter.matches_line(session.dir(), line) {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => return self.failed(error),
        }
        let place = self.stretches.of(line.timestamp);
        let bucket = &mut self.buckets[place];
        bucket.sums.add(line);
        if let Some(first) = line.time_to_first_token_ms {
            bucket.first_tokens.add(first);
        }
        if line.status == Status::Ok {
            bucket.speed.add(line);
        }
        if line.total_cost != 0.0 {
            let costs = self.models.of(line.model.0);
            costs_in(costs, line.currency.0, self.stretches.count)[place] += line.total_cost;
        }
    }

    // Nothing is known of it but its start.
    fn unfinished(&mut self, _entry: &Entry) {}

    fn failed(&mut self, error: Error) {
        self.unreadable.push(error);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_in_the_stretch_in_which_they_started_and_the_cheapest_models_are_one() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("20251027/session_20251027_040000");
        std::fs::create_dir_all(&dir).unwrap();
        let line = |number: usize| {
            format!(
                "{{\"call_id\":\"call_20251027_040000_{number:03}\",\"timestamp\":{},\"model\":\"m{number}\",\"latency_ms\":{number},\"total_cost\":{number},\"currency\":\"USD\"}}\n",
                1000 + number * 10,
            )
        };
        let index: String = (1..=11).map(line).collect();
        std::fs::write(dir.join("index.jsonl"), index).unwrap();
        let root = Root::open(root.path()).unwrap();
        let series = root.series(&Filter::new(), 10).unwrap();
        assert_eq!((series.start, series.step), (1010.0, 10.0));
        let ok: Vec<_> = series.buckets.iter().map(|bucket| bucket.ok).collect();
        assert_eq!(ok, [1, 1, 1, 1, 1, 1, 1, 1, 1, 2]);
        assert_eq!((series.buckets[9].latency_ms.p50, series.buckets[9].latency_ms.max), (10, 11));
        let models: Vec<_> = series.models.iter().map(|costs| costs.model.as_str()).collect();
        assert_eq!(models, ["m11", "m10", "m9", "m8", "m7", "m6", "m5", "m4", "other"]);
        assert_eq!(series.models[8].cost[..4], [1.0, 2.0, 3.0, 0.0]);
        let nothing = root.series(&Filter::new().model("none"), 10).unwrap();
        assert!(nothing.buckets.is_empty());
    }
}
