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
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use llmlogs_core::format::layout::INDEX_FILE;
use llmlogs_core::read::{Root, Session};

use counts::{Counts, Gauges};
use labels::Labels;

use super::answer::{ApiError, blocking};
use super::params::Params;
use super::shared::Shared;

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What has been counted so far, by the folders of sessions.
///
/// A session is read again only while its program runs, or if its index has grown. The counts of one whose folder
/// has been removed stay, so that no counter falls before this process ends.
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
    gauges: Gauges,
    /// What `gauges` were when it was read.
    at_end: Gauges,
    /// The length of its index when it was read, in bytes.
    index: u64,
    /// Whether nothing more is expected: its program has ended.
    is_over: bool,
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
    let text = blocking(move || {
        let roots = match params.text("root") {
            Some(_) => vec![params.root()?],
            None => (0..shared.roots.paths().len()).collect(),
        };
        let mut kept = shared.metrics.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = &mut *kept;
        let mut sums = Sums::default();
        for number in roots {
            let opened = shared.roots.open(number)?;
            let sessions = kept.roots.entry(number).or_default();
            sessions.values_mut().for_each(OfSession::forget_state);
            if let Some(root) = opened {
                sums.alerts_firing += root.firing().map_or(0, |firing| firing.len() as u64);
                read(&root, sessions, &mut kept.labels, &mut sums);
            }
            for of in sessions.values() {
                sums.counts.merge(&of.counts);
                sums.gauges.add(of.gauges);
            }
        }
        Ok(text::write(&kept.labels, &sums))
    })
    .await?;
    Ok(([(CONTENT_TYPE, TEXT)], text).into_response())
}

impl OfSession {
    /// Forgets how many calls are in a state, until the session is found again.
    fn forget_state(&mut self) {
        self.gauges = Gauges::default();
    }
}

/// Reads what has changed since the last time.
fn read(root: &Root, known: &mut HashMap<PathBuf, OfSession>, labels: &mut Labels, sums: &mut Sums) {
    let Ok(days) = root.days() else {
        sums.unreadable += 1;
        return;
    };
    for day in days {
        let Ok(sessions) = day.sessions() else {
            sums.unreadable += 1;
            continue;
        };
        for session in sessions {
            let index = index_length(&session);
            let is_running = session.is_running();
            let known = known.entry(session.dir().to_owned()).or_default();
            if known.is_over && known.index == index {
                known.gauges = known.at_end;
                continue;
            }
            let (counts, gauges, unreadable) = read_session(&session, labels);
            sums.unreadable += unreadable;
            // A file that cannot be read for a moment takes nothing back.
            let counts = if counts.calls() < known.counts.calls() {
                std::mem::take(&mut known.counts)
            } else {
                counts
            };
            *known =
                OfSession { counts, gauges, at_end: gauges, index, is_over: !is_running && unreadable == 0 };
        }
    }
}

fn index_length(session: &Session) -> u64 {
    fs::metadata(session.dir().join(INDEX_FILE)).map_or(0, |found| found.len())
}

fn read_session(session: &Session, labels: &mut Labels) -> (Counts, Gauges, u64) {
    let (mut counts, mut gauges, mut unreadable) = (Counts::default(), Gauges::default(), 0);
    for entry in session.entries() {
        match entry {
            Ok(entry) if gauges.note(entry.call().state()) => {}
            Ok(entry) => counts.add(&entry.line(), labels),
            Err(_unreadable) => unreadable += 1,
        }
    }
    (counts, gauges, unreadable)
}
