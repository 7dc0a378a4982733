//! Moments in local time, as the format writes them in various places.

use std::fmt::{self, Write};
use std::time::SystemTime;

use chrono::{DateTime, Datelike, Local, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Timelike};

/// A moment in local time.
pub struct LocalTime(DateTime<Local>);

/// A day: `20251027`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Date(u32);

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08}", self.0)
    }
}

impl LocalTime {
    pub fn of(time: SystemTime) -> Self {
        LocalTime(time.into())
    }

    pub fn date(&self) -> Date {
        let year = u32::try_from(self.0.year()).unwrap_or(0);
        Date(year * 10_000 + self.0.month() * 100 + self.0.day())
    }

    /// `20251027_040210`
    pub fn stamp(&self) -> String {
        self.written(["", "", "_", "", ""])
    }

    /// `2025-10-27 04:02:10`
    pub fn readable(&self) -> String {
        self.written(["-", "-", " ", ":", ":"])
    }

    /// `2025-10-27T04:02:10.123+08:00`
    pub fn rfc3339(&self) -> String {
        let mut text = self.written(["-", "-", "T", ":", ":"]);
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

    /// The parts from the year to the second, with what stands between them. Much faster than a format that has to be
    /// read each time.
    fn written(&self, [month, day, hour, minute, second]: [&str; 5]) -> String {
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

    /// Unix seconds with milliseconds.
    pub fn unix(&self) -> f64 {
        self.0.timestamp_millis() as f64 / 1000.0
    }

    pub fn unix_seconds(&self) -> i64 {
        self.0.timestamp()
    }
}

/// The moment that a name beginning with `20251027_040210` tells. Of an hour that a clock change repeats, the
/// earlier one.
pub fn of_stamp(name: &str) -> Option<SystemTime> {
    let stamp = name.get(..15)?;
    local(NaiveDateTime::parse_from_str(stamp, "%Y%m%d_%H%M%S").ok()?)
}

/// When the day `20251027` began.
pub fn start_of_day(name: &str) -> Option<SystemTime> {
    local(NaiveDate::parse_from_str(name, "%Y%m%d").ok()?.and_time(NaiveTime::MIN))
}

fn local(time: NaiveDateTime) -> Option<SystemTime> {
    let found = Local.from_local_datetime(&time);
    // An hour that a clock change leaves out begins an hour later.
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
        fn moments_are_written_as_chrono_writes_them(milliseconds in 0_u64..253_000_000_000_000) {
            let time = LocalTime::of(UNIX_EPOCH + Duration::from_millis(milliseconds));
            proptest::prop_assert_eq!(time.stamp(), time.0.format("%Y%m%d_%H%M%S").to_string());
            proptest::prop_assert_eq!(time.readable(), time.0.format("%Y-%m-%d %H:%M:%S").to_string());
            proptest::prop_assert_eq!(time.rfc3339(), time.0.to_rfc3339_opts(SecondsFormat::Millis, false));
        }
    }
}
