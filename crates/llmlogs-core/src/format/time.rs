//! Local times, as the format writes them into names and files.

use std::fmt::Write;
use std::time::SystemTime;

use chrono::{DateTime, Datelike, Local, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Timelike};

/// The form of [`LocalTime::stamp`], for `chrono`.
pub(super) const STAMP: &str = "%Y%m%d_%H%M%S";

/// A time in the machine's time zone.
pub struct LocalTime(DateTime<Local>);

impl LocalTime {
    /// Returns `time` in the machine's time zone.
    #[must_use]
    pub fn of(time: SystemTime) -> Self {
        LocalTime(time.into())
    }

    /// Returns the date as a number of eight digits.
    pub(super) fn date_number(&self) -> u32 {
        let year = u32::try_from(self.0.year()).unwrap_or(0);
        year * 10_000 + self.0.month() * 100 + self.0.day()
    }

    /// Returns the time as names have it: `20251027_040210`.
    #[must_use]
    pub fn stamp(&self) -> String {
        self.joined(["", "", "_", "", ""])
    }

    /// Returns the time for people: `2025-10-27 04:02:10`.
    #[must_use]
    pub fn readable(&self) -> String {
        self.joined(["-", "-", " ", ":", ":"])
    }

    /// Returns the time in the form of RFC 3339, with milliseconds: `2025-10-27T04:02:10.123+08:00`.
    #[must_use]
    pub fn rfc3339(&self) -> String {
        let mut text = self.joined(["-", "-", "T", ":", ":"]);
        let offset = self.0.offset().local_minus_utc() / 60;
        let (sign, offset) = if offset < 0 { ('-', -offset) } else { ('+', offset) };
        // Writing to a string does not fail.
        let _never = write!(
            text,
            ".{:03}{sign}{:02}:{:02}",
            self.0.timestamp_subsec_millis().min(999),
            offset / 60,
            offset % 60
        );
        text
    }

    /// Returns the parts from the year to the second with the given separators between them. Much faster than a
    /// format string, which is parsed each time.
    fn joined(&self, [month, day, hour, minute, second]: [&str; 5]) -> String {
        let mut text = String::with_capacity(32);
        let _never = write!(text, "{:04}", self.0.year());
        let parts = [
            (month, self.0.month()),
            (day, self.0.day()),
            (hour, self.0.hour()),
            (minute, self.0.minute()),
            (second, self.0.second()),
        ];
        for (before, part) in parts {
            text.push_str(before);
            text.extend([part / 10, part % 10].map(|digit| char::from(b'0' + digit as u8)));
        }
        text
    }

    /// Returns the time in Unix seconds, with milliseconds.
    #[must_use]
    pub fn unix(&self) -> f64 {
        self.0.timestamp_millis() as f64 / 1000.0
    }

    /// Returns the time in whole Unix seconds.
    #[must_use]
    pub fn unix_seconds(&self) -> i64 {
        self.0.timestamp()
    }
}

/// Parses the stamp that `text` begins with. In an hour that a clock change repeats, the earlier time is returned.
pub(super) fn parse_stamp(text: &str) -> Option<SystemTime> {
    let stamp = text.get(..15)?;
    local(NaiveDateTime::parse_from_str(stamp, STAMP).ok()?)
}

/// Returns when the date `20251027` began.
pub(super) fn start_of_date(name: &str) -> Option<SystemTime> {
    local(NaiveDate::parse_from_str(name, "%Y%m%d").ok()?.and_time(NaiveTime::MIN))
}

fn local(time: NaiveDateTime) -> Option<SystemTime> {
    let found = Local.from_local_datetime(&time);
    // A time in an hour that a clock change skips is taken an hour later.
    let found = found
        .earliest()
        .or_else(|| Local.from_local_datetime(&(time + chrono::TimeDelta::hours(1))).earliest());
    found.map(SystemTime::from)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use chrono::SecondsFormat;

    use super::*;

    proptest::proptest! {
        #[test]
        fn times_are_written_as_chrono_writes_them(milliseconds in 0_u64..253_000_000_000_000) {
            let time = LocalTime::of(UNIX_EPOCH + Duration::from_millis(milliseconds));
            proptest::prop_assert_eq!(time.stamp(), time.0.format(STAMP).to_string());
            proptest::prop_assert_eq!(time.readable(), time.0.format("%Y-%m-%d %H:%M:%S").to_string());
            proptest::prop_assert_eq!(time.rfc3339(), time.0.to_rfc3339_opts(SecondsFormat::Millis, false));
        }
    }
}
