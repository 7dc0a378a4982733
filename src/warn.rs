//! Warnings on standard error. The recorder emits no `tracing` events, which it might have to record itself.

use std::fmt;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

/// A warning that is written once in the life of the process.
pub(crate) struct WarnOnce(AtomicBool);

impl WarnOnce {
    pub(crate) const fn new() -> Self {
        WarnOnce(AtomicBool::new(false))
    }

    pub(crate) fn once(&self, message: fmt::Arguments<'_>) {
        if !self.0.load(Ordering::Relaxed) && !self.0.swap(true, Ordering::Relaxed) {
            warn_stderr(message);
        }
    }
}

/// Writes a line to standard error. Where that is closed, nothing else is done.
pub(crate) fn warn_stderr(message: fmt::Arguments<'_>) {
    let _closed = writeln!(io::stderr(), "tracing-llmlogs: {message}");
}
