//! `/api/overview`: counts and failures of the calls that pass the filter.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::Response;
use llmlogs_core::query::{FailureReport, Totals};
use serde_json::{Value, json};

use crate::outcome::describe;
use crate::reports;

use crate::page::answer::{ApiError, answer};
use crate::page::params::Params;
use crate::page::shared::Shared;

pub(crate) async fn get(
    State(shared): State<Arc<Shared>>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, ApiError> {
    let params = Params::new(pairs, &[])?;
    answer(move || overview(&shared, &params)).await
}

fn overview(shared: &Shared, params: &Params) -> Result<Value, ApiError> {
    let filter = params.filter()?;
    let root = shared.roots.open(params.root()?)?;
    let (totals, failures) = match &root {
        Some(root) => (root.totals(&filter)?, root.failures(&filter)?),
        None => (Totals::default(), FailureReport::default()),
    };
    Ok(json!({
        "roots": shared.roots.names(),
        "exists": root.is_some(),
        "stats": reports::stats::json(shared.clock, &totals, None),
        "failures": reports::failures::json(shared.clock, &failures),
        "unreadable": totals.unreadable.iter().map(describe).collect::<Vec<_>>(),
    }))
}
