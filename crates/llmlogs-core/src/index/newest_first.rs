//! The calls of all sessions, newest first: the order of [`Root::query`](crate::read::Root::query).

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::session_rows::SessionRows;

/// The calls of one session that are listed, newest first.
#[derive(Debug)]
pub(super) struct Listed<'s> {
    pub(super) rows: &'s SessionRows,
    pub(super) places: Vec<u32>,
}

/// A place in one of the lists.
#[derive(Debug, Clone, Copy)]
pub(super) struct At<'s> {
    pub(super) rows: &'s SessionRows,
    pub(super) place: u32,
    timestamp: f64,
}

/// The calls of several days, the newest day first.
pub(super) struct NewestFirst<'l, 's> {
    /// The oldest day first.
    days: Vec<&'l [Listed<'s>]>,
    heads: BinaryHeap<Head<'l, 's>>,
    /// Calls of the older logger that may have started before midnight, the newest last. They take their places among the
    /// calls of the day before.
    carried: Vec<At<'s>>,
}

struct Head<'l, 's> {
    at: At<'s>,
    rest: &'l [u32],
}

impl<'l, 's> NewestFirst<'l, 's> {
    /// Returns the calls of `days`, the oldest day first, without the first `skipped` ones.
    pub(super) fn new(mut days: Vec<&'l [Listed<'s>]>, mut skipped: usize) -> Self {
        // Days of which nothing is wanted need not be merged, as long as none has calls of the day before.
        while let Some(day) = days.last() {
            let count: usize = day.iter().map(|listed| listed.places.len()).sum();
            if count > skipped || day.iter().any(|listed| listed.rows.crosses_midnight) {
                break;
            }
            skipped -= count;
            days.pop();
        }
        let mut newest = NewestFirst { days, heads: BinaryHeap::new(), carried: Vec::new() };
        for _ in 0..skipped {
            if newest.next().is_none() {
                break;
            }
        }
        newest
    }

    fn push(&mut self, rows: &'s SessionRows, places: &'l [u32]) {
        if let Some((place, rest)) = places.split_first() {
            let at = At { rows, place: *place, timestamp: rows.timestamp(*place) };
            self.heads.push(Head { at, rest });
        }
    }

    fn pop(&mut self) -> Option<At<'s>> {
        let Head { at, rest } = self.heads.pop()?;
        self.push(at.rows, rest);
        Some(at)
    }
}

impl<'s> Iterator for NewestFirst<'_, 's> {
    type Item = At<'s>;

    fn next(&mut self) -> Option<At<'s>> {
        loop {
            let Some(head) = self.heads.peek() else {
                match self.days.pop() {
                    Some(day) => day.iter().for_each(|listed| self.push(listed.rows, &listed.places)),
                    None => return self.carried.pop(),
                }
                continue;
            };
            if self.carried.last().is_some_and(|newest| newest.timestamp >= head.at.timestamp) {
                return self.carried.pop();
            }
            let at = self.pop()?;
            if !at.may_have_crossed_midnight() {
                return Some(at);
            }
            let place = self.carried.partition_point(|known| known.timestamp <= at.timestamp);
            self.carried.insert(place, at);
        }
    }
}

impl At<'_> {
    /// Returns whether the call took longer than the time that its name has since midnight.
    fn may_have_crossed_midnight(&self) -> bool {
        if !self.rows.crosses_midnight {
            return false;
        }
        let id = self.rows.id(self.place);
        match self.rows.unfinished_at(self.place) {
            Some(_) => false,
            None => {
                let mut name = Vec::new();
                id.may_have_crossed_midnight(
                    self.rows.columns.line(self.place as usize, &mut name).latency_ms,
                )
            }
        }
    }
}

impl Ord for Head<'_, '_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_time = self.at.timestamp.total_cmp(&other.at.timestamp);
        by_time.then_with(|| self.at.rows.dir().cmp(other.at.rows.dir()))
    }
}

impl PartialOrd for Head<'_, '_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head<'_, '_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Head<'_, '_> {}
