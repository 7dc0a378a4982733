//! The calls of one session, in the order of a list.

use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::format::call_id::CallId;
use crate::format::layout::INDEX_FILE;
use crate::read::call::{Call, State};
use crate::read::entry::Entry;
use crate::read::error::{Error, Result};
use crate::read::files;
use crate::read::line::IndexLine;
use crate::read::older;
use crate::read::session::Session;

use super::columns::Columns;

/// The calls of one session. A place below the number of rows is that of a row, the others are those of calls that have
/// not ended.
#[derive(Debug, Clone)]
pub(super) struct SessionRows {
    pub(super) session: Session,
    /// Whether it is the older logger's, whose calls are listed by their starts and named after their ends.
    pub(super) is_older: bool,
    pub(super) columns: Columns,
    /// Calls that have not ended, by id.
    pub(super) unfinished: Vec<Entry>,
    /// What cannot be read.
    pub(super) broken: Vec<Error>,
    /// Whether the name of a call leaves it open whether the call started on the day before.
    pub(super) crosses_midnight: bool,
    /// The rows from the oldest to the newest.
    order: Arc<Vec<u32>>,
}

/// Orders the calls of a session: their starts, where they differ from the order of their names, and their names.
type Key = (f64, CallId);

impl SessionRows {
    pub(super) fn new(dir: PathBuf) -> Self {
        SessionRows {
            is_older: older::is_session(&dir),
            session: Session::new(dir),
            columns: Columns::default(),
            unfinished: Vec::new(),
            broken: Vec::new(),
            crosses_midnight: false,
            order: Arc::default(),
        }
    }

    pub(super) fn dir(&self) -> &Path {
        self.session.dir()
    }

    pub(super) fn count(&self) -> usize {
        self.columns.len() + self.unfinished.len()
    }

    /// Adds a finished call; see [`Columns::push`]. Returns its place.
    pub(super) fn add(&mut self, line: &IndexLine<'_>, offset: Option<u64>) -> u32 {
        self.add_unsorted(line, offset);
        let place = (self.columns.len() - 1) as u32;
        self.put_in_order(place);
        place
    }

    /// As [`add`](Self::add), for many calls: [`sort`](Self::sort) comes after them.
    pub(super) fn add_unsorted(&mut self, line: &IndexLine<'_>, offset: Option<u64>) {
        self.crosses_midnight |= CallId::of(line.call_id.0).may_have_crossed_midnight(line.latency_ms);
        self.columns.push(line, offset);
    }

    pub(super) fn sort(&mut self) {
        let mut order: Vec<u32> = (0..self.columns.len() as u32).collect();
        order.sort_by(|a, b| compare(self.key(*a), self.key(*b)));
        self.order = Arc::new(order);
        self.columns.shrink();
    }

    /// Puts another line in the place of one.
    pub(super) fn set(&mut self, place: u32, line: &IndexLine<'_>, offset: Option<u64>) {
        Arc::make_mut(&mut self.order).retain(|known| *known != place);
        self.crosses_midnight |= CallId::of(line.call_id.0).may_have_crossed_midnight(line.latency_ms);
        self.columns.set(place as usize, line, offset);
        self.put_in_order(place);
    }

    fn put_in_order(&mut self, place: u32) {
        let key = self.key(place);
        let at = match self.order.last() {
            Some(last) if compare(self.key(*last), key).is_gt() => {
                self.order.partition_point(|known| compare(self.key(*known), key).is_le())
            }
            _ => self.order.len(),
        };
        Arc::make_mut(&mut self.order).insert(at, place);
    }

    /// Adds a call that has not ended, or replaces what was known of it.
    pub(super) fn put_unfinished(&mut self, entry: Entry) {
        match self.unfinished.binary_search_by(|known| known.call().id().cmp(entry.call().id())) {
            Ok(at) => self.unfinished[at] = entry,
            Err(at) => self.unfinished.insert(at, entry),
        }
    }

    /// Removes a call that has ended, or vanished; returns whether it was there.
    pub(super) fn take_unfinished(&mut self, id: &str) -> bool {
        let found = self.unfinished.binary_search_by(|known| known.call().id().cmp(id));
        found.map(|at| self.unfinished.remove(at)).is_ok()
    }

    /// Returns the call at a place that is not a row's.
    pub(super) fn unfinished_at(&self, place: u32) -> Option<&Entry> {
        self.unfinished.get((place as usize).checked_sub(self.columns.len())?)
    }

    pub(super) fn timestamp(&self, place: u32) -> f64 {
        match self.unfinished_at(place) {
            Some(entry) => entry.timestamp(),
            None => self.columns.timestamp(place as usize),
        }
    }

    pub(super) fn id(&self, place: u32) -> CallId {
        match self.unfinished_at(place) {
            Some(entry) => CallId::of(entry.call().id().as_bytes()),
            None => self.columns.id(place as usize),
        }
    }

    /// Returns the folder of the call at a place.
    pub(super) fn call_dir(&self, place: u32) -> PathBuf {
        match self.unfinished_at(place) {
            Some(entry) => entry.call().dir().to_owned(),
            None => {
                let mut id = Vec::new();
                self.dir().join(&*self.columns.line(place as usize, &mut id).call_id.text())
            }
        }
    }

    fn key(&self, place: u32) -> Key {
        let start = if self.is_older { self.timestamp(place) } else { 0.0 };
        (start, self.id(place))
    }

    /// Returns the places that are wanted, the newest call's first.
    pub(super) fn newest(&self, is_wanted: impl Fn(u32) -> bool) -> Vec<u32> {
        let rows = self.columns.len() as u32;
        let mut others: Vec<u32> =
            (rows..rows + self.unfinished.len() as u32).filter(|place| is_wanted(*place)).collect();
        others.sort_by(|a, b| compare(self.key(*a), self.key(*b)));
        let mut places = Vec::new();
        for place in self.order.iter().rev().copied().filter(|place| is_wanted(*place)) {
            while let Some(other) = others.pop_if(|other| compare(self.key(*other), self.key(place)).is_gt())
            {
                places.push(other);
            }
            places.push(place);
        }
        places.extend(others.into_iter().rev());
        places
    }

    /// Returns a call with its whole line: that of the index, or one made from `metadata.json`.
    ///
    /// # Errors
    ///
    /// If the call has no line, and its metadata cannot be read.
    pub(super) fn entry(&self, place: u32, texts: &mut Texts) -> Result<Entry> {
        if let Some(entry) = self.unfinished_at(place) {
            return Ok(entry.clone());
        }
        let mut id = Vec::new();
        let known = self.columns.line(place as usize, &mut id);
        let name = known.call_id.text();
        let dir = self.dir().join(&*name);
        if let Some(offset) = self.columns.offset(place as usize) {
            let line = texts.line(self.dir(), offset);
            if let Some(line) = line.filter(|line| line.call_id == known.call_id) {
                return Ok(Entry::from_line(dir, &line));
            }
        } else if let Some(entry) = Entry::from_dir(Call::new(dir.clone(), State::Finished))? {
            return Ok(entry);
        }
        // The file has changed since the last poll: what is known goes without its texts.
        let json = known.to_entry().to_line().map_err(|error| Error::malformed(&dir, error))?;
        let line = IndexLine::parse(&json).unwrap_or_default();
        Ok(Entry::from_line(dir, &line))
    }
}

fn compare(a: Key, b: Key) -> std::cmp::Ordering {
    a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))
}

/// Reads lines of indexes, best in the order of the file.
#[derive(Debug, Default)]
pub(super) struct Texts {
    file: Option<(PathBuf, BufReader<File>, u64)>,
    line: Vec<u8>,
}

impl Texts {
    /// Returns the line at `offset` of the index in the folder `dir`, as far as there is one.
    fn line(&mut self, dir: &Path, offset: u64) -> Option<IndexLine<'_>> {
        if self.file.as_ref().is_none_or(|(known, ..)| known != dir) {
            let file = files::open(&dir.join(INDEX_FILE)).ok()?;
            self.file = Some((dir.to_owned(), BufReader::with_capacity(1 << 15, file), 0));
        }
        let (_, file, at) = self.file.as_mut()?;
        let step = offset as i64 - *at as i64;
        let sought = if step.unsigned_abs() < 1 << 15 {
            file.seek_relative(step)
        } else {
            file.seek(SeekFrom::Start(offset)).map(drop)
        };
        sought.ok()?;
        self.line.clear();
        let read = file.read_until(b'\n', &mut self.line).ok()?;
        *at = offset + read as u64;
        if self.line.pop() != Some(b'\n') {
            return None;
        }
        IndexLine::parse(&self.line)
    }
}
