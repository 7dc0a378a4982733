//! `/metrics`: the counts of all roots, in Prometheus' text format 0.0.4. `?root=N` asks for one.
//!
//! | module | what is in it |
//! | --- | --- |
//! | `kept` | what has been counted so far, session by session |
//! | `counts` | what is counted of a session's calls |
//! | `labels` | names of providers, models and types of errors, of which there are only so many |
//! | `histogram` | observations by OpenTelemetry's boundaries |
//! | `text` | the format |

mod counts;
mod histogram;
pub(super) mod kept;
mod labels;
mod text;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use llmlogs_core::index::Snapshot;

use counts::Sums;

use super::answer::{ApiError, Asker, blocking_asker};
use super::params::Params;
use super::shared::Shared;

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How long to wait before asking again whether all days have been read.
const PAUSE: Duration = Duration::from_millis(20);

pub(crate) async fn get(
    State(shared): State<Arc<Shared>>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, ApiError> {
    if let Some((name, _)) = pairs.iter().find(|(name, _)| name != "root") {
        return Err(ApiError::Usage(format!("there is no parameter {name}")));
    }
    let params = Params::new(pairs, &[])?;
    let text = blocking_asker(move |asker| {
        let roots = match params.text("root") {
            Some(_) => vec![params.root()?],
            None => (0..shared.roots.paths().len()).collect(),
        };
        let mut sums = Sums::default();
        let mut snapshots = Vec::new();
        for number in roots {
            match shared.roots.open(number)? {
                Some(root) => {
                    sums.alerts_firing += root.firing().map_or(0, |firing| firing.len() as u64);
                    snapshots.push((number, loaded(&shared, number, asker)?));
                }
                None => snapshots.push((number, Arc::default())),
            }
        }
        Ok(shared.metrics.text(snapshots, sums))
    })
    .await?;
    Ok(([(CONTENT_TYPE, TEXT)], text).into_response())
}

/// Returns what is known of the root once all its days have been read: half of them would look like calls that happened
/// between two scrapes.
fn loaded(shared: &Shared, number: usize, asker: &Asker) -> Result<Arc<Snapshot>, ApiError> {
    loop {
        let snapshot = shared.feed.known(number).snapshot;
        if !snapshot.is_loading() {
            return Ok(snapshot);
        }
        asker.check()?;
        std::thread::sleep(PAUSE);
    }
}
