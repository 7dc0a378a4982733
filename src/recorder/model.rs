//! A model check of the queue: `shuttle` runs it under many schedules of its threads.
//!
//! `queue.rs` is compiled a second time here, with `shuttle`'s primitives in place of [`sync`](super::sync), so that
//! the check is part of every `cargo test` and needs neither a feature nor a `--cfg`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use llmlogs_core::capture::{CallKey, CallRecord, CapturePolicy, Fields, SpanRecord, TimeAnchor};
use llmlogs_core::store::AtomicCounters;
use shuttle::thread;

use super::settings::Overflow;
use super::{degraded, settings, switch};
use crate::sink::Sink;
use queue::{Flushed, Message, Messages, Queue};

#[allow(dead_code, clippy::duplicate_mod, reason = "the same file with other primitives")]
#[path = "queue.rs"]
mod queue;

mod sync {
    use std::sync::LockResult;
    use std::time::Duration;

    pub(super) use shuttle::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
    pub(super) use shuttle::sync::{Mutex, MutexGuard};

    /// `shuttle`'s waits for good where a timeout is asked for; here every timeout has passed at once.
    pub(super) struct Condvar(shuttle::sync::Condvar);

    impl Condvar {
        pub(super) fn new() -> Self {
            Condvar(shuttle::sync::Condvar::new())
        }

        pub(super) fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
            self.0.wait(guard)
        }

        pub(super) fn wait_timeout<'a, T>(
            &self,
            guard: MutexGuard<'a, T>,
            _timeout: Duration,
        ) -> LockResult<(MutexGuard<'a, T>, ())> {
            Ok((guard, ()))
        }

        pub(super) fn notify_one(&self) {
            self.0.notify_one();
        }

        pub(super) fn notify_all(&self) {
            self.0.notify_all();
        }
    }
}

const SCHEDULES: usize = 500;
const FOREVER: Duration = Duration::MAX;
const UNLIMITED: usize = usize::MAX / 4;

/// The calls that the recorder thread has written, in their order.
type Written = Arc<shuttle::sync::Mutex<Vec<CallKey>>>;

struct Recorder {
    queue: Arc<Queue>,
    written: Written,
    thread: thread::JoinHandle<()>,
}

impl Recorder {
    fn start(budget: usize, overflow: Overflow) -> Self {
        let policy =
            CapturePolicy { bodies: true, max_body_bytes: UNLIMITED, max_bytes_in_flight: UNLIMITED };
        let counters = Arc::new(AtomicCounters::default());
        let queue = Arc::new(Queue::new(budget, overflow, policy, counters));
        let written = Written::default();
        let thread = thread::spawn({
            let (queue, written) = (Arc::clone(&queue), Arc::clone(&written));
            move || record(&queue, &written)
        });
        Recorder { queue, written, thread }
    }

    /// Starts a thread that closes `calls`.
    fn close(&self, calls: Vec<CallRecord>) -> thread::JoinHandle<()> {
        let queue = Arc::clone(&self.queue);
        thread::spawn(move || calls.into_iter().for_each(|call| queue.finished(Box::new(call))))
    }

    /// Shuts down, waits for the thread and returns what is written.
    fn end(self) -> Vec<CallKey> {
        assert!(self.queue.shutdown(FOREVER), "the shutdown ends");
        let Recorder { queue, written, thread } = self;
        let at_the_end = written.lock().unwrap().clone();
        thread.join().unwrap();
        let written = written.lock().unwrap().clone();
        assert_eq!(written, at_the_end, "nothing is written after the end");
        assert_eq!(queue.stats().queued, 0, "every call has been taken");
        written
    }
}

/// As the recorder thread does.
fn record(queue: &Queue, written: &Written) {
    let mut messages = Messages::new();
    loop {
        queue.take(&mut messages);
        for (message, weight) in messages.drain(..) {
            match message {
                Message::Started { .. } | Message::AlertLines => queue.done(weight, false),
                Message::Finished(call) => {
                    written.lock().unwrap().push(call.key);
                    queue.done(weight, true);
                }
                Message::Degraded(call) => {
                    let call = queue.unpack(*call);
                    written.lock().unwrap().push(call.key);
                    queue.done(weight, true);
                }
                Message::Flush(ticket) => queue.flushed(ticket),
                Message::Shutdown => return queue.ended(),
            }
        }
    }
}

fn calls(count: usize) -> Vec<CallRecord> {
    let call = || {
        let started = TimeAnchor::now();
        let own = SpanRecord {
            started,
            ended: Instant::now(),
            fields: Fields::default(),
            request: None,
            response: None,
            attempts: Vec::new(),
            panicked: false,
            trace: None,
        };
        let (attempts, context, spans) = (Vec::new(), Fields::default(), Vec::new());
        CallRecord { key: CallKey::next(), own, attempts, context, spans }
    };
    (0..count).map(|_| call()).collect()
}

fn keys(calls: &[CallRecord]) -> Vec<CallKey> {
    calls.iter().map(|call| call.key).collect()
}

/// Asserts that all of `expected` are written once, those of a thread in their order, and nothing else is.
fn assert_written(written: &[CallKey], expected: &[&[CallKey]]) {
    let places: HashMap<_, _> = written.iter().enumerate().map(|(place, key)| (*key, place)).collect();
    assert_eq!(places.len(), written.len(), "no call is written twice");
    assert_eq!(written.len(), expected.iter().map(|keys| keys.len()).sum::<usize>());
    for keys in expected {
        let places: Vec<_> = keys.iter().map(|key| places.get(key).expect("every call is written")).collect();
        assert!(places.is_sorted(), "calls of one thread keep their order");
    }
}

#[test]
fn no_call_is_lost_before_the_shutdown() {
    let check = || {
        let recorder = Recorder::start(UNLIMITED, Overflow::Degrade);
        let (first, second) = (calls(3), calls(3));
        let (first_keys, second_keys) = (keys(&first), keys(&second));
        for thread in [recorder.close(first), recorder.close(second)] {
            thread.join().unwrap();
        }
        assert_written(&recorder.end(), &[&first_keys, &second_keys]);
    };
    shuttle::check_random(check, SCHEDULES);
    shuttle::check_pct(check, SCHEDULES, 3);
}

#[test]
fn a_flush_waits_for_everything_before_it() {
    let check = || {
        let recorder = Recorder::start(UNLIMITED, Overflow::Degrade);
        let other = recorder.close(calls(2));
        let flushing = [(); 2].map(|()| {
            let (queue, written) = (Arc::clone(&recorder.queue), Arc::clone(&recorder.written));
            thread::spawn(move || {
                for _ in 0..2 {
                    let [call] = calls(1).try_into().ok().unwrap();
                    let key = call.key;
                    queue.finished(Box::new(call));
                    assert_eq!(queue.flush(FOREVER), Flushed::Done);
                    assert!(written.lock().unwrap().contains(&key));
                }
            })
        });
        for thread in flushing.into_iter().chain([other]) {
            thread.join().unwrap();
        }
        assert_eq!(recorder.end().len(), 6);
    };
    shuttle::check_random(check, SCHEDULES);
    shuttle::check_pct(check, SCHEDULES, 3);
}

/// Shuts a recorder down, for at most `timeout`, while calls close and somebody flushes.
fn shut_down_in_the_middle(budget: usize, overflow: Overflow, timeout: Duration) {
    let recorder = Recorder::start(budget, overflow);
    let queue = Arc::clone(&recorder.queue);
    let closing = [recorder.close(calls(3)), recorder.close(calls(3))];
    let flushing = thread::spawn({
        let queue = Arc::clone(&queue);
        move || assert!(matches!(queue.flush(FOREVER), Flushed::Done | Flushed::Stopped))
    });
    let written = Arc::clone(&recorder.written);
    recorder.queue.shutdown(timeout);
    for thread in closing.into_iter().chain([flushing]) {
        thread.join().unwrap();
    }
    recorder.thread.join().unwrap();
    let written = written.lock().unwrap().len() as u64;
    let stats = queue.stats();
    assert_eq!(stats.queued, 0, "no call stays behind the shutdown");
    assert_eq!(written + stats.lost_by.stopped, 6, "every call is written or counted as lost");
    assert!(queue.policy().is_none());
}

#[test]
fn a_shutdown_ends_and_every_call_is_written_or_counted_as_lost() {
    for (budget, overflow) in [
        (UNLIMITED, Overflow::Degrade),
        (0, Overflow::Degrade),
        (UNLIMITED, Overflow::Block),
        (0, Overflow::Block),
    ] {
        shuttle::check_random(move || shut_down_in_the_middle(budget, overflow, FOREVER), SCHEDULES);
        shuttle::check_pct(move || shut_down_in_the_middle(budget, overflow, FOREVER), SCHEDULES, 3);
    }
}

#[test]
fn a_call_was_counted_twice_that_was_written_after_the_shutdown_had_timed_out() {
    let check = || shut_down_in_the_middle(UNLIMITED, Overflow::Degrade, Duration::ZERO);
    shuttle::check_random(check, SCHEDULES);
    shuttle::check_pct(check, SCHEDULES, 3);
}

#[test]
fn whoever_waits_for_room_gets_it() {
    let check = || {
        let recorder = Recorder::start(0, Overflow::Block);
        let (first, second) = (calls(2), calls(2));
        let (first_keys, second_keys) = (keys(&first), keys(&second));
        for thread in [recorder.close(first), recorder.close(second)] {
            thread.join().unwrap();
        }
        assert_written(&recorder.end(), &[&first_keys, &second_keys]);
    };
    shuttle::check_random(check, SCHEDULES);
    shuttle::check_pct(check, SCHEDULES, 3);
}
