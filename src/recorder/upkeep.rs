//! The thread that removes old calls and packs sessions while the recorder runs.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use llmlogs_core::store::Retention;

use crate::warn::WarnOnce;

/// How long the thread sleeps between two rounds.
const INTERVAL: Duration = Duration::from_secs(3600);

/// What is done while the recorder runs.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Upkeep {
    /// `None` to keep everything.
    pub(crate) retention: Option<Retention>,
    /// How long after its end a session is packed; `None` to leave folders as they are.
    #[cfg(feature = "pack")]
    pub(crate) pack_after: Option<Duration>,
}

impl Upkeep {
    /// Returns whether there is nothing to do.
    pub(super) fn is_none(self) -> bool {
        #[cfg(feature = "pack")]
        if self.pack_after.is_some() {
            return false;
        }
        self.retention.is_none()
    }
}

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
pub(super) struct UpkeepThread(Arc<StopSignal>);

impl UpkeepThread {
    /// Starts the thread, which looks after the root at `root` at once and then every hour.
    pub(super) fn start(root: PathBuf, upkeep: Upkeep) -> io::Result<Self> {
        let signal = Arc::new(StopSignal::default());
        let on_thread = Arc::clone(&signal);
        std::thread::Builder::new().name("llmlogs-upkeep".to_owned()).spawn(move || {
            while !on_thread.is_stopped() {
                if let Some(retention) = upkeep.retention {
                    prune(&root, retention, &on_thread);
                }
                #[cfg(feature = "pack")]
                if let Some(age) = upkeep.pack_after {
                    pack(&root, age, &on_thread);
                }
                on_thread.wait(INTERVAL);
            }
        })?;
        Ok(UpkeepThread(signal))
    }
}

impl Drop for UpkeepThread {
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

#[cfg(feature = "pack")]
fn pack(root: &Path, age: Duration, signal: &StopSignal) {
    use llmlogs_core::archive::Packer;
    use llmlogs_core::read::Root;

    static FAILED: WarnOnce = WarnOnce::new();
    let warn = |error: &io::Error| {
        FAILED.once(format_args!("cannot pack old sessions: {error}; the next try comes in an hour"));
    };
    let sessions = || -> Result<Vec<_>, llmlogs_core::read::Error> {
        let mut sessions = Vec::new();
        for day in Root::open(root)?.days()? {
            sessions.extend(day.sessions()?);
        }
        Ok(sessions)
    };
    let sessions = match sessions() {
        Ok(sessions) => sessions,
        Err(error) => return warn(&error.into()),
    };
    let packer = Packer::new().older_than(age);
    for session in sessions {
        if signal.is_stopped() {
            return;
        }
        match packer.pack(session.dir(), &|| !signal.is_stopped()) {
            Ok(_) => {}
            // Retention may have removed it; a recorder that ends leaves the rest to the next one.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::Interrupted) => {}
            Err(error) => warn(&error),
        }
    }
}
