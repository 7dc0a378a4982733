//! `session.json`: who recorded a session, and what was counted.

use serde::{Deserialize, Serialize};

/// What `session.json` says; a field that is missing has its "not known" value.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct SessionInfo {
    /// The version of the format.
    pub schema_version: u32,
    /// The folder's name without `session_`.
    pub session_id: String,
    /// When the recorder was built: RFC 3339 with the local offset.
    pub started_at: String,
    /// When the recorder was shut down; `None` while it runs, and when it was not shut down.
    pub ended_at: Option<String>,
    /// The process.
    pub pid: u32,
    /// The machine.
    pub hostname: String,
    /// The name of the program's file.
    pub program: String,
    /// The version of this crate.
    pub recorder_version: String,
    /// What the recorder counted, zeros until it is shut down.
    pub counters: Counters,
}

/// The counters of a session that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Counters {
    /// Calls that are on disk, on whichever day.
    pub calls: u64,
    /// Those of them that failed.
    pub errors: u64,
    /// Those of them that the caller gave up.
    pub cancelled: u64,
    /// Calls kept without their bodies because memory or disk ran short.
    pub degraded: u64,
    /// Calls of which nothing could be written.
    pub lost: u64,
    /// Writes that failed.
    pub write_errors: u64,
}
