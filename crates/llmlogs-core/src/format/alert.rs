//! A line of `alerts.jsonl`, which is also what channels deliver: its serde model.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What happened to an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AlertEvent {
    /// It began to fire, or fires still.
    #[default]
    Firing,
    /// What it watches is well again.
    Resolved,
    /// One of the other notices could not be delivered to a channel.
    Undelivered,
    /// An event of a later version.
    #[serde(other)]
    Unknown,
}

/// A change of an alert: what `alerts.jsonl` has a line of, and what is sent to channels.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Alert {
    /// Identifies the alert from its first notice to its end; unique within a root.
    pub alert_id: String,
    /// What happened.
    pub event: AlertEvent,
    /// When: Unix seconds, with milliseconds.
    pub timestamp: f64,
    /// When: RFC 3339 with the local offset.
    pub at: String,
    /// When the alert began to fire: RFC 3339 with the local offset.
    pub since: String,
    /// For how long it has been firing, in milliseconds.
    pub firing_ms: u64,
    /// The number of the notice: 1 for the first; repeats and the resolution count on.
    pub notice: u64,
    /// The rule, as text.
    pub rule: String,
    /// The provider that the rule watches; `""` for all.
    pub provider: String,
    /// The model that the rule watches; `""` for all.
    pub model: String,
    /// The fields of the context that the rule watches, with their values.
    pub context: Map<String, Value>,
    /// What was measured.
    pub value: f64,
    /// What it was measured against.
    pub limit: f64,
    /// What both count: `calls`, `rate` (from 0 to 1), `ms`, `tokens`, or a currency.
    pub unit: String,
    /// The same for people, in one line.
    pub message: String,
    /// Calls that ended within the rule's window.
    pub calls: u64,
    /// Those of them that failed.
    pub errors: u64,
    /// The last of the failures; `null` without one.
    pub last_error: Option<AlertError>,
    /// The session whose calls are watched; `""` if it is a whole root.
    pub session_id: String,
    /// The channel that a notice could not be delivered to; else `""`.
    pub channel: String,
    /// Why it could not; else `""`.
    pub reason: String,
}

/// A failure that an alert names.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct AlertError {
    /// The call; `""` if it is not on disk.
    pub call_id: String,
    /// As in `metadata.json`.
    pub error_type: String,
    /// As in `metadata.json`.
    pub http_status: Option<u16>,
    /// The first 200 characters.
    pub error_message: String,
}

impl Alert {
    /// Returns the alert as a line of `alerts.jsonl`, newline included.
    ///
    /// # Errors
    ///
    /// Those of serde; none are known.
    pub fn to_line(&self) -> serde_json::Result<Vec<u8>> {
        let mut line = serde_json::to_vec(self)?;
        line.push(b'\n');
        Ok(line)
    }
}
