//! The name of a session's directory, `session_20251027_040210`, and its id, the name without `session_`.

use std::fmt;
use std::time::SystemTime;

use super::layout::SESSION_PREFIX;
use super::time::{self, LocalTime};

/// The name of a session: the local time at which its recorder was built and, if other sessions were
/// created in the same second before it, its ordinal among them (`_2`, `_3`, …).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionName(String);

impl SessionName {
    /// Returns the name of the session that started at `started`, the `ordinal`th of that second, counted from 1.
    #[must_use]
    pub fn new(started: &LocalTime, ordinal: u32) -> Self {
        let stamp = started.stamp();
        SessionName(match ordinal {
            0 | 1 => format!("{SESSION_PREFIX}{stamp}"),
            _ => format!("{SESSION_PREFIX}{stamp}_{ordinal}"),
        })
    }

    /// Returns the name of the directory.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the session's id.
    #[must_use]
    pub fn id(&self) -> &str {
        id(&self.0)
    }
}

impl fmt::Display for SessionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Returns whether a directory's name is a session's.
#[must_use]
pub fn is_session(name: &str) -> bool {
    name.starts_with(SESSION_PREFIX)
}

/// Returns the id of the session whose directory is called `name`. An id is returned as it is.
#[must_use]
pub fn id(name: &str) -> &str {
    name.strip_prefix(SESSION_PREFIX).unwrap_or(name)
}

/// Returns when the session whose directory is called `name` started; `None` if the name has no time.
#[must_use]
pub fn started_at(name: &str) -> Option<SystemTime> {
    time::parse_stamp(id(name))
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn a_name_contains_id_and_start() {
        let started = UNIX_EPOCH + std::time::Duration::from_secs(1_761_537_730);
        let time = LocalTime::of(started);
        let first = SessionName::new(&time, 1);
        assert_eq!(first.id(), time.stamp());
        assert_eq!(SessionName::new(&time, 2).as_str(), format!("session_{}_2", time.stamp()));
        for name in [first, SessionName::new(&time, 10)] {
            assert!(is_session(name.as_str()));
            assert_eq!(started_at(name.as_str()), Some(started));
        }
        assert!(!is_session("call_20251027_040210_001"));
        assert_eq!(started_at("session_of_old"), None);
    }
}
