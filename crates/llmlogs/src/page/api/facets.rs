//! `/api/facets`: the values that a filter can have, and how many calls have each.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::Response;
use llmlogs_core::query::Facets;
use serde_json::Value;

use crate::page::answer::{ApiError, Asker, answer_asker};
use crate::page::params::Params;
use crate::page::shared::Shared;
use crate::reports;

use super::as_of;

pub(crate) async fn get(
    State(shared): State<Arc<Shared>>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, ApiError> {
    let params = Params::new(pairs, &["as_of"])?;
    answer_asker(move |asker| facets(&shared, &params, asker)).await
}

fn facets(shared: &Shared, params: &Params, asker: &Asker) -> Result<Value, ApiError> {
    let filter = params.filter()?;
    let facets = match shared.roots.open(params.root()?)? {
        Some(_) => as_of::known(shared, params, asker)?.snapshot.facets(&filter),
        None => Facets::default(),
    };
    Ok(reports::facets::json(&facets))
}
