//! The guard: flushing, counting and stopping a recorder.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::queue::{Flushed, Queue};
use llmlogs_core::store::Stats;

/// How long [`LlmLogGuard`]'s `Drop` waits for what is still to be written.
const DROP_LIMIT: Duration = Duration::from_secs(5);

/// Stops the recorder when it is dropped, after writing what waits (for at most five seconds).
///
/// Keep it until the end of the program: `let (layer, _guard) = …`. With `let (layer, _) = …` it is
/// dropped at once and nothing is recorded.
#[must_use = "the recorder stops when the guard is dropped"]
pub struct LlmLogGuard {
    /// `None` when recording is switched off for good.
    running: Option<Running>,
}

pub(super) struct Running {
    pub(super) queue: Arc<Queue>,
    pub(super) session_id: String,
    pub(super) session_dir: Arc<Mutex<PathBuf>>,
    pub(super) thread: Option<JoinHandle<()>>,
}

impl LlmLogGuard {
    pub(super) fn new(running: Running) -> Self {
        LlmLogGuard { running: Some(running) }
    }

    pub(crate) fn inert() -> Self {
        LlmLogGuard { running: None }
    }

    /// The session's id, such as `20251027_040210`; empty when recording is switched off.
    #[must_use]
    pub fn session_id(&self) -> &str {
        self.running.as_ref().map_or("", |running| &running.session_id)
    }

    /// The session's folder of the day on which the last call was recorded; empty when recording is
    /// switched off.
    #[must_use]
    pub fn session_dir(&self) -> PathBuf {
        match &self.running {
            Some(running) => running.session_dir.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            None => PathBuf::new(),
        }
    }

    /// Waits until every call that was closed before this is on disk.
    ///
    /// It blocks the thread; in async code use `spawn_blocking` or call it after the runtime ended.
    ///
    /// # Errors
    ///
    /// [`FlushError::TimedOut`] when the time was too short, [`FlushError::Stopped`] after
    /// [`shutdown`](Self::shutdown).
    pub fn flush(&self, limit: Duration) -> Result<(), FlushError> {
        match &self.running {
            None => Ok(()),
            Some(running) => match running.queue.flush(limit) {
                Flushed::Done => Ok(()),
                Flushed::Stopped => Err(FlushError::Stopped),
                Flushed::Late(queued) => Err(FlushError::TimedOut { queued }),
            },
        }
    }

    /// The counters since the recorder was built.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.running.as_ref().map_or_else(Stats::default, |running| running.queue.stats())
    }

    /// Switches recording off and on while the program runs. Calls that are open stay what they were
    /// when they opened.
    pub fn set_enabled(&self, enabled: bool) {
        if let Some(running) = &self.running {
            running.queue.set_enabled(enabled);
        }
    }

    /// Writes what waits, for at most `limit`, stops the recorder and gives the last counters. Calls
    /// that close later are not recorded.
    pub fn shutdown(mut self, limit: Duration) -> Stats {
        self.stop(limit)
    }

    fn stop(&mut self, limit: Duration) -> Stats {
        let Some(mut running) = self.running.take() else {
            return Stats::default();
        };
        if !running.queue.is_owner_process() {
            // In a fork's child there is no thread to wait for, nor one to let go of.
            std::mem::forget(running.thread.take());
            return running.queue.stats();
        }
        if running.queue.shutdown(limit)
            && let Some(thread) = running.thread.take()
        {
            // The thread has said that it is at its end, and it catches its own panics.
            let _ended = thread.join();
        }
        running.queue.stats()
    }
}

impl Drop for LlmLogGuard {
    fn drop(&mut self) {
        self.stop(DROP_LIMIT);
    }
}

impl fmt::Debug for LlmLogGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LlmLogGuard").field("session_id", &self.session_id()).finish_non_exhaustive()
    }
}

/// Why a flush did not finish.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FlushError {
    /// The time was too short.
    TimedOut {
        /// How many calls were still waiting.
        queued: u64,
    },
    /// The recorder has been shut down.
    Stopped,
}

impl fmt::Display for FlushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FlushError::TimedOut { queued } => {
                write!(f, "{queued} calls were still waiting to be written; allow more time")
            }
            FlushError::Stopped => f.write_str("the recorder has been shut down"),
        }
    }
}

impl std::error::Error for FlushError {}
