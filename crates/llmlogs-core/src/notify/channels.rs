//! The threads of the channels.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::format::{Alert, AlertEvent};

use super::channel::Notify;

/// How many notices wait for a channel; when one more comes, the oldest gives way.
const MAX_QUEUE: usize = 64;

/// How often a notice is tried, and how long the pauses between the tries are.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// How often a notice is tried. Default: 3.
    pub tries: u32,
    /// The pause before the second try; it doubles. Default: 1 s.
    pub pause: Duration,
    /// The longest pause that a receiver can ask for. Default: 60 s.
    pub longest_pause: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Pace { tries: 3, pause: Duration::from_secs(1), longest_pause: Duration::from_secs(60) }
    }
}

/// What a channel did with its notices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ChannelStats {
    /// The kind of the channel.
    pub channel: &'static str,
    /// Notices that were delivered.
    pub delivered: u64,
    /// Notices that were given up, because every try failed or too many waited.
    pub undelivered: u64,
    /// Calls of the channel that panicked.
    pub panics: u64,
    /// Notices that wait, the one that is being delivered included.
    pub queued: u64,
}

/// Is called with a notice that could not be delivered: the notice as one of [`AlertEvent::Undelivered`].
pub type OnUndelivered = Arc<dyn Fn(Alert) + Send + Sync>;

/// Running channels. Dropped, they end once their queues are empty.
pub struct Channels {
    channels: Vec<Arc<Channel>>,
}

struct Channel {
    name: &'static str,
    state: Mutex<State>,
    /// Something came in, was done, or the channel is to end.
    changed: Condvar,
    delivered: AtomicU64,
    undelivered: AtomicU64,
    panics: AtomicU64,
    on_undelivered: OnUndelivered,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Arc<Alert>>,
    is_busy: bool,
    is_closed: bool,
}

impl Channels {
    /// Starts a thread for each of `channels`.
    ///
    /// # Errors
    ///
    /// If a thread cannot be started; those that run end again.
    pub fn start(
        channels: Vec<Box<dyn Notify>>,
        pace: Pace,
        on_undelivered: &OnUndelivered,
    ) -> io::Result<Self> {
        let mut started = Channels { channels: Vec::with_capacity(channels.len()) };
        for notify in channels {
            let channel = Arc::new(Channel {
                name: notify.name(),
                state: Mutex::default(),
                changed: Condvar::new(),
                delivered: AtomicU64::new(0),
                undelivered: AtomicU64::new(0),
                panics: AtomicU64::new(0),
                on_undelivered: Arc::clone(on_undelivered),
            });
            started.channels.push(Arc::clone(&channel));
            let run = move || channel.run(notify, pace);
            thread::Builder::new().name("llmlogs-notify".to_owned()).spawn(run)?;
        }
        Ok(started)
    }

    /// Hands a notice to every channel. Never blocks.
    pub fn send(&self, alert: &Alert) {
        if self.channels.is_empty() {
            return;
        }
        let alert = Arc::new(alert.clone());
        self.channels.iter().for_each(|channel| channel.push(Arc::clone(&alert)));
    }

    /// Waits until no notice waits, for at most `timeout`; returns whether that is so.
    #[must_use]
    pub fn wait(&self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        self.channels.iter().all(|channel| channel.wait(deadline))
    }

    /// Returns what each channel did.
    #[must_use]
    pub fn stats(&self) -> Vec<ChannelStats> {
        self.channels.iter().map(|channel| channel.stats()).collect()
    }
}

impl Drop for Channels {
    fn drop(&mut self) {
        for channel in &self.channels {
            channel.lock().is_closed = true;
            channel.changed.notify_all();
        }
    }
}

impl std::fmt::Debug for Channels {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.channels.iter().map(|channel| channel.name)).finish()
    }
}

impl Channel {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, alert: Arc<Alert>) {
        let mut state = self.lock();
        let surplus = if state.queue.len() >= MAX_QUEUE { state.queue.pop_front() } else { None };
        state.queue.push_back(alert);
        drop(state);
        self.changed.notify_all();
        if let Some(surplus) = surplus {
            self.lose(&surplus, format!("{MAX_QUEUE} newer notices wait"));
        }
    }

    fn wait(&self, deadline: Instant) -> bool {
        let mut state = self.lock();
        while state.is_busy || !state.queue.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    fn stats(&self) -> ChannelStats {
        let state = self.lock();
        ChannelStats {
            channel: self.name,
            delivered: self.delivered.load(Ordering::Relaxed),
            undelivered: self.undelivered.load(Ordering::Relaxed),
            panics: self.panics.load(Ordering::Relaxed),
            queued: state.queue.len() as u64 + u64::from(state.is_busy),
        }
    }

    /// Returns the next notice; `None` at the end.
    fn next(&self) -> Option<Arc<Alert>> {
        let mut state = self.lock();
        loop {
            if let Some(alert) = state.queue.pop_front() {
                state.is_busy = true;
                return Some(alert);
            }
            if state.is_closed {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The thread of the channel.
    fn run(&self, mut notify: Box<dyn Notify>, pace: Pace) {
        let mut limit = notify.rate_limit();
        while let Some(alert) = self.next() {
            let mut pause = pace.pause;
            let mut tries = 1;
            let failed = loop {
                thread::sleep(limit.wait(Instant::now()));
                limit.note(Instant::now());
                let error = match catch_unwind(AssertUnwindSafe(|| notify.notify(&alert))) {
                    Ok(Ok(())) => break None,
                    Ok(Err(error)) => error,
                    Err(_panic) => {
                        self.panics.fetch_add(1, Ordering::Relaxed);
                        break Some("it panicked".to_owned());
                    }
                };
                match error.wait(pause).filter(|_| tries < pace.tries) {
                    None => break Some(error.to_string()),
                    Some(wait) => thread::sleep(wait.min(pace.longest_pause)),
                }
                tries += 1;
                pause *= 2;
            };
            match failed {
                None => drop(self.delivered.fetch_add(1, Ordering::Relaxed)),
                Some(reason) => self.lose(&alert, reason),
            }
            self.lock().is_busy = false;
            self.changed.notify_all();
        }
    }

    fn lose(&self, alert: &Alert, reason: String) {
        self.undelivered.fetch_add(1, Ordering::Relaxed);
        (self.on_undelivered)(Alert {
            event: AlertEvent::Undelivered,
            channel: self.name.to_owned(),
            reason,
            ..alert.clone()
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::notify::NotifyError;

    const PACE: Pace =
        Pace { tries: 3, pause: Duration::from_millis(1), longest_pause: Duration::from_millis(5) };
    const SOON: Duration = Duration::from_secs(20);

    fn alert(notice: u64) -> Alert {
        Alert { alert_id: "s-1".into(), notice, ..Alert::default() }
    }

    /// Fails as often as it is told, with this error.
    struct Failing {
        calls: mpsc::Sender<u64>,
        left: u64,
        error: NotifyError,
    }

    impl Notify for Failing {
        fn notify(&mut self, alert: &Alert) -> Result<(), NotifyError> {
            self.calls.send(alert.notice).unwrap();
            match self.left.checked_sub(1) {
                None => Ok(()),
                Some(left) => {
                    self.left = left;
                    Err(self.error.clone())
                }
            }
        }
    }

    fn channels(notify: Vec<Box<dyn Notify>>) -> (Channels, mpsc::Receiver<Alert>) {
        let (sender, lost) = mpsc::channel();
        let sender = Mutex::new(sender);
        let on_undelivered: OnUndelivered =
            Arc::new(move |alert| sender.lock().unwrap().send(alert).unwrap());
        (Channels::start(notify, PACE, &on_undelivered).unwrap(), lost)
    }

    #[test]
    fn a_delivery_is_tried_three_times_and_a_lost_one_is_told() {
        for (failures, error, tries, lost) in [
            (0, NotifyError::new("busy"), 1, 0),
            (2, NotifyError::new("busy"), 3, 0),
            (3, NotifyError::new("busy"), 3, 1),
            (3, NotifyError::new("busy").after(Duration::from_secs(3600)), 3, 1),
            (1, NotifyError::new("gone").permanent(), 1, 1),
        ] {
            let (calls, called) = mpsc::channel();
            let (channels, undelivered) =
                channels(vec![Box::new(Failing { calls, left: failures, error: error.clone() })]);
            channels.send(&alert(1));
            assert!(channels.wait(SOON));
            assert_eq!(called.try_iter().count(), tries, "{failures} {error}");
            let stats = channels.stats().remove(0);
            assert_eq!(
                (stats.delivered, stats.undelivered, stats.queued),
                (1 - lost, lost, 0),
                "{failures} {error}"
            );
            let told: Vec<Alert> = undelivered.try_iter().collect();
            assert_eq!(told.len() as u64, lost);
            for told in told {
                assert_eq!(
                    (told.event, &*told.channel, &told.reason),
                    (AlertEvent::Undelivered, "callback", &error.to_string())
                );
            }
        }
    }

    #[test]
    fn a_channel_that_hangs_delays_no_other_and_holds_a_bounded_number_of_notices() {
        let (release, hang) = mpsc::channel::<()>();
        let hang = Mutex::new(hang);
        let (sender, received) = mpsc::channel();
        let hanging = move |_: &Alert| assert!(hang.lock().unwrap().recv().is_err());
        let quick = move |alert: &Alert| sender.send(alert.notice).unwrap();
        let (channels, undelivered) = channels(vec![Box::new(hanging), Box::new(quick)]);
        for notice in 1..=200 {
            channels.send(&alert(notice));
            assert_eq!(received.recv_timeout(SOON), Ok(notice));
        }
        assert!(!channels.wait(Duration::from_millis(1)));
        // The oldest gave way; the newest are still to come.
        let stats = channels.stats().remove(0);
        assert_eq!(stats.undelivered + stats.queued, 200);
        assert!(stats.queued <= MAX_QUEUE as u64 + 1);
        let lost: Vec<u64> = undelivered.try_iter().map(|alert| alert.notice).collect();
        assert_eq!(lost.len() as u64, stats.undelivered);
        assert!(!lost.contains(&200) && lost.contains(&2));
        drop(release);
        assert!(channels.wait(SOON));
    }

    #[test]
    fn a_callback_that_panics_is_counted_and_gets_the_next_notice() {
        let mut first = true;
        let (channels, undelivered) = channels(vec![Box::new(move |_: &Alert| {
            assert!(!std::mem::take(&mut first), "a bug of the user's");
        })]);
        channels.send(&alert(1));
        channels.send(&alert(2));
        assert!(channels.wait(SOON));
        let stats = channels.stats().remove(0);
        assert_eq!((stats.delivered, stats.undelivered, stats.panics), (1, 1, 1));
        assert_eq!(undelivered.try_iter().map(|alert| alert.reason).collect::<Vec<_>>(), ["it panicked"]);
    }
}
