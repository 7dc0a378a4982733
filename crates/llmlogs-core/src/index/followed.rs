//! One session's files, and what changes in them.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use crate::format::call_id::CallId;
use crate::format::layout::INDEX_FILE;
use crate::read::Event;
use crate::read::call::{Call, State};
use crate::read::call_set::CallSet;
use crate::read::entry::Entry;
use crate::read::error::Error;
use crate::read::files;
use crate::read::index_tail::{Appended, IndexTail};
use crate::read::listing::{is_recent, modified};
use crate::read::older;
use crate::read::packed;
use crate::read::session_file::is_running;

use super::session_rows::SessionRows;

/// After listing a session's folder, at least this many times the duration of the listing passes before the next one.
const LISTING_SHARE: u32 = 20;

/// Something that happened to a call.
#[derive(Debug)]
pub(super) struct Happened {
    pub(super) event: Event,
    /// Whether lists had the call before.
    pub(super) was_listed: bool,
}

/// What is known of a call that the index lacks.
#[derive(Debug)]
enum Folder {
    Unfinished,
    /// Finished; its row.
    Row(u32),
    /// Finished; its row is made anew.
    WithoutRow,
    Broken(Error),
}

/// A call that the index lacks.
#[derive(Debug)]
struct WithoutLine {
    folder: Folder,
    /// When it was found, while the older logger may be writing it: it is listed as it is, and not reported yet.
    being_written: Option<Instant>,
}

/// A session that is followed.
#[derive(Debug)]
pub(super) struct Followed {
    pub(super) rows: Arc<SessionRows>,
    index: IndexTail,
    /// Calls with a line.
    lines: CallSet,
    without_line: HashMap<String, WithoutLine>,
    /// The id with the highest number.
    last: CallId,
    modified: Option<SystemTime>,
    list_after: Option<Instant>,
}

/// What a poll found.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) happened: Vec<Happened>,
    /// Whether anything is to be shown in another way.
    pub(super) changed: bool,
    /// Whether calls are no longer there, or may have changed without an event.
    pub(super) anew: bool,
}

impl Followed {
    /// Reads a session for the first time.
    pub(super) fn load(dir: &Path, reports: bool) -> (Self, Changes) {
        let mut session = Followed {
            rows: Arc::new(SessionRows::new(dir.to_owned())),
            index: IndexTail::default(),
            lines: CallSet::default(),
            without_line: HashMap::new(),
            last: CallId::default(),
            modified: None,
            list_after: None,
        };
        let mut changes = Changes { changed: true, ..Changes::default() };
        session.read_anew(dir, &CallSet::default(), reports, &mut changes);
        (session, changes)
    }

    /// Looks for changes; `thorough` also where they are rare.
    pub(super) fn poll(&mut self, dir: &Path, thorough: bool, changes: &mut Changes) {
        if thorough && older::is_session(dir) != self.rows.is_older {
            // `session.json` came or went: another order, and another meaning of what is empty.
            return self.reload(dir, changes);
        }
        if !self.read_lines(dir, changes) {
            return self.reload(dir, changes);
        }
        self.check_without_line(dir, thorough, changes);
        let now = modified(dir);
        if now == self.modified && !is_recent(now, SystemTime::now()) {
            return;
        }
        self.find_successors(dir, changes);
        if self.list_after.is_some_and(|after| Instant::now() < after) {
            return;
        }
        self.modified = now;
        if !self.list(dir, true, changes) {
            self.reload(dir, changes);
        }
    }

    fn reload(&mut self, dir: &Path, changes: &mut Changes) {
        let known = std::mem::take(&mut self.lines);
        let mut rows = SessionRows::new(dir.to_owned());
        rows.unfinished.clone_from(&self.rows.unfinished);
        self.rows = Arc::new(rows);
        self.index = IndexTail::default();
        for call in self.without_line.values_mut() {
            if let Folder::Row(_) = call.folder {
                call.folder = Folder::WithoutRow;
            }
        }
        self.last = CallId::default();
        self.list_after = None;
        changes.changed = true;
        self.read_anew(dir, &known, true, changes);
    }

    fn read_anew(&mut self, dir: &Path, known: &CallSet, reports: bool, changes: &mut Changes) {
        let Followed { index, lines, rows, last, without_line, .. } = self;
        let rows = Arc::make_mut(rows);
        let mut known_again = 0;
        index.read(&dir.join(INDEX_FILE), |appended| {
            let Appended::Line(offset, line) = appended else { return };
            let id = line.call_id.text();
            if !files::is_plain_name(&id) || !lines.insert(id.as_bytes()) {
                return;
            }
            *last = higher(*last, CallId::of(id.as_bytes()));
            rows.add_unsorted(line, Some(offset));
            let before = without_line.remove(&*id);
            rows.take_unfinished(&id);
            if known.contains(id.as_bytes()) {
                known_again += 1;
            } else if reports && !before.as_ref().is_some_and(WithoutLine::is_reported) {
                let event = Event::Finished(Entry::from_line(dir.join(&*id), line));
                let was_listed = before.as_ref().is_some_and(WithoutLine::is_listed);
                changes.happened.push(Happened { event, was_listed });
            }
        });
        rows.sort();
        changes.anew |= known_again < known.count();
        self.modified = modified(dir);
        self.list(dir, reports, changes);
    }

    /// Reads the new lines of the index; returns `false` if the old ones are no longer there.
    fn read_lines(&mut self, dir: &Path, changes: &mut Changes) -> bool {
        let Followed { index, lines, rows, without_line, last, .. } = self;
        let mut is_there = true;
        index.read(&dir.join(INDEX_FILE), |appended| {
            let Appended::Line(offset, line) = appended else {
                is_there = false;
                return;
            };
            let id = line.call_id.text();
            if !is_there || !files::is_plain_name(&id) || !lines.insert(id.as_bytes()) {
                return;
            }
            *last = higher(*last, CallId::of(id.as_bytes()));
            changes.changed = true;
            let rows = Arc::make_mut(rows);
            let before = without_line.remove(&*id);
            let is_reported = before.as_ref().is_some_and(WithoutLine::is_reported);
            let was_listed = before.as_ref().is_some_and(WithoutLine::is_listed);
            match before.map(|before| before.folder) {
                Some(Folder::Row(place)) => rows.set(place, line, Some(offset)),
                Some(Folder::Unfinished) => {
                    rows.take_unfinished(&id);
                    rows.add(line, Some(offset));
                }
                Some(Folder::Broken(_)) => {
                    rows.broken = errors(without_line);
                    rows.add(line, Some(offset));
                }
                Some(Folder::WithoutRow) | None => drop(rows.add(line, Some(offset))),
            }
            if !is_reported {
                let event = Event::Finished(Entry::from_line(dir.join(&*id), line));
                changes.happened.push(Happened { event, was_listed });
            }
        });
        is_there
    }

    /// Looks again at the calls that the index lacks.
    fn check_without_line(&mut self, dir: &Path, thorough: bool, changes: &mut Changes) {
        let open: Vec<String> = self
            .without_line
            .iter()
            .filter(|(name, call)| {
                call.being_written.is_some()
                    || match call.folder {
                        Folder::Unfinished => thorough || self.is_in_flight(name),
                        Folder::Broken(_) => thorough,
                        Folder::Row(_) | Folder::WithoutRow => false,
                    }
            })
            .map(|(name, _)| name.clone())
            .collect();
        if open.is_empty() {
            return;
        }
        let running = is_running(dir);
        for name in open {
            self.look(dir, &name, running, true, changes);
        }
    }

    fn is_in_flight(&self, name: &str) -> bool {
        let found = self.rows.unfinished.binary_search_by(|known| known.call().id().cmp(name));
        found.is_ok_and(|at| self.rows.unfinished[at].call().state() == State::InFlight)
    }

    /// Finds calls whose numbers follow the latest one, without listing the folder.
    fn find_successors(&mut self, dir: &Path, changes: &mut Changes) {
        while self.last.stamp_nonzero().is_some() {
            let next = self.last.successors().find(|name| files::is_folder(&dir.join(name)));
            let Some(name) = next.filter(|name| !self.has(name)) else { return };
            self.look(dir, &name, is_running(dir), true, changes);
        }
    }

    fn has(&self, name: &str) -> bool {
        self.lines.contains(name.as_bytes()) || self.without_line.contains_key(name)
    }

    /// Lists the folder and the packed calls; returns `false` if a finished call without a line is no longer there.
    fn list(&mut self, dir: &Path, reports: bool, changes: &mut Changes) -> bool {
        let start = Instant::now();
        if self.without_line.is_empty() && self.lines.is_complete_for(dir) {
            return true;
        }
        // A folder that cannot be listed is tried again when it changes; calls in the index are shown anyway.
        let listed = packed::call_names(dir, |name| !self.lines.contains(name.as_bytes()));
        let names = match listed {
            Ok(names) => names,
            Err(error) => {
                Arc::make_mut(&mut self.rows).broken = vec![error];
                changes.changed = true;
                return true;
            }
        };
        let broken = errors(&self.without_line);
        if broken.len() != self.rows.broken.len() {
            // It could not be listed before.
            Arc::make_mut(&mut self.rows).broken = broken;
            changes.changed = true;
        }
        let is_gone = |name: &String| names.binary_search(name).is_err();
        let gone: Vec<String> = self.without_line.keys().filter(|name| is_gone(name)).cloned().collect();
        for name in gone {
            match self.without_line.remove(&name).map(|call| call.folder) {
                Some(Folder::Row(_)) => return false,
                _ => self.forget(&name, changes),
            }
        }
        let running = !names.is_empty() && is_running(dir);
        for name in names {
            let known = self.without_line.get(&name).map(|call| &call.folder);
            if matches!(known, None | Some(Folder::WithoutRow)) {
                self.look(dir, &name, running, reports, changes);
            }
        }
        self.list_after = Some(Instant::now() + start.elapsed() * LISTING_SHARE);
        true
    }

    fn forget(&mut self, name: &str, changes: &mut Changes) {
        self.without_line.remove(name);
        let rows = Arc::make_mut(&mut self.rows);
        rows.take_unfinished(name);
        rows.broken = errors(&self.without_line);
        (changes.changed, changes.anew) = (true, true);
    }

    /// Looks at the folder of a call that the index lacks.
    fn look(&mut self, dir: &Path, name: &str, running: bool, reports: bool, changes: &mut Changes) {
        self.last = higher(self.last, CallId::of(name.as_bytes()));
        let call = Call::inspect(dir.join(name), || running);
        let state = call.state();
        let before = self.without_line.get(name);
        let found_at = before.and_then(|before| before.being_written);
        // Whatever the order is in which it writes the files.
        let may_be_written = self.rows.is_older && state != State::InFlight && !call.is_whole();
        let being_written = match (before, found_at) {
            _ if !may_be_written => None,
            (None, _) => Some(Instant::now()),
            (Some(_), found_at) => found_at.filter(|found| found.elapsed() < older::WRITES),
        };
        let was_listed = before.is_some_and(WithoutLine::is_listed);
        let was_reported = before.is_some_and(WithoutLine::is_reported);
        let place = match before.map(|before| &before.folder) {
            Some(Folder::Row(place)) => Some(*place),
            _ => None,
        };
        let same_state = state != State::Finished
            && before.is_some_and(|before| before.being_written.is_some() == being_written.is_some())
            && self
                .rows
                .unfinished
                .binary_search_by(|known| known.call().id().cmp(name))
                .is_ok_and(|at| self.rows.unfinished[at].call().state() == state);
        if same_state && call.dir().exists() {
            return;
        }
        changes.changed = true;
        let folder = match Entry::from_dir(call) {
            Ok(None) => return self.forget(name, changes),
            Err(error) => {
                Arc::make_mut(&mut self.rows).take_unfinished(name);
                Folder::Broken(error)
            }
            Ok(Some(entry)) => {
                let rows = Arc::make_mut(&mut self.rows);
                let folder = if state == State::Finished {
                    rows.take_unfinished(name);
                    match place {
                        Some(place) => {
                            rows.set(place, &entry.line(), None);
                            Folder::Row(place)
                        }
                        None => Folder::Row(rows.add(&entry.line(), None)),
                    }
                } else {
                    rows.put_unfinished(entry.clone());
                    Folder::Unfinished
                };
                if reports && being_written.is_none() && !was_reported {
                    let event = match state {
                        State::InFlight => Event::Started(entry),
                        State::Finished => Event::Finished(entry),
                        State::Interrupted | State::NotRecorded => Event::Interrupted(entry),
                    };
                    changes.happened.push(Happened { event, was_listed });
                }
                folder
            }
        };
        self.without_line.insert(name.to_owned(), WithoutLine { folder, being_written });
        let broken = errors(&self.without_line);
        if !broken.is_empty() || !self.rows.broken.is_empty() {
            Arc::make_mut(&mut self.rows).broken = broken;
        }
    }
}

impl WithoutLine {
    /// Returns whether its end was reported.
    fn is_reported(&self) -> bool {
        matches!(self.folder, Folder::Row(_) | Folder::WithoutRow) && self.being_written.is_none()
    }

    /// Returns whether lists had it.
    fn is_listed(&self) -> bool {
        !matches!(self.folder, Folder::Broken(_))
    }
}

fn errors(calls: &HashMap<String, WithoutLine>) -> Vec<Error> {
    let errors = calls.values().filter_map(|call| match &call.folder {
        Folder::Broken(error) => Some(error.clone()),
        Folder::Unfinished | Folder::Row(_) | Folder::WithoutRow => None,
    });
    errors.collect()
}

/// Returns the id with the higher number; one that is not of the format's shape has none.
fn higher(last: CallId, id: CallId) -> CallId {
    if id.stamp_nonzero().is_some() && id.number > last.number { id } else { last }
}
