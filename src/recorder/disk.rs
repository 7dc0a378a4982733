//! The session's files and what is known of the disk under them: every write is an attempt that may fail.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use llmlogs_core::store::{CallWriter, Fault, Session, WriteError};

use super::queue::Queue;
use super::retry::Failed;
use crate::warn::warn_stderr;

/// A disk that fails now and then is not worth a warning each time.
const WARNING_INTERVAL: Duration = Duration::from_secs(60);

/// The session of a recorder and whether it can be written.
pub(super) struct Disk {
    session: Session,
    queue: Arc<Queue>,
    /// Where the guard reads the path of the session's directory.
    session_dir: Arc<Mutex<PathBuf>>,
    /// The last attempt failed.
    is_failing: bool,
    warned_at: Option<Instant>,
}

impl Disk {
    pub(super) fn new(session: Session, queue: Arc<Queue>, session_dir: Arc<Mutex<PathBuf>>) -> Self {
        Disk { session, queue, session_dir, is_failing: false, warned_at: None }
    }

    pub(super) fn session_id(&self) -> &str {
        self.session.id()
    }

    /// Runs `step` and counts its failure; after one, everything that was open is opened anew.
    pub(super) fn attempt(
        &mut self,
        step: impl FnOnce(&mut Session) -> Result<(), WriteError>,
    ) -> Result<(), Failed> {
        let session = &mut self.session;
        let attempted = catch_unwind(AssertUnwindSafe(|| {
            session.check_moved();
            step(session)
        }));
        self.show_path();
        match attempted {
            Ok(Ok(())) => {
                self.succeeded();
                Ok(())
            }
            Ok(Err(WriteError::Failed(error))) => {
                self.failed(&error);
                Err(Failed::Disk)
            }
            Ok(Err(WriteError::Obstructed(error))) => {
                self.failed(&error);
                Err(Failed::Obstructed)
            }
            Err(_panic) => {
                self.session.reset();
                Err(Failed::Bug)
            }
        }
    }

    /// Shows the guard where the session is: under another date once a day has passed.
    fn show_path(&self) {
        let path = self.session.path();
        let mut shown = self.session_dir.lock().unwrap_or_else(PoisonError::into_inner);
        if *shown != path {
            *shown = path;
        }
    }

    fn succeeded(&mut self) {
        if !std::mem::take(&mut self.is_failing) {
            return;
        }
        self.queue.clear_give_up();
        // Readers see what the fault has cost. A failure here is counted, and the next attempt will meet it too.
        if let Err(error) = self.session.write_counters() {
            self.session.counters().write_failed(Fault::of(&error));
        }
    }

    fn failed(&mut self, error: &io::Error) {
        self.session.counters().write_failed(Fault::of(error));
        self.session.reset();
        if !self.is_failing && self.warned_at.is_none_or(|when| when.elapsed() >= WARNING_INTERVAL) {
            self.warned_at = Some(Instant::now());
            warn_stderr(format_args!(
                "cannot write below {}: {error}; calls wait in memory until it can be written again",
                self.session.path().display()
            ));
        }
        self.is_failing = true;
    }

    /// Gives a call up and counts it: as written if only its line in the index is missing, else as lost.
    pub(super) fn give_up(&mut self, writer: Option<CallWriter>, failed: Failed) {
        let is_written = writer.is_some_and(|writer| writer.abandon(&mut self.session));
        if !is_written {
            self.session.counters().call_lost(failed.loss());
        }
    }

    /// Ends the session.
    pub(super) fn end(self) {
        let Disk { session, queue, .. } = self;
        if let Err(error) = session.end() {
            queue.counters().write_failed(Fault::of(&error));
        }
    }
}
