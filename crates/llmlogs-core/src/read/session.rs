//! One session of one day.

use std::path::{Path, PathBuf};

use crate::format::SessionInfo;
use crate::format::call_id::CallId;

use super::by_start;
use super::call::Call;
use super::entries::Entries;
use super::entry::Entry;
use super::error::Result;
use super::files;
use super::packed;
use super::session_file::{info, is_running, session_id};

/// The folder of one session on one day.
#[derive(Debug, Clone)]
pub struct Session {
    dir: PathBuf,
}

impl Session {
    pub(crate) fn new(dir: PathBuf) -> Self {
        Session { dir }
    }

    /// Returns the session's folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Returns the session's id: the folder's name without `session_`.
    #[must_use]
    pub fn id(&self) -> &str {
        session_id(&self.dir)
    }

    /// Returns the day, as the name of its folder: `20251027`.
    #[must_use]
    pub fn day(&self) -> &str {
        self.dir.parent().map(files::name).unwrap_or_default()
    }

    /// Returns whether the program that records into it still runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        is_running(&self.dir)
    }

    /// Reads `session.json`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`](super::ErrorKind::NotFound) if the file is missing (an older logger writes none),
    /// [`ErrorKind::Malformed`](super::ErrorKind::Malformed) if it is not a JSON object.
    pub fn info(&self) -> Result<SessionInfo> {
        info(&self.dir)
    }

    /// Returns the calls that have folders and the packed ones, in the order of their starts. A session that has vanished has none.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unreadable`](super::ErrorKind::Unreadable) if the folder cannot be listed,
    /// [`ErrorKind::Packed`](super::ErrorKind::Packed) if the session is packed and the feature `pack` is off.
    pub fn calls(&self) -> Result<impl Iterator<Item = Call> + use<>> {
        let mut names = packed::call_names(&self.dir, |_| true)?;
        names.sort_by_key(|name| CallId::of(name.as_bytes()));
        let mut alive = None;
        let dir = self.dir.clone();
        Ok(names.into_iter().map(move |name| {
            Call::inspect(dir.join(name), || *alive.get_or_insert_with(|| is_running(&dir)))
        }))
    }

    /// Returns every call once: the index line by line, then the folders that it lacks, calls in flight and
    /// interrupted ones among them.
    ///
    /// The index is read lazily. Damaged lines are skipped; their calls are read from their folders.
    pub fn entries(&self) -> impl Iterator<Item = Result<Entry>> + use<> {
        Entries::new(&self.dir)
    }

    /// Returns the same calls, newest start first. The index is read lazily from its end: the first few calls are
    /// returned quickly however long it is.
    pub fn newest(&self) -> impl Iterator<Item = Result<Entry>> + use<> {
        by_start::newest(&self.dir)
    }
}
