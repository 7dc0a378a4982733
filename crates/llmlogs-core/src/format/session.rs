//! The serde model of `session.json`: who recorded a session, and what the recorder counted.

use serde::{Deserialize, Serialize};

/// The contents of `session.json`; a field that is missing has its "not known" value.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct SessionInfo {
    /// The version of the format.
    pub schema_version: u32,
    /// The directory's name without `session_`; unique within a root.
    pub session_id: String,
    /// 128 random bits as 32 lower-case hexadecimal digits: unique across roots and machines, the same in every
    /// day's directory of the session. Empty if the recorder did not write it.
    pub session_uid: String,
    /// When the recorder was built: RFC 3339 with the local offset.
    pub started_at: String,
    /// When the recorder was shut down; `None` while it runs, and when it was not shut down.
    pub ended_at: Option<String>,
    /// The process id.
    pub pid: u32,
    /// The machine's name.
    pub hostname: String,
    /// The name of the program's file.
    pub program: String,
    /// The version of the recorder's crate.
    pub recorder_version: String,
    /// What the recorder counted: as of the session's start, the last recovery from a fault, or its end.
    pub counters: Counters,
}

/// The counters of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Counters {
    /// Calls that are on disk, over all days.
    pub calls: u64,
    /// Those of them that failed.
    pub errors: u64,
    /// Those of them that the caller cancelled.
    pub cancelled: u64,
    /// Those of them that were kept without their bodies because memory or disk ran short.
    pub degraded: u64,
    /// Calls of which nothing could be written; the sum of [`lost_by`](Self::lost_by).
    pub lost: u64,
    /// Failed writes, each attempt counted; the sum of [`write_errors_by`](Self::write_errors_by).
    pub write_errors: u64,
    /// Lost calls by cause.
    pub lost_by: LossCounts,
    /// Failed writes by cause.
    pub write_errors_by: WriteErrors,
}

/// Lost calls by cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct LossCounts {
    /// Even without bodies the queue had no room for them.
    pub memory: u64,
    /// The disk still failed when the recorder was shut down.
    pub disk: u64,
    /// They were closed after the recorder was shut down.
    pub stopped: u64,
    /// The recorder failed because of a bug; please report it.
    pub bug: u64,
}

/// Failed writes by cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct WriteErrors {
    /// The disk or the user's quota was full.
    pub no_space: u64,
    /// The file system was read-only.
    pub read_only: u64,
    /// The permission was missing.
    pub permission: u64,
    /// A directory was gone.
    pub missing: u64,
    /// A file, a link or another user's directory already had the name of a file or directory to be created.
    pub obstructed: u64,
    /// The process or the system had too many files open.
    pub too_many_files: u64,
    /// Anything else.
    pub other: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_has_the_formats_keys_in_their_order_and_an_older_one_is_read() {
        let written = serde_json::to_string(&SessionInfo::default()).unwrap();
        assert_eq!(
            written,
            concat!(
                r#"{"schema_version":0,"session_id":"","session_uid":"","started_at":"","ended_at":null,"pid":0,"#,
                r#""hostname":"","program":"","recorder_version":"","counters":{"calls":0,"errors":0,"cancelled":0,"#,
                r#""degraded":0,"lost":0,"write_errors":0,"lost_by":{"memory":0,"disk":0,"stopped":0,"bug":0},"#,
                r#""write_errors_by":{"no_space":0,"read_only":0,"permission":0,"missing":0,"obstructed":0,"#,
                r#""too_many_files":0,"other":0}}}"#
            )
        );
        let older: SessionInfo =
            serde_json::from_str(r#"{"session_id":"20251027_040210","counters":{"calls":3}}"#).unwrap();
        assert_eq!((older.session_id.as_str(), older.counters.calls), ("20251027_040210", 3));
    }
}
