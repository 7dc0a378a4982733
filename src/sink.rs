//! Where the layer puts what it has gathered.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use llmlogs_core::capture::{CallKey, CallRecord, CapturePolicy, CapturedRequest};

/// The recorder as the layer sees it. No method waits unless the user asked for it, none fails.
pub(crate) trait Sink: Send + Sync {
    /// Returns what is to be captured of a new call, or `None` while recording is switched off.
    fn policy(&self) -> Option<CapturePolicy>;

    /// The request of a call that began `at` is known while the call is still in flight.
    fn started(&self, key: CallKey, at: SystemTime, request: &Arc<CapturedRequest>);

    /// A call is over.
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

/// How many there are in this process: recorders whose thread runs, layers, and recorders that are switched on.
static RUNNING: AtomicUsize = AtomicUsize::new(0);
static LAYERS: AtomicUsize = AtomicUsize::new(0);
static ON: AtomicUsize = AtomicUsize::new(0);

/// What the sending side knows of the recorders without asking any of them.
pub(crate) struct Recorders;

impl Recorders {
    /// Whether any is running, so that a call which none of them sees is worth a word.
    pub(crate) fn any_running() -> bool {
        RUNNING.load(Ordering::Relaxed) > 0
    }

    /// Whether there are some and all are switched off: then bodies are not even looked at, not for other layers'
    /// sake either.
    #[cfg(feature = "middleware")]
    pub(crate) fn all_off() -> bool {
        ON.load(Ordering::Relaxed) == 0 && LAYERS.load(Ordering::Relaxed) > 0
    }
}

/// Counts something while it lives.
#[derive(Debug)]
pub(crate) struct CountGuard(&'static AtomicUsize);

impl CountGuard {
    pub(crate) fn running() -> Self {
        CountGuard::in_(&RUNNING)
    }

    pub(crate) fn layer() -> Self {
        CountGuard::in_(&LAYERS)
    }

    pub(crate) fn on() -> Self {
        CountGuard::in_(&ON)
    }

    fn in_(counter: &'static AtomicUsize) -> Self {
        counter.fetch_add(1, Ordering::Relaxed);
        CountGuard(counter)
    }
}

impl Drop for CountGuard {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
