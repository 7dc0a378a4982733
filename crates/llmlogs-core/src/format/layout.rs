//! Names and paths below a root that do not depend on a time or a number.
//!
//! Names that do are created and parsed by [`call_id`](super::call_id) and [`session_name`](super::session_name).

use std::env;
use std::path::PathBuf;

/// The environment variable that names the root.
pub const ROOT_VARIABLE: &str = "LLMLOGS_ROOT";

/// The default root, relative to the current directory.
pub const DEFAULT_ROOT: &str = "llmlogs/apiCall";

/// The prefix of the name of a session's directory; its id follows.
pub const SESSION_PREFIX: &str = "session_";

/// The prefix of the name of a call's directory; the time of its start and its number in the session follow.
pub const CALL_PREFIX: &str = "call_";

/// The file that names the recorder of a session and holds its counters.
pub const SESSION_FILE: &str = "session.json";

/// The file with one line for each finished call of a session.
pub const INDEX_FILE: &str = "index.jsonl";

/// The file with one line for each change of an alert, beside a session's index, or in the root.
pub const ALERTS_FILE: &str = "alerts.jsonl";

/// The list of all its calls that the older logger keeps in the root.
pub const OLDER_INDEX_FILE: &str = "index.json";

/// The directory of the media that were elided from bodies, in a session's directory.
pub const MEDIA_DIR: &str = "media";

/// The request body.
pub const INPUT_FILE: &str = "input.json";

/// The request as text for people.
pub const INPUT_TEXT_FILE: &str = "input.txt";

/// The response body, or the failure.
pub const OUTPUT_FILE: &str = "output.json";

/// The response as text for people.
pub const OUTPUT_TEXT_FILE: &str = "output.txt";

/// The metadata of a call; the call is finished exactly when this file exists.
pub const METADATA_FILE: &str = "metadata.json";

/// The files of a call, in the order in which a recorder writes them.
pub const CALL_FILES: [&str; 5] = [INPUT_FILE, INPUT_TEXT_FILE, OUTPUT_FILE, OUTPUT_TEXT_FILE, METADATA_FILE];

/// The packed calls of a session, a row each, for engines that query many of them.
pub const CALLS_PACK_FILE: &str = "calls.parquet";

/// The packed calls of a session with the contents of their files, a row each; a call is packed exactly when this file
/// has its row.
pub const BODIES_PACK_FILE: &str = "bodies.parquet";

const TEMPORARY_SUFFIX: &str = ".tmp";

const PRUNED_PREFIX: &str = ".pruned_";

const UNPACKED_PREFIX: &str = ".unpacked_";

/// Returns the name under which `name` is written before it is renamed into place.
#[must_use]
pub fn temporary_name(name: &str) -> String {
    format!("{name}{TEMPORARY_SUFFIX}")
}

/// Returns the name that a call's directory has while it is being removed: readers skip it, and the leftovers of an
/// interrupted removal are deleted by the next one.
#[must_use]
pub fn pruned_name(call: &str) -> String {
    format!("{PRUNED_PREFIX}{call}")
}

/// Returns whether `name` was returned by [`temporary_name`].
#[must_use]
pub fn is_temporary(name: &str) -> bool {
    name.ends_with(TEMPORARY_SUFFIX)
}

/// Returns whether `name` was returned by [`pruned_name`].
#[must_use]
pub fn is_pruned(name: &str) -> bool {
    name.starts_with(PRUNED_PREFIX)
}

/// Returns the name that a call's directory has while it is being unpacked: readers skip it, and the leftovers of an
/// interrupted unpacking are deleted by the next one.
#[must_use]
pub fn unpacked_name(call: &str) -> String {
    format!("{UNPACKED_PREFIX}{call}")
}

/// Returns whether `name` was returned by [`unpacked_name`].
#[must_use]
pub fn is_unpacked(name: &str) -> bool {
    name.starts_with(UNPACKED_PREFIX)
}

/// Returns the root that the environment variable [`ROOT_VARIABLE`] names, else [`DEFAULT_ROOT`].
#[must_use]
pub fn default_root() -> PathBuf {
    env::var_os(ROOT_VARIABLE)
        .filter(|root| !root.is_empty())
        .map_or_else(|| DEFAULT_ROOT.into(), PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn created_names_are_recognised() {
        assert_eq!(temporary_name(METADATA_FILE), "metadata.json.tmp");
        assert!(is_temporary(&temporary_name(INDEX_FILE)) && !is_temporary(INDEX_FILE));
        assert_eq!(pruned_name("call_20251027_040210_001"), ".pruned_call_20251027_040210_001");
        assert!(is_pruned(&pruned_name("call_1")) && !is_pruned("call_1"));
        assert!(is_unpacked(&unpacked_name("call_1")) && !is_unpacked("call_1"));
    }
}
