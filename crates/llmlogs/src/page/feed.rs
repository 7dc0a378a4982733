//! The last events of all roots, numbered, and the threads that find them.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{self, Thread};
use std::time::Duration;

use llmlogs_core::read::{Entry, Event, Watch};
use tokio::sync::watch;

use crate::outcome::describe;
use crate::output::out::complain;

/// How many events are kept for those who come back after a break.
const KEPT: usize = 4096;

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
    /// Of each root, the calls that were in flight at the last poll, oldest first.
    in_flight: Vec<Mutex<Vec<Entry>>>,
}

#[derive(Debug, Default)]
struct Log {
    events: VecDeque<Arc<LiveEvent>>,
    newest: u64,
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
            in_flight: roots.iter().map(|_| Mutex::default()).collect(),
        });
        let mut watchers = Vec::new();
        for (number, root) in roots.iter().enumerate() {
            // Before the address is printed, so that whoever opens it misses nothing. The thread tries again.
            let watch = Watch::new(root).ok();
            let (of_thread, root) = (feed.clone(), root.clone());
            let thread = thread::Builder::new()
                .name("llmlogs-watch".to_owned())
                .spawn(move || of_thread.watch(number, &root, watch))?;
            watchers.push(thread.thread().clone());
        }
        feed.watchers.get_or_init(|| watchers);
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
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = log.newest - log.events.len() as u64;
        if cursor < oldest || cursor > log.newest {
            return Since::Gone(log.newest);
        }
        let skipped = (cursor - oldest) as usize;
        Since::Events(log.events.iter().skip(skipped).cloned().collect(), log.newest)
    }

    fn watch(&self, number: usize, root: &Path, mut watch: Option<Watch>) {
        let mut unreadable = None;
        loop {
            let polled = match &mut watch {
                Some(watch) => Watch::poll(watch),
                None => Watch::new(root).map(|new| {
                    watch = Some(new);
                    Vec::new()
                }),
            };
            match polled {
                Ok(events) => {
                    unreadable = None;
                    self.set_in_flight(number, watch.as_ref());
                    self.add(number, events);
                }
                // It goes on when it can be read again; what is wrong is printed once.
                Err(error) => {
                    let what = describe(&error);
                    if unreadable.as_ref() != Some(&what) {
                        complain(&format!("cannot read {what}"));
                        unreadable = Some(what);
                    }
                }
            }
            let watched = self.viewers.load(Ordering::Relaxed) > 0;
            thread::park_timeout(if watched { WATCHED } else { UNWATCHED });
        }
    }

    /// Returns the calls of root `number` that are in flight, oldest first.
    pub(crate) fn in_flight(&self, number: usize) -> Vec<Entry> {
        let calls =
            self.in_flight.get(number).map(|calls| calls.lock().unwrap_or_else(PoisonError::into_inner));
        calls.map(|calls| calls.clone()).unwrap_or_default()
    }

    fn set_in_flight(&self, number: usize, watch: Option<&Watch>) {
        let (Some(calls), Some(watch)) = (self.in_flight.get(number), watch) else { return };
        let mut now: Vec<Entry> = watch.in_flight().cloned().collect();
        now.sort_by(|a, b| a.timestamp().total_cmp(&b.timestamp()));
        *calls.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    fn add(&self, root: usize, events: Vec<Event>) {
        if events.is_empty() {
            return;
        }
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        for event in events {
            let what = match &event {
                Event::Started(_) => "started",
                Event::Finished(_) => "finished",
                Event::Interrupted(_) => "interrupted",
                _ => continue,
            };
            if log.events.len() == KEPT {
                log.events.pop_front();
            }
            log.events.push_back(Arc::new(LiveEvent { root, what, entry: event.entry().clone() }));
            log.newest += 1;
        }
        self.newest.send_replace(log.newest);
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
