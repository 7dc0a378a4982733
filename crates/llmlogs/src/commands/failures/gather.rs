//! What failed, gathered by one thread.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;

use llmlogs_core::format::call_id::CallId;
use llmlogs_core::read::files::is_plain_name;
use llmlogs_core::read::line::IndexLine;
use llmlogs_core::read::scan::Gather;
use llmlogs_core::read::{Entry, Session, Status};

use crate::filter::Filter;
use crate::mask::mask;
use crate::output::progress::Progress;

/// Failures that are one and the same as far as their messages tell.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Cause {
    pub(crate) error_type: String,
    pub(crate) error_code: String,
    pub(crate) message: String,
}

/// How often something failed, and when last.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    pub(crate) count: u64,
    pub(crate) first: f64,
    pub(crate) last: f64,
    pub(crate) http_status: Option<u64>,
    /// The folder of the latest one.
    pub(crate) example: PathBuf,
}

impl Tally {
    fn add(&mut self, session: &Session, line: &IndexLine<'_>) {
        if self.count == 0 || line.timestamp < self.first {
            self.first = line.timestamp;
        }
        self.count += 1;
        if self.count == 1 || line.timestamp >= self.last {
            let id = line.call_id.text();
            self.last = line.timestamp;
            self.http_status = line.http_status;
            self.example =
                if is_plain_name(&id) { session.dir().join(&*id) } else { session.dir().to_owned() };
        }
    }

    fn merge(&mut self, other: Tally) {
        if self.count == 0 {
            *self = other;
            return;
        }
        self.count += other.count;
        self.first = self.first.min(other.first);
        if other.last > self.last {
            self.last = other.last;
            self.http_status = other.http_status;
            self.example = other.example;
        }
    }
}

/// One call's place in its session.
#[derive(Debug, Clone, Copy)]
struct Turn {
    timestamp: f64,
    number: u64,
    failed: bool,
}

/// Failures in a row.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) session: PathBuf,
    pub(crate) length: u64,
    pub(crate) first: f64,
    pub(crate) last: f64,
}

/// What trying again did.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Retries {
    /// Calls that took more than one attempt.
    pub(crate) calls: u64,
    /// Attempts beyond the first.
    pub(crate) attempts: u64,
    /// Calls that ended well only because of them.
    pub(crate) saved: u64,
}

pub(crate) struct FailureReport<'f> {
    filter: &'f Filter,
    progress: &'f Progress,
    pub(crate) calls: u64,
    pub(crate) cancelled: u64,
    pub(crate) types: HashMap<(String, String), Tally>,
    pub(crate) causes: HashMap<Cause, Tally>,
    /// By quarters of an hour: calls, failures.
    pub(crate) quarters: HashMap<i64, (u64, u64)>,
    turns: HashMap<PathBuf, Vec<Turn>>,
    pub(crate) retries: Retries,
    pub(crate) broken: Vec<io::Error>,
}

impl<'f> FailureReport<'f> {
    pub(crate) fn new(filter: &'f Filter, progress: &'f Progress) -> Self {
        FailureReport {
            filter,
            progress,
            calls: 0,
            cancelled: 0,
            types: HashMap::new(),
            causes: HashMap::new(),
            quarters: HashMap::new(),
            turns: HashMap::new(),
            retries: Retries::default(),
            broken: Vec::new(),
        }
    }

    pub(crate) fn failures(&self) -> u64 {
        self.types.values().map(|tally| tally.count).sum()
    }

    pub(crate) fn merge(&mut self, other: FailureReport<'_>) {
        self.calls += other.calls;
        self.cancelled += other.cancelled;
        for (name, tally) in other.types {
            self.types.entry(name).or_default().merge(tally);
        }
        for (cause, tally) in other.causes {
            self.causes.entry(cause).or_default().merge(tally);
        }
        for (quarter, (calls, failures)) in other.quarters {
            let sum = self.quarters.entry(quarter).or_default();
            sum.0 += calls;
            sum.1 += failures;
        }
        for (session, turns) in other.turns {
            self.turns.entry(session).or_default().extend(turns);
        }
        self.retries.calls += other.retries.calls;
        self.retries.attempts += other.retries.attempts;
        self.retries.saved += other.retries.saved;
        self.broken.extend(other.broken);
    }

    /// Failures in a row within a session, two at least, the longest first.
    pub(crate) fn runs(&self) -> Vec<Run> {
        let mut runs = Vec::new();
        for (session, turns) in &self.turns {
            let mut turns = turns.clone();
            turns.sort_by(|a, b| a.timestamp.total_cmp(&b.timestamp).then(a.number.cmp(&b.number)));
            for run in turns.chunk_by(|a, b| a.failed == b.failed) {
                if let ([first, .., last], true) = (run, run[0].failed) {
                    runs.push(Run {
                        session: session.clone(),
                        length: run.len() as u64,
                        first: first.timestamp,
                        last: last.timestamp,
                    });
                }
            }
        }
        runs.sort_by(|a, b| {
            b.length.cmp(&a.length).then(b.last.total_cmp(&a.last)).then(a.session.cmp(&b.session))
        });
        runs
    }

    /// The most frequent first.
    pub(crate) fn ranked<K: Ord>(tallies: &HashMap<K, Tally>) -> Vec<(&K, &Tally)> {
        let mut ranked: Vec<_> = tallies.iter().collect();
        ranked.sort_by(|a, b| b.1.count.cmp(&a.1.count).then_with(|| a.0.cmp(b.0)));
        ranked
    }
}

impl Gather for FailureReport<'_> {
    fn finished(&mut self, session: &Session, line: &IndexLine<'_>) {
        if !self.filter.passes(line) {
            return;
        }
        let failed = line.status == Status::Error;
        self.calls += 1;
        self.cancelled += u64::from(line.status == Status::Cancelled);
        let quarter = self.quarters.entry((line.timestamp / 900.0) as i64).or_default();
        quarter.0 += 1;
        quarter.1 += u64::from(failed);
        if line.attempts > 1 {
            self.retries.calls += 1;
            self.retries.attempts += line.attempts - 1;
            self.retries.saved += u64::from(line.status == Status::Ok);
        }
        let turn = Turn { timestamp: line.timestamp, number: CallId::of(line.call_id.0).number, failed };
        match self.turns.get_mut(session.dir()) {
            Some(turns) => turns.push(turn),
            None => drop(self.turns.insert(session.dir().to_owned(), vec![turn])),
        }
        if !failed {
            return;
        }
        let (error_type, error_code) =
            (line.error_type.text().into_owned(), line.error_code.text().into_owned());
        self.types.entry((error_type.clone(), error_code.clone())).or_default().add(session, line);
        let cause = Cause { error_type, error_code, message: mask(&line.error_message.text()) };
        self.causes.entry(cause).or_default().add(session, line);
    }

    // What has not ended has not failed.
    fn unfinished(&mut self, _entry: &Entry) {}

    fn failed(&mut self, error: io::Error) {
        self.broken.push(error);
    }

    fn progress(&mut self, bytes: u64) {
        self.progress.step(bytes);
    }
}
