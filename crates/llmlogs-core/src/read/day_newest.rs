//! A day's calls across its sessions, newest start first, opening sessions as they are needed.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::format::day;

use super::by_start;
use super::entry::Entry;
use super::error::{Error, Result};
use super::files;

/// A day's calls, across its sessions.
pub(crate) struct DayNewest {
    sources: BinaryHeap<Source>,
    failed: Option<Error>,
}

/// A session whose next call did not start later than `bound`.
struct Source {
    bound: f64,
    dir: PathBuf,
    state: SourceState,
}

/// A session's calls, newest start first.
type Calls = Box<dyn Iterator<Item = Result<Entry>>>;

enum SourceState {
    Closed,
    Open(Calls, Result<Entry>),
}

impl DayNewest {
    /// Returns the calls of `sessions`, the folders of sessions in the day's folder `dir`.
    pub(super) fn new(dir: &Path, sessions: Result<Vec<PathBuf>>) -> Self {
        let (sessions, failed) = match sessions {
            Ok(sessions) => (sessions, None),
            Err(error) => (Vec::new(), Some(error)),
        };
        let day_start = day::started_at(files::name(dir))
            .and_then(|start| start.duration_since(UNIX_EPOCH).ok())
            .map_or(0.0, |start| start.as_secs_f64());
        let closed = |dir: PathBuf| Source {
            bound: newest_possible(&dir, day_start),
            dir,
            state: SourceState::Closed,
        };
        DayNewest { sources: sessions.into_iter().map(closed).collect(), failed }
    }

    fn push(&mut self, dir: PathBuf, mut calls: Calls) {
        let Some(next) = calls.next() else { return };
        // An error sorts before every call.
        let bound = next.as_ref().map_or(f64::INFINITY, Entry::timestamp);
        self.sources.push(Source { bound, dir, state: SourceState::Open(calls, next) });
    }
}

impl Iterator for DayNewest {
    type Item = Result<Entry>;

    fn next(&mut self) -> Option<Result<Entry>> {
        if let Some(error) = self.failed.take() {
            return Some(Err(error));
        }
        loop {
            let Source { dir, state, .. } = self.sources.pop()?;
            match state {
                SourceState::Closed => {
                    let calls = by_start::newest(&dir);
                    self.push(dir, calls);
                }
                SourceState::Open(calls, next) => {
                    self.push(dir, calls);
                    return Some(next);
                }
            }
        }
    }
}

/// Returns the latest time at which a call of the session can have started: when its folder was changed last.
fn newest_possible(session: &Path, day_start: f64) -> f64 {
    let modified = std::fs::symlink_metadata(session).and_then(|found| found.modified()).ok();
    let seconds =
        modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).map(|time| time.as_secs_f64());
    // A time before the start of the day cannot be right.
    seconds.filter(|seconds| *seconds >= day_start).unwrap_or(f64::INFINITY)
}

impl Ord for Source {
    fn cmp(&self, other: &Self) -> Ordering {
        self.bound.total_cmp(&other.bound).then_with(|| self.dir.cmp(&other.dir))
    }
}

impl PartialOrd for Source {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Source {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Source {}
