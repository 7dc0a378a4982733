//! `/api/calls`: calls that pass the filter, newest first, a page at a time.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::Response;
use llmlogs_core::read::{Entry, Root};
use serde_json::{Value, json};

use crate::outcome::describe;
use crate::page::answer::{ApiError, Asker, answer_asker};
use crate::page::params::Params;
use crate::page::roots::{call_json, path_of};
use crate::page::shared::Shared;

use super::as_of::AsOf;

/// How many calls a page has unless `limit` says otherwise, and at most.
const PAGE: usize = 100;
const MOST: usize = 1000;

pub(crate) async fn get(
    State(shared): State<Arc<Shared>>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, ApiError> {
    let params = Params::new(pairs, &["limit", "before", "offset", "as_of"])?;
    answer_asker(move |asker| calls(&shared, &params, asker)).await
}

/// `offset` counts from the newest call of the list as of `as_of`, which is the text of an earlier answer.
fn calls(shared: &Shared, params: &Params, asker: &Asker) -> Result<Value, ApiError> {
    let as_of = AsOf::of(params)?;
    let filter = as_of.until(params.filter()?);
    let offset = params.number("offset", 0)?;
    let roots = shared.roots.names();
    let limit = params.number("limit", PAGE)?.clamp(1, MOST);
    let mut after = params.text("before").map(Cursor::parse).transpose()?;
    let Some(root) = shared.roots.open(params.root()?)? else {
        return Ok(json!({
            "roots": roots, "exists": false, "total": 0, "as_of": as_of.text(None), "loading": false, "calls": [],
            "next": null, "unreadable": [],
        }));
    };
    let mut total = 0;
    let mut newest = None;
    let mut found = Vec::new();
    let mut next = None;
    let mut unreadable = Vec::new();
    for entry in root.query(filter) {
        asker.check()?;
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                unreadable.push(describe(&error));
                continue;
            }
        };
        total += 1;
        newest = newest.into_iter().chain([entry.timestamp()]).reduce(f64::max);
        if total <= offset {
            continue;
        }
        if let Some(cursor) = &after {
            match cursor.place_of(&root, &entry) {
                Place::Before => continue,
                Place::At => {
                    after = None;
                    continue;
                }
                Place::Behind => after = None,
            }
        }
        if found.len() < limit {
            found.push(entry);
        } else if next.is_none() {
            next = found.last().map(|entry| Cursor::of(&root, entry).to_string());
        }
    }
    let calls: Vec<_> = found.iter().map(|entry| call_json(root.path(), entry)).collect();
    Ok(json!({
        "roots": roots, "exists": true, "total": total, "as_of": as_of.text(newest), "loading": false, "calls": calls,
        "next": next, "unreadable": unreadable,
    }))
}

/// The last call of a page: the next one begins behind it, even if it has been removed meanwhile.
#[derive(Debug)]
struct Cursor {
    timestamp: f64,
    path: String,
}

/// Where a call is in the list, seen from a cursor.
enum Place {
    Before,
    At,
    Behind,
}

impl Cursor {
    fn of(root: &Root, entry: &Entry) -> Self {
        Cursor { timestamp: entry.timestamp(), path: path_of(root.path(), entry) }
    }

    fn parse(text: &str) -> Result<Self, ApiError> {
        let parsed = text.split_once(' ').and_then(|(timestamp, path)| {
            let timestamp = timestamp.parse().ok()?;
            Some(Cursor { timestamp, path: path.to_owned() })
        });
        parsed.ok_or_else(|| ApiError::Usage("before is not a page's next".to_owned()))
    }

    fn place_of(&self, root: &Root, entry: &Entry) -> Place {
        if entry.timestamp() < self.timestamp {
            Place::Behind
        } else if path_of(root.path(), entry) == self.path {
            Place::At
        } else {
            Place::Before
        }
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.timestamp, self.path)
    }
}
