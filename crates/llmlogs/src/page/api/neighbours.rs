//! `/api/neighbours?path=DAY/SESSION/CALL`: what is before and behind a call in the list.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::Response;
use llmlogs_core::format::Status;
use llmlogs_core::read::{Entry, State as CallState};
use serde_json::{Value, json};

use crate::page::answer::{ApiError, Asker, answer_asker};
use crate::page::params::Params;
use crate::page::roots::path_of;
use crate::page::shared::Shared;

use super::calls::Snapshot;

pub(crate) async fn get(
    State(shared): State<Arc<Shared>>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, ApiError> {
    let params = Params::new(pairs, &["path"])?;
    answer_asker(move |asker| neighbours(&shared, &params, asker)).await
}

fn neighbours(shared: &Shared, params: &Params, asker: &Asker) -> Result<Value, ApiError> {
    let path = params.text("path").ok_or_else(|| ApiError::Usage("path names a call".to_owned()))?;
    let root = shared.roots.open(params.root()?)?.ok_or(ApiError::NotFound)?;
    let calls = Snapshot::of(Some(&root), params, asker)?.calls;
    let name = |entry: &Entry| path_of(root.path(), entry);
    let position = calls.iter().position(|entry| name(entry) == path);
    let (newer, older) = match position {
        Some(at) => (&calls[..at], &calls[at + 1..]),
        None => (&calls[..0], &calls[..0]),
    };
    let session = path.rsplit_once('/').map_or("", |(session, _)| session);
    let in_session = |entry: &&Entry| name(entry).starts_with(&format!("{session}/"));
    Ok(json!({
        "newer": newer.last().map(name),
        "older": older.first().map(name),
        "newer_error": newer.iter().rev().find(failed).map(name),
        "older_error": older.iter().find(failed).map(name),
        "previous_in_session": older.iter().find(in_session).map(name),
        "position": position,
        "total": calls.len(),
    }))
}

fn failed(entry: &&Entry) -> bool {
    entry.call().state() == CallState::Finished && entry.line().status == Status::Error
}
