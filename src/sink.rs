//! What the layer hands calls to, and what the instrumentation knows of the recorders in the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use llmlogs_core::capture::{CallKey, CallRecord, CapturePolicy, CapturedRequest};

/// The recorder as the layer sees it. No method fails, and none blocks unless the recorder is set to.
pub(crate) trait Sink: Send + Sync {
    /// Returns what is to be captured of a new call, or `None` while recording is switched off.
    fn policy(&self) -> Option<CapturePolicy>;

    /// Takes the request of a call that began at `at` and is still in flight.
    fn started(&self, key: CallKey, at: SystemTime, request: &Arc<CapturedRequest>);

    /// Takes the record of a call that is over.
    fn finished(&self, record: Box<CallRecord>);
}

/// The sink of a layer that is switched off for good.
pub(crate) struct Off;

impl Sink for Off {
    fn policy(&self) -> Option<CapturePolicy> {
        None
    }

    fn started(&self, _key: CallKey, _at: SystemTime, _request: &Arc<CapturedRequest>) {}

    fn finished(&self, _record: Box<CallRecord>) {}
}

/// Recorders whose thread runs, in this process.
static RUNNING: AtomicUsize = AtomicUsize::new(0);
/// Layers, of recorders that record and of those that are switched off.
static LAYERS: AtomicUsize = AtomicUsize::new(0);
/// Recorders that are switched on.
static ON: AtomicUsize = AtomicUsize::new(0);

/// What there is of recorders in the process.
pub(crate) struct Recorders;

impl Recorders {
    /// Returns whether any recorder is running, so that a call which none of them sees is worth a warning.
    pub(crate) fn any_running() -> bool {
        RUNNING.load(Ordering::Relaxed) > 0
    }

    /// Returns whether there are layers and every recorder is switched off. Then bodies are not looked at, not for other
    /// layers' sake either.
    #[cfg(feature = "middleware")]
    pub(crate) fn all_off() -> bool {
        ON.load(Ordering::Relaxed) == 0 && LAYERS.load(Ordering::Relaxed) > 0
    }
}

/// Is counted while it lives.
#[derive(Debug)]
pub(crate) struct CountGuard(&'static AtomicUsize);

impl CountGuard {
    pub(crate) fn running() -> Self {
        CountGuard::new(&RUNNING)
    }

    pub(crate) fn layer() -> Self {
        CountGuard::new(&LAYERS)
    }

    pub(crate) fn on() -> Self {
        CountGuard::new(&ON)
    }

    fn new(counter: &'static AtomicUsize) -> Self {
        counter.fetch_add(1, Ordering::Relaxed);
        CountGuard(counter)
    }
}

impl Drop for CountGuard {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
