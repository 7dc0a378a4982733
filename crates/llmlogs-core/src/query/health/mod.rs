//! Whether a root is sound, and rebuilding indexes that are not.

mod check;
mod contents;
mod repair;
mod report;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::read::error::Result;
use crate::read::root::Root;
use crate::read::session::Session;

use super::filter::Filter;
use super::scan::Progress;
pub use report::{Health, Problem, ProblemKind, SessionHealth};

/// What to check, and whether to repair it. See [`Root::check`].
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct HealthCheck {
    repair: bool,
    secrets: bool,
}

impl HealthCheck {
    /// Returns a check that changes nothing and does not look for secrets.
    pub fn new() -> Self {
        HealthCheck::default()
    }

    /// Rebuilds the indexes of sessions that are over from their calls, if something is wrong with them, takes calls
    /// that are gone out of the older logger's `index.json`, and removes the folders of calls that are packed already, with the
    /// same contents. Nothing else is changed.
    pub fn repair(mut self, repair: bool) -> Self {
        self.repair = repair;
        self
    }

    /// Looks into every file for secrets that the built-in redaction rules know, which takes longer than everything else.
    /// Folders that are no recorder's are not looked into.
    pub fn secrets(mut self, secrets: bool) -> Self {
        self.secrets = secrets;
        self
    }
}

impl Root {
    /// Checks the sessions of the days that pass `filter`, on all processors.
    ///
    /// `on_progress` is called after each session, from any of the threads, with numbers of sessions; as soon as it
    /// returns `false`, no further session is checked.
    ///
    /// # Errors
    ///
    /// If the root or one of its days cannot be listed.
    pub fn check(
        &self,
        filter: &Filter,
        check: &HealthCheck,
        on_progress: &(dyn Fn(Progress) -> bool + Sync),
    ) -> Result<Health> {
        let mut of_root = SessionHealth::default();
        check::strays(self.path(), filter, check.secrets, &mut of_root);
        let repaired = if check.repair { repair::older_index(self.path(), &mut of_root) } else { None };
        let mut sessions = filter.sessions(self)?;
        sessions.retain(|session| filter.matches_day(session.day()));
        let sessions = in_parallel(&sessions, check, on_progress);
        Ok(Health { sessions, problems: of_root.problems, repaired })
    }
}

fn in_parallel(
    sessions: &[Session],
    options: &HealthCheck,
    on_progress: &(dyn Fn(Progress) -> bool + Sync),
) -> Vec<SessionHealth> {
    let reports: Vec<Mutex<SessionHealth>> = sessions.iter().map(|_| Mutex::default()).collect();
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let total = sessions.len() as u64;
    let work = || {
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(session) = sessions.get(place) else { return };
            let mut report = check::session(session, options.secrets);
            if options.repair {
                repair::session(session, &mut report);
            }
            if let Ok(mut slot) = reports[place].lock() {
                *slot = report;
            }
            let done = done.fetch_add(1, Ordering::Relaxed) as u64 + 1;
            if !on_progress(Progress { done, total }) {
                // Numbers beyond the last session end the other threads.
                next.store(sessions.len(), Ordering::Relaxed);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    reports.into_iter().map(|report| report.into_inner().unwrap_or_default()).collect()
}
