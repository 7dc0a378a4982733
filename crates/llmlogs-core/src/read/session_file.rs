//! A session's `session.json`: its contents, and whether its program still runs.

use std::fs::TryLockError;
use std::path::Path;

use crate::format::SessionInfo;
use crate::format::layout::{CALL_PREFIX, SESSION_FILE, SESSION_PREFIX};

use super::error::{Error, Result};
use super::files;

/// Reads `session.json` in the folder `dir`.
pub(crate) fn info(dir: &Path) -> Result<SessionInfo> {
    let path = dir.join(SESSION_FILE);
    let contents = files::read(&path)?;
    serde_json::from_slice(&contents).map_err(|error| Error::malformed(&path, error))
}

/// Returns whether a folder's name is a call's.
pub(crate) fn is_call(name: &str) -> bool {
    name.starts_with(CALL_PREFIX)
}

/// Returns the id of the session whose folder is `dir`: its name without the prefix.
pub(crate) fn session_id(dir: &Path) -> &str {
    let name = files::name(dir);
    name.strip_prefix(SESSION_PREFIX).unwrap_or(name)
}

/// Returns whether the program that records into `session` still runs: it holds `session.json` locked.
pub(crate) fn is_running(session: &Path) -> bool {
    files::open(&session.join(SESSION_FILE))
        .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}
