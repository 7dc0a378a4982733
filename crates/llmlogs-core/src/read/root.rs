//! A root and its days.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::newest::DayNewest;
use super::{Call, Entry, Session, files};

/// A folder below which calls were recorded.
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
    /// When `path` is no folder that can be read; the error names it.
    pub fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        fs::read_dir(&path).map_err(|error| files::named(&error, &path))?;
        Ok(Root { path })
    }

    /// The root's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The days, oldest first.
    ///
    /// # Errors
    ///
    /// When the root cannot be read; the error names it.
    pub fn days(&self) -> io::Result<impl DoubleEndedIterator<Item = Day> + use<>> {
        let is_day = |name: &str| name.len() == 8 && name.bytes().all(|byte| byte.is_ascii_digit());
        let days: Vec<PathBuf> = files::below(&self.path, files::folders(&self.path, is_day)?).collect();
        Ok(days.into_iter().map(|dir| Day { dir }))
    }

    /// All calls, day by day, session by session, in the order of their starts.
    ///
    /// A folder that cannot be read is an error in its place; one that vanishes meanwhile is passed
    /// over.
    pub fn calls(&self) -> impl Iterator<Item = io::Result<Call>> + use<> {
        let sessions = flat(self.days()).flat_map(|day| match day {
            Ok(day) => flat(day.sessions()),
            Err(error) => failed(error),
        });
        sessions.flat_map(|session| match session {
            Ok(session) => flat(session.calls()),
            Err(error) => failed(error),
        })
    }

    /// All calls with what the indexes say of them, newest start first, across sessions that ran side
    /// by side.
    ///
    /// Days, sessions and indexes are opened as the calls are asked for, so the first few cost little
    /// however large the root is. Errors stand in their places, as in [`calls`](Self::calls).
    pub fn newest(&self) -> impl Iterator<Item = io::Result<Entry>> + use<> {
        let days = match self.days() {
            Ok(days) => days.rev().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        };
        days.into_iter().flat_map(|day| match day {
            Ok(day) => Box::new(day.newest()) as Box<dyn Iterator<Item = _>>,
            Err(error) => Box::new(std::iter::once(Err(error))),
        })
    }
}

impl Day {
    /// The folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The folder's name: `20251027`.
    #[must_use]
    pub fn name(&self) -> &str {
        files::name(&self.dir)
    }

    /// The sessions with calls of this day, oldest first.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read; the error names it. One that has vanished is empty.
    pub fn sessions(&self) -> io::Result<impl DoubleEndedIterator<Item = Session> + use<>> {
        let names = files::folders(&self.dir, |name| name.starts_with("session_"))?;
        let dirs: Vec<PathBuf> = files::below(&self.dir, names).collect();
        Ok(dirs.into_iter().map(Session::new))
    }

    /// The day's calls, newest start first; see [`Root::newest`].
    pub fn newest(&self) -> impl Iterator<Item = io::Result<Entry>> + use<> {
        DayNewest::new(self)
    }
}

type Results<T> = Box<dyn Iterator<Item = io::Result<T>>>;

fn flat<T: 'static>(listed: io::Result<impl Iterator<Item = T> + 'static>) -> Results<T> {
    match listed {
        Ok(listed) => Box::new(listed.map(Ok)),
        Err(error) => failed(error),
    }
}

fn failed<T: 'static>(error: io::Error) -> Results<T> {
    Box::new(std::iter::once(Err(error)))
}
