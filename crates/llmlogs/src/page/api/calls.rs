//! `/api/calls`: calls that pass the filter, newest first, by their places in the list.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::Response;
use llmlogs_core::read::{Entry, Root};
use serde_json::{Value, json};

use crate::outcome::describe;
use crate::page::answer::{ApiError, Asker, answer_asker};
use crate::page::params::Params;
use crate::page::roots::call_json;
use crate::page::shared::Shared;

/// How many calls are returned unless `limit` says otherwise, and at most.
const PAGE: usize = 100;
const MOST: usize = 1000;

pub(crate) async fn get(
    State(shared): State<Arc<Shared>>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, ApiError> {
    let params = Params::new(pairs, &["limit", "offset", "as_of"])?;
    answer_asker(move |asker| calls(&shared, &params, asker)).await
}

fn calls(shared: &Shared, params: &Params, asker: &Asker) -> Result<Value, ApiError> {
    let limit = params.number("limit", PAGE)?.clamp(1, MOST);
    let offset = params.number("offset", 0)?;
    let root = shared.roots.open(params.root()?)?;
    let snapshot = Snapshot::of(root.as_ref(), params, asker)?;
    let shown = snapshot.calls.iter().skip(offset).take(limit);
    let path = root.as_ref().map(Root::path).unwrap_or("".as_ref());
    Ok(json!({
        "roots": shared.roots.names(),
        "exists": root.is_some(),
        "total": snapshot.calls.len(),
        "as_of": snapshot.calls.len().to_string(),
        "loading": false,
        "calls": shown.map(|entry| call_json(path, entry)).collect::<Vec<_>>(),
        "unreadable": snapshot.unreadable,
    }))
}

/// The calls that pass the filter, newest first.
pub(super) struct Snapshot {
    pub(super) calls: Vec<Entry>,
    /// What could not be read.
    unreadable: Vec<String>,
}

impl Snapshot {
    /// Takes the calls, as many as there were when `as_of` was answered: the later ones are the newest ones.
    pub(super) fn of(root: Option<&Root>, params: &Params, asker: &Asker) -> Result<Self, ApiError> {
        let filter = params.filter()?;
        let mut snapshot = Snapshot { calls: Vec::new(), unreadable: Vec::new() };
        for entry in root.into_iter().flat_map(|root| root.query(filter.clone())) {
            asker.check()?;
            match entry {
                Ok(entry) => snapshot.calls.push(entry),
                Err(error) => snapshot.unreadable.push(describe(&error)),
            }
        }
        let as_of = params.number("as_of", usize::MAX)?;
        let later = snapshot.calls.len().saturating_sub(as_of);
        snapshot.calls.drain(..later);
        Ok(snapshot)
    }
}
