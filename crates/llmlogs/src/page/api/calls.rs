//! `/api/calls`: calls that pass the filter, newest first, a page at a time.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::Response;
use llmlogs_core::index::List;
use serde_json::{Value, json};

use crate::outcome::describe;
use crate::page::answer::{ApiError, Asker, answer_asker};
use crate::page::params::Params;
use crate::page::roots::call_json;
use crate::page::shared::Shared;

use super::as_of;

/// How many calls a page has unless `limit` says otherwise, and at most.
const PAGE: usize = 100;
const MOST: usize = 1000;

pub(crate) async fn get(
    State(shared): State<Arc<Shared>>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, ApiError> {
    let params = Params::new(pairs, &["limit", "offset", "as_of"])?;
    answer_asker(move |asker| calls(&shared, &params, asker)).await
}

/// `offset` counts from the newest call of the list as of `as_of`, which is the text of an earlier answer.
fn calls(shared: &Shared, params: &Params, asker: &Asker) -> Result<Value, ApiError> {
    let filter = params.filter()?;
    let offset = params.number("offset", 0)?;
    let limit = params.number("limit", PAGE)?.clamp(1, MOST);
    let root = shared.roots.open(params.root()?)?;
    let known = as_of::known(shared, params, asker)?;
    let List { total, calls, unreadable, .. } = match &root {
        Some(_) => known.snapshot.list(&filter, offset, limit),
        None => List::default(),
    };
    let path = known.snapshot.root();
    Ok(json!({
        "roots": shared.roots.names(),
        "exists": root.is_some(),
        "total": total,
        "as_of": as_of::text(shared, &known),
        "loading": root.is_some() && known.snapshot.is_loading(),
        "calls": calls.iter().map(|entry| call_json(path, entry)).collect::<Vec<_>>(),
        "unreadable": unreadable.iter().map(describe).collect::<Vec<_>>(),
    }))
}
