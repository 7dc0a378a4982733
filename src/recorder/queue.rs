//! The queue between the program and the recorder thread, bounded by the bytes it holds.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, TryLockError};
use std::time::{Duration, Instant, SystemTime};

use llmlogs_core::capture::{CallKey, CallRecord, CapturePolicy, CapturedRequest, MemoryReservation};
use llmlogs_core::store::{AtomicCounters, Loss, Stats};

use super::degraded::{DegradedRecord, EndpointTable};
use super::settings::Overflow;
use super::switch::{Position, Switch};
use super::sync::{AtomicBool, AtomicU64, AtomicUsize, Condvar, Mutex, MutexGuard, Ordering};
use crate::sink::Sink;
use crate::warn::WarnOnce;

/// What a message weighs beside its bodies, in bytes.
const MESSAGE_WEIGHT: usize = 256;

/// Calls without bodies are kept beyond the budget up to so many bytes; beyond that they are lost. It holds more than
/// 100,000 of them.
const DEGRADED_BUDGET: usize = 48 << 20;

/// After so many messages that nobody took, a sender finds out whether it is in a fork's child: asking the system each
/// time would cost more than the message itself.
const FORK_CHECK_INTERVAL: u32 = 64;

/// How long a failing disk is left alone between two attempts while the program waits for the recorder to end.
const SHUTDOWN_PAUSE: Duration = Duration::from_millis(20);

/// In the number of calls that wait: nobody waits for them any more, and each has been counted as lost.
const ABANDONED: u64 = 1 << 63;

/// How long the thread waits for more messages before it has to be woken by the sender.
const LINGER: Duration = Duration::from_millis(1);

/// What the program sends to the recorder thread.
pub(super) enum Message {
    /// A call has started.
    Started { key: CallKey, at: SystemTime, request: Arc<CapturedRequest> },
    /// A call has ended.
    Finished(Box<CallRecord>),
    /// A call has ended, and is kept without its bodies.
    Degraded(Box<DegradedRecord>),
    /// There are lines of alerts to be written.
    AlertLines,
    /// Everything before it is to be on disk; the ticket tells flushes apart.
    Flush(u64),
    /// Nothing comes after it.
    Shutdown,
}

/// Messages in their order, each with its weight.
pub(super) type Messages = VecDeque<(Message, usize)>;

impl Message {
    /// Returns the call that has ended, if the message has its request too. A degraded call has not: what is left of
    /// its request came when it started.
    pub(super) fn finished_key(&self) -> Option<CallKey> {
        match self {
            Message::Finished(record) => Some(record.key),
            _ => None,
        }
    }

    fn is_finished_call(&self) -> bool {
        matches!(self, Message::Finished(_) | Message::Degraded(_))
    }
}

#[derive(Default)]
struct State {
    messages: Messages,
    /// How many messages came in since the thread took some.
    pushed_since_take: u32,
    /// The ticket of the last flush that was asked for, and of the last that is done.
    flush_asked: u64,
    flush_done: u64,
    /// No message is accepted any more.
    closed: bool,
    /// When a disk that fails is no longer waited for.
    give_up_at: Option<Instant>,
    /// The thread has ended.
    ended: bool,
    /// The thread waits to be woken.
    idle: bool,
}

/// The queue of one recorder.
pub(super) struct Queue {
    state: Mutex<State>,
    /// What the messages weigh, those that the thread is working on included.
    bytes: AtomicUsize,
    /// How many finished calls wait or are being written; with [`ABANDONED`] once nobody waits for them.
    calls: AtomicU64,
    /// Something came in.
    arrived: Condvar,
    /// Room was made, a flush is done, or the thread ended.
    progressed: Condvar,
    budget: usize,
    overflow: Overflow,
    policy: CapturePolicy,
    switch: Switch,
    /// The program no longer waits for a disk that fails.
    given_up: AtomicBool,
    /// The process that the recorder thread runs in. A fork's child has a copy of the queue and no thread.
    process: u32,
    /// What degraded calls share.
    endpoints: Mutex<EndpointTable>,
    counters: Arc<AtomicCounters>,
}

impl Queue {
    /// Returns an open queue of at most `budget` bytes.
    pub(super) fn new(
        budget: usize,
        overflow: Overflow,
        policy: CapturePolicy,
        counters: Arc<AtomicCounters>,
    ) -> Self {
        Queue {
            state: Mutex::default(),
            bytes: AtomicUsize::new(0),
            calls: AtomicU64::new(0),
            arrived: Condvar::new(),
            progressed: Condvar::new(),
            budget,
            overflow,
            policy,
            switch: Switch::new(),
            given_up: AtomicBool::new(false),
            process: std::process::id(),
            endpoints: Mutex::default(),
            counters,
        }
    }

    /// Returns the recorder's counters.
    pub(super) fn counters(&self) -> &AtomicCounters {
        &self.counters
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As [`lock`](Self::lock), but `None` in a fork's child: there the lock may be held for good by a thread that does
    /// not exist.
    fn lock_unless_forked(&self) -> Option<MutexGuard<'_, State>> {
        // In the owner's process it is never held for long.
        for _ in 0..32 {
            match self.state.try_lock() {
                Ok(state) => return Some(state),
                Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => std::hint::spin_loop(),
            }
        }
        self.is_owner_process().then(|| self.lock())
    }

    /// Returns whether this is the process in which the recorder thread runs.
    pub(super) fn is_owner_process(&self) -> bool {
        std::process::id() == self.process
    }

    /// Switches recording on or off.
    pub(super) fn set_enabled(&self, enabled: bool) {
        self.switch.turn(if enabled { Position::On } else { Position::Off });
    }

    /// Returns the counters, calls that wait included.
    pub(super) fn stats(&self) -> Stats {
        let queued = if self.is_owner_process() { self.queued() } else { 0 };
        Stats::new(self.counters.now(), queued)
    }

    /// Returns how many finished calls are waited for.
    fn queued(&self) -> u64 {
        let calls = self.calls.load(Ordering::Relaxed);
        if calls & ABANDONED == 0 { calls } else { 0 }
    }

    /// Counts as lost, once, every call that is not on disk. The thread goes on for as long as the process lives, and
    /// each call that it comes to an end with is counted as what has become of it instead.
    fn abandon(&self) {
        let calls = self.calls.fetch_or(ABANDONED, Ordering::Relaxed);
        if calls & ABANDONED == 0 {
            self.counters.calls_abandoned(calls);
        }
    }

    fn push(&self, mut state: MutexGuard<'_, State>, message: Message, weight: usize) {
        let is_urgent = matches!(message, Message::Flush(_) | Message::Shutdown);
        if message.is_finished_call() {
            self.calls.fetch_add(1, Ordering::Relaxed);
        }
        self.bytes.fetch_add(weight, Ordering::Relaxed);
        state.pushed_since_take += 1;
        state.messages.push_back((message, weight));
        let wake = std::mem::take(&mut state.idle) || is_urgent;
        drop(state);
        if wake {
            self.arrived.notify_one();
        }
    }

    /// Locks the queue once `weight` more bytes fit, if waiting for room is what the user chose, else at once. `None` in
    /// a fork's child.
    fn lock_with_room(&self, weight: usize) -> Option<MutexGuard<'_, State>> {
        let mut state = self.lock_unless_forked()?;
        // One record heavier than the budget still passes, alone.
        let is_full = || {
            let bytes = self.bytes.load(Ordering::Relaxed);
            self.overflow == Overflow::Block && bytes > 0 && bytes + weight > self.budget
        };
        if is_full() || state.pushed_since_take >= FORK_CHECK_INTERVAL {
            if !self.is_owner_process() {
                self.switch.set_forked();
                state.messages.clear();
                return None;
            }
            state.pushed_since_take = 0;
        }
        while is_full() && !state.closed {
            state = self.progressed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        Some(state)
    }

    /// Waits for messages and exchanges `taken`, which is empty, for all of them.
    pub(super) fn take(&self, taken: &mut Messages) {
        let mut state = self.lock();
        if state.messages.is_empty() {
            // While calls follow each other closely, no sender pays for waking the thread.
            let waited = self.arrived.wait_timeout(state, LINGER);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        while state.messages.is_empty() {
            state.idle = true;
            state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.pushed_since_take = 0;
        std::mem::swap(&mut state.messages, taken);
    }

    /// Notes that the thread is done with a message of `weight`.
    pub(super) fn done(&self, weight: usize, finished_call: bool) {
        self.bytes.fetch_sub(weight, Ordering::Relaxed);
        if finished_call && self.calls.fetch_sub(1, Ordering::Relaxed) & ABANDONED != 0 {
            self.counters.call_settled();
        }
        // A thread that the system does not let run must not hold a lock that the program waits for: it locks only
        // where senders wait for room.
        if self.overflow == Overflow::Block {
            drop(self.lock());
            self.progressed.notify_all();
        }
    }

    /// Leaves a failing disk alone for `pause`, or less during a shutdown; returns whether to try it again.
    pub(super) fn pause_before_retry(&self, pause: Duration) -> bool {
        let started = Instant::now();
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            let pause = match state.give_up_at {
                Some(give_up_at) if now >= give_up_at => {
                    self.given_up.store(true, Ordering::Relaxed);
                    return false;
                }
                Some(_) => pause.min(SHUTDOWN_PAUSE),
                None => pause,
            };
            let left = pause.saturating_sub(now.saturating_duration_since(started));
            if left.is_zero() {
                return true;
            }
            let waited = self.arrived.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Returns whether the program no longer waits for a disk that fails.
    pub(super) fn has_given_up(&self) -> bool {
        self.given_up.load(Ordering::Relaxed)
    }

    /// Notes that the disk does not fail any more.
    pub(super) fn clear_give_up(&self) {
        self.given_up.store(false, Ordering::Relaxed);
    }

    fn lose_after_shutdown(&self) {
        self.counters.call_lost(Loss::Stopped);
        warn_stopped();
    }

    fn endpoints(&self) -> MutexGuard<'_, EndpointTable> {
        self.endpoints.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the record of a degraded call.
    pub(super) fn unpack(&self, packed: DegradedRecord) -> Box<CallRecord> {
        packed.unpack(&self.endpoints())
    }

    /// Tells the thread that there are lines of alerts to be written. Does not wait for room.
    pub(super) fn announce_alert_lines(&self) {
        let Some(state) = self.lock_unless_forked() else { return };
        if !state.closed {
            self.push(state, Message::AlertLines, MESSAGE_WEIGHT);
        }
    }

    /// Notes that everything before the flush `ticket` is on disk.
    pub(super) fn flushed(&self, ticket: u64) {
        self.lock().flush_done = ticket;
        self.progressed.notify_all();
    }

    /// Notes that the thread is at its end.
    pub(super) fn ended(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.ended = true;
        drop(state);
        self.progressed.notify_all();
    }

    /// Waits until `is_done` returns `true`, for at most `timeout`; returns whether it did.
    fn wait(&self, timeout: Duration, is_done: impl Fn(&State) -> bool) -> bool {
        let deadline = Instant::now().checked_add(timeout);
        let mut state = self.lock();
        while !is_done(&state) {
            state = match deadline {
                None => self.progressed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return false;
                    }
                    let waited = self.progressed.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        true
    }

    /// Waits until everything that was pushed so far is on disk, for at most `timeout`.
    pub(super) fn flush(&self, timeout: Duration) -> Flushed {
        if !self.is_owner_process() {
            return Flushed::Stopped;
        }
        let ticket = {
            let mut state = self.lock();
            if state.closed {
                return Flushed::Stopped;
            }
            state.flush_asked += 1;
            let ticket = state.flush_asked;
            self.push(state, Message::Flush(ticket), 0);
            ticket
        };
        self.wait(timeout, |state| state.flush_done >= ticket || state.ended);
        let state = self.lock();
        if state.flush_done >= ticket {
            Flushed::Done
        } else if state.ended {
            Flushed::Stopped
        } else {
            Flushed::TimedOut { queued: self.queued() }
        }
    }

    /// Lets the thread write what waits and end; returns whether it did within `timeout`. If not, every call that is not
    /// on disk counts as lost.
    pub(super) fn shutdown(&self, timeout: Duration) -> bool {
        self.switch.turn(Position::Stopped);
        let mut state = self.lock();
        if !state.closed {
            state.closed = true;
            // The last quarter is left for counting as lost what was not written.
            state.give_up_at = Instant::now().checked_add(timeout - timeout / 4);
            self.push(state, Message::Shutdown, 0);
            // The thread may be pausing before a retry.
            self.arrived.notify_one();
            // Senders that wait for room are released.
            self.progressed.notify_all();
        } else {
            drop(state);
        }
        let has_ended = self.wait(timeout, |state| state.ended);
        if !has_ended {
            self.abandon();
        }
        has_ended
    }
}

/// How a flush ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Flushed {
    /// Everything is on disk.
    Done,
    /// The thread has ended, or there is none in this process.
    Stopped,
    /// The timeout passed while so many calls were still waiting.
    TimedOut { queued: u64 },
}

/// Warns of the most frequent first mistake: a guard that is dropped at once.
fn warn_stopped() {
    static STOPPED: WarnOnce = WarnOnce::new();
    STOPPED.once(format_args!(
        "a call is not recorded, because its recorder has been shut down. Keep the guard until the end of the \
         program: `let (layer, _guard) = …`, not `let (layer, _) = …`, which drops it at once."
    ));
}

impl Sink for Queue {
    fn policy(&self) -> Option<CapturePolicy> {
        match self.switch.position() {
            Position::On => Some(self.policy),
            Position::Stopped => {
                warn_stopped();
                None
            }
            Position::Off | Position::Forked => None,
        }
    }

    fn started(&self, key: CallKey, at: SystemTime, request: &Arc<CapturedRequest>) {
        let weight = MESSAGE_WEIGHT + request.body.len();
        let Some(state) = self.lock_with_room(weight) else {
            return;
        };
        // Without room the request comes with the finished call, or not at all.
        let fits = self.bytes.load(Ordering::Relaxed) + weight <= self.budget;
        if !state.closed && (fits || self.overflow == Overflow::Block) {
            let request = Arc::clone(request);
            self.push(state, Message::Started { key, at, request }, weight);
        }
    }

    fn finished(&self, record: Box<CallRecord>) {
        let weight = MESSAGE_WEIGHT + record.weight();
        let Some(state) = self.lock_with_room(weight) else {
            return;
        };
        if state.closed {
            drop(state);
            return self.lose_after_shutdown();
        }
        // Bodies that are still in flight need their room too.
        let held = self.bytes.load(Ordering::Relaxed) + MemoryReservation::total();
        if held + weight <= self.budget || self.overflow == Overflow::Block {
            return self.push(state, Message::Finished(record), weight);
        }
        drop(state);
        let packed = DegradedRecord::pack(&record, &mut self.endpoints());
        let weight = packed.weight();
        let state = self.lock();
        if state.closed {
            // While it was packed.
            drop(state);
            return self.lose_after_shutdown();
        }
        if self.bytes.load(Ordering::Relaxed) + weight > self.budget + DEGRADED_BUDGET {
            self.counters.call_lost(Loss::Memory);
            return;
        }
        self.push(state, Message::Degraded(Box::new(packed)), weight);
    }
}
