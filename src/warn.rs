//! Words to the user, on standard error: the recorder never emits what it would have to record.

use std::fmt;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

/// Something that is said once in the life of the process.
pub(crate) struct WarnOnce(AtomicBool);

impl WarnOnce {
    pub(crate) const fn new() -> Self {
        WarnOnce(AtomicBool::new(false))
    }

    pub(crate) fn once(&self, words: fmt::Arguments<'_>) {
        if !self.0.load(Ordering::Relaxed) && !self.0.swap(true, Ordering::Relaxed) {
            warn_stderr(words);
        }
    }
}

/// Says a line. Where nobody can hear it, that is no reason to fail.
pub(crate) fn warn_stderr(words: fmt::Arguments<'_>) {
    let _unheard = writeln!(io::stderr(), "tracing-llmlogs: {words}");
}
