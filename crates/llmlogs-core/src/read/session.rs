//! One session of one day.

use std::fs::TryLockError;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::call::Call;
use super::entries::Entries;
use super::name::CallName;
use super::newest::SessionNewest;
use super::{Entry, files};

/// The folder of one session on one day.
#[derive(Debug, Clone)]
pub struct Session {
    dir: PathBuf,
}

/// What `session.json` says; a field that is missing has its "not known" value.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct SessionInfo {
    /// The version of the format.
    pub schema_version: u32,
    /// The folder's name without `session_`.
    pub session_id: String,
    /// When the recorder was built: RFC 3339 with the local offset.
    pub started_at: String,
    /// When the recorder was shut down; `None` while it runs, and when it was not shut down.
    pub ended_at: Option<String>,
    /// The process.
    pub pid: u32,
    /// The machine.
    pub hostname: String,
    /// The name of the program's file.
    pub program: String,
    /// The version of this crate.
    pub recorder_version: String,
    /// What the recorder counted, zeros until it is shut down.
    pub counters: Counters,
}

/// The counters of a session that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Counters {
    /// Calls that are on disk, on whichever day.
    pub calls: u64,
    /// Those of them that failed.
    pub errors: u64,
    /// Those of them that the caller gave up.
    pub cancelled: u64,
    /// Calls kept without their bodies because memory or disk ran short.
    pub degraded: u64,
    /// Calls of which nothing could be written.
    pub lost: u64,
    /// Writes that failed.
    pub write_errors: u64,
}

impl Session {
    pub(super) fn new(dir: PathBuf) -> Self {
        Session { dir }
    }

    /// The session's folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The folder's name without `session_`.
    #[must_use]
    pub fn id(&self) -> &str {
        let name = files::name(&self.dir);
        name.strip_prefix("session_").unwrap_or(name)
    }

    /// The day, as the name of its folder: `20251027`.
    #[must_use]
    pub fn day(&self) -> &str {
        self.dir.parent().map(files::name).unwrap_or_default()
    }

    /// Whether the program that records into it still runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        is_running(&self.dir)
    }

    /// What `session.json` says.
    ///
    /// # Errors
    ///
    /// When the file is missing (an older logger writes none) or cannot be read; the error names it.
    pub fn info(&self) -> io::Result<SessionInfo> {
        info(&self.dir)
    }

    /// The calls whose folders are there, in the order of their starts.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read; the error names it. One that has vanished is empty.
    pub fn calls(&self) -> io::Result<impl Iterator<Item = Call> + use<>> {
        let mut names = files::folders(&self.dir, is_call)?;
        names.sort_by_key(|name| CallName::of(name.as_bytes()));
        let mut alive = None;
        let dir = self.dir.clone();
        Ok(names
            .into_iter()
            .map(move |name| Call::look(dir.join(name), || *alive.get_or_insert_with(|| is_running(&dir)))))
    }

    /// The names of the calls' folders, in no order.
    pub fn call_names(&self) -> io::Result<Vec<String>> {
        files::folders(&self.dir, is_call)
    }

    /// Every call once: the index line by line, then the folders that it lacks, calls in flight and
    /// interrupted ones among them.
    ///
    /// An index of any length is read in constant memory. Damaged lines are passed over; their calls
    /// are read from their folders.
    pub fn entries(&self) -> impl Iterator<Item = io::Result<Entry>> + use<> {
        Entries::new(self)
    }

    /// The same calls, newest start first. What is not asked for is not read: the first few cost the
    /// same however long the index is.
    pub fn newest(&self) -> impl Iterator<Item = io::Result<Entry>> + use<> {
        SessionNewest::new(self)
    }
}

/// What `session.json` in the folder `dir` says.
pub(super) fn info(dir: &Path) -> io::Result<SessionInfo> {
    let path = dir.join("session.json");
    let contents = files::read(&path)?;
    serde_json::from_slice(&contents).map_err(|error| files::named(&error.into(), &path))
}

/// Whether a folder's name is a call's.
pub(super) fn is_call(name: &str) -> bool {
    name.starts_with("call_")
}

/// Whether the program that records into `session` still runs: it holds `session.json` locked.
pub(super) fn is_running(session: &Path) -> bool {
    files::open(&session.join("session.json"))
        .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}
