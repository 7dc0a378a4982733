//! Where things lie below a root, and what they are called.

use std::env;
use std::path::PathBuf;

/// The environment variable that names the root.
pub const ROOT_VARIABLE: &str = "LLMLOGS_ROOT";

/// Where calls are recorded when nothing says otherwise, relative to the current folder.
pub const DEFAULT_ROOT: &str = "llmlogs/apiCall";

/// A session's folder is called this and its id.
pub const SESSION_PREFIX: &str = "session_";

/// A call's folder is called this, the stamp of its start and its number in the session.
pub const CALL_PREFIX: &str = "call_";

/// Who recorded a session, and what was counted.
pub const SESSION_FILE: &str = "session.json";

/// One line a finished call.
pub const INDEX_FILE: &str = "index.jsonl";

/// The folder of media that is kept, in a session's folder.
pub const MEDIA_DIR: &str = "media";

/// The request body.
pub const INPUT_FILE: &str = "input.json";

/// The request for people.
pub const INPUT_TEXT_FILE: &str = "input.txt";

/// The response body, or the failure.
pub const OUTPUT_FILE: &str = "output.json";

/// The response for people.
pub const OUTPUT_TEXT_FILE: &str = "output.txt";

/// Everything that is known of a call; a call is finished exactly when it is there.
pub const METADATA_FILE: &str = "metadata.json";

/// Returns the root from the environment, else [`DEFAULT_ROOT`].
#[must_use]
pub fn default_root() -> PathBuf {
    env::var_os(ROOT_VARIABLE)
        .filter(|root| !root.is_empty())
        .map_or_else(|| DEFAULT_ROOT.into(), PathBuf::from)
}
