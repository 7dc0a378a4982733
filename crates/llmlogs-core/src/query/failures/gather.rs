//! The failures that one thread counts.

use std::collections::HashMap;
use std::path::PathBuf;

use crate::format::Status;
use crate::format::call_id::CallId;
use crate::query::filter::Filter;
use crate::query::retries::Retries;
use crate::query::scan::Visitor;
use crate::read::entry::Entry;
use crate::read::error::Error;
use crate::read::files::is_plain_name;
use crate::read::line::IndexLine;
use crate::read::session::Session;
use crate::read::session_file::session_id;

use super::mask::mask;
use super::{Cause, FailureCount, FailureRate, FailureReport, FailureRun, FailureType};

/// Seconds of a quarter of an hour.
const QUARTER: f64 = 900.0;

impl FailureCount {
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

    fn merge(&mut self, other: FailureCount) {
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

/// Error type, code, and, for causes, the message without what differs from one time to the next.
type CauseKey = (String, String, String);

pub(crate) struct Gatherer<'f> {
    filter: &'f Filter,
    calls: u64,
    cancelled: u64,
    types: HashMap<(String, String), FailureCount>,
    causes: HashMap<CauseKey, FailureCount>,
    /// By quarters of an hour since 1970: calls, failures.
    quarters: HashMap<i64, (u64, u64)>,
    /// By session folder.
    turns: HashMap<PathBuf, Vec<Turn>>,
    retries: Retries,
    unreadable: Vec<Error>,
}

impl<'f> Gatherer<'f> {
    pub(crate) fn new(filter: &'f Filter) -> Self {
        Gatherer {
            filter,
            calls: 0,
            cancelled: 0,
            types: HashMap::new(),
            causes: HashMap::new(),
            quarters: HashMap::new(),
            turns: HashMap::new(),
            retries: Retries::default(),
            unreadable: Vec::new(),
        }
    }

    pub(crate) fn merge(&mut self, other: Gatherer<'_>) {
        self.calls += other.calls;
        self.cancelled += other.cancelled;
        for (key, count) in other.types {
            self.types.entry(key).or_default().merge(count);
        }
        for (key, count) in other.causes {
            self.causes.entry(key).or_default().merge(count);
        }
        for (quarter, (calls, failures)) in other.quarters {
            let sum = self.quarters.entry(quarter).or_default();
            sum.0 += calls;
            sum.1 += failures;
        }
        for (session, turns) in other.turns {
            self.turns.entry(session).or_default().extend(turns);
        }
        self.retries.merge(&other.retries);
        self.unreadable.extend(other.unreadable);
    }

    pub(crate) fn into_report(self) -> FailureReport {
        let mut over_time: Vec<_> = self
            .quarters
            .iter()
            .map(|(quarter, (calls, failures))| FailureRate {
                start: *quarter as f64 * QUARTER,
                calls: *calls,
                failures: *failures,
            })
            .collect();
        over_time.sort_by(|a, b| a.start.total_cmp(&b.start));
        FailureReport {
            calls: self.calls,
            failures: self.types.values().map(|count| count.count).sum(),
            cancelled: self.cancelled,
            over_time,
            by_type: ranked(self.types)
                .into_iter()
                .map(|((error_type, error_code), count)| FailureType { error_type, error_code, count })
                .collect(),
            causes: ranked(self.causes)
                .into_iter()
                .map(|((error_type, error_code, message), count)| Cause {
                    error_type,
                    error_code,
                    message,
                    count,
                })
                .collect(),
            runs: runs(&self.turns),
            retries: self.retries,
            unreadable: self.unreadable,
        }
    }
}

/// The most frequent first.
fn ranked<K: Ord>(counts: HashMap<K, FailureCount>) -> Vec<(K, FailureCount)> {
    let mut ranked: Vec<_> = counts.into_iter().collect();
    ranked.sort_by(|a, b| b.1.count.cmp(&a.1.count).then_with(|| a.0.cmp(&b.0)));
    ranked
}

/// Failures in a row within a session, two at least, the longest first.
fn runs(sessions: &HashMap<PathBuf, Vec<Turn>>) -> Vec<FailureRun> {
    let mut runs = Vec::new();
    for (session, turns) in sessions {
        let mut turns = turns.clone();
        turns.sort_by(|a, b| a.timestamp.total_cmp(&b.timestamp).then(a.number.cmp(&b.number)));
        for run in turns.chunk_by(|a, b| a.failed == b.failed) {
            if let ([first, .., last], true) = (run, run[0].failed) {
                runs.push(FailureRun {
                    session_id: session_id(session).to_owned(),
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

impl Visitor for Gatherer<'_> {
    fn finished(&mut self, session: &Session, line: &IndexLine<'_>) {
        match self.filter.matches_line(session.dir(), line) {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => return self.failed(error),
        }
        let failed = line.status == Status::Error;
        self.calls += 1;
        self.cancelled += u64::from(line.status == Status::Cancelled);
        let quarter = self.quarters.entry((line.timestamp / QUARTER) as i64).or_default();
        quarter.0 += 1;
        quarter.1 += u64::from(failed);
        self.retries.add(line);
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
        let cause = (error_type, error_code, mask(&line.error_message.text()));
        self.causes.entry(cause).or_default().add(session, line);
    }

    // A call that has not ended has not failed.
    fn unfinished(&mut self, _entry: &Entry) {}

    fn failed(&mut self, error: Error) {
        self.unreadable.push(error);
    }
}
