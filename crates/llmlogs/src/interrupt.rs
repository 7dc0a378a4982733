//! Ctrl-C, for commands that would leave something half done.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::outcome::Problem;

static PRESSED: AtomicBool = AtomicBool::new(false);

/// From here on Ctrl-C is only noted; whoever works looks at it between two steps. Commands that
/// write nothing but their output need not: they end at once.
pub(crate) fn guard() -> Result<(), Problem> {
    ctrlc::set_handler(|| PRESSED.store(true, Ordering::Relaxed))
        .map_err(|error| Problem::Failed(format!("cannot watch for Ctrl-C: {error}")))
}

/// An error when it was pressed.
pub(crate) fn check() -> Result<(), Problem> {
    if PRESSED.load(Ordering::Relaxed) { Err(Problem::Interrupted) } else { Ok(()) }
}
