//! `/api/overview`: counts and failures of the calls that pass the filter.

use std::path::Path;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::Response;
use llmlogs_core::query::{FailureReport, Totals};
use serde_json::{Value, json};

use crate::outcome::describe;
use crate::reports;

use crate::page::answer::{ApiError, answer};
use crate::page::params::Params;
use crate::page::roots::call_json;
use crate::page::shared::Shared;

pub(crate) async fn get(
    State(shared): State<Arc<Shared>>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, ApiError> {
    let params = Params::new(pairs, &[])?;
    answer(move || overview(&shared, &params)).await
}

/// How many calls in flight are named, the oldest ones.
const IN_FLIGHT: usize = 20;

fn overview(shared: &Shared, params: &Params) -> Result<Value, ApiError> {
    let filter = params.filter()?;
    let root = shared.roots.open(params.root()?)?;
    let (totals, failures, firing) = match &root {
        Some(root) => (root.totals(&filter)?, root.failures(&filter)?, root.firing()),
        None => (Totals::default(), FailureReport::default(), Ok(Vec::new())),
    };
    let mut unreadable: Vec<_> = totals.unreadable.iter().map(describe).collect();
    // What cannot be read of alerts must not hide the calls.
    let firing = firing.unwrap_or_else(|error| {
        unreadable.push(describe(&error));
        Vec::new()
    });
    let in_flight = if root.is_some() { shared.feed.in_flight(params.root()?) } else { Vec::new() };
    let in_flight = in_flight.iter().filter(|entry| filter.matches(entry)).take(IN_FLIGHT);
    let path = root.as_ref().map(|root| root.path()).unwrap_or(Path::new(""));
    Ok(json!({
        "roots": shared.roots.names(),
        "exists": root.is_some(),
        "stats": reports::stats::json(shared.clock, &totals, None),
        "failures": reports::failures::json(shared.clock, &failures),
        "firing": firing.iter().map(reports::alerts::json).collect::<Vec<_>>(),
        "in_flight": in_flight.map(|entry| call_json(path, entry)).collect::<Vec<_>>(),
        "unreadable": unreadable,
    }))
}
