//! A session's calls, newest start first, reading only as much as needed.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use crate::format::call_id::CallId;
use crate::format::layout::INDEX_FILE;

use super::call::Call;
use super::call_set::is_last_call;
use super::entry::Entry;
use super::error::Result;
use super::files;
use super::line::IndexLine;
use super::packed;
use super::reverse_lines::ReverseLines;
use super::session_file::is_running;

/// The maximum number of lines that are buffered for sorting.
const WINDOW: usize = 1 << 14;

/// Lines may be out of the order in which their calls ended by up to this many seconds.
const SLACK: f64 = 0.5;

/// The calls of one session, newest start first.
///
/// An index is in the order in which calls ended. Read from its end, a call may be returned as soon
/// as every line to come ended before it started. A call that the index lacks leaves a gap in the
/// numbers; only then is the folder listed.
pub(super) struct SessionNewest {
    dir: PathBuf,
    index: Option<ReverseLines>,
    /// Lines that were read and not yet returned.
    window: BTreeMap<CallId, Entry>,
    /// When the call of the most recently read line ended.
    horizon: f64,
    /// Every number from this one on was read in the index.
    floor: u64,
    /// The numbers below it that were read.
    below_floor: BTreeSet<u64>,
    /// The listed folders that the index lacked, oldest first; `None` before they are listed.
    folders: Option<Vec<(CallId, String)>>,
    /// Calls that were returned from folders.
    from_folders: HashSet<CallId>,
    last_returned: Option<CallId>,
    running: Option<bool>,
}

impl SessionNewest {
    pub(super) fn new(dir: &Path) -> Self {
        let dir = dir.to_owned();
        // Without a readable index the calls are read from their folders.
        let index = files::open(&dir.join(INDEX_FILE)).ok().and_then(|file| ReverseLines::new(file).ok());
        SessionNewest {
            dir,
            index,
            window: BTreeMap::new(),
            horizon: f64::INFINITY,
            floor: 0,
            below_floor: BTreeSet::new(),
            folders: None,
            from_folders: HashSet::new(),
            last_returned: None,
            running: None,
        }
    }

    /// Reads lines until the newest call in the window is certain to be the next one.
    fn fill(&mut self) {
        while let Some(index) = &mut self.index {
            if self.window.len() >= WINDOW {
                return;
            }
            if let Some((_, newest)) = self.window.last_key_value()
                && newest.timestamp() > self.horizon + SLACK
            {
                return;
            }
            let Ok(Some(text)) = index.previous() else {
                self.index = None;
                return;
            };
            let Some(line) = IndexLine::parse(text) else { continue };
            let id = line.call_id.text();
            if !files::is_plain_name(&id) {
                continue;
            }
            let name = CallId::of(id.as_bytes());
            self.horizon = line.end();
            if self.folders.is_none() {
                self.below_floor.insert(name.number);
            }
            if !self.from_folders.contains(&name) {
                self.window.insert(name, Entry::from_line(self.dir.join(&*id), &line));
            }
        }
    }

    /// Returns whether the index may have missed a call that is as new as `next`.
    fn has_gap_before(&mut self, next: CallId) -> bool {
        if self.last_returned.is_none() {
            let Some(highest) = self.below_floor.pop_last() else { return true };
            self.floor = highest;
            let newest = self.window.iter().find(|(name, _)| name.number == highest);
            if !newest.is_some_and(|(_, entry)| is_last_call(&self.dir, entry.call().id().as_bytes())) {
                return true;
            }
        }
        while self.below_floor.last().is_some_and(|number| *number + 1 >= self.floor) {
            self.floor = self.below_floor.pop_last().unwrap_or_default();
        }
        next.number < self.floor
    }

    fn list(&mut self) -> Result<()> {
        self.folders = Some(Vec::new());
        let names = packed::call_names(&self.dir, |_| true)?;
        let mut folders: Vec<_> = names.into_iter().map(|name| (CallId::of(name.as_bytes()), name)).collect();
        if self.last_returned.is_some() {
            let floor = self.floor;
            folders.retain(|(name, _)| name.number < floor);
        }
        folders.sort();
        self.folders = Some(folders);
        Ok(())
    }

    fn step(&mut self) -> Result<Option<Step>> {
        self.fill();
        let indexed = self.window.last_key_value().map(|(name, _)| *name);
        if self.folders.is_none() && indexed.is_none_or(|next| self.has_gap_before(next)) {
            self.list()?;
        }
        let folder = self.folders.as_ref().and_then(|folders| Some(folders.last()?.0));
        if folder > indexed {
            let Some((name, id)) = self.folders.as_mut().and_then(Vec::pop) else { return Ok(None) };
            self.last_returned = Some(name);
            self.from_folders.insert(name);
            let (dir, running) = (&self.dir, &mut self.running);
            let call = Call::inspect(dir.join(id), || *running.get_or_insert_with(|| is_running(dir)));
            return Ok(Some(Entry::from_dir(call)?.map_or(Step::Vanished, Step::Found)));
        }
        let Some((name, entry)) = self.window.pop_last() else { return Ok(None) };
        if folder == Some(name)
            && let Some(folders) = &mut self.folders
        {
            folders.pop();
        }
        self.last_returned = Some(name);
        Ok(Some(Step::Found(entry)))
    }
}

enum Step {
    Found(Entry),
    Vanished,
}

impl Iterator for SessionNewest {
    type Item = Result<Entry>;

    fn next(&mut self) -> Option<Result<Entry>> {
        loop {
            match self.step() {
                Ok(Some(Step::Found(entry))) => return Some(Ok(entry)),
                Ok(Some(Step::Vanished)) => {}
                Ok(None) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
