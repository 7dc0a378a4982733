//! `/api/call/DAY/SESSION/CALL`: one call, whole.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::extract::{Path as Names, Query, State};
use axum::response::Response;
use llmlogs_core::format::layout::{INPUT_FILE, OUTPUT_FILE};
use llmlogs_core::format::{call_id, day, session_name};
use llmlogs_core::read::{Call, Conversation};
use serde::Serialize;

use crate::bundle::{self, Bundle};
use crate::outcome::describe;
use crate::page::answer::{ApiError, answer};
use crate::page::params::Params;
use crate::page::shared::Shared;

/// Larger bodies are not parsed, in bytes.
const MAX_BODY: u64 = 8 << 20;

/// A call as `llmlogs export jsonl` has it, and its conversation.
#[derive(Debug, Serialize)]
struct Answer {
    /// Without its bodies if one of them is too large.
    call: Bundle,
    conversation: Option<Conversation>,
    /// Why there is no conversation, if that is an error.
    conversation_error: Option<String>,
    input_bytes: Option<u64>,
    output_bytes: Option<u64>,
    too_large: bool,
}

pub(crate) async fn get(
    State(shared): State<Arc<Shared>>,
    Names((day, session, call)): Names<(String, String, String)>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, ApiError> {
    let params = Params::new(pairs, &[])?;
    answer(move || {
        let root = shared.roots.open(params.root()?)?.ok_or(ApiError::NotFound)?;
        whole(&dir(root.path(), &day, &session, &call)?)
    })
    .await
}

fn whole(dir: &Path) -> Result<Answer, ApiError> {
    let call = Call::open(dir)?;
    let (input_bytes, output_bytes) = (size(&dir.join(INPUT_FILE)), size(&dir.join(OUTPUT_FILE)));
    let too_large = input_bytes.max(output_bytes).is_some_and(|bytes| bytes > MAX_BODY);
    let (bundle, conversation) = if too_large {
        (bundle::head(&call)?, None)
    } else {
        (bundle::whole(&call)?, Some(call.conversation()))
    };
    let (conversation, conversation_error) = match conversation {
        None => (None, None),
        Some(Ok(conversation)) => (Some(conversation), None),
        Some(Err(error)) => (None, Some(describe(&error))),
    };
    Ok(Answer { call: bundle, conversation, conversation_error, input_bytes, output_bytes, too_large })
}

/// Returns the call's folder if the names are those of a day, a session and a call, and none of them is a link.
fn dir(root: &Path, day: &str, session: &str, call: &str) -> Result<PathBuf, ApiError> {
    if !day::is_day(day) || !session_name::is_session(session) || !call_id::is_call(call) {
        return Err(ApiError::NotFound);
    }
    let mut dir = root.to_owned();
    for name in [day, session, call] {
        if name.contains(['/', '\\', '\0']) || name == ".." {
            return Err(ApiError::NotFound);
        }
        dir.push(name);
        if !fs::symlink_metadata(&dir).is_ok_and(|found| found.is_dir()) {
            return Err(ApiError::NotFound);
        }
    }
    Ok(dir)
}

fn size(path: &Path) -> Option<u64> {
    fs::symlink_metadata(path).ok().filter(|found| found.is_file()).map(|found| found.len())
}
