//! The thread on which rules are judged. Foreign code runs on it, so it is not the recorder's: calls come over a bounded
//! queue, and the lines to be written go back.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use llmlogs_core::alert::Machine;
use llmlogs_core::format::{Alert, AlertEvent, IndexEntry};
use llmlogs_core::health::{SteadyClock, UnixTime};
use llmlogs_core::notify::{Channels, OnUndelivered};

use super::Alerts;
use super::stats::AlertStats;
use crate::warn::warn_stderr;

/// How many calls wait to be judged; more are not.
const MAX_CALLS: usize = 1024;

/// How much time passes at least between two looks at the rules without a call.
const MIN_TICK: Duration = Duration::from_millis(20);

/// How many lines wait to be written; more are not.
const MAX_LINES: usize = 1024;

/// A channel that fails each time is not worth a warning each time.
const WARNING_INTERVAL: Duration = Duration::from_secs(60);

/// The rules of a recorder, judged on a thread of their own.
pub(crate) struct AlertEngine {
    shared: Arc<Shared>,
    channels: Channels,
}

struct Shared {
    input: Mutex<Input>,
    /// Something came in, or the thread has ended.
    changed: Condvar,
    lines: Mutex<VecDeque<Alert>>,
    firing: Mutex<BTreeMap<String, Alert>>,
    /// Tells the recorder that there are lines.
    on_lines: Box<dyn Fn() + Send + Sync>,
    warned_at: Mutex<Option<Instant>>,
    clock: SteadyClock,
    fired: AtomicU64,
    resolved: AtomicU64,
    missed: AtomicU64,
    rule_panics: AtomicU64,
    unwritten: AtomicU64,
}

#[derive(Default)]
struct Input {
    calls: VecDeque<(IndexEntry, UnixTime)>,
    is_closed: bool,
    has_ended: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn add_one(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}

impl AlertEngine {
    /// Starts the threads of the rules and of the channels. `on_lines` is called when there are lines to be written; it
    /// must not block.
    pub(crate) fn start(
        alerts: Alerts,
        session_id: &str,
        clock: SteadyClock,
        on_lines: impl Fn() + Send + Sync + 'static,
    ) -> io::Result<Arc<Self>> {
        let Alerts { rules, channels, pace } = alerts;
        let shared = Arc::new(Shared {
            input: Mutex::default(),
            changed: Condvar::new(),
            lines: Mutex::default(),
            firing: Mutex::default(),
            on_lines: Box::new(on_lines),
            warned_at: Mutex::default(),
            clock,
            fired: AtomicU64::new(0),
            resolved: AtomicU64::new(0),
            missed: AtomicU64::new(0),
            rule_panics: AtomicU64::new(0),
            unwritten: AtomicU64::new(0),
        });
        let on_undelivered: OnUndelivered = Arc::new({
            let shared = Arc::clone(&shared);
            move |alert| shared.undelivered(alert)
        });
        let engine =
            Arc::new(AlertEngine { channels: Channels::start(channels, pace, &on_undelivered)?, shared });
        let machine = Machine::new(rules, session_id, session_id, clock.now());
        let on_thread = Arc::clone(&engine);
        thread::Builder::new().name("llmlogs-alerts".to_owned()).spawn(move || {
            let _ended = EndNote(Arc::clone(&on_thread.shared));
            on_thread.run(machine);
        })?;
        Ok(engine)
    }

    /// Takes a call that ended at `ended`. Never blocks.
    pub(crate) fn observe(&self, call: IndexEntry, ended: Instant) {
        let mut input = lock(&self.shared.input);
        if input.calls.len() >= MAX_CALLS {
            add_one(&self.shared.missed);
            return;
        }
        let was_empty = input.calls.is_empty();
        input.calls.push_back((call, self.shared.clock.at(ended)));
        drop(input);
        if was_empty {
            self.shared.changed.notify_all();
        }
    }

    /// Returns the lines that are to be written.
    pub(crate) fn take_lines(&self) -> VecDeque<Alert> {
        std::mem::take(&mut *lock(&self.shared.lines))
    }

    /// Notes that a line could not be written.
    pub(crate) fn note_unwritten(&self) {
        add_one(&self.shared.unwritten);
    }

    /// Judges what waits, for at most `timeout`, and ends the thread.
    pub(crate) fn end(&self, timeout: Duration) {
        let deadline = Instant::now() + timeout;
        let mut input = lock(&self.shared.input);
        input.is_closed = true;
        self.shared.changed.notify_all();
        while !input.has_ended {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            input = self.shared.changed.wait_timeout(input, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits until every notice has been delivered or given up, for at most `timeout`; says so if some have not.
    pub(crate) fn wait_delivered(&self, timeout: Duration) {
        if !self.channels.wait(timeout) {
            let waiting: u64 = self.channels.stats().iter().map(|channel| channel.queued).sum();
            warn_stderr(format_args!("{waiting} notices of alerts were not delivered before the end"));
        }
    }

    pub(crate) fn stats(&self) -> AlertStats {
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let shared = &self.shared;
        AlertStats {
            fired: get(&shared.fired),
            resolved: get(&shared.resolved),
            firing: lock(&shared.firing).values().cloned().collect(),
            missed: get(&shared.missed),
            rule_panics: get(&shared.rule_panics),
            unwritten: get(&shared.unwritten),
            channels: self.channels.stats(),
        }
    }

    /// The thread.
    fn run(&self, mut machine: Machine) {
        let shared = &self.shared;
        let mut calls = VecDeque::new();
        loop {
            let now = shared.clock.now();
            let tick = machine.next_tick(now).map(|tick| tick.max(now + MIN_TICK));
            if !shared.take(&mut calls, tick) {
                return;
            }
            let now = shared.clock.now();
            let mut notices = Vec::new();
            for (call, at) in calls.drain(..) {
                notices.extend(machine.observe(&call, at, now));
            }
            if machine.next_tick(now).is_some_and(|tick| tick <= now) {
                notices.extend(machine.tick(now));
            }
            shared.rule_panics.store(machine.panics(), Ordering::Relaxed);
            for alert in notices {
                self.announce(alert);
            }
        }
    }

    fn announce(&self, alert: Alert) {
        let shared = &self.shared;
        if alert.event == AlertEvent::Resolved {
            add_one(&shared.resolved);
            lock(&shared.firing).remove(&alert.alert_id);
        } else {
            if alert.notice == 1 {
                add_one(&shared.fired);
            }
            lock(&shared.firing).insert(alert.alert_id.clone(), alert.clone());
        }
        self.channels.send(&alert);
        shared.push_line(alert);
    }
}

impl Shared {
    /// Waits for calls, at most until `tick`, and exchanges `taken`, which is empty, for them; returns `false` at the end.
    fn take(&self, taken: &mut VecDeque<(IndexEntry, UnixTime)>, tick: Option<UnixTime>) -> bool {
        let mut input = lock(&self.input);
        loop {
            if !input.calls.is_empty() {
                std::mem::swap(&mut input.calls, taken);
                return true;
            }
            if input.is_closed {
                return false;
            }
            input = match tick.map(|tick| tick.saturating_sub(self.clock.now())) {
                None => self.changed.wait(input).unwrap_or_else(PoisonError::into_inner),
                Some(left) if left.is_zero() => return true,
                Some(left) => {
                    self.changed.wait_timeout(input, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    fn push_line(&self, alert: Alert) {
        let mut lines = lock(&self.lines);
        if lines.len() >= MAX_LINES {
            add_one(&self.unwritten);
            return;
        }
        lines.push_back(alert);
        drop(lines);
        (self.on_lines)();
    }

    fn undelivered(&self, alert: Alert) {
        let mut warned_at = lock(&self.warned_at);
        if warned_at.is_none_or(|when| when.elapsed() >= WARNING_INTERVAL) {
            *warned_at = Some(Instant::now());
            let Alert { rule, channel, reason, .. } = &alert;
            warn_stderr(format_args!("an alert ({rule}) could not be delivered to {channel}: {reason}"));
        }
        drop(warned_at);
        self.push_line(alert);
    }
}

/// Notes the end of the thread, however it comes.
struct EndNote(Arc<Shared>);

impl Drop for EndNote {
    fn drop(&mut self) {
        lock(&self.0.input).has_ended = true;
        self.0.changed.notify_all();
    }
}
