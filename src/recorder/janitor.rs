//! The thread that keeps a [`Retention`] while the recorder runs.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::warn::WarnOnce;

use llmlogs_core::store::Retention;

/// How long it rests between two rounds.
const ROUND: Duration = Duration::from_secs(3600);

/// Whether the recorder has ended.
#[derive(Default)]
struct Over {
    over: Mutex<bool>,
    changed: Condvar,
}

impl Over {
    fn is_over(&self) -> bool {
        *self.over.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Rests for a round; says whether there is another one.
    fn rest(&self) -> bool {
        let over = self.over.lock().unwrap_or_else(PoisonError::into_inner);
        let rested = self.changed.wait_timeout_while(over, ROUND, |over| !*over);
        !*rested.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// Ends the thread when it is dropped; a round that is under way ends with the call that it is at.
pub(super) struct Janitor(Arc<Over>);

impl Janitor {
    /// Removes what is too old in the root at `root`, now and then hourly.
    pub(super) fn start(root: PathBuf, retention: Retention) -> io::Result<Self> {
        let over = Arc::new(Over::default());
        let shared = Arc::clone(&over);
        std::thread::Builder::new().name("llmlogs-prune".to_owned()).spawn(move || {
            while !shared.is_over() {
                round(&root, retention, &shared);
                if !shared.rest() {
                    break;
                }
            }
        })?;
        Ok(Janitor(over))
    }
}

impl Drop for Janitor {
    fn drop(&mut self) {
        *self.0.over.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.changed.notify_all();
    }
}

fn round(root: &Path, retention: Retention, over: &Over) {
    static FAILED: WarnOnce = WarnOnce::new();
    let failed = |error: &io::Error| {
        FAILED.once(format_args!("cannot remove old calls: {error}; the next try comes in an hour"));
    };
    match retention.run(root, true, &|| over.is_over()) {
        Ok(pruned) => pruned.errors.first().into_iter().for_each(failed),
        Err(error) => failed(&error),
    }
}
