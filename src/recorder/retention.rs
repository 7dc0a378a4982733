//! The thread that applies a [`Retention`] while the recorder runs.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use llmlogs_core::store::Retention;

use crate::warn::WarnOnce;

/// How long the thread sleeps between two rounds.
const INTERVAL: Duration = Duration::from_secs(3600);

/// Tells the thread that the recorder has ended.
#[derive(Default)]
struct StopSignal {
    stopped: Mutex<bool>,
    changed: Condvar,
}

impl StopSignal {
    fn is_stopped(&self) -> bool {
        *self.stopped.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stop(&self) {
        *self.stopped.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    /// Waits for the signal, at most `timeout`.
    fn wait(&self, timeout: Duration) {
        let stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        let _waited = self.changed.wait_timeout_while(stopped, timeout, |stopped| !*stopped);
    }
}

/// Ends the thread when it is dropped; a round that is under way ends with the call that it is at.
pub(super) struct RetentionThread(Arc<StopSignal>);

impl RetentionThread {
    /// Starts the thread, which applies `retention` to the root at `root` at once and then every hour.
    pub(super) fn start(root: PathBuf, retention: Retention) -> io::Result<Self> {
        let signal = Arc::new(StopSignal::default());
        let on_thread = Arc::clone(&signal);
        std::thread::Builder::new().name("llmlogs-retention".to_owned()).spawn(move || {
            while !on_thread.is_stopped() {
                prune(&root, retention, &on_thread);
                on_thread.wait(INTERVAL);
            }
        })?;
        Ok(RetentionThread(signal))
    }
}

impl Drop for RetentionThread {
    fn drop(&mut self) {
        self.0.stop();
    }
}

fn prune(root: &Path, retention: Retention, signal: &StopSignal) {
    static FAILED: WarnOnce = WarnOnce::new();
    let warn = |error: &io::Error| {
        FAILED.once(format_args!("cannot remove old calls: {error}; the next try comes in an hour"));
    };
    match retention.run(root, true, &|| signal.is_stopped()) {
        Ok(report) => report.errors.first().into_iter().for_each(warn),
        Err(error) => warn(&error),
    }
}
