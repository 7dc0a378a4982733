//! Which values there are to choose from, and how many calls have each.

use crate::format::Status;
use crate::query::filter::Filter;
use crate::query::scan::{Visitor, scan};
use crate::read::call::State;
use crate::read::entry::Entry;
use crate::read::error::{Error, Result};
use crate::read::line::{IndexLine, RawStr};
use crate::read::root::Root;
use crate::read::session::Session;

use super::counts::Groups;
use super::{NamedCount, named_counts};

/// The values that occur among the calls that pass a filter, the most frequent first, and how many calls have each. See
/// [`Root::facets`].
///
/// A value is what a term of the field's name takes in [`Filter::parse`]. Calls without a value are not counted.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
#[allow(missing_docs, reason = "each field is a filter's field of the same name")]
pub struct Facets {
    pub status: Vec<NamedCount>,
    pub model: Vec<NamedCount>,
    pub provider: Vec<NamedCount>,
    pub error_type: Vec<NamedCount>,
    /// A call counts once for a tool that it calls twice.
    pub tool: Vec<NamedCount>,
    pub session: Vec<NamedCount>,
    pub finish_reason: Vec<NamedCount>,
    /// What could not be read, and is not counted.
    pub unreadable: Vec<Error>,
}

impl Root {
    /// Counts the values of the calls that pass `filter`, on all processors.
    ///
    /// # Errors
    ///
    /// As [`totals`](Self::totals).
    pub fn facets(&self, filter: &Filter) -> Result<Facets> {
        let sessions = filter.sessions(self)?;
        let mut all = Gatherer::new(filter);
        for part in scan(&sessions, &|_| {}, || Gatherer::new(filter)) {
            all.merge(part);
        }
        Ok(all.into_facets())
    }
}

pub(crate) struct Gatherer<'f> {
    filter: &'f Filter,
    statuses: Groups<u64>,
    models: Groups<u64>,
    providers: Groups<u64>,
    error_types: Groups<u64>,
    tools: Groups<u64>,
    sessions: Groups<u64>,
    finish_reasons: Groups<u64>,
    unreadable: Vec<Error>,
}

impl<'f> Gatherer<'f> {
    pub(crate) fn new(filter: &'f Filter) -> Self {
        Gatherer {
            filter,
            statuses: Groups::default(),
            models: Groups::default(),
            providers: Groups::default(),
            error_types: Groups::default(),
            tools: Groups::default(),
            sessions: Groups::default(),
            finish_reasons: Groups::default(),
            unreadable: Vec::new(),
        }
    }

    pub(crate) fn merge(&mut self, other: Gatherer<'_>) {
        let add = |sum: &mut u64, more: &u64| *sum += more;
        self.statuses.merge(&other.statuses, add);
        self.models.merge(&other.models, add);
        self.providers.merge(&other.providers, add);
        self.error_types.merge(&other.error_types, add);
        self.tools.merge(&other.tools, add);
        self.sessions.merge(&other.sessions, add);
        self.finish_reasons.merge(&other.finish_reasons, add);
        self.unreadable.extend(other.unreadable);
    }

    pub(crate) fn into_facets(self) -> Facets {
        Facets {
            status: named_counts(&self.statuses),
            model: named_counts(&self.models),
            provider: named_counts(&self.providers),
            error_type: named_counts(&self.error_types),
            tool: named_counts(&self.tools),
            session: named_counts(&self.sessions),
            finish_reason: named_counts(&self.finish_reasons),
            unreadable: self.unreadable,
        }
    }
}

fn count(groups: &mut Groups<u64>, name: &[u8]) {
    if !name.is_empty() {
        *groups.of(name) += 1;
    }
}

impl Visitor for Gatherer<'_> {
    fn finished(&mut self, session: &Session, line: &IndexLine<'_>) {
        match self.filter.matches_line(session.dir(), line) {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => return self.failed(error),
        }
        let status: &[u8] = match line.status {
            Status::Ok => b"ok",
            Status::Error => b"error",
            Status::Cancelled => b"cancelled",
        };
        count(&mut self.statuses, status);
        count(&mut self.models, line.model.0);
        count(&mut self.providers, line.provider.0);
        count(&mut self.error_types, line.error_type.0);
        count(&mut self.sessions, session.id().as_bytes());
        count(&mut self.finish_reasons, line.finish_reason.0);
        let mut counted: Vec<RawStr<'_>> = Vec::new();
        for tool in line.tool_names() {
            if !counted.contains(&tool) {
                counted.push(tool);
                count(&mut self.tools, tool.0);
            }
        }
    }

    fn unfinished(&mut self, entry: &Entry) {
        match self.filter.matches_entry(entry) {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => return self.failed(error),
        }
        let status: &[u8] = match entry.call().state() {
            State::InFlight => b"in-flight",
            State::NotRecorded => b"not-recorded",
            State::Interrupted | State::Finished => b"interrupted",
        };
        count(&mut self.statuses, status);
        count(&mut self.sessions, entry.call().session_id().as_bytes());
    }

    fn failed(&mut self, error: Error) {
        self.unreadable.push(error);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_counts_once_for_each_value_and_not_at_all_without_one() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("20251027/session_20251027_040000");
        std::fs::create_dir_all(dir.join("call_20251027_040003_003")).unwrap();
        std::fs::write(dir.join("session.json"), "{}").unwrap();
        let index = [
            r#"{"call_id":"call_20251027_040001_001","model":"m","tool_names":["a","b","a"],"finish_reason":"stop"}"#,
            r#"{"call_id":"call_20251027_040002_002","model":"m","status":"error","error_type":"TimeoutError"}"#,
        ];
        std::fs::write(dir.join("index.jsonl"), index.join("\n") + "\n").unwrap();
        let root = Root::open(root.path()).unwrap();
        let shown = |counts: &[NamedCount]| -> Vec<String> {
            counts.iter().map(|count| format!("{} {}", count.name, count.count)).collect()
        };
        let facets = root.facets(&Filter::new()).unwrap();
        assert_eq!(shown(&facets.status), ["error 1", "interrupted 1", "ok 1"]);
        assert_eq!(shown(&facets.model), ["m 2"]);
        assert_eq!(shown(&facets.tool), ["a 1", "b 1"]);
        assert_eq!(shown(&facets.error_type), ["TimeoutError 1"]);
        assert_eq!(shown(&facets.finish_reason), ["stop 1"]);
        assert_eq!(shown(&facets.session), ["20251027_040000 3"]);
        assert!(facets.provider.is_empty());
        let stopped = root.facets(&Filter::parse("finish_reason:STOP").unwrap()).unwrap();
        assert_eq!(shown(&stopped.status), ["ok 1"]);
    }
}
