//! The recorder thread: takes messages from the queue and writes calls.

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::SystemTime;

use llmlogs_core::capture::{CallKey, CallRecord, CapturedRequest};
use llmlogs_core::compose::Composed;
use llmlogs_core::format::time::LocalTime;
use llmlogs_core::store::CallWriter;

use super::call_files::CallComposer;
use super::compose_ahead::for_each_composed;
use super::disk::Disk;
use super::observer::Observer;
use super::queue::{Message, Messages, Queue};
use super::retry::{Failed, Next, Retry};
use super::upkeep::UpkeepThread;
use crate::sink::CountGuard;

/// From so many finished calls in a batch on, a second thread composes them.
const MIN_PARALLEL_CALLS: usize = 32;

/// Everything that the recorder thread owns.
pub(super) struct Worker {
    queue: Arc<Queue>,
    disk: Disk,
    session_id: String,
    composer: CallComposer,
    observer: Observer,
    /// Calls whose directories have been created before their end.
    in_flight: HashMap<CallKey, CallWriter>,
    _upkeep: Option<UpkeepThread>,
    _running: CountGuard,
}

impl Worker {
    pub(super) fn new(
        queue: Arc<Queue>,
        disk: Disk,
        composer: CallComposer,
        observer: Observer,
        upkeep: Option<UpkeepThread>,
    ) -> Self {
        Worker {
            session_id: disk.session_id().to_owned(),
            queue,
            disk,
            composer,
            observer,
            in_flight: HashMap::new(),
            _upkeep: upkeep,
            _running: CountGuard::running(),
        }
    }

    /// Handles messages until the shutdown, then ends the session.
    pub(super) fn run(mut self) {
        let mut messages = Messages::new();
        let mut is_shut_down = false;
        while !is_shut_down {
            self.queue.take(&mut messages);
            let finished: HashSet<_> =
                messages.iter().filter_map(|(message, _)| message.finished_key()).collect();
            is_shut_down = if finished.len() < MIN_PARALLEL_CALLS {
                messages
                    .drain(..)
                    .any(|(message, weight)| self.handle_message(message, weight, None, &finished))
            } else {
                self.handle_batch_parallel(std::mem::take(&mut messages), &finished)
            };
        }
        let Worker { queue, mut disk, mut observer, .. } = self;
        observer.end(&mut disk);
        disk.end();
        queue.ended();
    }

    /// Handles a message of a batch in which the calls `finished` end; returns whether it is the shutdown.
    fn handle_message(
        &mut self,
        message: Message,
        weight: usize,
        composed: Option<Composed>,
        finished: &HashSet<CallKey>,
    ) -> bool {
        match message {
            Message::Started { key, at, request } => {
                // A call that has ended by now is written whole, in the directory whose number is that of its start.
                let request = Some(request).filter(|_| !finished.contains(&key));
                self.on_started(key, at, request.as_deref());
                drop(request);
                self.queue.done(weight, false);
            }
            Message::Finished(record) => {
                self.on_finished(record, composed);
                self.queue.done(weight, true);
            }
            Message::Degraded(packed) => {
                let record = self.queue.unpack(*packed);
                self.on_finished(record, None);
                self.queue.done(weight, true);
            }
            Message::AlertLines => {
                self.observer.write_lines(&mut self.disk);
                self.queue.done(weight, false);
            }
            Message::Flush(ticket) => self.queue.flushed(ticket),
            Message::Shutdown => return true,
        }
        false
    }

    /// Handles a large batch while another thread composes ahead; returns whether it contains the shutdown.
    fn handle_batch_parallel(&mut self, messages: Messages, finished: &HashSet<CallKey>) -> bool {
        let without_request: HashSet<_> = finished
            .iter()
            .copied()
            .filter(|key| self.in_flight.get(key).is_none_or(CallWriter::needs_request))
            .collect();
        let (queue, session_id, composer) =
            (Arc::clone(&self.queue), self.session_id.clone(), self.composer.clone());
        let compose = |record: &CallRecord| {
            let request_is_missing = without_request.contains(&record.key);
            if queue.has_given_up() {
                return None;
            }
            // What fails here fails, and is reported, again when the call is written.
            composer.compose(record, &session_id, request_is_missing).ok()
        };
        for_each_composed(messages, compose, |message, weight, composed| {
            self.handle_message(message, weight, composed, finished)
        })
    }

    /// Creates the directory of a call that has started and writes its request.
    fn on_started(&mut self, key: CallKey, at: SystemTime, request: Option<&CapturedRequest>) {
        if self.queue.has_given_up() {
            return;
        }
        let composer = &self.composer;
        let mut writer = None;
        // What fails here is counted, and written at the call's end; nothing waits for it.
        let _written_at_the_end = self.disk.attempt(|session| {
            let writer = writer.insert(CallWriter::create(session, &LocalTime::of(at))?);
            if let Some(input) = request.and_then(|request| composer.compose_request(request)) {
                writer.write_request(session, &composer.request_files(&input))?;
            }
            Ok(())
        });
        self.in_flight.extend(writer.map(|writer| (key, writer)));
    }

    /// Writes a call that has ended. While the disk fails, the call waits in memory, and everything behind it.
    fn on_finished(&mut self, mut record: Box<CallRecord>, mut composed: Option<Composed>) {
        let mut writer = self.in_flight.remove(&record.key);
        let has_given_up = self.queue.has_given_up();
        if has_given_up {
            record.drop_bodies();
            composed = None;
        }
        let mut retry = Retry::new(has_given_up);
        let mut is_counted = false;
        while let Err(failed) = self.try_to_write(&mut writer, &record, &mut composed) {
            // However long the disk fails, the call has ended.
            if !std::mem::replace(&mut is_counted, true) {
                self.count(&record, composed.as_ref(), writer.as_ref());
            }
            if failed == Failed::Obstructed {
                writer = None;
            }
            match retry.after(failed, &self.queue) {
                Next::TryAgain => {}
                Next::TryWithoutBodies => {
                    record.drop_bodies();
                    composed = None;
                }
                Next::GiveUp => return self.disk.give_up(writer, failed),
            }
        }
        if !is_counted {
            self.count(&record, composed.as_ref(), writer.as_ref());
        }
    }

    /// Counts a call that has ended, written or not.
    fn count(&self, record: &CallRecord, composed: Option<&Composed>, writer: Option<&CallWriter>) {
        let call_id = writer.map_or("", CallWriter::call_id);
        match composed {
            Some(composed) => self.observer.count(&composed.entry, call_id, record.own.ended),
            // The program waits for the end, which what is left of its time is for.
            None if self.queue.has_given_up() => {}
            None => {
                // A call that cannot be composed is counted as lost.
                let compose = || self.composer.compose(record, &self.session_id, false);
                if let Ok(Ok(composed)) = catch_unwind(AssertUnwindSafe(compose)) {
                    self.observer.count(&composed.entry, call_id, record.own.ended);
                }
            }
        }
    }

    /// Writes what is still to be written of a call. `composed` is kept for the next attempt.
    fn try_to_write(
        &mut self,
        writer: &mut Option<CallWriter>,
        record: &CallRecord,
        composed: &mut Option<Composed>,
    ) -> Result<(), Failed> {
        let Worker { disk, session_id, composer, .. } = self;
        disk.attempt(|session| {
            let writer = match writer {
                Some(writer) => writer,
                None => writer.insert(CallWriter::create(session, &LocalTime::of(record.own.started.wall))?),
            };
            writer.write(session, |call_id, needs_request| {
                let call = match composed.take().filter(|call| composer.is_complete(call, needs_request)) {
                    Some(call) => call,
                    None => composer.compose(record, session_id, needs_request)?,
                };
                Ok(composer.call_files(composed.insert(call), call_id, record.is_degraded()))
            })
        })
    }
}
