//! `/api/overview`: counts and failures of the calls that pass the filter.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use axum::extract::{Query, State};
use axum::response::Response;
use llmlogs_core::query::{FailureReport, Totals};
use llmlogs_core::read::Session;
use serde_json::{Value, json};

use crate::outcome::describe;
use crate::reports;

use crate::page::answer::{ApiError, Asker, answer_asker};
use crate::page::params::Params;
use crate::page::roots::call_json;
use crate::page::shared::Shared;

pub(crate) async fn get(
    State(shared): State<Arc<Shared>>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, ApiError> {
    let params = Params::new(pairs, &[])?;
    answer_asker(move |asker| overview(&shared, &params, asker)).await
}

/// How many calls in flight are named, the oldest ones.
const IN_FLIGHT: usize = 20;

fn overview(shared: &Shared, params: &Params, asker: &Asker) -> Result<Value, ApiError> {
    let filter = params.filter()?;
    let root = shared.roots.open(params.root()?)?;
    let snapshot = shared.feed.known(params.root()?).snapshot.while_waited_for(asker.gone());
    let (totals, failures, firing) = match &root {
        Some(root) => (snapshot.totals(&filter), snapshot.failures(&filter), root.firing()),
        None => (Totals::default(), FailureReport::default(), Ok(Vec::new())),
    };
    let mut unreadable: Vec<_> = totals.unreadable.iter().map(describe).collect();
    // What cannot be read of alerts must not hide the calls.
    let firing = firing.unwrap_or_else(|error| {
        unreadable.push(describe(&error));
        Vec::new()
    });
    let previous = match (&root, filter.previous(SystemTime::now())) {
        (Some(_), Some(previous)) => reports::stats::json(shared.clock, &snapshot.totals(&previous), None),
        _ => Value::Null,
    };
    let (lost, degraded) = match &root {
        Some(root) => losses(&filter.sessions(root)?),
        None => (0, 0),
    };
    let in_flight = if root.is_some() { snapshot.in_flight() } else { Vec::new() };
    let in_flight = in_flight.iter().filter(|entry| filter.matches(entry)).take(IN_FLIGHT);
    let path = root.as_ref().map(|root| root.path()).unwrap_or(Path::new(""));
    Ok(json!({
        "roots": shared.roots.names(),
        "exists": root.is_some(),
        "loading": root.is_some() && snapshot.is_loading(),
        "stats": reports::stats::json(shared.clock, &totals, None),
        "previous": previous,
        "failures": with_paths(path, reports::failures::json(shared.clock, &failures)),
        "lost": lost,
        "degraded": degraded,
        "firing": firing.iter().map(reports::alerts::json).collect::<Vec<_>>(),
        "in_flight": in_flight.map(|entry| call_json(path, entry)).collect::<Vec<_>>(),
        "unreadable": unreadable,
    }))
}

/// Returns how many calls the sessions lost, and how many they kept without their bodies, as far as they tell. A session
/// counts once, with the numbers of its newest day.
fn losses(sessions: &[Session]) -> (u64, u64) {
    let newest: BTreeMap<&str, &Session> = sessions.iter().map(|session| (session.id(), session)).collect();
    let counters = newest.into_values().filter_map(|session| session.info().ok()).map(|info| info.counters);
    counters.fold((0, 0), |(lost, degraded), counters| (lost + counters.lost, degraded + counters.degraded))
}

/// Replaces folders by paths, by which the page's addresses name a call.
fn with_paths(root: &Path, mut failures: Value) -> Value {
    for list in ["by_type", "causes"] {
        for counted in failures[list].as_array_mut().into_iter().flatten() {
            let dir = Path::new(counted["example"].as_str().unwrap_or_default());
            let path = dir.strip_prefix(root).unwrap_or(dir).display().to_string();
            counted["example"] = path.into();
        }
    }
    failures
}
