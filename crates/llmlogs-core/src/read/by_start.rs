//! The calls of an older session, newest start first. The older logger names a call after its end.

use std::collections::BinaryHeap;
use std::path::Path;

use crate::format::call_id::CallId;

use super::entry::Entry;
use super::error::Result;
use super::older;
use super::session_newest::SessionNewest;

/// The maximum number of calls that are held for sorting.
const WINDOW: usize = 1 << 14;

/// Names have whole seconds: calls of the same second may be out of the order of their ends by up to this many.
const SLACK: f64 = 1.0;

/// Returns the calls of the session in the folder `dir`, newest start first.
pub(super) fn newest(dir: &Path) -> Box<dyn Iterator<Item = Result<Entry>>> {
    let calls = SessionNewest::new(dir);
    if older::is_session(dir) { Box::new(ByStart::new(calls)) } else { Box::new(calls) }
}

/// Sorts calls that come newest end first by their starts, reading only as far ahead as calls overlap.
struct ByStart<I> {
    /// `None` once all have come.
    calls: Option<I>,
    held: BinaryHeap<Held>,
    /// No call to come ended later.
    horizon: f64,
}

struct Held {
    start: f64,
    name: CallId,
    entry: Entry,
}

impl<I> ByStart<I> {
    fn new(calls: I) -> Self {
        ByStart { calls: Some(calls), held: BinaryHeap::new(), horizon: f64::INFINITY }
    }

    /// Returns the call that started last if none to come can have started later.
    fn settled(&mut self) -> Option<Entry> {
        let newest = self.held.peek()?;
        let is_settled =
            self.calls.is_none() || newest.start >= self.horizon + SLACK || self.held.len() >= WINDOW;
        if is_settled { self.held.pop().map(|held| held.entry) } else { None }
    }
}

impl<I: Iterator<Item = Result<Entry>>> Iterator for ByStart<I> {
    type Item = Result<Entry>;

    fn next(&mut self) -> Option<Result<Entry>> {
        loop {
            if let Some(entry) = self.settled() {
                return Some(Ok(entry));
            }
            match self.calls.as_mut()?.next() {
                Some(Ok(entry)) => {
                    self.horizon = entry.line().end();
                    let name = CallId::of(entry.call().id().as_bytes());
                    self.held.push(Held { start: entry.timestamp(), name, entry });
                }
                Some(Err(error)) => return Some(Err(error)),
                None => self.calls = None,
            }
            if self.calls.is_none() && self.held.is_empty() {
                return None;
            }
        }
    }
}

impl Ord for Held {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.start.total_cmp(&other.start).then_with(|| self.name.cmp(&other.name))
    }
}

impl PartialOrd for Held {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Held {}
