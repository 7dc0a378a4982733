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
    begun: Instant,
    total: Option<u64>,
    what: &'static str,
    done: AtomicU64,
    drawn_ms: AtomicU64,
    bar: Mutex<Option<ProgressBar>>,
}

impl Progress {
    /// Counts up to `total`.
    pub(crate) fn bar(what: &'static str, total: u64) -> Self {
        Progress::new(what, Some(total))
    }

    /// Nobody knows how much there is.
    pub(crate) fn spinner(what: &'static str) -> Self {
        Progress::new(what, None)
    }

    fn new(what: &'static str, total: Option<u64>) -> Self {
        // Where the output runs over the same screen, a bar would stand in its way.
        let terminal =
            std::io::stderr().is_terminal() && (total.is_some() || !std::io::stdout().is_terminal());
        Progress {
            terminal,
            begun: Instant::now(),
            total,
            what,
            done: AtomicU64::new(0),
            drawn_ms: AtomicU64::new(0),
            bar: Mutex::new(None),
        }
    }

    pub(crate) fn step(&self, by: u64) {
        if !self.terminal {
            return;
        }
        let done = self.done.fetch_add(by, Ordering::Relaxed) + by;
        let elapsed = self.begun.elapsed();
        let ms = elapsed.as_millis() as u64;
        if elapsed < PATIENCE || ms < self.drawn_ms.load(Ordering::Relaxed) + REDRAW_MS {
            return;
        }
        self.drawn_ms.store(ms, Ordering::Relaxed);
        let mut bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
        bar.get_or_insert_with(|| self.make()).set_position(done);
    }

    fn make(&self) -> ProgressBar {
        let (bar, template) = match self.total {
            Some(total) => (ProgressBar::new(total), "{msg} {wide_bar} {percent}% {eta}"),
            None => (ProgressBar::new_spinner(), "{spinner} {msg}: {human_pos}"),
        };
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.with_style(style).with_message(self.what)
    }

    /// Takes the bar off the screen.
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
