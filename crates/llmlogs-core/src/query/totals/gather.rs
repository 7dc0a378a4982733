//! The totals that one thread counts.

use std::collections::HashMap;

use crate::format::Status;
use crate::query::filter::{Filter, call_dir};
use crate::query::retries::Retries;
use crate::query::scan::Visitor;
use crate::read::call::State;
use crate::read::entry::Entry;
use crate::read::error::Error;
use crate::read::line::IndexLine;
use crate::read::session::Session;

use super::counts::{Groups, Latencies, Speed, Sums};
use super::group_by::GroupBy;
use super::{Totals, Traffic, group_totals, groups, named_counts, newest_first, summary};

/// Seconds of a quarter of an hour, by which time zones differ.
const QUARTER: f64 = 900.0;

pub(crate) struct Gatherer<'f> {
    filter: &'f Filter,
    by: Option<&'f GroupBy>,
    all: Sums,
    models: Groups<Sums>,
    providers: Groups<Sums>,
    sessions: Groups<Sums>,
    /// By `by`.
    groups: Groups<Sums>,
    tools: Groups<u64>,
    finish_reasons: Groups<u64>,
    /// By quarters of an hour since 1970.
    quarters: HashMap<i64, Traffic>,
    quarter: (i64, Traffic),
    first_tokens: Latencies,
    speed: Speed,
    first: f64,
    last: f64,
    in_flight: u64,
    interrupted: u64,
    not_recorded: u64,
    retries: Retries,
    unreadable: Vec<Error>,
}

impl<'f> Gatherer<'f> {
    pub(crate) fn new(filter: &'f Filter, by: Option<&'f GroupBy>) -> Self {
        Gatherer {
            filter,
            by,
            all: Sums::default(),
            models: Groups::default(),
            providers: Groups::default(),
            sessions: Groups::default(),
            groups: Groups::default(),
            tools: Groups::default(),
            finish_reasons: Groups::default(),
            quarters: HashMap::new(),
            quarter: (i64::MIN, Traffic::default()),
            first_tokens: Latencies::default(),
            speed: Speed::default(),
            first: f64::INFINITY,
            last: f64::NEG_INFINITY,
            in_flight: 0,
            interrupted: 0,
            not_recorded: 0,
            retries: Retries::default(),
            unreadable: Vec::new(),
        }
    }

    fn note_time(&mut self, timestamp: f64, failed: bool) {
        if timestamp <= 0.0 {
            return;
        }
        self.first = self.first.min(timestamp);
        self.last = self.last.max(timestamp);
        let quarter = (timestamp / QUARTER) as i64;
        if quarter != self.quarter.0 {
            self.put_quarter();
            self.quarter = (quarter, Traffic { start: quarter as f64 * QUARTER, ..Traffic::default() });
        }
        self.quarter.1.calls += 1;
        self.quarter.1.errors += u64::from(failed);
    }

    fn put_quarter(&mut self) {
        let (quarter, traffic) = self.quarter;
        if traffic.calls > 0 {
            add(self.quarters.entry(quarter).or_default(), &traffic);
        }
        self.quarter.1 = Traffic::default();
    }

    pub(crate) fn merge(&mut self, mut other: Gatherer<'_>) {
        other.put_quarter();
        self.all.merge(&other.all);
        self.models.merge(&other.models, Sums::merge);
        self.providers.merge(&other.providers, Sums::merge);
        self.sessions.merge(&other.sessions, Sums::merge);
        self.groups.merge(&other.groups, Sums::merge);
        self.tools.merge(&other.tools, |sum, more| *sum += more);
        self.finish_reasons.merge(&other.finish_reasons, |sum, more| *sum += more);
        for (quarter, traffic) in other.quarters {
            add(self.quarters.entry(quarter).or_default(), &traffic);
        }
        self.first_tokens.merge(&other.first_tokens);
        self.speed.merge(other.speed);
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.in_flight += other.in_flight;
        self.interrupted += other.interrupted;
        self.not_recorded += other.not_recorded;
        self.retries.merge(&other.retries);
        self.unreadable.extend(other.unreadable);
    }

    pub(crate) fn into_totals(mut self) -> Totals {
        self.put_quarter();
        let mut over_time: Vec<_> = self.quarters.into_values().collect();
        over_time.sort_by(|a, b| a.start.total_cmp(&b.start));
        Totals {
            all: group_totals(&self.all),
            in_flight: self.in_flight,
            interrupted: self.interrupted,
            not_recorded: self.not_recorded,
            first: Some(self.first).filter(|first| first.is_finite()),
            last: Some(self.last).filter(|last| last.is_finite()),
            time_to_first_token_ms: summary(&self.first_tokens),
            tokens_per_second: self.speed.tokens_per_second(),
            retries: self.retries,
            by_model: groups(&self.models),
            by_provider: groups(&self.providers),
            by_session: newest_first(groups(&self.sessions)),
            groups: match self.by {
                Some(GroupBy::Session) => newest_first(groups(&self.groups)),
                _ => groups(&self.groups),
            },
            by_tool: named_counts(&self.tools),
            by_finish_reason: named_counts(&self.finish_reasons),
            over_time,
            unreadable: self.unreadable,
        }
    }
}

impl Visitor for Gatherer<'_> {
    fn finished(&mut self, session: &Session, line: &IndexLine<'_>) {
        match self.filter.matches_line(session.dir(), line) {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => return self.failed(error),
        }
        if let Some(by) = self.by {
            match by.groups(session.id(), line, &|| call_dir(session.dir(), line)) {
                Ok(names) => names.iter().for_each(|name| self.groups.of(name).add(line)),
                Err(error) => return self.failed(error),
            }
        }
        self.all.add(line);
        self.retries.add(line);
        self.models.of(line.model.0).add(line);
        self.providers.of(line.provider.0).add(line);
        self.sessions.of(session.id().as_bytes()).add(line);
        for tool in line.tool_names() {
            *self.tools.of(tool.0) += 1;
        }
        if !line.finish_reason.is_empty() {
            *self.finish_reasons.of(line.finish_reason.0) += 1;
        }
        if let Some(first) = line.time_to_first_token_ms {
            self.first_tokens.add(first);
        }
        if line.status == Status::Ok {
            self.speed.add(line);
        }
        self.note_time(line.timestamp, line.status == Status::Error);
    }

    fn unfinished(&mut self, entry: &Entry) {
        match self.filter.matches_entry(entry) {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => return self.failed(error),
        }
        match entry.call().state() {
            State::InFlight => self.in_flight += 1,
            State::NotRecorded => self.not_recorded += 1,
            State::Interrupted | State::Finished => self.interrupted += 1,
        }
    }

    fn failed(&mut self, error: Error) {
        self.unreadable.push(error);
    }
}

fn add(sum: &mut Traffic, more: &Traffic) {
    sum.start = more.start;
    sum.calls += more.calls;
    sum.errors += more.errors;
}
