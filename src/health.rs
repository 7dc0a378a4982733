//! How calls are doing, counted by the recorder and read by the program.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

#[cfg(feature = "middleware")]
use crate::circuits;
#[cfg(feature = "middleware")]
use crate::circuits::Circuit;
use llmlogs_core::format::IndexEntry;
use llmlogs_core::health::{HealthSnapshot, SeriesHealth, SeriesSet, SteadyClock};

/// How far [`Health::snapshot`] looks back.
const SNAPSHOT: Duration = Duration::from_secs(300);

/// How the calls of the last hour did, by provider and model, in sliding windows. Made by
/// [`LlmLogGuard::health`](crate::LlmLogGuard::health); clones show the same numbers.
///
/// The recorder counts every call that has ended, whatever made its span, on its own thread: with or without its bodies,
/// and whether or not it could be written. A call counts from the time at which it ended, once the recorder has taken it
/// from its queue. A call that was given up before that ([`LossCounts::memory`](crate::LossCounts::memory)), or at the end
/// of the program, does not count, nor does one while recording is switched off.
///
/// Not to be confused with [`read::Health`](crate::read::Health), which is what is wrong with the files of a root.
///
/// The success rate is that of the calls that succeeded or failed; one that the caller cancelled is neither. Windows go
/// back an hour at most, move in steps of 15 seconds, and reach up to one step further than asked for. Percentiles are
/// exact to about 6 %. At most 64 models are counted by themselves, the calls of others together as `other`.
#[derive(Clone)]
pub struct Health {
    inner: Arc<Inner>,
}

struct Inner {
    series: Mutex<SeriesSet>,
    clock: SteadyClock,
    /// A fork's child has a copy, whose lock may be held for good.
    process: u32,
}

impl Health {
    pub(crate) fn new() -> Self {
        Health {
            inner: Arc::new(Inner {
                series: Mutex::default(),
                clock: SteadyClock::start(),
                process: std::process::id(),
            }),
        }
    }

    pub(crate) fn clock(&self) -> SteadyClock {
        self.inner.clock
    }

    /// Counts a call that ended at `ended`.
    pub(crate) fn count(&self, call: &IndexEntry, ended: Instant) {
        let Inner { series, clock, .. } = &*self.inner;
        let mut series = series.lock().unwrap_or_else(PoisonError::into_inner);
        series.add(call, clock.at(ended), clock.now());
    }

    /// Runs `read` with the numbers; returns `None` in a fork's child, where nothing is counted.
    fn read<T>(&self, read: impl FnOnce(&SeriesSet) -> T) -> Option<T> {
        let Inner { series, process, .. } = &*self.inner;
        if std::process::id() != *process {
            return None;
        }
        Some(read(&series.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    /// Returns the share of calls of `model` that succeeded within `window`, from 0 to 1; `None` if none succeeded or
    /// failed. Both names are those that `metadata.json` has.
    #[must_use]
    pub fn success_rate(&self, provider: &str, model: &str, window: Duration) -> Option<f64> {
        let now = self.inner.clock.now();
        self.read(|series| series.stats(provider, model, window, now)?.success_rate())?
    }

    /// Returns what was counted of `model` within `window`; `None` without a call.
    #[must_use]
    pub fn model(&self, provider: &str, model: &str, window: Duration) -> Option<SeriesHealth> {
        let snapshot = self.snapshot_within(window);
        snapshot.series.into_iter().find(|series| series.provider == provider && series.model == model)
    }

    /// Returns what was counted of every model within the last five minutes, for `serde` and for people.
    #[must_use]
    pub fn snapshot(&self) -> HealthSnapshot {
        self.snapshot_within(SNAPSHOT)
    }

    /// Returns the state of each circuit of the program's breakers, whichever client they belong to; none without a
    /// [`Breaker`](crate::Breaker).
    #[cfg(feature = "middleware")]
    #[must_use]
    pub fn circuits(&self) -> Vec<Circuit> {
        circuits::all()
    }

    /// Returns those of [`circuits`](Self::circuits) that do not let every attempt pass.
    #[cfg(feature = "middleware")]
    #[must_use]
    pub fn degraded(&self) -> Vec<Circuit> {
        self.circuits().into_iter().filter(Circuit::is_degraded).collect()
    }

    /// As [`snapshot`](Self::snapshot), within `window`.
    #[must_use]
    pub fn snapshot_within(&self, window: Duration) -> HealthSnapshot {
        let now = self.inner.clock.now();
        self.read(|series| series.snapshot(window, now)).unwrap_or_default()
    }
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Health").finish_non_exhaustive()
    }
}
