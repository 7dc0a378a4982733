//! The calls of all roots in memory, their last events, numbered, and the threads that follow the files: lists, counts
//! and events are of the same polls.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::thread::{self, Thread};
use std::time::Duration;

use llmlogs_core::index::{Follower, Polled, Snapshot};
use llmlogs_core::read::{Entry, Event};
use tokio::sync::watch;

use crate::outcome::describe;
use crate::output::out::complain;

/// How many events are kept for those who come back after a break.
const KEPT: usize = 4096;

/// How many events are remembered by their calls alone, so that a list stays as it was.
const REMEMBERED: usize = 50_000;

/// How long older days are read before what has been read is shown.
const LOADING: Duration = Duration::from_millis(100);

/// How long the address waits for the newest days; one session with very many calls takes longer.
const FIRST: Duration = Duration::from_millis(500);

/// How long a question waits for a poll; then it is answered with what is known.
const FRESH: Duration = Duration::from_secs(1);

/// The time between two polls while somebody looks, and while nobody does.
const WATCHED: Duration = Duration::from_millis(250);
const UNWATCHED: Duration = Duration::from_secs(2);

/// Something that happened to a call.
#[derive(Debug)]
pub(crate) struct LiveEvent {
    /// The number of the root.
    pub(crate) root: usize,
    /// `started`, `finished` or `interrupted`.
    pub(crate) what: &'static str,
    pub(crate) entry: Entry,
}

/// The last events, each with a number from 1.
#[derive(Debug)]
pub(crate) struct Feed {
    /// Tells numbers of this run from those of another.
    run: u64,
    log: Mutex<Log>,
    newest: watch::Sender<u64>,
    viewers: AtomicUsize,
    watchers: OnceLock<Vec<Thread>>,
    polls: Vec<Polls>,
}

#[derive(Debug, Default)]
struct Log {
    events: VecDeque<Arc<LiveEvent>>,
    newest: u64,
    /// The number, the root and the call's folder of more of the last events, and whether lists had the call before.
    remembered: VecDeque<(u64, usize, PathBuf, bool)>,
    /// Of each root, what is known, and the number of the last event that is in it.
    known: Vec<(Arc<Snapshot>, u64)>,
}

/// Of one root: how many polls were asked for, and how many of these have been made.
#[derive(Debug)]
struct Polls {
    asked_and_made: Mutex<(u64, u64)>,
    made: Condvar,
}

impl Polls {
    /// The first poll needs nobody who asks for it.
    fn asked_once() -> Self {
        Polls { asked_and_made: Mutex::new((1, 0)), made: Condvar::new() }
    }

    /// Waits until the poll with this number has been made, at most for `most`.
    fn wait_for(&self, asked: u64, most: Duration) {
        let counts = self.asked_and_made.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.made.wait_timeout_while(counts, most, |(_, made)| *made < asked));
    }
}

/// What is known of a root.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) snapshot: Arc<Snapshot>,
    /// The number of the last event that is in it, by which later questions ask for the same list.
    pub(crate) as_of: u64,
}

/// What there is behind a number.
#[derive(Debug)]
pub(crate) enum Since {
    /// The events, and the number of the last one.
    Events(Vec<Arc<LiveEvent>>, u64),
    /// Some of them are no longer kept.
    Gone(u64),
}

impl Feed {
    /// Starts to watch. A root that does not exist yet is waited for.
    pub(crate) fn start(roots: &[PathBuf]) -> io::Result<Arc<Self>> {
        let feed = Arc::new(Feed {
            run: getrandom::u64().map_err(io::Error::from)?,
            log: Mutex::default(),
            newest: watch::Sender::new(0),
            viewers: AtomicUsize::new(0),
            watchers: OnceLock::new(),
            polls: roots.iter().map(|_| Polls::asked_once()).collect(),
        });
        let mut watchers = Vec::new();
        for (number, root) in roots.iter().enumerate() {
            let follower = Follower::new(root);
            feed.log().known.push((Arc::new(follower.snapshot()), 0));
            let of_thread = feed.clone();
            let thread = thread::Builder::new()
                .name("llmlogs-watch".to_owned())
                .spawn(move || of_thread.follow(number, follower))?;
            watchers.push(thread.thread().clone());
        }
        feed.watchers.get_or_init(|| watchers);
        // Before the address is printed, so that whoever opens it finds calls and misses nothing.
        feed.polls.iter().for_each(|polls| polls.wait_for(1, FIRST));
        Ok(feed)
    }

    pub(crate) fn run(&self) -> u64 {
        self.run
    }

    pub(crate) fn newest(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// Returns the events behind number `cursor`.
    pub(crate) fn since(&self, cursor: u64) -> Since {
        let log = self.log();
        let oldest = log.newest - log.events.len() as u64;
        if cursor < oldest || cursor > log.newest {
            return Since::Gone(log.newest);
        }
        let skipped = (cursor - oldest) as usize;
        Since::Events(log.events.iter().skip(skipped).cloned().collect(), log.newest)
    }

    /// Returns what is known of root `number` at this moment; while older days are being read, or if the files do not
    /// answer, at the last poll.
    pub(crate) fn known(&self, number: usize) -> Known {
        let is_loading = self.log().known.get(number).is_some_and(|(snapshot, _)| snapshot.is_loading());
        if let (Some(polls), false) = (self.polls.get(number), is_loading) {
            let mut counts = polls.asked_and_made.lock().unwrap_or_else(PoisonError::into_inner);
            counts.0 += 1;
            let asked = counts.0;
            self.watchers
                .get()
                .and_then(|watchers| watchers.get(number))
                .into_iter()
                .for_each(Thread::unpark);
            drop(counts);
            polls.wait_for(asked, FRESH);
        }
        self.known_now(&self.log(), number)
    }

    /// Returns what was known of root `number` when `as_of` was the last event; what is known now if that is not
    /// remembered.
    pub(crate) fn known_as_of(&self, number: usize, as_of: u64) -> Known {
        let log = self.log();
        let known = self.known_now(&log, number);
        let oldest = log.newest - log.remembered.len() as u64;
        if as_of < oldest || as_of > log.newest {
            return known;
        }
        let later = log.remembered.iter().skip((as_of - oldest) as usize);
        let later = later
            .filter(|(_, root, ..)| *root == number)
            .map(|(_, _, dir, was_listed)| (dir.as_path(), *was_listed));
        Known { snapshot: Arc::new(known.snapshot.without(later)), as_of }
    }

    fn known_now(&self, log: &Log, number: usize) -> Known {
        let (snapshot, as_of) = log.known.get(number).cloned().unwrap_or_default();
        Known { snapshot, as_of }
    }

    fn log(&self) -> std::sync::MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn follow(&self, number: usize, mut follower: Follower) {
        let Some(polls) = self.polls.get(number) else { return };
        let counts = || polls.asked_and_made.lock().unwrap_or_else(PoisonError::into_inner);
        let mut unreadable = None;
        let mut budget = Duration::ZERO;
        loop {
            let (asked, _) = *counts();
            match follower.poll(std::mem::replace(&mut budget, LOADING)) {
                Ok(polled) => {
                    unreadable = None;
                    self.publish(number, &follower, polled);
                }
                // It goes on when it can be read again; what is wrong is printed once.
                Err(error) => {
                    if let Some((snapshot, _)) = self.log().known.get_mut(number)
                        && snapshot.count() == 0
                    {
                        // Nothing is being loaded.
                        *snapshot = Arc::default();
                    }
                    let what = describe(&error);
                    if unreadable.as_ref() != Some(&what) {
                        complain(&format!("cannot read {what}"));
                        unreadable = Some(what);
                    }
                }
            }
            counts().1 = asked;
            polls.made.notify_all();
            if follower.is_loading() && unreadable.is_none() {
                continue;
            }
            let watched = self.viewers.load(Ordering::Relaxed) > 0;
            let pause = if watched { WATCHED } else { UNWATCHED };
            if counts().0 == asked {
                thread::park_timeout(pause);
            }
        }
    }

    /// Makes known what a poll found, all of it at once.
    fn publish(&self, root: usize, follower: &Follower, polled: Polled) {
        if !polled.changed && !polled.anew && polled.events.is_empty() {
            return;
        }
        let snapshot = Arc::new(follower.snapshot());
        let mut log = self.log();
        for (event, was_listed) in polled.events {
            let what = match &event {
                Event::Started(_) => "started",
                Event::Finished(_) => "finished",
                Event::Interrupted(_) => "interrupted",
                _ => continue,
            };
            let entry = event.entry().clone();
            log.newest += 1;
            let number = log.newest;
            log.remember((number, root, entry.call().dir().to_owned(), was_listed));
            if log.events.len() == KEPT {
                log.events.pop_front();
            }
            log.events.push_back(Arc::new(LiveEvent { root, what, entry }));
        }
        if polled.anew {
            // No event tells of what has been removed: everybody has to ask anew.
            log.newest += 1;
            let number = log.newest;
            log.remember((number, root, PathBuf::new(), true));
            log.events.clear();
        }
        let newest = log.newest;
        if let Some(known) = log.known.get_mut(root) {
            *known = (snapshot, newest);
        }
        self.newest.send_replace(newest);
    }
}

impl Log {
    fn remember(&mut self, event: (u64, usize, PathBuf, bool)) {
        if self.remembered.len() == REMEMBERED {
            self.remembered.pop_front();
        }
        self.remembered.push_back(event);
    }
}

/// Somebody who looks, for as long as this lives.
#[derive(Debug)]
pub(crate) struct Viewer(pub(crate) Arc<Feed>);

impl Viewer {
    pub(crate) fn new(feed: Arc<Feed>) -> Self {
        feed.viewers.fetch_add(1, Ordering::Relaxed);
        feed.watchers.get().into_iter().flatten().for_each(Thread::unpark);
        Viewer(feed)
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.0.viewers.fetch_sub(1, Ordering::Relaxed);
    }
}
