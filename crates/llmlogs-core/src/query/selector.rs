//! Which one call is meant: an id, the end of one, a folder, `@2`.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::format::layout::{CALL_FILES, CALL_PREFIX};
use crate::format::session_name;
use crate::read::call::Call;
use crate::read::entry::Entry;
use crate::read::error::{Error, Result};
use crate::read::files::is_plain_name;
use crate::read::line::IndexLine;
use crate::read::root::Root;
use crate::read::session::Session;

use super::edit_distance::edit_distance;
use super::error::QueryError;
use super::filter::Filter;
use super::scan::{Visitor, scan};

/// Which one call is meant.
///
/// Parsed from `@N` or `~N` (the Nth latest call; shells expand an unquoted `~N`, but not `@N`), an id, the end of an id (`040210_001`, or the number alone), an id behind
/// its session's and a slash, or a path of the call's folder or a file in it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Selector {
    /// The Nth latest call; 1 is the latest.
    Latest(usize),
    /// An id, the end of one, or a path, relative to the current folder or to the root.
    Name(String),
}

/// What a selector led to.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Selection {
    /// One call.
    Found(Call),
    /// Several calls whose ids end so, the latest first.
    Ambiguous(Vec<Call>),
    /// A call that the index has, and whose folder has been removed.
    Removed(PathBuf),
    /// No call.
    NotFound {
        /// An id that differs from the wanted one by a typing error.
        nearest: Option<String>,
    },
}

impl FromStr for Selector {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Self, QueryError> {
        let text = text.trim();
        match text.strip_prefix(['@', '~']) {
            Some("") => Ok(Selector::Latest(1)),
            Some(digits) => match digits.parse() {
                Ok(place @ 1..) => Ok(Selector::Latest(place)),
                _ => Err(QueryError::new(format!(
                    "{text}: write @1 for the latest call, @2 for the one before it"
                ))),
            },
            None if text.is_empty() => {
                Err(QueryError::new("CALL is empty: give an id, the end of one, a folder, or @2"))
            }
            None => Ok(Selector::Name(text.to_owned())),
        }
    }
}

impl Root {
    /// Finds the call that `selector` means.
    ///
    /// # Errors
    ///
    /// If a folder cannot be listed, or, for [`Selector::Latest`], if there are fewer calls and something could not be
    /// read.
    pub fn select(&self, selector: &Selector) -> Result<Selection> {
        match selector {
            Selector::Latest(place) => Ok(match self.latest(*place)? {
                Some(entry) => Selection::Found(entry.call().clone()),
                None => Selection::NotFound { nearest: None },
            }),
            Selector::Name(name) => match by_path(self, name) {
                Some(call) => Ok(Selection::Found(call)),
                None => by_id(self, name),
            },
        }
    }

    /// Returns the Nth latest call; 1 is the latest. Calls that cannot be read do not count.
    ///
    /// # Errors
    ///
    /// If there are fewer calls and something could not be read.
    pub fn latest(&self, place: usize) -> Result<Option<Entry>> {
        self.latest_matching(&Filter::new(), place)
    }

    /// As [`latest`](Self::latest), among the calls that pass `filter`.
    ///
    /// # Errors
    ///
    /// As [`latest`](Self::latest).
    pub fn latest_matching(&self, filter: &Filter, place: usize) -> Result<Option<Entry>> {
        let mut failure: Option<Error> = None;
        let mut left = place;
        for entry in self.query(filter.clone()) {
            match entry {
                Ok(entry) if left <= 1 => return Ok(Some(entry)),
                Ok(_) => left -= 1,
                Err(error) => failure = Some(error),
            }
        }
        failure.map_or(Ok(None), Err)
    }
}

/// The call whose folder, or a file of which, `name` is a path of, from here or from the root.
fn by_path(root: &Root, name: &str) -> Option<Call> {
    let given = Path::new(name);
    [given.to_owned(), root.path().join(given)].into_iter().find_map(|path| {
        // A file of a packed call has a path, too, though nothing is there.
        let is_file_of_call = |path: &Path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            CALL_FILES.contains(&name)
        };
        let folder = if path.is_file() || is_file_of_call(&path) { path.parent()?.to_owned() } else { path };
        let is_call_dir = |path: &Path| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(CALL_PREFIX))
        };
        // `.` in a call's folder does not end with the folder's name.
        let folder = if is_call_dir(&folder) {
            folder
        } else {
            folder.canonicalize().ok().filter(|path| is_call_dir(path))?
        };
        Call::open(folder).ok()
    })
}

fn by_id(root: &Root, name: &str) -> Result<Selection> {
    let id = name.trim_end_matches('/');
    let (session_end, id) = match id.rsplit_once('/') {
        Some((session, id)) => (Some(session_name::id(session)), id),
        None => (None, id),
    };
    let mut sessions: Vec<Session> = Vec::new();
    for day in root.days()? {
        sessions.extend(day.sessions()?);
    }
    if let Some(end) = session_end {
        sessions.retain(|session| session.id().ends_with(end));
    }
    // A whole id contains its day, so nothing has to be listed.
    let whole = if id.starts_with(CALL_PREFIX) { id.to_owned() } else { format!("{CALL_PREFIX}{id}") };
    let day = whole.get(5..13).unwrap_or_default();
    let exact = sessions.iter().filter(|session| session.day() == day && is_plain_name(&whole));
    let exact: Vec<_> = exact.filter_map(|session| Call::open(session.dir().join(&whole)).ok()).collect();
    if !exact.is_empty() {
        return Ok(one_of(exact));
    }
    let mut nearest: Option<(usize, String)> = None;
    let (mut matches, mut removed) = (Vec::new(), None);
    for ids in scan(&sessions, &|_| {}, || Ids::new(id)) {
        matches.extend(ids.matches);
        nearest = [nearest, ids.nearest].into_iter().flatten().min();
        removed = removed.or(ids.removed);
    }
    Ok(match removed {
        _ if !matches.is_empty() => one_of(matches),
        Some(dir) => Selection::Removed(dir),
        None => Selection::NotFound { nearest: nearest.map(|(_, id)| id) },
    })
}

fn one_of(mut calls: Vec<Call>) -> Selection {
    calls.sort_by(|a, b| b.dir().cmp(a.dir()));
    calls.dedup_by(|a, b| a.dir() == b.dir());
    match <[Call; 1]>::try_from(calls) {
        Ok([call]) => Selection::Found(call),
        Err(calls) => Selection::Ambiguous(calls),
    }
}

/// Looks for ids that end as wanted, and otherwise for the nearest one.
struct Ids {
    wanted: String,
    matches: Vec<Call>,
    /// The least distance to an id, and the id.
    nearest: Option<(usize, String)>,
    /// A call that an index has, and whose folder has been removed.
    removed: Option<PathBuf>,
}

impl Ids {
    fn new(wanted: &str) -> Self {
        Ids { wanted: wanted.to_owned(), matches: Vec::new(), nearest: None, removed: None }
    }

    fn visit(&mut self, id: &str, dir: PathBuf) {
        let number = id.rsplit('_').next().unwrap_or_default();
        let ends = id
            .strip_suffix(self.wanted.as_str())
            .is_some_and(|before| before.is_empty() || before.ends_with('_'));
        let same_number = !self.wanted.starts_with('0')
            && !number.is_empty()
            && number.trim_start_matches('0') == self.wanted
            && number.bytes().all(|byte| byte.is_ascii_digit());
        if ends || same_number {
            match Call::open(&dir) {
                Ok(call) => self.matches.push(call),
                Err(_removed) => self.removed = Some(dir),
            }
            return;
        }
        // Only ids of like length can be meant.
        let bare = self.wanted.strip_prefix(CALL_PREFIX).unwrap_or(&self.wanted);
        let other = id.strip_prefix(CALL_PREFIX).unwrap_or(id);
        let from = other.len().saturating_sub(bare.len());
        let limit = self.nearest.as_ref().map_or(3, |(distance, _)| *distance);
        if bare.len() >= 6
            && let Some(end) = other.get(from..)
            && let Some(distance) = edit_distance(bare.as_bytes(), end.as_bytes(), limit)
        {
            self.nearest = Some((distance, id.to_owned()));
        }
    }
}

impl Visitor for Ids {
    fn finished(&mut self, session: &Session, line: &IndexLine<'_>) {
        let id = line.call_id.text();
        if is_plain_name(&id) {
            self.visit(&id, session.dir().join(&*id));
        }
    }

    fn folder(&mut self, call: &Call) -> bool {
        self.visit(call.id(), call.dir().to_owned());
        true
    }

    fn unfinished(&mut self, _entry: &Entry) {}

    // The call that is meant may be among those that can be read.
    fn failed(&mut self, _error: Error) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_in_an_index_that_is_no_name_does_not_lead_out_of_the_session() {
        let root = tempfile::tempdir().unwrap();
        let session = root.path().join("20251027/session_20251027_040000");
        std::fs::create_dir_all(&session).unwrap();
        std::fs::write(session.join("index.jsonl"), "{\"call_id\":\"..\"}\n{\"call_id\":\"\"}\n").unwrap();
        let root = Root::open(root.path()).unwrap();
        for name in ["//", "x/.."] {
            // A path of an existing folder is looked for as well: neither is a call's.
            let found = root.select(&Selector::Name(name.to_owned())).unwrap();
            assert!(matches!(found, Selection::NotFound { nearest: None }), "{name}: {found:?}");
        }
    }
}
