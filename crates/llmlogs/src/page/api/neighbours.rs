//! `/api/neighbours?path=DAY/SESSION/CALL`: what stands before and after a call in the list of those that pass the filter.

use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::Response;
use llmlogs_core::query::Filter;
use serde_json::{Value, json};

use crate::page::answer::{ApiError, Asker, answer_asker};
use crate::page::params::Params;
use crate::page::shared::Shared;

pub(crate) async fn get(
    State(shared): State<Arc<Shared>>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, ApiError> {
    let params = Params::new(pairs, &["path"])?;
    answer_asker(move |asker| neighbours(&shared, &params, asker)).await
}

/// Returns paths, as in the addresses of calls. A call that does not pass has the neighbours of its place in time, and
/// no `position`, which counts from 1.
fn neighbours(shared: &Shared, params: &Params, asker: &Asker) -> Result<Value, ApiError> {
    let filter: Filter = params.filter()?;
    let path = params.text("path").ok_or_else(|| ApiError::Usage("path is missing".to_owned()))?;
    let root = shared.roots.open(params.root()?)?.ok_or(ApiError::NotFound)?;
    let mut names = path.split('/');
    let (Some(day), Some(session), Some(call), None) =
        (names.next(), names.next(), names.next(), names.next())
    else {
        return Err(ApiError::NotFound);
    };
    let snapshot = shared.feed.known(params.root()?).snapshot.while_waited_for(asker.gone());
    let dir = root.path().join(day).join(session).join(call);
    let found = snapshot.neighbours(&filter, &dir).ok_or(ApiError::NotFound)?;
    let path = |dir: &Option<PathBuf>| {
        dir.as_ref().map(|dir| dir.strip_prefix(root.path()).unwrap_or(dir).display().to_string())
    };
    Ok(json!({
        "newer": path(&found.newer), "older": path(&found.older), "newer_error": path(&found.newer_error),
        "older_error": path(&found.older_error), "previous_in_session": path(&found.previous_in_session),
        "position": found.position, "total": found.total,
    }))
}
