//! A root and its days.

use std::fs;
use std::path::{Path, PathBuf};

use crate::format::day::is_day;
use crate::format::session_name::is_session;

use super::call::Call;
use super::day_newest::DayNewest;
use super::entry::Entry;
use super::error::{Error, ErrorKind, Result};
use super::files;
use super::newest::Newest;
use super::older;
use super::session::Session;

/// A folder with recorded calls.
#[derive(Debug, Clone)]
pub struct Root {
    path: PathBuf,
}

/// The folder of one local date.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day {
    dir: PathBuf,
}

impl Root {
    /// Opens a root.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotARoot`] if `path` is not a folder that can be listed.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        fs::read_dir(&path).map_err(|error| Error::new(ErrorKind::NotARoot, &path, error))?;
        Ok(Root { path })
    }

    /// Returns the root's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the days, oldest first. A root that has vanished has none.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unreadable`] if the root cannot be listed.
    pub fn days(&self) -> Result<impl DoubleEndedIterator<Item = Day> + use<>> {
        let days: Vec<PathBuf> = files::paths_in(&self.path, files::folders(&self.path, is_day)?).collect();
        Ok(days.into_iter().map(|dir| Day { dir }))
    }

    /// Returns all calls, day by day, session by session, in the order of their starts.
    ///
    /// A folder that cannot be read is an error in its place; one that vanishes meanwhile is skipped.
    pub fn calls(&self) -> impl Iterator<Item = Result<Call>> + use<> {
        let sessions = flat(self.days()).flat_map(|day| match day {
            Ok(day) => flat(day.sessions()),
            Err(error) => failed(error),
        });
        sessions.flat_map(|session| match session {
            Ok(session) => flat(session.calls()),
            Err(error) => failed(error),
        })
    }

    /// Returns all calls with their lines of the indexes, newest start first, across sessions that ran side
    /// by side.
    ///
    /// Days, sessions and indexes are opened lazily, so the first few calls are returned quickly
    /// however large the root is. Errors are returned in their places, as in [`calls`](Self::calls).
    pub fn newest(&self) -> impl Iterator<Item = Result<Entry>> + use<> {
        let days = match self.days() {
            Ok(days) => days.rev().map(|day| Ok(day.newest_of_all())).collect(),
            Err(error) => vec![Err(error)],
        };
        Newest::new(days)
    }
}

impl Day {
    /// Returns the day's folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Returns the folder's name: `20251027`.
    #[must_use]
    pub fn name(&self) -> &str {
        files::name(&self.dir)
    }

    /// Returns the sessions with calls of this day, oldest first. A day that has vanished has none.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unreadable`] if the folder cannot be listed.
    pub fn sessions(&self) -> Result<impl DoubleEndedIterator<Item = Session> + use<>> {
        Ok(self.session_dirs()?.into_iter().map(Session::new))
    }

    fn session_dirs(&self) -> Result<Vec<PathBuf>> {
        let names = files::folders(&self.dir, is_session)?;
        Ok(files::paths_in(&self.dir, names).collect())
    }

    /// Returns the day's calls, newest start first; see [`Root::newest`].
    pub fn newest(&self) -> impl Iterator<Item = Result<Entry>> + use<> {
        self.newest_of_all()
    }

    pub(crate) fn newest_of_all(&self) -> DayNewest {
        DayNewest::new(&self.dir, self.session_dirs())
    }

    /// Returns the calls of the older logger's sessions alone, newest start first.
    pub(crate) fn newest_of_older(&self) -> DayNewest {
        let older = |mut dirs: Vec<PathBuf>| {
            dirs.retain(|dir| older::is_session(dir));
            dirs
        };
        DayNewest::new(&self.dir, self.session_dirs().map(older))
    }
}

type Results<T> = Box<dyn Iterator<Item = Result<T>>>;

fn flat<T: 'static>(listed: Result<impl Iterator<Item = T> + 'static>) -> Results<T> {
    match listed {
        Ok(listed) => Box::new(listed.map(Ok)),
        Err(error) => failed(error),
    }
}

fn failed<T: 'static>(error: Error) -> Results<T> {
    Box::new(std::iter::once(Err(error)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::call_id::CallId;

    fn line(second: u64, number: u64, latency_ms: u64) -> String {
        let timestamp = 1_761_537_600 + second;
        format!(
            "{{\"call_id\":\"call_20251027_0400{second:02}_{number:03}\",\"timestamp\":{timestamp},\"latency_ms\":{latency_ms}}}\n"
        )
    }

    fn newest(index: &str, folders: &[&str]) -> Vec<u64> {
        let root = tempfile::tempdir().unwrap();
        let session = root.path().join("20251027/session_20251027_040000");
        std::fs::create_dir_all(&session).unwrap();
        std::fs::write(session.join("index.jsonl"), index).unwrap();
        for folder in folders {
            std::fs::create_dir(session.join(folder)).unwrap();
        }
        let entries = Root::open(root.path()).unwrap().newest();
        entries.map(|entry| CallId::of(entry.unwrap().call().id().as_bytes()).number).collect()
    }

    #[test]
    fn calls_are_sorted_by_start_not_by_end() {
        let index = [line(2, 2, 100), line(3, 3, 100), line(4, 4, 100), line(1, 1, 50_000)].concat();
        assert_eq!(newest(&index, &[]), [4, 3, 2, 1]);
    }

    #[test]
    fn folders_fill_the_gaps_of_the_index() {
        let index = [line(1, 1, 100), line(3, 3, 100)].concat();
        let folders = ["call_20251027_040002_002", "call_20251027_040003_003", "call_20251027_040009_004"];
        assert_eq!(newest(&index, &folders), [4, 3, 2, 1]);
    }

    #[test]
    fn a_duplicate_line_is_one_call() {
        let index = [line(1, 1, 100), line(2, 2, 100), line(2, 2, 100)].concat();
        assert_eq!(newest(&index, &[]), [2, 1]);
    }
}
