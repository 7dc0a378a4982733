//! A session's `session.json`: its contents, and whether the session's program is running.

use std::path::Path;

use crate::format::layout::SESSION_FILE;
use crate::format::{SessionInfo, lock, session_name};

use super::error::{Error, Result};
use super::files;

/// Reads `session.json` in the folder `dir`.
pub(crate) fn info(dir: &Path) -> Result<SessionInfo> {
    let path = dir.join(SESSION_FILE);
    let contents = files::read(&path)?;
    serde_json::from_slice(&contents).map_err(|error| Error::malformed(&path, error))
}

/// Returns the id of the session whose folder is `dir`: its name without the prefix.
pub(crate) fn session_id(dir: &Path) -> &str {
    session_name::id(files::name(dir))
}

/// Returns whether the program that records into `session` still runs: it holds `session.json` locked.
pub(crate) fn is_running(session: &Path) -> bool {
    files::open(&session.join(SESSION_FILE)).is_ok_and(|file| lock::is_held(&file))
}
