//! What a session's `session.json` says, and whether its program still runs.

use std::io;
use std::path::Path;

use crate::format::layout::{CALL_PREFIX, SESSION_FILE};
use crate::format::{SessionInfo, lock};

use super::files;

/// What `session.json` in the folder `dir` says.
pub(super) fn info(dir: &Path) -> io::Result<SessionInfo> {
    let path = dir.join(SESSION_FILE);
    let contents = files::read(&path)?;
    serde_json::from_slice(&contents).map_err(|error| files::named(&error.into(), &path))
}

/// Whether a folder's name is a call's.
pub(super) fn is_call(name: &str) -> bool {
    name.starts_with(CALL_PREFIX)
}

/// Whether the program that records into `session` still runs: it holds `session.json` locked.
pub(super) fn is_running(session: &Path) -> bool {
    files::open(&session.join(SESSION_FILE)).is_ok_and(|file| lock::is_held(&file))
}
