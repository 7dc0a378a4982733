//! `/api/events?after=ID`: what happened behind an event's id, at once. The pages of a browser share one stream of
//! `/api/live`, which tells them when to ask; each has its own filter and its own place.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::Response;
use serde_json::{Value, json};

use crate::page::answer::{ApiError, answer};
use crate::page::feed::Since;
use crate::page::params::Params;
use crate::page::roots::call_json;
use crate::page::shared::Shared;

use super::live::{id, parse_id};

pub(crate) async fn get(
    State(shared): State<Arc<Shared>>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, ApiError> {
    let params = Params::new(pairs, &["after"])?;
    answer(move || events(&shared, &params)).await
}

/// Returns `{"id", "reset", "calls": [{"what", "passes", "call"}]}`: the id of the last event; whether events behind
/// `after` are lost; those of the root, also of calls that do not pass the filter, because a list that shows one of them
/// has to follow it. Without `after`, the id alone.
fn events(shared: &Shared, params: &Params) -> Result<Value, ApiError> {
    let filter = params.filter()?;
    let number = params.root()?;
    let root = shared.roots.paths().get(number);
    let root = root.ok_or_else(|| ApiError::Usage(format!("there is no root {number}")))?;
    let newest = *shared.feed.newest().borrow();
    let Some(after) = params.text("after") else {
        return Ok(json!({"id": id(&shared.feed, newest), "reset": false, "calls": []}));
    };
    let since = parse_id(&shared.feed, after).map(|after| shared.feed.since(after));
    let (events, last) = match since {
        Some(Since::Events(events, last)) => (events, last),
        Some(Since::Gone(last)) => return Ok(lost(shared, last)),
        None => return Ok(lost(shared, newest)),
    };
    let of_root = events.iter().filter(|event| event.root == number);
    let calls = of_root.map(|event| {
        json!({"what": event.what, "passes": filter.matches(&event.entry), "call": call_json(root, &event.entry)})
    });
    Ok(json!({"id": id(&shared.feed, last), "reset": false, "calls": calls.collect::<Vec<_>>()}))
}

fn lost(shared: &Shared, last: u64) -> Value {
    json!({"id": id(&shared.feed, last), "reset": true, "calls": []})
}
