//! Progress on standard error: on a terminal only, and only for what takes longer than a second.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

const PATIENCE: Duration = Duration::from_secs(1);

/// How often a running bar is drawn anew.
const REDRAW_MS: u64 = 100;

pub(crate) struct Progress {
    terminal: bool,
    started: Instant,
    what: &'static str,
    done: AtomicU64,
    drawn_ms: AtomicU64,
    bar: Mutex<Option<ProgressBar>>,
}

impl Progress {
    /// For queries, which know how much there is.
    pub(crate) fn bar(what: &'static str) -> Self {
        Progress::new(what, true)
    }

    /// For what is counted without a known end.
    pub(crate) fn spinner(what: &'static str) -> Self {
        Progress::new(what, false)
    }

    fn new(what: &'static str, before_output: bool) -> Self {
        // While the output runs over the same screen, it would be in the way.
        let terminal = std::io::stderr().is_terminal() && (before_output || !std::io::stdout().is_terminal());
        Progress {
            terminal,
            started: Instant::now(),
            what,
            done: AtomicU64::new(0),
            drawn_ms: AtomicU64::new(0),
            bar: Mutex::new(None),
        }
    }

    /// Counts `by` more.
    pub(crate) fn step(&self, by: u64) {
        self.set(self.done.fetch_add(by, Ordering::Relaxed) + by, None);
    }

    /// Shows how far a query has come.
    pub(crate) fn show(&self, progress: llmlogs_core::query::Progress) {
        self.set(progress.done, Some(progress.total));
    }

    fn set(&self, done: u64, total: Option<u64>) {
        if !self.terminal {
            return;
        }
        let elapsed = self.started.elapsed();
        let ms = elapsed.as_millis() as u64;
        if elapsed < PATIENCE || ms < self.drawn_ms.load(Ordering::Relaxed) + REDRAW_MS {
            return;
        }
        self.drawn_ms.store(ms, Ordering::Relaxed);
        let mut bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
        bar.get_or_insert_with(|| self.make(total)).set_position(done);
    }

    fn make(&self, total: Option<u64>) -> ProgressBar {
        let (bar, template) = match total {
            Some(total) => (ProgressBar::new(total), "{msg} {wide_bar} {percent}% {eta}"),
            None => (ProgressBar::new_spinner(), "{spinner} {msg}: {human_pos}"),
        };
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.with_style(style).with_message(self.what)
    }

    /// Removes the bar from the screen.
    pub(crate) fn end(&self) {
        if let Some(bar) = self.bar.lock().unwrap_or_else(PoisonError::into_inner).take() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}
