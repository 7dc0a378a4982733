//! The sessions of a root.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::format::day::is_day;
use crate::format::session_name::is_session;
use crate::query::share;
use crate::read::Event;
use crate::read::error::{Error, Result};
use crate::read::listing::Listing;

use super::followed::{Changes, Followed, Happened};
use super::snapshot::Snapshot;

/// The newest days, whose sessions are looked at in each poll; the others take turns.
const NEWEST: usize = 2;
const TURNS: u64 = 8;

/// How many sessions are read between two looks at the time.
const TOGETHER: usize = 8;

/// The calls of a root, which need not exist yet.
#[derive(Debug)]
pub struct Follower {
    root: PathBuf,
    days: BTreeMap<String, Listing>,
    unlisted: Vec<Error>,
    sessions: BTreeMap<PathBuf, Followed>,
    /// Sessions that were there at the start and have not been read, the newest last.
    waiting: Vec<PathBuf>,
    polls: u64,
}

/// What a poll found.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Polled {
    /// What happened to calls since the last poll, in the order of time, and whether lists had the call before.
    pub events: Vec<(Event, bool)>,
    /// Whether a new [`Snapshot`] differs from the last one.
    pub changed: bool,
    /// Whether calls have been removed, or files replaced.
    pub anew: bool,
}

impl Follower {
    /// Begins with what there is, of which nothing is read before the first poll.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Follower {
            root: root.into(),
            days: BTreeMap::new(),
            unlisted: Vec::new(),
            sessions: BTreeMap::new(),
            waiting: Vec::new(),
            polls: 0,
        }
    }

    /// Returns whether sessions that were there at the start have not been read yet.
    #[must_use]
    pub fn is_loading(&self) -> bool {
        self.polls == 0 || !self.waiting.is_empty()
    }

    /// Looks at the files; while it [is loading](Self::is_loading), reads sessions for about as long as `budget`, newest
    /// days first. What it reads then is no event.
    ///
    /// # Errors
    ///
    /// If the root cannot be listed. The next poll tries again.
    pub fn poll(&mut self, budget: Duration) -> Result<Polled> {
        let start = Instant::now();
        let mut changes = Changes::default();
        let is_first = self.polls == 0;
        self.find_sessions(is_first, &mut changes)?;
        self.polls += 1;
        self.load(start, budget, &mut changes);
        let newest: BTreeSet<PathBuf> =
            self.days.keys().rev().take(NEWEST).map(|day| self.root.join(day)).collect();
        for (place, (dir, session)) in self.sessions.iter_mut().enumerate() {
            let thorough = (place as u64).wrapping_add(self.polls).is_multiple_of(TURNS);
            if thorough || dir.parent().is_some_and(|day| newest.contains(day)) {
                session.poll(dir, thorough, &mut changes);
            }
        }
        let mut happened = changes.happened;
        let end = |happened: &Happened| happened.event.entry().line().end();
        happened.sort_by(|a, b| end(a).total_cmp(&end(b)));
        Ok(Polled {
            events: happened.into_iter().map(|happened| (happened.event, happened.was_listed)).collect(),
            changed: changes.changed || is_first,
            anew: changes.anew,
        })
    }

    /// Returns what is known.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let sessions = self.sessions.values().map(|session| session.rows.clone());
        Snapshot::new(self.root.clone(), sessions, self.is_loading(), self.unlisted.clone())
    }

    fn find_sessions(&mut self, is_first: bool, changes: &mut Changes) -> Result<()> {
        let mut root = Listing::default();
        root.refresh(&self.root, is_day)?;
        self.days.retain(|day, _| root.names.binary_search(day).is_ok());
        let unlisted = std::mem::take(&mut self.unlisted).len();
        let mut listed = BTreeSet::new();
        for day in root.names {
            let dir = self.root.join(&day);
            let listing = self.days.entry(day).or_default();
            if let Err(error) = listing.refresh(&dir, is_session) {
                self.unlisted.push(error);
                *listing = Listing::default();
            }
            listed.extend(listing.names.iter().map(|name| dir.join(name)));
        }
        changes.changed |= unlisted != self.unlisted.len();
        self.waiting.retain(|dir| listed.contains(dir));
        let known = self.sessions.len();
        self.sessions.retain(|dir, _| listed.contains(dir));
        if self.sessions.len() != known {
            (changes.changed, changes.anew) = (true, true);
        }
        let new = |dir: &PathBuf| !self.sessions.contains_key(dir) && !self.waiting.contains(dir);
        let new: Vec<PathBuf> = listed.into_iter().filter(new).collect();
        if is_first {
            self.waiting = new;
            return Ok(());
        }
        for dir in new {
            let (session, found) = Followed::load(&dir, true);
            self.sessions.insert(dir, session);
            changes.changed = true;
            changes.happened.extend(found.happened);
        }
        Ok(())
    }

    /// Reads waiting sessions on all processors.
    fn load(&mut self, start: Instant, budget: Duration, changes: &mut Changes) {
        while !self.waiting.is_empty() {
            let together = self.waiting.split_off(self.waiting.len().saturating_sub(TOGETHER));
            let loaded = Mutex::new(Vec::new());
            let mut threads = vec![(); std::thread::available_parallelism().map_or(1, usize::from)];
            share(&mut threads, together.len(), |_, _, next| {
                let dir: &Path = &together[next];
                let (session, _) = Followed::load(dir, false);
                loaded.lock().unwrap_or_else(PoisonError::into_inner).push((dir.to_owned(), session));
            });
            self.sessions.extend(loaded.into_inner().unwrap_or_else(PoisonError::into_inner));
            changes.changed = true;
            if start.elapsed() >= budget {
                return;
            }
        }
    }
}
