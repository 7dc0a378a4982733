//! How many, how much, how long: what is counted over many calls.

mod counts;
mod facets;
mod gather;
mod group_by;
mod series;

use serde::Serialize;

use crate::format;
use crate::read::error::{Error, Result};
use crate::read::root::Root;

use super::filter::Filter;
use super::retries::Retries;
use super::scan::{Progress, scan};
use counts::{Groups, Latencies, Sums};
pub use facets::Facets;
pub(crate) use facets::Gatherer as FacetsGatherer;
pub(crate) use gather::Gatherer;
pub use group_by::GroupBy;
pub(crate) use series::{Gatherer as SeriesGatherer, Stretches};
pub use series::{ModelCosts, Series, SeriesBucket};

/// What is counted over the calls that pass a filter. See [`Root::totals`].
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct Totals {
    /// Over all finished calls.
    #[serde(flatten)]
    pub all: GroupTotals,
    /// Calls that are going on.
    pub in_flight: u64,
    /// Calls whose program ended before they did.
    pub interrupted: u64,
    /// Calls that the older logger could not write.
    pub not_recorded: u64,
    /// The start of the first finished call, in Unix seconds.
    pub first: Option<f64>,
    /// The start of the last finished call, in Unix seconds.
    pub last: Option<f64>,
    /// Of streamed responses.
    pub time_to_first_token_ms: LatencySummary,
    /// Completion tokens a second of the calls that succeeded; zero if none did.
    pub tokens_per_second: f64,
    /// What retries and fallbacks achieved.
    pub retries: Retries,
    /// By model, the one with the most calls first.
    pub by_model: Vec<Group>,
    /// By provider, the one with the most calls first.
    pub by_provider: Vec<Group>,
    /// By session id, the newest first.
    pub by_session: Vec<Group>,
    /// By what [`Root::totals_by`] was asked for: sessions newest first, others with the most calls first. Empty if
    /// nothing was asked for.
    pub groups: Vec<Group>,
    /// How often each tool was called, the most frequent first.
    pub by_tool: Vec<NamedCount>,
    /// How many calls ended for each reason, the most frequent first.
    pub by_finish_reason: Vec<NamedCount>,
    /// By quarters of an hour, in the order of time; a quarter without calls is left out.
    pub over_time: Vec<Traffic>,
    /// What could not be read, and is not counted.
    #[serde(skip)]
    pub unreadable: Vec<Error>,
}

impl Totals {
    /// Returns how many calls there are, whether they have ended or not.
    #[must_use]
    pub fn found(&self) -> u64 {
        self.all.calls + self.in_flight + self.interrupted + self.not_recorded
    }
}

/// What is counted over a group of finished calls.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct GroupTotals {
    /// Finished calls.
    pub calls: u64,
    /// Those whose whole response arrived.
    pub ok: u64,
    /// Those that failed.
    pub errors: u64,
    /// Those that the caller gave up.
    pub cancelled: u64,
    /// Input tokens, cached ones included.
    pub prompt_tokens: u64,
    /// Output tokens, reasoning ones included.
    pub completion_tokens: u64,
    /// All tokens.
    pub total_tokens: u64,
    /// Input tokens read from a cache.
    pub cached_tokens: u64,
    /// Output tokens spent on reasoning.
    pub reasoning_tokens: u64,
    /// By currency, the highest amount first.
    pub cost: Vec<Cost>,
    /// Calls with tokens whose cost is not known.
    pub unpriced: u64,
    /// From the start of each call to its end.
    pub latency_ms: LatencySummary,
}

impl GroupTotals {
    /// Returns the share of successes among the calls that succeeded or failed, from 0 to 1; `None` if there were none. A
    /// cancelled call is neither.
    #[must_use]
    pub fn success_rate(&self) -> Option<f64> {
        format::success_rate(self.ok, self.errors)
    }
}

/// What was spent in one currency.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Cost {
    /// ISO 4217; empty if the recorder did not name it.
    pub currency: String,
    /// In the currency's unit.
    pub amount: f64,
}

/// Latencies in milliseconds. Percentiles are latencies that occurred (nearest rank).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LatencySummary {
    /// How many latencies there are; if none, the others are zero.
    pub count: u64,
    /// The mean, rounded.
    pub mean: u64,
    /// The median.
    pub p50: u64,
    /// Of 95 percent of the calls, the highest.
    pub p95: u64,
    /// Of 99 percent of the calls, the highest.
    pub p99: u64,
    /// The highest.
    pub max: u64,
}

/// The calls of one model, one session, or whatever they were grouped by.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Group {
    /// The model's name, the session's id, the value of a field; may be empty.
    pub name: String,
    /// What is counted over its calls.
    #[serde(flatten)]
    pub totals: GroupTotals,
}

/// A name and how often it occurred.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct NamedCount {
    /// The name.
    pub name: String,
    /// How often.
    pub count: u64,
}

/// The finished calls that started in a quarter of an hour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Traffic {
    /// When the quarter starts, in Unix seconds.
    pub start: f64,
    /// Calls.
    pub calls: u64,
    /// Those that failed.
    pub errors: u64,
}

impl Root {
    /// Counts the calls that pass `filter`, on all processors.
    ///
    /// What cannot be read is listed in [`Totals::unreadable`].
    ///
    /// # Errors
    ///
    /// If the root or one of its days cannot be listed.
    pub fn totals(&self, filter: &Filter) -> Result<Totals> {
        self.totals_with_progress(filter, &|_| {})
    }

    /// As [`totals`](Self::totals); calls `on_progress` now and then, from any of the threads that read.
    ///
    /// # Errors
    ///
    /// As [`totals`](Self::totals).
    pub fn totals_with_progress(
        &self,
        filter: &Filter,
        on_progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<Totals> {
        self.counted(filter, None, on_progress)
    }

    /// As [`totals_with_progress`](Self::totals_with_progress); counts the calls of each group, too, which are
    /// [`Totals::groups`].
    ///
    /// # Errors
    ///
    /// As [`totals`](Self::totals).
    pub fn totals_by(
        &self,
        filter: &Filter,
        by: &GroupBy,
        on_progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<Totals> {
        self.counted(filter, Some(by), on_progress)
    }

    fn counted(
        &self,
        filter: &Filter,
        by: Option<&GroupBy>,
        on_progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<Totals> {
        let sessions = filter.sessions(self)?;
        let mut all = Gatherer::new(filter, by);
        for part in scan(&sessions, on_progress, || Gatherer::new(filter, by)) {
            all.merge(part);
        }
        Ok(all.into_totals())
    }
}

/// Puts the newest session first: ids begin with the time of the start, and `_10` is newer than `_9`.
fn newest_first(mut sessions: Vec<Group>) -> Vec<Group> {
    let age = |group: &Group| (group.name.get(..15).map(str::to_owned), group.name.len(), group.name.clone());
    sessions.sort_by_cached_key(|group| std::cmp::Reverse(age(group)));
    sessions
}

fn groups(groups: &Groups<Sums>) -> Vec<Group> {
    let ranked = groups.ranked(|sums| sums.calls).into_iter();
    ranked.map(|(name, sums)| Group { name, totals: group_totals(sums) }).collect()
}

fn named_counts(groups: &Groups<u64>) -> Vec<NamedCount> {
    let ranked = groups.ranked(|count| *count).into_iter();
    ranked.map(|(name, count)| NamedCount { name, count: *count }).collect()
}

fn group_totals(sums: &Sums) -> GroupTotals {
    GroupTotals {
        calls: sums.calls,
        ok: sums.ok,
        errors: sums.errors,
        cancelled: sums.cancelled,
        prompt_tokens: sums.prompt_tokens,
        completion_tokens: sums.completion_tokens,
        total_tokens: sums.total_tokens,
        cached_tokens: sums.cached_tokens,
        reasoning_tokens: sums.reasoning_tokens,
        cost: sums.cost.sorted(),
        unpriced: sums.unpriced,
        latency_ms: summary(&sums.latency),
    }
}

fn summary(latencies: &Latencies) -> LatencySummary {
    LatencySummary {
        count: latencies.count,
        mean: latencies.mean(),
        p50: latencies.percentile(50),
        p95: latencies.percentile(95),
        p99: latencies.percentile(99),
        max: latencies.max(),
    }
}
