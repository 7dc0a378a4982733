//! The guard: flushing, counting and stopping a recorder.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use llmlogs_core::store::Stats;

use super::queue::{Flushed, Queue};
use crate::alerts::{AlertEngine, AlertStats};
use crate::health::Health;
use crate::warn::warn_stderr;

/// How long dropping an [`LlmLogGuard`] waits for what is still to be written.
const DROP_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a shutdown waits at most for notices of alerts to be delivered: a channel that hangs delays no program's end.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(2);

/// Stops the recorder when it is dropped, after writing what waits (for at most five seconds), and says on standard
/// error how many calls were lost, if any.
///
/// Keep it until the end of the program: `let (layer, _guard) = …`. With `let (layer, _) = …` it is
/// dropped at once and nothing is recorded.
#[must_use = "the recorder stops when the guard is dropped"]
pub struct LlmLogGuard {
    /// `None` if recording is switched off for good.
    running: Option<Running>,
}

/// A recorder whose thread runs.
pub(super) struct Running {
    pub(super) queue: Arc<Queue>,
    pub(super) session_id: String,
    pub(super) session_uid: String,
    pub(super) session_dir: Arc<Mutex<PathBuf>>,
    pub(super) health: Health,
    pub(super) alerts: Option<Arc<AlertEngine>>,
    pub(super) thread: Option<JoinHandle<()>>,
}

impl LlmLogGuard {
    pub(super) fn new(running: Running) -> Self {
        LlmLogGuard { running: Some(running) }
    }

    /// Returns the guard of a layer that is switched off for good.
    pub(crate) fn inert() -> Self {
        LlmLogGuard { running: None }
    }

    /// Returns the session's id, such as `20251027_040210`: unique within the root. Empty if recording is switched
    /// off for good, by [`enabled`](crate::LlmLogLayerBuilder::enabled) or by `LLMLOGS=off`.
    #[must_use]
    pub fn session_id(&self) -> &str {
        self.running.as_ref().map_or("", |running| &running.session_id)
    }

    /// Returns the session's unique id, 128 random bits as 32 hexadecimal digits: unique across roots and machines.
    /// Empty if recording is switched off for good.
    #[must_use]
    pub fn session_uid(&self) -> &str {
        self.running.as_ref().map_or("", |running| &running.session_uid)
    }

    /// Returns the path of the session's directory of the day that was opened last: that of the last call, or of the
    /// start. Empty if recording is switched off for good.
    #[must_use]
    pub fn session_dir(&self) -> PathBuf {
        match &self.running {
            Some(running) => running.session_dir.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            None => PathBuf::new(),
        }
    }

    /// Waits until every call that was closed before is on disk, for at most `timeout`.
    ///
    /// It blocks the thread; in async code use `spawn_blocking` or call it after the runtime ended.
    ///
    /// # Errors
    ///
    /// [`FlushError::TimedOut`] if `timeout` passed before, [`FlushError::Stopped`] if the recorder has been shut
    /// down or runs in another process, of which this is a fork.
    pub fn flush(&self, timeout: Duration) -> Result<(), FlushError> {
        match &self.running {
            None => Ok(()),
            Some(running) => match running.queue.flush(timeout) {
                Flushed::Done => Ok(()),
                Flushed::Stopped => Err(FlushError::Stopped),
                Flushed::TimedOut { queued } => Err(FlushError::TimedOut { queued }),
            },
        }
    }

    /// Returns the counters since the recorder was built; zeros if recording is switched off for good.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.running.as_ref().map_or_else(Stats::default, |running| running.queue.stats())
    }

    /// Returns how the recorded calls are doing, by provider and model; nothing if recording is switched off for good.
    #[must_use]
    pub fn health(&self) -> Health {
        self.running.as_ref().map_or_else(Health::new, |running| running.health.clone())
    }

    /// Returns what the alerts did so far; nothing without [`alerts`](crate::LlmLogLayerBuilder::alerts).
    #[must_use]
    pub fn alerts(&self) -> AlertStats {
        let alerts = self.running.as_ref().and_then(|running| running.alerts.as_ref());
        alerts.map(|alerts| alerts.stats()).unwrap_or_default()
    }

    /// Switches recording on or off while the program runs. Calls that are open stay what they were when they opened.
    pub fn set_enabled(&self, enabled: bool) {
        if let Some(running) = &self.running {
            running.queue.set_enabled(enabled);
        }
    }

    /// Writes what waits, for at most `timeout`, stops the recorder and returns the last counters. Each call that is not
    /// on disk by then is counted as lost, and a line on standard error says how many there are; calls that close later
    /// are not recorded. Calls that are still open are not lost: they read as interrupted.
    ///
    /// If the program lives on, the recorder's thread still writes what it can, and `session.json` has the counts as they
    /// are in the end.
    pub fn shutdown(mut self, timeout: Duration) -> Stats {
        self.stop(timeout)
    }

    /// Returns the queue, which outlives the guard.
    #[cfg(test)]
    pub(super) fn queue(&self) -> Option<Arc<Queue>> {
        self.running.as_ref().map(|running| Arc::clone(&running.queue))
    }

    fn stop(&mut self, timeout: Duration) -> Stats {
        let started = Instant::now();
        let Some(mut running) = self.running.take() else {
            return Stats::default();
        };
        if !running.queue.is_owner_process() {
            // In a fork's child there is no thread to join or detach.
            std::mem::forget(running.thread.take());
            return running.queue.stats();
        }
        let lost_before = running.queue.stats().lost;
        if running.queue.shutdown(timeout)
            && let Some(thread) = running.thread.take()
        {
            // The thread has announced its end, and it catches its own panics.
            let _ended = thread.join();
        }
        if let Some(alerts) = &running.alerts {
            alerts.wait_delivered(timeout.saturating_sub(started.elapsed()).min(DELIVERY_TIMEOUT));
        }
        let stats = running.queue.stats();
        warn_lost(stats.lost.saturating_sub(lost_before), timeout, &running.session_id);
        stats
    }
}

/// Tells what the end of a recorder has cost.
fn warn_lost(lost: u64, timeout: Duration, session_id: &str) {
    let calls = match lost {
        0 => return,
        1 => "1 call is".to_owned(),
        more => format!("{more} calls are"),
    };
    warn_stderr(format_args!(
        "{calls} lost: not on disk {timeout:?} after the recorder of session {session_id} was told to stop. \
         `guard.shutdown(timeout)` waits longer."
    ));
}

impl Drop for LlmLogGuard {
    fn drop(&mut self) {
        self.stop(DROP_TIMEOUT);
    }
}

impl fmt::Debug for LlmLogGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LlmLogGuard").field("session_id", &self.session_id()).finish_non_exhaustive()
    }
}

/// Why [`LlmLogGuard::flush`] returned before everything was on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FlushError {
    /// The timeout passed.
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
