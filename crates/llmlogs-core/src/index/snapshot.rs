//! What was known at one time.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::format::call_id::CallId;
use crate::read::entry::Entry;
use crate::read::error::Error;
use crate::read::files;

use super::session_rows::SessionRows;

/// The calls of a root at one time, of which questions are asked while the root changes.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    pub(super) root: PathBuf,
    /// By day, oldest first.
    pub(super) days: Vec<(String, Vec<Arc<SessionRows>>)>,
    is_loading: bool,
    /// Days that cannot be listed.
    pub(super) unlisted: Vec<Error>,
    /// What has happened since the time that is asked for, by session: of each call, whether it was there.
    pub(super) later: HashMap<PathBuf, HashMap<CallId, bool>>,
    /// Set when nobody waits for answers any more.
    gone: Arc<AtomicBool>,
}

impl Snapshot {
    pub(super) fn new(
        root: PathBuf,
        sessions: impl Iterator<Item = Arc<SessionRows>>,
        is_loading: bool,
        unlisted: Vec<Error>,
    ) -> Self {
        let mut days: Vec<(String, Vec<Arc<SessionRows>>)> = Vec::new();
        for session in sessions {
            let day = session.dir().parent().map(files::name).unwrap_or_default();
            match days.last_mut() {
                Some((known, of_day)) if known == day => of_day.push(session),
                _ => days.push((day.to_owned(), vec![session])),
            }
        }
        Snapshot { root, days, is_loading, unlisted, later: HashMap::new(), gone: Arc::default() }
    }

    /// Returns the root's path.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns whether older days are still being read.
    #[must_use]
    pub fn is_loading(&self) -> bool {
        self.is_loading
    }

    /// Returns how many calls there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.days.iter().flat_map(|(_, sessions)| sessions).map(|session| session.count()).sum()
    }

    /// Returns the snapshot without what has happened since: the first of `events` of each call says whether the call was
    /// there before. One that was counts as in flight.
    #[must_use]
    pub fn without<'e>(&self, events: impl IntoIterator<Item = (&'e Path, bool)>) -> Self {
        let mut later: HashMap<PathBuf, HashMap<CallId, bool>> = HashMap::new();
        for (dir, was_listed) in events {
            let session = later.entry(dir.parent().unwrap_or(Path::new("")).to_owned()).or_default();
            session.entry(CallId::of(files::name(dir).as_bytes())).or_insert(was_listed);
        }
        Snapshot { later, ..self.clone() }
    }

    /// Returns the snapshot for somebody who may go away: once `gone` is set, its answers end early and are incomplete.
    #[must_use]
    pub fn while_waited_for(&self, gone: Arc<AtomicBool>) -> Self {
        Snapshot { gone, ..self.clone() }
    }

    pub(super) fn is_given_up(&self) -> bool {
        self.gone.load(Ordering::Relaxed)
    }

    /// Returns the calls that are in flight, oldest first.
    #[must_use]
    pub fn in_flight(&self) -> Vec<Entry> {
        let sessions = self.days.iter().flat_map(|(_, sessions)| sessions);
        let unfinished = sessions.flat_map(|session| &session.unfinished);
        let is_in_flight = |entry: &&Entry| entry.call().state() == crate::read::State::InFlight;
        let mut entries: Vec<Entry> = unfinished.filter(is_in_flight).cloned().collect();
        entries.sort_by(|a, b| a.timestamp().total_cmp(&b.timestamp()));
        entries
    }
}
