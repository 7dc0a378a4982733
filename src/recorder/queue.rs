//! The queue between the program and the recorder thread, bounded by the bytes it holds.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant, SystemTime};

use crate::sink::{CountGuard, Sink};
use crate::warn::WarnOnce;
use llmlogs_core::capture::{CallKey, CallRecord, CapturePolicy, CapturedRequest, MemoryReservation};

use super::degraded::{DegradedRecord, Shared};
use super::settings::Overflow;
use llmlogs_core::store::{Counts, Loss, Stats};

/// What a message costs beside its bodies.
const MESSAGE: usize = 256;

/// Calls without bodies are kept beyond the budget up to this much; beyond that they are lost. It holds more
/// than 100,000 of them.
const SPARE: usize = 48 << 20;

/// Recording is switched off, on, over for good, or this is a fork's child, in which nobody takes what comes in.
const OFF: u8 = 0;
const ON: u8 = 1;
const STOPPED: u8 = 2;
const FORKED: u8 = 3;

/// After so many messages that nobody took it is looked whether somebody can, for asking the system each time would
/// cost more than the message itself.
const UNTAKEN: u32 = 64;

/// How long a failing disk is left alone between two tries while the program waits for the recorder to end.
const LAST_TRIES: Duration = Duration::from_millis(20);

/// How long the thread looks out for more before it has to be woken.
const LINGER: Duration = Duration::from_millis(1);

pub(super) enum Message {
    Started {
        key: CallKey,
        at: SystemTime,
        request: Arc<CapturedRequest>,
    },
    Finished(Box<CallRecord>),
    /// A finished call whose bodies gave way.
    Degraded(Box<DegradedRecord>),
    /// Everything before it is to be on disk.
    Flush(u64),
    Shutdown,
}

/// Messages in their order, each with its weight.
pub(super) type Messages = VecDeque<(Message, usize)>;

impl Message {
    /// The call that is over, where the message has its request too. One that gave way has not; what is still there of
    /// it came with its beginning.
    pub(super) fn finished_key(&self) -> Option<CallKey> {
        match self {
            Message::Finished(record) => Some(record.key),
            _ => None,
        }
    }
}

#[derive(Default)]
struct State {
    messages: Messages,
    /// How many messages came in since the last one was taken.
    untaken: u32,
    /// The number of the last flush that was asked for, and of the last that is done.
    flush_asked: u64,
    flush_done: u64,
    /// No message is taken any more.
    closed: bool,
    /// When a disk that fails is no longer waited for.
    give_up_at: Option<Instant>,
    /// The thread has ended.
    ended: bool,
    /// The thread waits for a message.
    idle: bool,
}

pub(super) struct Queue {
    state: Mutex<State>,
    /// What the messages weigh, those that the thread is working on included.
    bytes: AtomicUsize,
    /// How many finished calls wait or are being written.
    calls: AtomicU64,
    /// Something came in.
    arrived: Condvar,
    /// Room was made, a flush is done, or the thread ended.
    progressed: Condvar,
    budget: usize,
    overflow: Overflow,
    policy: CapturePolicy,
    /// One of [`OFF`], [`ON`], [`STOPPED`] and [`FORKED`].
    switch: AtomicU8,
    /// Whether the program waits no longer for a disk that fails.
    given_up: AtomicBool,
    /// There while the switch is on.
    on: Mutex<Option<CountGuard>>,
    /// The process that the recorder thread runs in. A fork's child has a copy of the queue and no thread.
    process: u32,
    /// What packed calls share.
    shared: Mutex<Shared>,
    pub(super) counts: Counts,
}

impl Queue {
    pub(super) fn new(budget: usize, overflow: Overflow, policy: CapturePolicy) -> Self {
        Queue {
            state: Mutex::default(),
            bytes: AtomicUsize::new(0),
            calls: AtomicU64::new(0),
            arrived: Condvar::new(),
            progressed: Condvar::new(),
            budget,
            overflow,
            policy,
            switch: AtomicU8::new(ON),
            given_up: AtomicBool::new(false),
            on: Mutex::new(Some(CountGuard::on())),
            process: std::process::id(),
            shared: Mutex::default(),
            counts: Counts::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As [`lock`](Self::lock), for whoever may be in a fork's child: there the lock may be held for good by
    /// a thread that does not exist.
    fn lock_unless_forked(&self) -> Option<MutexGuard<'_, State>> {
        // It is held for a moment only.
        for _ in 0..32 {
            match self.state.try_lock() {
                Ok(state) => return Some(state),
                Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => std::hint::spin_loop(),
            }
        }
        self.is_owner_process().then(|| self.lock())
    }

    /// Whether this is the process in which the recorder thread runs.
    pub(super) fn is_owner_process(&self) -> bool {
        std::process::id() == self.process
    }

    pub(super) fn set_enabled(&self, enabled: bool) {
        self.turn(if enabled { ON } else { OFF });
    }

    fn turn(&self, to: u8) {
        let mut on = self.on.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(self.switch.load(Ordering::Relaxed), STOPPED | FORKED) {
            // For good.
            return;
        }
        self.switch.store(to, Ordering::Relaxed);
        match to {
            ON if on.is_some() => {}
            ON => *on = Some(CountGuard::on()),
            _ => *on = None,
        }
    }

    pub(super) fn stats(&self) -> Stats {
        let queued = if self.is_owner_process() { self.calls.load(Ordering::Relaxed) } else { 0 };
        self.counts.stats(queued)
    }

    fn push(&self, mut state: MutexGuard<'_, State>, message: Message, weight: usize) {
        let waited_for = matches!(message, Message::Flush(_) | Message::Shutdown);
        if matches!(message, Message::Finished(_) | Message::Degraded(_)) {
            self.calls.fetch_add(1, Ordering::Relaxed);
        }
        self.bytes.fetch_add(weight, Ordering::Relaxed);
        state.untaken += 1;
        state.messages.push_back((message, weight));
        let wake = std::mem::take(&mut state.idle) || waited_for;
        drop(state);
        if wake {
            self.arrived.notify_one();
        }
    }

    /// Waits until `weight` more bytes fit, where waiting is what the user chose.
    fn room(&self, weight: usize) -> Option<MutexGuard<'_, State>> {
        let mut state = self.lock_unless_forked()?;
        // One record heavier than the budget still passes, alone.
        let is_full = || {
            let bytes = self.bytes.load(Ordering::Relaxed);
            self.overflow == Overflow::Block && bytes > 0 && bytes + weight > self.budget
        };
        if is_full() || state.untaken >= UNTAKEN {
            if !self.is_owner_process() {
                self.switch.store(FORKED, Ordering::Relaxed);
                state.messages.clear();
                return None;
            }
            state.untaken = 0;
        }
        while is_full() && !state.closed {
            state = self.progressed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        Some(state)
    }

    /// Exchanges `taken`, which is empty, for the messages that wait; waits for some.
    pub(super) fn take(&self, taken: &mut Messages) {
        let mut state = self.lock();
        if state.messages.is_empty() {
            // Where calls follow each other, it is not they who pay for waking the thread.
            let waited = self.arrived.wait_timeout(state, LINGER);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        while state.messages.is_empty() {
            state.idle = true;
            state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.untaken = 0;
        std::mem::swap(&mut state.messages, taken);
    }

    /// The thread is done with a message of `weight`.
    pub(super) fn done(&self, weight: usize, finished_call: bool) {
        self.bytes.fetch_sub(weight, Ordering::Relaxed);
        if finished_call {
            self.calls.fetch_sub(1, Ordering::Relaxed);
        }
        // A thread that the system does not let run must not hold what the program waits for, so it locks nothing here
        // but where the program asked to wait.
        if self.overflow == Overflow::Block {
            drop(self.lock());
            self.progressed.notify_all();
        }
    }

    /// Leaves a failing disk alone for a while; says whether it is to be tried again.
    pub(super) fn hold(&self, pause: Duration) -> bool {
        let started = Instant::now();
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            let pause = match state.give_up_at {
                Some(give_up_at) if now >= give_up_at => {
                    self.given_up.store(true, Ordering::Relaxed);
                    return false;
                }
                Some(_) => pause.min(LAST_TRIES),
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

    /// The program waits no longer for a disk that still fails.
    pub(super) fn has_given_up(&self) -> bool {
        self.given_up.load(Ordering::Relaxed)
    }

    /// The disk does not fail any more.
    pub(super) fn clear_give_up(&self) {
        self.given_up.store(false, Ordering::Relaxed);
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn unpack(&self, packed: DegradedRecord) -> Box<CallRecord> {
        packed.unpack(&self.shared())
    }

    pub(super) fn flushed(&self, ticket: u64) {
        self.lock().flush_done = ticket;
        self.progressed.notify_all();
    }

    pub(super) fn ended(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.ended = true;
        drop(state);
        self.progressed.notify_all();
    }

    /// Waits until `done` holds, at most `limit`; says whether it does.
    fn wait(&self, limit: Duration, done: impl Fn(&State) -> bool) -> bool {
        let deadline = Instant::now().checked_add(limit);
        let mut state = self.lock();
        while !done(&state) {
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

    /// Waits until everything that was pushed so far is on disk.
    pub(super) fn flush(&self, limit: Duration) -> Flushed {
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
        self.wait(limit, |state| state.flush_done >= ticket || state.ended);
        let state = self.lock();
        if state.flush_done >= ticket {
            Flushed::Done
        } else if state.ended {
            Flushed::Stopped
        } else {
            Flushed::Late(self.calls.load(Ordering::Relaxed))
        }
    }

    /// Lets the thread write what waits and end; says whether it did within `limit`.
    pub(super) fn shutdown(&self, limit: Duration) -> bool {
        self.turn(STOPPED);
        let mut state = self.lock();
        if !state.closed {
            state.closed = true;
            // Time is left to say of what was not written that it is lost.
            state.give_up_at = Instant::now().checked_add(limit - limit / 4);
            self.push(state, Message::Shutdown, 0);
            // The thread may be waiting for the disk.
            self.arrived.notify_one();
            // Whoever waits for room in vain is let go.
            self.progressed.notify_all();
        } else {
            drop(state);
        }
        self.wait(limit, |state| state.ended)
    }
}

/// The guard that was dropped at once is everybody's first mistake.
fn notice_stopped() {
    static STOPPED: WarnOnce = WarnOnce::new();
    STOPPED.once(format_args!(
        "a call is not recorded, because its recorder has been shut down. Keep the guard until the end of the \
         program: `let (layer, _guard) = …`, not `let (layer, _) = …`, which drops it at once."
    ));
}

/// How a flush went.
pub(super) enum Flushed {
    Done,
    Stopped,
    /// Not in time; so many calls were still waiting.
    Late(u64),
}

impl Sink for Queue {
    fn policy(&self) -> Option<CapturePolicy> {
        match self.switch.load(Ordering::Relaxed) {
            ON => Some(self.policy),
            STOPPED => {
                notice_stopped();
                None
            }
            _ => None,
        }
    }

    fn started(&self, key: CallKey, at: SystemTime, request: &Arc<CapturedRequest>) {
        let weight = MESSAGE + request.body.len();
        let Some(state) = self.room(weight) else {
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
        let full = MESSAGE + record.weight();
        let Some(state) = self.room(full) else {
            return;
        };
        if state.closed {
            drop(state);
            self.counts.lost(Loss::Stopped);
            notice_stopped();
            return;
        }
        // What is still in flight needs its room too.
        let held = self.bytes.load(Ordering::Relaxed) + MemoryReservation::by_all();
        if held + full <= self.budget || self.overflow == Overflow::Block {
            return self.push(state, Message::Finished(record), full);
        }
        drop(state);
        let packed = DegradedRecord::pack(&record, &mut self.shared());
        let weight = packed.weight();
        let state = self.lock();
        if self.bytes.load(Ordering::Relaxed) + weight > self.budget + SPARE {
            self.counts.lost(Loss::Memory);
            return;
        }
        self.push(state, Message::Degraded(Box::new(packed)), weight);
    }
}
