//! `/api/call/DAY/SESSION/CALL`: one call, whole.

use std::sync::Arc;

use axum::extract::{Path as Names, Query, State};
use axum::response::Response;
use llmlogs_core::format::layout::{INPUT_FILE, METADATA_FILE, OUTPUT_FILE};
use llmlogs_core::read::{Conversation, State as CallState};
use serde::Serialize;

use crate::bundle::Bundle;
use crate::page::answer::{ApiError, answer};
use crate::page::call_dir::CallDir;
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
        Ok(whole(&CallDir::open(root.path(), &day, &session, &call)?))
    })
    .await
}

fn whole(dir: &CallDir) -> Answer {
    let (sizes, state) = (dir.sizes(), dir.state());
    let too_large = sizes.too_large();
    let names = (dir.id(), dir.session_id(), dir.path());
    let metadata = if state == CallState::Finished { dir.read(METADATA_FILE) } else { None };
    let bodies = (!too_large).then(|| [dir.read(INPUT_FILE), dir.read(OUTPUT_FILE)]);
    let bodies = bodies.as_ref().map(|bodies| bodies.each_ref().map(Option::as_deref));
    let conversation = dir.conversation(&dir.metadata().map(|(_, metadata)| metadata).unwrap_or_default());
    Answer {
        call: Bundle::of_contents(names, state, metadata.as_deref(), bodies),
        conversation_error: (conversation.is_none() && !too_large)
            .then(|| "there is no request that can be read".to_owned()),
        conversation,
        input_bytes: sizes.input,
        output_bytes: sizes.output,
        too_large,
    }
}
