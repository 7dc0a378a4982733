//! What is counted, by one thread.

use std::collections::HashMap;
use std::io;

use llmlogs_core::read::line::IndexLine;
use llmlogs_core::read::scan::Gather;
use llmlogs_core::read::{Entry, Session, State};

use crate::count::{Groups, Latencies, Sums};
use crate::filter::Filter;
use crate::output::progress::Progress;

/// Time zones differ by quarters of an hour.
const QUARTER: f64 = 900.0;

/// Calls and failures of a stretch of time.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Traffic {
    pub(crate) calls: u64,
    pub(crate) errors: u64,
}

pub(crate) struct Totals<'f> {
    filter: &'f Filter,
    progress: &'f Progress,
    pub(crate) all: Sums,
    pub(crate) models: Groups<Sums>,
    pub(crate) sessions: Groups<Sums>,
    pub(crate) tools: Groups<u64>,
    pub(crate) finish_reasons: Groups<u64>,
    /// By quarters of an hour since 1970.
    pub(crate) quarters: HashMap<i64, Traffic>,
    quarter: (i64, Traffic),
    pub(crate) first_tokens: Latencies,
    /// Of calls that ended well: tokens, and milliseconds spent on them.
    pub(crate) speed: (u64, u64),
    pub(crate) first: f64,
    pub(crate) last: f64,
    pub(crate) in_flight: u64,
    pub(crate) interrupted: u64,
    pub(crate) failures: Vec<io::Error>,
}

impl<'f> Totals<'f> {
    pub(crate) fn new(filter: &'f Filter, progress: &'f Progress) -> Self {
        Totals {
            filter,
            progress,
            all: Sums::default(),
            models: Groups::default(),
            sessions: Groups::default(),
            tools: Groups::default(),
            finish_reasons: Groups::default(),
            quarters: HashMap::new(),
            quarter: (i64::MIN, Traffic::default()),
            first_tokens: Latencies::default(),
            speed: (0, 0),
            first: f64::INFINITY,
            last: f64::NEG_INFINITY,
            in_flight: 0,
            interrupted: 0,
            failures: Vec::new(),
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
            self.quarter = (quarter, Traffic::default());
        }
        self.quarter.1.calls += 1;
        self.quarter.1.errors += u64::from(failed);
    }

    fn put_quarter(&mut self) {
        let (quarter, traffic) = self.quarter;
        if traffic.calls > 0 {
            let sum = self.quarters.entry(quarter).or_default();
            sum.calls += traffic.calls;
            sum.errors += traffic.errors;
        }
    }

    pub(crate) fn merge(&mut self, mut other: Totals<'_>) {
        other.put_quarter();
        self.all.merge(&other.all);
        self.models.merge(&other.models, Sums::merge);
        self.sessions.merge(&other.sessions, Sums::merge);
        self.tools.merge(&other.tools, |sum, more| *sum += more);
        self.finish_reasons.merge(&other.finish_reasons, |sum, more| *sum += more);
        for (quarter, traffic) in other.quarters {
            let sum = self.quarters.entry(quarter).or_default();
            sum.calls += traffic.calls;
            sum.errors += traffic.errors;
        }
        self.first_tokens.merge(&other.first_tokens);
        self.speed.0 += other.speed.0;
        self.speed.1 += other.speed.1;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.in_flight += other.in_flight;
        self.interrupted += other.interrupted;
        self.failures.extend(other.failures);
    }

    /// Completion tokens a second of the calls that ended well.
    pub(crate) fn tokens_per_second(&self) -> f64 {
        let (tokens, ms) = self.speed;
        if ms == 0 { 0.0 } else { (tokens as f64 * 100_000.0 / ms as f64).round() / 100.0 }
    }

    /// The quarters in the order of time, with their starts in Unix seconds.
    pub(crate) fn over_time(&self) -> Vec<(f64, Traffic)> {
        let starts = self.quarters.iter().map(|(quarter, traffic)| (*quarter as f64 * QUARTER, *traffic));
        let mut starts: Vec<_> = starts.collect();
        starts.sort_by(|a, b| a.0.total_cmp(&b.0));
        starts
    }
}

impl Gather for Totals<'_> {
    fn finished(&mut self, session: &Session, line: &IndexLine<'_>) {
        if !self.filter.passes(line) {
            return;
        }
        self.all.add(line);
        self.models.of(line.model.0).add(line);
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
        let ok = line.status == llmlogs_core::read::Status::Ok;
        if ok && line.completion_tokens > 0 {
            self.speed.0 += line.completion_tokens;
            self.speed.1 += line.latency_ms;
        }
        self.note_time(line.timestamp, line.status == llmlogs_core::read::Status::Error);
    }

    fn unfinished(&mut self, entry: &Entry) {
        if !self.filter.passes_entry(entry) {
            return;
        }
        match entry.call().state() {
            State::InFlight => self.in_flight += 1,
            _ => self.interrupted += 1,
        }
    }

    fn failed(&mut self, error: io::Error) {
        self.failures.push(error);
    }

    fn progress(&mut self, bytes: u64) {
        self.progress.step(bytes);
    }
}
