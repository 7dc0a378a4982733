//! Deadlines for tasks, kept by one thread for the whole process.
//!
//! Not the runtime's timer: a program may have built its runtime without one, and asking for it would panic. The thread
//! starts when the first deadline is waited for and ends when there has been none for a while.

use std::collections::BTreeMap;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

/// How long the thread stays without anything to wait for.
const IDLE: Duration = Duration::from_secs(10);

static TIMER: Timer = Timer::new(IDLE);

/// A deadline and a number that tells it from others at the same moment.
type Key = (Instant, u64);

struct Timer {
    idle: Duration,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    waiting: BTreeMap<Key, Waker>,
    next: u64,
    /// The process in which the thread runs: a fork of it has no thread.
    running_in: Option<u32>,
}

/// A deadline that a task waits for. Dropped, it is forgotten at once.
pub(super) struct Deadline {
    timer: &'static Timer,
    key: Key,
}

impl Deadline {
    /// A deadline in `wait` from now.
    pub(super) fn after(wait: Duration) -> Self {
        TIMER.after(wait)
    }

    /// Returns whether the deadline has passed, and wakes the task when it has. Where no thread can be started, every
    /// deadline has passed.
    pub(super) fn poll(&self, context: &Context<'_>) -> Poll<()> {
        if Instant::now() >= self.key.0 || !self.timer.wait_for(self.key, context.waker()) {
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        // A waker's end may be the end of the task and all it holds: not while the timer is locked.
        let waker = self.timer.lock().waiting.remove(&self.key);
        drop(waker);
    }
}

impl Timer {
    const fn new(idle: Duration) -> Self {
        let state = State { waiting: BTreeMap::new(), next: 0, running_in: None };
        Timer { idle, state: Mutex::new(state), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn after(&'static self, wait: Duration) -> Deadline {
        let mut state = self.lock();
        state.next += 1;
        Deadline { timer: self, key: (Instant::now() + wait, state.next) }
    }

    /// Has `waker` woken at `key`'s deadline. Returns `false` if there is no thread to do so.
    fn wait_for(&'static self, key: Key, waker: &Waker) -> bool {
        let mut state = self.lock();
        let process = std::process::id();
        if state.running_in != Some(process) {
            let name = "llmlogs-timer".to_owned();
            if thread::Builder::new().name(name).spawn(|| self.run()).is_err() {
                return false;
            }
            state.running_in = Some(process);
        }
        let replaced = state.waiting.insert(key, waker.clone());
        if state.waiting.first_key_value().is_some_and(|(first, _)| *first == key) {
            self.changed.notify_one();
        }
        drop(state);
        drop(replaced);
        true
    }

    /// Wakes tasks until there have been none for a while.
    fn run(&self) {
        let mut state = self.lock();
        let mut idle_since = Instant::now();
        loop {
            let now = Instant::now();
            let later = state.waiting.split_off(&(now, u64::MAX));
            let due = mem::replace(&mut state.waiting, later);
            if !due.is_empty() {
                // A waker is foreign code, which may come back here or panic.
                drop(state);
                for waker in due.into_values() {
                    let _panicked = catch_unwind(AssertUnwindSafe(|| waker.wake()));
                }
                state = self.lock();
                idle_since = now;
                continue;
            }
            let wait = match state.waiting.first_key_value() {
                Some(((deadline, _), _)) => {
                    idle_since = now;
                    deadline.saturating_duration_since(now)
                }
                None => self.idle.saturating_sub(now.saturating_duration_since(idle_since)),
            };
            if wait.is_zero() {
                state.running_in = None;
                return;
            }
            state = self.changed.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::Arc;
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::task::Wake;
    use std::thread::ThreadId;

    use super::*;

    /// Sends the thread that wakes it.
    struct Woken(Mutex<Sender<ThreadId>>);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.lock().unwrap().send(thread::current().id()).unwrap();
        }
    }

    fn waker() -> (Waker, Receiver<ThreadId>) {
        let (sender, woken) = channel();
        (Waker::from(Arc::new(Woken(Mutex::new(sender)))), woken)
    }

    fn timer(idle: Duration) -> &'static Timer {
        Box::leak(Box::new(Timer::new(idle)))
    }

    const LONG: Duration = Duration::from_secs(3600);
    const TEST_LIMIT: Duration = Duration::from_secs(60);

    #[test]
    fn many_deadlines_are_kept_by_one_thread_and_none_early() {
        let timer = timer(LONG);
        let (waker, woken) = waker();
        let context = Context::from_waker(&waker);
        let waits = (0..200).map(|n| Duration::from_millis(500 - n));
        let deadlines: Vec<_> = waits.map(|wait| timer.after(wait)).collect();
        let pending = deadlines.iter().filter(|deadline| deadline.poll(&context).is_pending()).count();
        assert!(pending > 0);
        let threads: HashSet<_> = (0..pending).map(|_| woken.recv_timeout(TEST_LIMIT).unwrap()).collect();
        assert_eq!(threads.len(), 1);
        assert!(deadlines.iter().all(|deadline| deadline.poll(&context).is_ready()));
        assert!(timer.lock().waiting.is_empty());
    }

    #[test]
    fn an_earlier_deadline_is_not_kept_waiting_by_a_later_one() {
        let timer = timer(LONG);
        let (waker, woken) = waker();
        let context = Context::from_waker(&waker);
        let (late, early) = (timer.after(LONG), timer.after(Duration::from_millis(20)));
        assert!(late.poll(&context).is_pending());
        if early.poll(&context).is_pending() {
            woken.recv_timeout(TEST_LIMIT).unwrap();
        }
        assert!(early.poll(&context).is_ready());
        assert!(late.poll(&context).is_pending());
    }

    #[test]
    fn a_dropped_deadline_is_forgotten_and_the_last_waker_counts() {
        let timer = timer(LONG);
        let (first, first_woken) = waker();
        let (second, second_woken) = waker();
        drop({
            let dropped = timer.after(LONG);
            assert!(dropped.poll(&Context::from_waker(&first)).is_pending());
            dropped
        });
        assert!(timer.lock().waiting.is_empty());
        let moved = timer.after(Duration::from_millis(200));
        let polls = [&first, &second].map(|waker| moved.poll(&Context::from_waker(waker)).is_pending());
        if polls == [true, true] {
            second_woken.recv_timeout(TEST_LIMIT).unwrap();
            assert!(first_woken.try_recv().is_err());
        }
    }

    #[test]
    fn the_thread_ends_when_idle_and_starts_again() {
        let timer = timer(Duration::from_millis(1));
        let (waker, woken) = waker();
        let context = Context::from_waker(&waker);
        for _ in 0..2 {
            let deadline = timer.after(Duration::from_millis(20));
            if deadline.poll(&context).is_pending() {
                woken.recv_timeout(TEST_LIMIT).unwrap();
            }
            while timer.lock().running_in.is_some() {
                thread::yield_now();
            }
        }
    }
}
