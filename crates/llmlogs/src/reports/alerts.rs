//! An alert as JSON.

use llmlogs_core::read::AlertRecord;
use serde_json::Value;

use crate::output::row::path;

/// Returns the last line of `alerts.jsonl` with the alert's state, file, first notice and undelivered ones.
pub(crate) fn json(alert: &AlertRecord) -> Value {
    let value = |of: &llmlogs_core::read::Alert| serde_json::to_value(of).unwrap_or_default();
    let mut members = match value(alert.latest()) {
        Value::Object(members) => members,
        _ => serde_json::Map::new(),
    };
    members.insert("state".into(), alert.state().as_str().into());
    members.insert("file".into(), path(alert.file()).into());
    members.insert("first".into(), value(alert.first()));
    members.insert("undelivered".into(), alert.undelivered().iter().map(value).collect());
    members.into()
}
