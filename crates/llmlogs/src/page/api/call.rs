//! `/api/call/DAY/SESSION/CALL`: one call, whole.

use std::path::Path;
use std::sync::Arc;

use axum::extract::{Path as Names, Query, State};
use axum::response::Response;
use llmlogs_core::read::{Call, Conversation};
use serde::Serialize;

use crate::bundle::{self, Bundle};
use crate::outcome::describe;
use crate::page::answer::{ApiError, answer};
use crate::page::call_dir::{BodySizes, call_dir};
use crate::page::params::Params;
use crate::page::shared::Shared;

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
        whole(&call_dir(root.path(), &day, &session, &call)?)
    })
    .await
}

fn whole(dir: &Path) -> Result<Answer, ApiError> {
    let call = Call::open(dir)?;
    let sizes = BodySizes::of(&call);
    let (bundle, conversation) = if sizes.too_large() {
        (bundle::head(&call)?, None)
    } else {
        (bundle::whole(&call)?, Some(call.conversation()))
    };
    let (conversation, conversation_error) = match conversation {
        None => (None, None),
        Some(Ok(conversation)) => (Some(conversation), None),
        Some(Err(error)) => (None, Some(describe(&error))),
    };
    Ok(Answer {
        call: bundle,
        conversation,
        conversation_error,
        input_bytes: sizes.input,
        output_bytes: sizes.output,
        too_large: sizes.too_large(),
    })
}
