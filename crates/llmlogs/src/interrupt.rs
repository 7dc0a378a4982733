//! Ctrl-C and whatever else asks a program to end (`SIGTERM`, `SIGHUP`), for commands that would leave something half done.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::outcome::CliError;

static PRESSED: AtomicBool = AtomicBool::new(false);

/// From here on these signals only set a flag, which [`check`] reads between two steps. Commands that write nothing but
/// their output need not call this: they end at once.
pub(crate) fn guard() -> Result<(), CliError> {
    ctrlc::set_handler(|| PRESSED.store(true, Ordering::Relaxed))
        .map_err(|error| CliError::Failed(format!("cannot watch for Ctrl-C: {error}")))
}

/// Returns an error if the program is to end.
pub(crate) fn check() -> Result<(), CliError> {
    if PRESSED.load(Ordering::Relaxed) { Err(CliError::Interrupted) } else { Ok(()) }
}
