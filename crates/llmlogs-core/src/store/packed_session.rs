//! What retention has to know of a packed session: its packed calls go together, once the last of them may go.
//!
//! The index tells which they are. The packed calls themselves are not read, so that retention works in programs that
//! cannot.

use std::collections::HashSet;
use std::io::{self, BufRead, BufReader};
use std::time::{Duration, SystemTime};

use serde::Deserialize;

use super::dir::Dir;
use crate::format::call_id;
use crate::format::layout::{BODIES_PACK_FILE, CALLS_PACK_FILE, INDEX_FILE};

/// No day is longer, clock changes included.
const LONGEST_DAY: Duration = Duration::from_secs(25 * 3600);

/// The packed calls of a session.
#[derive(Debug)]
pub(super) struct PackedSession {
    /// The names of the calls that the index has and that have no folders.
    pub(super) calls: Vec<String>,
    /// When the last of them started.
    pub(super) last_start: SystemTime,
    /// How many bytes their files have.
    pub(super) bytes: u64,
}

impl PackedSession {
    /// Returns the packed calls of the session in `dir`, whose day began at `day`; `None` if it has none. `folders` are the
    /// names of the calls' folders.
    pub(super) fn of(dir: &Dir, folders: &HashSet<&str>, day: SystemTime) -> io::Result<Option<Self>> {
        if !dir.exists(BODIES_PACK_FILE) {
            return Ok(None);
        }
        let mut calls = indexed(dir)?;
        calls.retain(|name| !folders.contains(name.as_str()));
        let last_start = calls.iter().filter_map(|name| call_id::started_at(name)).max();
        let bytes = [BODIES_PACK_FILE, CALLS_PACK_FILE].iter().map(|name| dir.size(name).unwrap_or(0)).sum();
        Ok(Some(PackedSession { calls, last_start: last_start.unwrap_or(day + LONGEST_DAY), bytes }))
    }

    /// Removes the packed calls.
    pub(super) fn remove(dir: &Dir) -> io::Result<()> {
        dir.remove_file(BODIES_PACK_FILE)?;
        match dir.remove_file(CALLS_PACK_FILE) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }
}

/// Returns the names of the calls in the index.
pub(crate) fn indexed(dir: &Dir) -> io::Result<Vec<String>> {
    #[derive(Deserialize)]
    struct Line {
        call_id: String,
    }
    let file = match dir.read_file(INDEX_FILE) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut calls = Vec::new();
    let mut lines = BufReader::with_capacity(1 << 16, file);
    let mut text = Vec::new();
    loop {
        text.clear();
        if lines.read_until(b'\n', &mut text)? == 0 || text.pop() != Some(b'\n') {
            return Ok(calls);
        }
        // A damaged line is doctor's.
        if let Ok(line) = serde_json::from_slice::<Line>(&text) {
            calls.push(line.call_id);
        }
    }
}
