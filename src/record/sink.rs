//! Where the layer puts what it has gathered.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{CallKey, CallRecord, Moment, SentRequest, Wanted};

/// The recorder as the layer sees it. No method waits unless the user asked for it, none fails.
pub(crate) trait Sink: Send + Sync {
    /// What is wanted of a new call; `None` while recording is switched off.
    fn wanted(&self) -> Option<Wanted>;

    /// A call's request is known while the call is still in flight.
    fn started(&self, key: CallKey, at: Moment, request: &Arc<SentRequest>);

    /// A call is over.
    fn finished(&self, record: Box<CallRecord>);
}

/// The sink of a layer that is switched off for good.
pub(crate) struct Off;

impl Sink for Off {
    fn wanted(&self) -> Option<Wanted> {
        None
    }

    fn started(&self, _key: CallKey, _at: Moment, _request: &Arc<SentRequest>) {}

    fn finished(&self, _record: Box<CallRecord>) {}
}

/// How many recorders are running in this process.
static RUNNING: AtomicUsize = AtomicUsize::new(0);

/// Counts a recorder as running while it lives.
#[derive(Debug)]
pub(crate) struct RunningRecorder(());

impl RunningRecorder {
    pub(crate) fn new() -> Self {
        RUNNING.fetch_add(1, Ordering::Relaxed);
        RunningRecorder(())
    }

    /// Whether there is any, so that a call which none of them sees is worth a word.
    pub(crate) fn any() -> bool {
        RUNNING.load(Ordering::Relaxed) > 0
    }
}

impl Drop for RunningRecorder {
    fn drop(&mut self) {
        RUNNING.fetch_sub(1, Ordering::Relaxed);
    }
}
