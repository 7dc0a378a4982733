//! One session of one day.

use std::io;
use std::path::{Path, PathBuf};

use super::call::Call;
use super::entries::Entries;
use super::newest::SessionNewest;
use super::session_file::{info, is_call, is_running};
use super::{Entry, files};
use crate::format::SessionInfo;
use crate::format::call_id::CallId;

/// The folder of one session on one day.
#[derive(Debug, Clone)]
pub struct Session {
    dir: PathBuf,
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
        names.sort_by_key(|name| CallId::of(name.as_bytes()));
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
