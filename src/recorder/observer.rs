//! What the recorder thread tells health and alerts of finished calls, and the lines of alerts that it writes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use llmlogs_core::format::{Alert, IndexEntry};

use super::disk::Disk;
use crate::alerts::AlertEngine;
use crate::health::Health;

/// How long the end waits for rules that are still being judged.
const END_TIMEOUT: Duration = Duration::from_secs(1);

/// Health and alerts, as the recorder thread sees them.
pub(super) struct Observer {
    health: Health,
    alerts: Option<Arc<AlertEngine>>,
    /// Lines that a failing disk did not take.
    unwritten: VecDeque<Alert>,
}

impl Observer {
    pub(super) fn new(health: Health, alerts: Option<Arc<AlertEngine>>) -> Self {
        Observer { health, alerts, unwritten: VecDeque::new() }
    }

    /// Counts a call that ended at `ended`.
    pub(super) fn count(&self, call: &IndexEntry, call_id: &str, ended: Instant) {
        self.health.count(call, ended);
        if let Some(alerts) = &self.alerts {
            let mut call = call.clone();
            call_id.clone_into(&mut call.call_id);
            alerts.observe(call, ended);
        }
    }

    /// Writes the lines of alerts. What fails is tried again with the next ones, and at the end.
    pub(super) fn write_lines(&mut self, disk: &mut Disk) {
        let Some(alerts) = &self.alerts else { return };
        self.unwritten.extend(alerts.take_lines());
        while let Some(alert) = self.unwritten.front() {
            let written = disk.attempt(|session| {
                let line = alert.to_line().map_err(std::io::Error::from)?;
                Ok(session.append_alert(&line)?)
            });
            if written.is_err() {
                return;
            }
            self.unwritten.pop_front();
        }
    }

    /// Waits for what is being judged, and writes the last lines.
    pub(super) fn end(&mut self, disk: &mut Disk) {
        let Some(alerts) = self.alerts.clone() else { return };
        alerts.end(END_TIMEOUT);
        self.write_lines(disk);
        self.unwritten.iter().for_each(|_line| alerts.note_unwritten());
    }
}
