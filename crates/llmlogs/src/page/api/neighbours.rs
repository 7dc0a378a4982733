//! `/api/neighbours?path=DAY/SESSION/CALL`: what stands before and after a call in the list of those that pass the filter.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::Response;
use llmlogs_core::query::Filter;
use llmlogs_core::read::{State as CallState, Status};
use serde::Serialize;

use crate::page::answer::{ApiError, Asker, answer_asker};
use crate::page::params::Params;
use crate::page::roots::path_of;
use crate::page::shared::Shared;

/// The neighbours of a call, as paths. One that does not pass the filter has those of its place in time, and no position.
#[derive(Debug, Default, Serialize)]
struct Neighbours {
    newer: Option<String>,
    older: Option<String>,
    /// The nearest ones that failed.
    newer_error: Option<String>,
    older_error: Option<String>,
    /// The call before it in its session, whether it passes or not.
    previous_in_session: Option<String>,
    /// From 1.
    position: Option<usize>,
    total: usize,
}

pub(crate) async fn get(
    State(shared): State<Arc<Shared>>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, ApiError> {
    let params = Params::new(pairs, &["path"])?;
    answer_asker(move |asker| neighbours(&shared, &params, asker)).await
}

fn neighbours(shared: &Shared, params: &Params, asker: &Asker) -> Result<Neighbours, ApiError> {
    let filter = params.filter()?;
    let path = params.text("path").ok_or_else(|| ApiError::Usage("path is missing".to_owned()))?;
    let root = shared.roots.open(params.root()?)?.ok_or(ApiError::NotFound)?;
    let session = path.rsplit_once('/').map_or("", |(session, _)| session);
    let mut found = Neighbours::default();
    let mut is_behind = false;
    // Whatever cannot be read is no neighbour.
    for entry in root.query(Filter::new()).filter_map(Result::ok) {
        asker.check()?;
        let here = path_of(root.path(), &entry);
        let passes = filter.matches(&entry);
        found.total += usize::from(passes);
        if here == path {
            is_behind = true;
            found.position = passes.then_some(found.total);
            continue;
        }
        let failed = entry.call().state() == CallState::Finished && entry.line().status == Status::Error;
        if is_behind && found.previous_in_session.is_none() && is_in(&here, session) {
            found.previous_in_session = Some(here.clone());
        }
        if !passes {
            continue;
        }
        if !is_behind {
            found.newer_error = if failed { Some(here.clone()) } else { found.newer_error };
            found.newer = Some(here);
        } else {
            if failed && found.older_error.is_none() {
                found.older_error = Some(here.clone());
            }
            found.older.get_or_insert(here);
        }
    }
    if is_behind { Ok(found) } else { Err(ApiError::NotFound) }
}

fn is_in(path: &str, session: &str) -> bool {
    path.rsplit_once('/').is_some_and(|(found, _)| found == session)
}
