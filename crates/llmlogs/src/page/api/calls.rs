//! `/api/calls`: calls that pass the filter, newest first, a page at a time.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::Response;
use llmlogs_core::read::{Entry, Root};
use serde_json::{Value, json};

use crate::outcome::describe;
use crate::page::answer::{ApiError, answer};
use crate::page::params::Params;
use crate::page::roots::{call_json, path_of};
use crate::page::shared::Shared;

/// How many calls a page has unless `limit` says otherwise, and at most.
const PAGE: usize = 100;
const MOST: usize = 1000;

pub(crate) async fn get(
    State(shared): State<Arc<Shared>>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, ApiError> {
    let params = Params::new(pairs, &["limit", "before"])?;
    answer(move || calls(&shared, &params)).await
}

fn calls(shared: &Shared, params: &Params) -> Result<Value, ApiError> {
    let filter = params.filter()?;
    let roots = shared.roots.names();
    let limit = params.number("limit", PAGE)?.clamp(1, MOST);
    let mut after = params.text("before").map(Cursor::parse).transpose()?;
    let Some(root) = shared.roots.open(params.root()?)? else {
        return Ok(json!({"roots": roots, "exists": false, "calls": [], "next": null, "unreadable": []}));
    };
    let mut found = Vec::new();
    let mut next = None;
    let mut unreadable = Vec::new();
    for entry in root.query(filter) {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                unreadable.push(describe(&error));
                continue;
            }
        };
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
        if found.len() == limit {
            next = found.last().map(|entry| Cursor::of(&root, entry).to_string());
            break;
        }
        found.push(entry);
    }
    let calls: Vec<_> = found.iter().map(|entry| call_json(root.path(), entry)).collect();
    Ok(json!({"roots": roots, "exists": true, "calls": calls, "next": next, "unreadable": unreadable}))
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
