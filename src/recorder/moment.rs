//! Moments in local time, as the format writes them in various places.

use std::fmt;
use std::time::SystemTime;

use chrono::{DateTime, Datelike, Local, SecondsFormat};

/// A moment in local time.
pub(super) struct LocalTime(DateTime<Local>);

/// A day: `20251027`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Date(u32);

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08}", self.0)
    }
}

impl LocalTime {
    pub(super) fn of(time: SystemTime) -> Self {
        LocalTime(time.into())
    }

    pub(super) fn date(&self) -> Date {
        let year = u32::try_from(self.0.year()).unwrap_or(0);
        Date(year * 10_000 + self.0.month() * 100 + self.0.day())
    }

    /// `20251027_040210`
    pub(super) fn stamp(&self) -> String {
        self.0.format("%Y%m%d_%H%M%S").to_string()
    }

    /// `2025-10-27 04:02:10`
    pub(super) fn readable(&self) -> String {
        self.0.format("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// `2025-10-27T04:02:10.123+08:00`
    pub(super) fn rfc3339(&self) -> String {
        self.0.to_rfc3339_opts(SecondsFormat::Millis, false)
    }

    /// Unix seconds with milliseconds.
    pub(super) fn unix(&self) -> f64 {
        self.0.timestamp_millis() as f64 / 1000.0
    }

    pub(super) fn unix_seconds(&self) -> i64 {
        self.0.timestamp()
    }
}
