//! From the names in an address to the folder of a call, and how large its bodies are.

use std::fs;
use std::path::{Path, PathBuf};

use llmlogs_core::format::layout::{INPUT_FILE, OUTPUT_FILE};
use llmlogs_core::format::{call_id, day, session_name};
use llmlogs_core::read::{self, Call};

use super::answer::ApiError;

/// Larger bodies are not parsed, in bytes.
const MAX_BODY: u64 = 8 << 20;

/// The sizes of a call's bodies in bytes, of those that are there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodySizes {
    pub(crate) input: Option<u64>,
    pub(crate) output: Option<u64>,
}

impl BodySizes {
    pub(crate) fn of(call: &Call) -> Self {
        if call.is_packed() {
            let length = |body: read::Result<Vec<u8>>| body.ok().map(|body| body.len() as u64);
            return BodySizes { input: length(call.input()), output: length(call.output()) };
        }
        BodySizes { input: size(&call.dir().join(INPUT_FILE)), output: size(&call.dir().join(OUTPUT_FILE)) }
    }

    /// Returns whether one of them is too large to be parsed.
    pub(crate) fn too_large(self) -> bool {
        self.input.max(self.output).is_some_and(|bytes| bytes > MAX_BODY)
    }
}

/// Returns the call's folder if the names are those of a day, a session and a call, and none of them is a link. That of a
/// packed call is not there.
pub(crate) fn call_dir(root: &Path, day: &str, session: &str, call: &str) -> Result<PathBuf, ApiError> {
    if !day::is_day(day) || !session_name::is_session(session) || !call_id::is_call(call) {
        return Err(ApiError::NotFound);
    }
    let mut dir = root.to_owned();
    for name in [day, session, call] {
        if name.contains(['/', '\\', '\0']) || name == ".." {
            return Err(ApiError::NotFound);
        }
        dir.push(name);
        match fs::symlink_metadata(&dir) {
            Ok(found) if found.is_dir() => {}
            // It may be packed: whoever opens the call finds out.
            Err(_missing) if name == call => {}
            _ => return Err(ApiError::NotFound),
        }
    }
    Ok(dir)
}

fn size(path: &Path) -> Option<u64> {
    fs::symlink_metadata(path).ok().filter(|found| found.is_file()).map(|found| found.len())
}
