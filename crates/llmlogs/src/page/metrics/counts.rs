//! What is counted of a session's calls.

use std::collections::BTreeMap;

use llmlogs_core::format::Status;
use llmlogs_core::read::{IndexLine, State};

use super::histogram::{Histogram, SECONDS, TOKENS};
use super::labels::{Id, Labels};

/// Counts of finished calls, by provider and model.
#[derive(Debug, Default)]
pub(super) struct Counts(pub(super) BTreeMap<Id, OfPair>);

/// The counts of one provider and model.
#[derive(Debug, Default)]
pub(super) struct OfPair {
    pub(super) ok: u64,
    pub(super) errors: u64,
    pub(super) cancelled: u64,
    /// By type.
    pub(super) by_type: BTreeMap<Id, u64>,
    pub(super) prompt_tokens: u64,
    pub(super) cached_tokens: u64,
    pub(super) completion_tokens: u64,
    pub(super) reasoning_tokens: u64,
    /// By currency.
    pub(super) cost: BTreeMap<Id, f64>,
    /// In milliseconds, by boundaries in seconds.
    pub(super) latency: Histogram,
    /// In milliseconds, by boundaries in seconds.
    pub(super) first_token: Histogram,
    /// Of a call, cached ones included.
    pub(super) input_usage: Histogram,
    /// Of a call, reasoning ones included.
    pub(super) output_usage: Histogram,
}

/// How many calls are in a state now.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Gauges {
    pub(super) in_flight: u64,
    pub(super) interrupted: u64,
    pub(super) not_recorded: u64,
}

impl Counts {
    pub(super) fn add(&mut self, line: &IndexLine<'_>, labels: &mut Labels) {
        let of = self.0.entry(labels.pair(&line.provider.text(), &line.model.text())).or_default();
        match line.status {
            Status::Ok => of.ok += 1,
            Status::Cancelled => of.cancelled += 1,
            Status::Error => {
                of.errors += 1;
                *of.by_type.entry(labels.error_type(&line.error_type.text())).or_default() += 1;
            }
        }
        of.prompt_tokens = of.prompt_tokens.saturating_add(line.prompt_tokens);
        of.cached_tokens = of.cached_tokens.saturating_add(line.cached_tokens);
        of.completion_tokens = of.completion_tokens.saturating_add(line.completion_tokens);
        of.reasoning_tokens = of.reasoning_tokens.saturating_add(line.reasoning_tokens);
        if line.total_cost.is_finite() && line.total_cost > 0.0 {
            *of.cost.entry(labels.currency(&line.currency.text())).or_default() += line.total_cost;
        }
        of.latency.add(&SECONDS, line.latency_ms as f64 / 1000.0, line.latency_ms);
        if let Some(ms) = line.time_to_first_token_ms {
            of.first_token.add(&SECONDS, ms as f64 / 1000.0, ms);
        }
        if line.prompt_tokens > 0 {
            of.input_usage.add(&TOKENS, line.prompt_tokens as f64, line.prompt_tokens);
        }
        if line.completion_tokens > 0 {
            of.output_usage.add(&TOKENS, line.completion_tokens as f64, line.completion_tokens);
        }
    }

    pub(super) fn merge(&mut self, other: &Counts) {
        for (pair, more) in &other.0 {
            let of = self.0.entry(*pair).or_default();
            of.ok += more.ok;
            of.errors += more.errors;
            of.cancelled += more.cancelled;
            more.by_type.iter().for_each(|(name, count)| *of.by_type.entry(*name).or_default() += count);
            of.prompt_tokens = of.prompt_tokens.saturating_add(more.prompt_tokens);
            of.cached_tokens = of.cached_tokens.saturating_add(more.cached_tokens);
            of.completion_tokens = of.completion_tokens.saturating_add(more.completion_tokens);
            of.reasoning_tokens = of.reasoning_tokens.saturating_add(more.reasoning_tokens);
            more.cost.iter().for_each(|(name, amount)| *of.cost.entry(*name).or_default() += amount);
            of.latency.merge(&more.latency);
            of.first_token.merge(&more.first_token);
            of.input_usage.merge(&more.input_usage);
            of.output_usage.merge(&more.output_usage);
        }
    }

    /// Returns how many calls there are.
    pub(super) fn calls(&self) -> u64 {
        self.0.values().map(|of| of.ok + of.errors + of.cancelled).sum()
    }
}

impl Gauges {
    /// Counts a call that has not finished.
    pub(super) fn note(&mut self, state: State) {
        match state {
            State::Finished => {}
            State::InFlight => self.in_flight += 1,
            State::NotRecorded => self.not_recorded += 1,
            State::Interrupted => self.interrupted += 1,
        }
    }
}
