//! What has been counted so far, session by session.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use llmlogs_core::index::{Snapshot, Version};

use super::counts::{Counts, Sums};
use super::labels::Labels;
use super::text;

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

impl Metrics {
    /// Counts what has changed in the roots with these numbers, and returns the text of all their counts; `sums` has the rest.
    pub(super) fn text(&self, snapshots: Vec<(usize, Arc<Snapshot>)>, mut sums: Sums) -> String {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Kept { labels, roots } = &mut *kept;
        for (number, snapshot) in snapshots {
            let sessions = roots.entry(number).or_default();
            count(&snapshot, sessions, labels, &mut sums);
            sessions.values().for_each(|of| sums.counts.merge(&of.counts));
        }
        text::write(labels, &sums)
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
