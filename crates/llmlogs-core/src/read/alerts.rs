//! The alerts of a root: the lines of its `alerts.jsonl` files, one record an alert.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::format::layout::ALERTS_FILE;
use crate::format::{Alert, AlertEvent, lock};

use super::error::{ErrorKind, Result};
use super::files;
use super::root::{Day, Root};
use super::session_file::is_running;

/// How many days may hold an alert that fires, the newest ones: its notices are repeated into the folder of a new day.
const FIRING_DAYS: usize = 2;

/// The state of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AlertState {
    /// It fires, and whoever watches for it is running.
    Firing,
    /// What it watched is well again.
    Resolved,
    /// Whoever watched ended before it was resolved.
    Ended,
}

impl AlertState {
    /// Returns the state's name as JSON output has it: `firing`, `resolved`, `ended`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            AlertState::Firing => "firing",
            AlertState::Resolved => "resolved",
            AlertState::Ended => "ended",
        }
    }
}

/// An alert with all that is known of it. See [`Root::alerts`].
#[derive(Debug, Clone)]
pub struct AlertRecord {
    state: AlertState,
    first: Alert,
    latest: Alert,
    undelivered: Vec<Alert>,
    file: PathBuf,
}

impl AlertRecord {
    /// Returns the alert's state.
    #[must_use]
    pub fn state(&self) -> AlertState {
        self.state
    }

    /// Returns the notice with which it began to fire.
    #[must_use]
    pub fn first(&self) -> &Alert {
        &self.first
    }

    /// Returns the last notice: a repeat, or the resolution.
    #[must_use]
    pub fn latest(&self) -> &Alert {
        &self.latest
    }

    /// Returns the notices that could not be delivered to a channel.
    #[must_use]
    pub fn undelivered(&self) -> &[Alert] {
        &self.undelivered
    }

    /// Returns the file with the alert's last line.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }
}

impl Root {
    /// Returns all alerts that recorders and `llmlogs watch` noted below the root, the one that began last first. Damaged
    /// lines are skipped.
    ///
    /// # Errors
    ///
    /// If the root, a day or a file of alerts cannot be read. What has vanished has no alerts.
    ///
    /// ```no_run
    /// use tracing_llmlogs::read::{AlertState, Root};
    ///
    /// for alert in Root::open("llmlogs/apiCall")?.alerts()? {
    ///     if alert.state() == AlertState::Firing {
    ///         println!("{}: {}", alert.latest().rule, alert.latest().message);
    ///     }
    /// }
    /// # Ok::<(), tracing_llmlogs::read::Error>(())
    /// ```
    pub fn alerts(&self) -> Result<Vec<AlertRecord>> {
        self.alerts_of(usize::MAX)
    }

    /// Returns the alerts that fire now, the one that began last first. Only the newest days are looked at.
    ///
    /// # Errors
    ///
    /// As [`alerts`](Self::alerts).
    pub fn firing(&self) -> Result<Vec<AlertRecord>> {
        let mut alerts = self.alerts_of(FIRING_DAYS)?;
        alerts.retain(|alert| alert.state == AlertState::Firing);
        Ok(alerts)
    }

    fn alerts_of(&self, days: usize) -> Result<Vec<AlertRecord>> {
        let mut found = Found::default();
        found.read(&self.path().join(ALERTS_FILE))?;
        let all: Vec<Day> = self.days()?.collect();
        for day in all.iter().rev().take(days).rev() {
            for session in day.sessions()? {
                found.read(&session.dir().join(ALERTS_FILE))?;
            }
        }
        Ok(found.end(self.path(), &all))
    }
}

/// Alerts in the order in which they began, and their places by id.
#[derive(Default)]
struct Found {
    alerts: Vec<AlertRecord>,
    places: HashMap<String, usize>,
}

impl Found {
    fn read(&mut self, path: &Path) -> Result<()> {
        let contents = match files::read(path) {
            Ok(contents) => contents,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let lines = contents.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        for alert in lines.filter_map(|line| serde_json::from_slice::<Alert>(line).ok()) {
            self.add(alert, path);
        }
        Ok(())
    }

    fn add(&mut self, alert: Alert, path: &Path) {
        if alert.event == AlertEvent::Unknown || alert.alert_id.is_empty() {
            return;
        }
        let place = *self.places.entry(alert.alert_id.clone()).or_insert_with(|| {
            self.alerts.push(AlertRecord {
                state: AlertState::Ended,
                first: alert.clone(),
                latest: alert.clone(),
                undelivered: Vec::new(),
                file: PathBuf::new(),
            });
            self.alerts.len() - 1
        });
        let record = &mut self.alerts[place];
        path.clone_into(&mut record.file);
        match alert.event {
            AlertEvent::Undelivered => record.undelivered.push(alert),
            AlertEvent::Resolved => {
                record.state = AlertState::Resolved;
                record.latest = alert;
            }
            AlertEvent::Firing | AlertEvent::Unknown => record.latest = alert,
        }
    }

    /// Finds out which of the alerts that are not resolved still fire.
    fn end(mut self, root: &Path, days: &[Day]) -> Vec<AlertRecord> {
        for alert in self.alerts.iter_mut().filter(|alert| alert.state == AlertState::Ended) {
            if is_watched(alert, root, days) {
                alert.state = AlertState::Firing;
            }
        }
        self.alerts.sort_by(|a, b| b.first.timestamp.total_cmp(&a.first.timestamp));
        self.alerts
    }
}

/// Returns whether whoever noted the alert is running: a session has a folder in each of its days and holds the newest.
fn is_watched(alert: &AlertRecord, root: &Path, days: &[Day]) -> bool {
    let Some(dir) = alert.file.parent() else { return false };
    if dir == root {
        return files::open(&alert.file).is_ok_and(|file| lock::is_held(&file));
    }
    let Some(session) = dir.file_name() else { return false };
    days.iter().rev().any(|day| is_running(&day.dir().join(session)))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use super::*;

    fn line(id: &str, event: AlertEvent, timestamp: f64) -> String {
        let alert = Alert { alert_id: id.into(), event, timestamp, ..Alert::default() };
        String::from_utf8(alert.to_line().unwrap()).unwrap()
    }

    #[test]
    fn an_alert_fires_while_its_recorder_runs_and_has_ended_with_it() {
        use AlertEvent::{Firing, Resolved, Undelivered};
        let dir = tempfile::tempdir().unwrap();
        let session = |day: &str| {
            let session = dir.path().join(day).join("session_20251027_040000");
            fs::create_dir_all(&session).unwrap();
            fs::write(session.join("session.json"), "{}").unwrap();
            session
        };
        let (old, new) = (session("20251027"), session("20251028"));
        let lines = [
            line("s-1", Firing, 1.0),
            line("s-2", Firing, 2.0),
            "{torn".to_owned() + "\n",
            line("s-1", Undelivered, 3.0),
            line("s-2", Resolved, 4.0),
        ];
        fs::write(old.join(ALERTS_FILE), lines.concat()).unwrap();
        fs::write(dir.path().join(ALERTS_FILE), line("w-1", Firing, 9.0)).unwrap();
        let root = Root::open(dir.path()).unwrap();
        let states = || -> Vec<(String, &str)> {
            let alerts = root.alerts().unwrap();
            alerts.iter().map(|alert| (alert.first.alert_id.clone(), alert.state.as_str())).collect()
        };
        let expected = |w, s2, s1| [("w-1".to_owned(), w), ("s-2".to_owned(), s2), ("s-1".to_owned(), s1)];
        assert_eq!(states(), expected("ended", "resolved", "ended"));
        let running = File::open(new.join("session.json")).unwrap();
        lock::hold(&running);
        assert_eq!(states(), expected("ended", "resolved", "firing"));
        let firing = root.firing().unwrap();
        assert_eq!((firing.len(), firing[0].undelivered().len(), firing[0].latest().timestamp), (1, 1, 1.0));
        let watching = File::open(dir.path().join(ALERTS_FILE)).unwrap();
        lock::hold(&watching);
        drop(running);
        assert_eq!(states(), expected("firing", "resolved", "ended"));
    }

    #[test]
    fn a_root_without_alerts_has_none() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Root::open(dir.path()).unwrap().alerts().unwrap().is_empty());
    }
}
