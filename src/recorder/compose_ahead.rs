//! Composing on a second thread while many calls wait, so that the recorder thread does nothing but write.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError, mpsc};

use llmlogs_core::capture::CallRecord;
use llmlogs_core::compose::Composed;

use super::queue::{Message, Messages};

/// How many messages, or bytes, the second thread hands on at a time, for each time costs a switch of threads.
const PARCEL_MESSAGES: usize = 16;
const PARCEL_BYTES: usize = 1 << 20;

/// Calls `handle` with each of `messages`, in their order, until it returns `true`; returns whether it did. Meanwhile
/// another thread calls `compose` for the finished calls among those that follow; a call for which it returns `None`
/// or panics is handed over without a composition.
pub(super) fn for_each_composed(
    messages: Messages,
    compose: impl Fn(&CallRecord) -> Option<Composed> + Sync,
    mut handle: impl FnMut(Message, usize, Option<Composed>) -> bool,
) -> bool {
    let messages = Mutex::new(messages);
    let take_all = || std::mem::take(&mut *messages.lock().unwrap_or_else(PoisonError::into_inner));
    // What fails here fails again, and is counted, on the recorder thread.
    let compose_or_skip = |message: &Message| match message {
        Message::Finished(record) => catch_unwind(AssertUnwindSafe(|| compose(record))).ok().flatten(),
        _ => None,
    };
    let (sender, receiver) = mpsc::sync_channel(1);
    std::thread::scope(|scope| {
        let compose_all = || {
            let sender = sender;
            let mut parcel = Vec::with_capacity(PARCEL_MESSAGES);
            let mut parcel_bytes = 0;
            for (message, weight) in take_all() {
                let composed = compose_or_skip(&message);
                parcel_bytes += weight;
                parcel.push((message, weight, composed));
                if parcel.len() < PARCEL_MESSAGES && parcel_bytes < PARCEL_BYTES {
                    continue;
                }
                parcel_bytes = 0;
                let full = std::mem::replace(&mut parcel, Vec::with_capacity(PARCEL_MESSAGES));
                if sender.send(full).is_err() {
                    return;
                }
            }
            // Nobody receives it after `handle` has returned `true`.
            let _received = sender.send(parcel);
        };
        let helper = std::thread::Builder::new().name("llmlogs-compose".to_owned());
        // The scope joins it.
        let _started = helper.spawn_scoped(scope, compose_all);
        let mut composed = receiver.into_iter().flatten();
        composed.any(|(message, weight, composed)| handle(message, weight, composed))
            // All messages are still here if no thread could be started.
            || take_all().into_iter().any(|(message, weight)| handle(message, weight, None))
    })
}
