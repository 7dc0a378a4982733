//! Calls, newest start first, reading no more than is asked for.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashSet};
use std::io;
use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use chrono::{Local, NaiveDate, TimeZone};

use super::call_set::nothing_after;
use super::line::IndexLine;
use super::reverse_lines::ReverseLines;
use super::session_file::{is_call, is_running};
use super::{Call, Day, Entry, Session, files};
use crate::format::call_id::CallId;

/// How many lines are held back at most to bring them into order.
const WINDOW: usize = 1 << 14;

/// By how many seconds lines may have been appended in another order than their calls ended.
const SLACK: f64 = 0.5;

/// One session's calls.
///
/// An index is in the order in which calls ended. Read from its end, a call may be given out as soon
/// as every line to come ended before it started. Calls that the index lacks show as gaps in the
/// numbers, and only then is the folder listed.
pub(super) struct SessionNewest {
    dir: PathBuf,
    index: Option<ReverseLines>,
    /// Lines that were read and not yet given out.
    window: BTreeMap<CallId, Entry>,
    /// When the call of the line read last was over.
    horizon: f64,
    /// Every number from here up was read in the index.
    floor: u64,
    /// Numbers below it that were read, too.
    below_floor: BTreeSet<u64>,
    /// The folders that the index did not have when they were listed, oldest first.
    folders: Option<Vec<(CallId, String)>>,
    /// Calls given out that came from folders.
    from_folders: HashSet<CallId>,
    given: Option<CallId>,
    running: Option<bool>,
}

impl SessionNewest {
    pub(super) fn new(session: &Session) -> Self {
        let dir = session.dir().to_owned();
        // An index that cannot be read is as good as none: the folders have it all.
        let index = files::open(&dir.join("index.jsonl")).and_then(ReverseLines::new).ok();
        SessionNewest {
            dir,
            index,
            window: BTreeMap::new(),
            horizon: f64::INFINITY,
            floor: 0,
            below_floor: BTreeSet::new(),
            folders: None,
            from_folders: HashSet::new(),
            given: None,
            running: None,
        }
    }

    /// Reads lines until the newest of the window is certain to be next.
    fn fill(&mut self) {
        while let Some(index) = &mut self.index {
            if self.window.len() >= WINDOW {
                return;
            }
            if let Some((_, newest)) = self.window.last_key_value()
                && newest.timestamp() > self.horizon + SLACK
            {
                return;
            }
            let Ok(Some(text)) = index.previous() else {
                self.index = None;
                return;
            };
            let Some(line) = IndexLine::parse(text) else { continue };
            let id = line.call_id.text();
            if !files::is_plain_name(&id) {
                continue;
            }
            let name = CallId::of(id.as_bytes());
            self.horizon = line.end();
            if self.folders.is_none() {
                self.below_floor.insert(name.number);
            }
            if !self.from_folders.contains(&name) {
                self.window.insert(name, Entry::indexed(self.dir.join(&*id), &line));
            }
        }
    }

    /// Whether the index may have missed a call that is as new as `next`.
    fn has_gap_before(&mut self, next: CallId) -> bool {
        if self.given.is_none() {
            let Some(highest) = self.below_floor.pop_last() else { return true };
            self.floor = highest;
            let newest = self.window.iter().find(|(name, _)| name.number == highest);
            if !newest.is_some_and(|(_, entry)| nothing_after(&self.dir, entry.call().id().as_bytes())) {
                return true;
            }
        }
        while self.below_floor.last().is_some_and(|number| *number + 1 >= self.floor) {
            self.floor = self.below_floor.pop_last().unwrap_or_default();
        }
        next.number < self.floor
    }

    fn list(&mut self) -> io::Result<()> {
        self.folders = Some(Vec::new());
        let names = files::folders(&self.dir, is_call)?;
        let mut folders: Vec<_> = names.into_iter().map(|name| (CallId::of(name.as_bytes()), name)).collect();
        if self.given.is_some() {
            let floor = self.floor;
            folders.retain(|(name, _)| name.number < floor);
        }
        folders.sort();
        self.folders = Some(folders);
        Ok(())
    }

    fn step(&mut self) -> io::Result<Option<Step>> {
        self.fill();
        let indexed = self.window.last_key_value().map(|(name, _)| *name);
        if self.folders.is_none() && indexed.is_none_or(|next| self.has_gap_before(next)) {
            self.list()?;
        }
        let folder = self.folders.as_ref().and_then(|folders| Some(folders.last()?.0));
        if folder > indexed {
            let Some((name, id)) = self.folders.as_mut().and_then(Vec::pop) else { return Ok(None) };
            self.given = Some(name);
            self.from_folders.insert(name);
            let (dir, running) = (&self.dir, &mut self.running);
            let call = Call::look(dir.join(id), || *running.get_or_insert_with(|| is_running(dir)));
            return Ok(Some(Entry::of_folder(call)?.map_or(Step::Vanished, Step::Found)));
        }
        let Some((name, entry)) = self.window.pop_last() else { return Ok(None) };
        if folder == Some(name)
            && let Some(folders) = &mut self.folders
        {
            folders.pop();
        }
        self.given = Some(name);
        Ok(Some(Step::Found(entry)))
    }
}

enum Step {
    Found(Entry),
    Vanished,
}

impl Iterator for SessionNewest {
    type Item = io::Result<Entry>;

    fn next(&mut self) -> Option<io::Result<Entry>> {
        loop {
            match self.step() {
                Ok(Some(Step::Found(entry))) => return Some(Ok(entry)),
                Ok(Some(Step::Vanished)) => {}
                Ok(None) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// A day's calls, across its sessions.
pub(super) struct DayNewest {
    sources: BinaryHeap<Source>,
    failed: Option<io::Error>,
}

/// A session whose next call is no newer than `bound`.
struct Source {
    bound: f64,
    state: SourceState,
}

enum SourceState {
    Closed(Session),
    Open(Box<SessionNewest>, io::Result<Entry>),
}

impl DayNewest {
    pub(super) fn new(day: &Day) -> Self {
        let (sessions, failed) = match day.sessions() {
            Ok(sessions) => (Some(sessions), None),
            Err(error) => (None, Some(error)),
        };
        let starts = start_of(day.name());
        let closed = |session: Session| Source {
            bound: newest_possible(&session, starts),
            state: SourceState::Closed(session),
        };
        DayNewest { sources: sessions.into_iter().flatten().map(closed).collect(), failed }
    }

    fn open(&mut self, mut calls: Box<SessionNewest>) {
        let Some(next) = calls.next() else { return };
        // An error is told at once.
        let bound = next.as_ref().map_or(f64::INFINITY, Entry::timestamp);
        self.sources.push(Source { bound, state: SourceState::Open(calls, next) });
    }
}

impl Iterator for DayNewest {
    type Item = io::Result<Entry>;

    fn next(&mut self) -> Option<io::Result<Entry>> {
        if let Some(error) = self.failed.take() {
            return Some(Err(error));
        }
        loop {
            match self.sources.pop()?.state {
                SourceState::Closed(session) => self.open(Box::new(SessionNewest::new(&session))),
                SourceState::Open(calls, next) => {
                    self.open(calls);
                    return Some(next);
                }
            }
        }
    }
}

/// The latest moment at which a call of the session can have begun: when its folder was changed last.
fn newest_possible(session: &Session, day_starts: f64) -> f64 {
    let modified = std::fs::symlink_metadata(session.dir()).and_then(|found| found.modified()).ok();
    let seconds =
        modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).map(|time| time.as_secs_f64());
    // A time before the day's own is none to go by.
    seconds.filter(|seconds| *seconds >= day_starts).unwrap_or(f64::INFINITY)
}

fn start_of(day: &str) -> f64 {
    let midnight = NaiveDate::parse_from_str(day, "%Y%m%d").ok().and_then(|date| date.and_hms_opt(0, 0, 0));
    let local = midnight.and_then(|time| Local.from_local_datetime(&time).earliest());
    local.map_or(0.0, |time| time.timestamp() as f64)
}

impl Ord for Source {
    fn cmp(&self, other: &Self) -> Ordering {
        self.bound.total_cmp(&other.bound).then_with(|| self.dir().cmp(other.dir()))
    }
}

impl Source {
    fn dir(&self) -> &std::path::Path {
        match &self.state {
            SourceState::Closed(session) => session.dir(),
            SourceState::Open(calls, _) => &calls.dir,
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::Root;

    fn line(second: u64, number: u64, latency_ms: u64) -> String {
        let timestamp = 1_761_537_600 + second;
        format!(
            "{{\"call_id\":\"call_20251027_0400{second:02}_{number:03}\",\"timestamp\":{timestamp},\"latency_ms\":{latency_ms}}}\n"
        )
    }

    fn newest(index: &str, folders: &[&str]) -> Vec<u64> {
        let root = tempfile::tempdir().unwrap();
        let session = root.path().join("20251027/session_20251027_040000");
        std::fs::create_dir_all(&session).unwrap();
        std::fs::write(session.join("index.jsonl"), index).unwrap();
        for folder in folders {
            std::fs::create_dir(session.join(folder)).unwrap();
        }
        let entries = Root::open(root.path()).unwrap().newest();
        entries.map(|entry| CallId::of(entry.unwrap().call().id().as_bytes()).number).collect()
    }

    #[test]
    fn a_call_that_ended_late_stands_where_it_started() {
        let index = [line(2, 2, 100), line(3, 3, 100), line(4, 4, 100), line(1, 1, 50_000)].concat();
        assert_eq!(newest(&index, &[]), [4, 3, 2, 1]);
    }

    #[test]
    fn folders_fill_the_gaps_of_the_index() {
        let index = [line(1, 1, 100), line(3, 3, 100)].concat();
        let folders = ["call_20251027_040002_002", "call_20251027_040003_003", "call_20251027_040009_004"];
        assert_eq!(newest(&index, &folders), [4, 3, 2, 1]);
    }

    #[test]
    fn a_line_that_stands_twice_is_one_call() {
        let index = [line(1, 1, 100), line(2, 2, 100), line(2, 2, 100)].concat();
        assert_eq!(newest(&index, &[]), [2, 1]);
    }
}
