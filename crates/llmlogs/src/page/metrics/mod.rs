//! `/metrics`: the counts of all roots, in Prometheus' text format 0.0.4. `?root=N` asks for one.
//!
//! | module | what is in it |
//! | --- | --- |
//! | `counts` | what is counted of a session's calls |
//! | `labels` | names of providers, models and types of errors, of which there are only so many |
//! | `histogram` | observations by OpenTelemetry's boundaries |
//! | `text` | the format |

mod counts;
mod histogram;
mod labels;
mod text;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use llmlogs_core::index::{Snapshot, Version};

use counts::{Counts, Gauges};
use labels::Labels;

use super::answer::{ApiError, Asker, blocking_asker};
use super::params::Params;
use super::shared::Shared;

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How long to wait before asking again whether all days have been read.
const PAUSE: Duration = Duration::from_millis(20);

/// What has been counted so far, by the folders of sessions.
///
/// A session is counted again only if it has changed. The counts of one whose folder has been removed stay, so that no
/// counter falls before this process ends.
#[derive(Debug, Default)]
pub(crate) struct Metrics(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    labels: Labels,
    /// By the number of the root.
    roots: HashMap<usize, HashMap<PathBuf, OfSession>>,
}

#[derive(Debug, Default)]
struct OfSession {
    counts: Counts,
    /// What it was when it was counted.
    version: Version,
}

/// What a scrape sees.
#[derive(Debug, Default)]
struct Sums {
    counts: Counts,
    gauges: Gauges,
    alerts_firing: u64,
    /// Folders and files that cannot be read now.
    unreadable: u64,
}

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
        let mut kept = shared.metrics.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Kept { labels, roots } = &mut *kept;
        for (number, snapshot) in snapshots {
            let sessions = roots.entry(number).or_default();
            count(&snapshot, sessions, labels, &mut sums);
            sessions.values().for_each(|of| sums.counts.merge(&of.counts));
        }
        Ok(text::write(labels, &sums))
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

/// Counts what has changed since the last time.
fn count(snapshot: &Snapshot, known: &mut HashMap<PathBuf, OfSession>, labels: &mut Labels, sums: &mut Sums) {
    sums.unreadable += snapshot.unlisted().len() as u64;
    for session in snapshot.session_calls() {
        sums.unreadable += session.unreadable().len() as u64;
        for entry in session.unfinished() {
            sums.gauges.note(entry.call().state());
        }
        let of = known.entry(session.dir().to_owned()).or_default();
        if of.version.is_of(session) {
            continue;
        }
        let mut counts = Counts::default();
        session.each_finished(|line| counts.add(line, labels));
        // A file that has become shorter takes nothing back.
        if counts.calls() >= of.counts.calls() {
            of.counts = counts;
        }
        of.version = session.version();
    }
}
