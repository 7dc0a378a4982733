//! Dates, times and spans of time as people write them.

use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Days, Local, NaiveDate, NaiveDateTime, NaiveTime, TimeZone};

use super::error::QueryError;

/// A day, or a range of days, both ends included.
///
/// Parsed from `20251027`, `2025-10-27`, `today`, `yesterday`, or a range `2025-10-01..2025-10-27`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dates {
    first: NaiveDate,
    last: NaiveDate,
}

impl Dates {
    /// Returns whether the day with this folder, such as `20251027`, is one of them.
    #[must_use]
    pub fn contains(&self, folder: &str) -> bool {
        NaiveDate::parse_from_str(folder, "%Y%m%d").is_ok_and(|day| self.first <= day && day <= self.last)
    }
}

impl Dates {
    /// Returns the first instant, in Unix seconds.
    pub(super) fn start(&self) -> f64 {
        midnight(self.first)
    }

    /// Returns the last instant, in Unix seconds.
    pub(super) fn end(&self) -> f64 {
        end_of(self.last)
    }

    /// Returns whether the day before the day with this folder is one of them.
    pub(super) fn contains_day_before(&self, folder: &str) -> bool {
        let day = NaiveDate::parse_from_str(folder, "%Y%m%d").ok().and_then(|day| day.pred_opt());
        day.is_some_and(|day| self.first <= day && day <= self.last)
    }
}

impl std::fmt::Display for Dates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.first == self.last {
            write!(f, "{}", self.first)
        } else {
            write!(f, "{}..{}", self.first, self.last)
        }
    }
}

impl FromStr for Dates {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Self, QueryError> {
        let (first, last) = match text.split_once("..") {
            Some((first, last)) => (date(first)?, date(last)?),
            None => (date(text)?, date(text)?),
        };
        if first > last {
            return Err(QueryError::new(format!("{first} is after {last}")));
        }
        Ok(Dates { first, last })
    }
}

fn date(text: &str) -> Result<NaiveDate, QueryError> {
    let today = Local::now().date_naive();
    match text {
        "today" => return Ok(today),
        "yesterday" => return today.checked_sub_days(Days::new(1)).ok_or_else(|| QueryError::new(text)),
        _ => {}
    }
    NaiveDate::parse_from_str(text, "%Y-%m-%d")
        .or_else(|_| NaiveDate::parse_from_str(text, "%Y%m%d"))
        .map_err(|_| {
            QueryError::new("write 20251027, 2025-10-27, today, yesterday, or a range 2025-10-01..2025-10-27")
        })
}

/// A point in time, or a whole day.
///
/// Parsed from a span before now (`2h`, `3d`), a date as [`Dates`] has them, a time of today (`04:02`), or a date and
/// a time (`2025-10-27 04:02`, RFC 3339). Times without an offset are local.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TimeRange {
    from: f64,
    to: f64,
}

impl TimeRange {
    /// Returns its first instant, in Unix seconds.
    #[must_use]
    pub fn start(self) -> f64 {
        self.from
    }

    /// Returns its last instant, in Unix seconds.
    #[must_use]
    pub fn end(self) -> f64 {
        self.to
    }
}

impl FromStr for TimeRange {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Self, QueryError> {
        if let Ok(ago) = text.trim_end_matches("ago").trim().parse::<TimeSpan>() {
            let then = Local::now().timestamp_millis() as f64 / 1000.0 - ago.0.as_secs_f64();
            return Ok(TimeRange { from: then, to: then });
        }
        if let Ok(day) = date(text) {
            return Ok(TimeRange { from: midnight(day), to: end_of(day) });
        }
        let at = |time: f64| TimeRange { from: time, to: time };
        if let Ok(time) = DateTime::parse_from_rfc3339(text) {
            return Ok(at(time.timestamp_millis() as f64 / 1000.0));
        }
        for layout in ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"] {
            if let Ok(time) = NaiveDateTime::parse_from_str(text, layout) {
                return Ok(at(local(time)));
            }
        }
        for layout in ["%H:%M:%S", "%H:%M"] {
            if let Ok(time) = NaiveTime::parse_from_str(text, layout) {
                return Ok(at(local(Local::now().date_naive().and_time(time))));
            }
        }
        Err(QueryError::new(
            "write a span such as 2h or 3d, a date such as 2025-10-27, or a time such as '2025-10-27 04:02'",
        ))
    }
}

/// Returns the first instant of the day with this folder, in Unix seconds; zero if the name is no day's.
pub(super) fn midnight_of(folder: &str) -> f64 {
    NaiveDate::parse_from_str(folder, "%Y%m%d").map_or(0.0, midnight)
}

/// Returns the last millisecond of a day, in Unix seconds.
fn end_of(day: NaiveDate) -> f64 {
    day.checked_add_days(Days::new(1)).map_or(f64::INFINITY, midnight) - 0.001
}

fn midnight(day: NaiveDate) -> f64 {
    local(day.and_time(NaiveTime::MIN))
}

fn local(time: NaiveDateTime) -> f64 {
    Local.from_local_datetime(&time).earliest().map_or(0.0, |time| time.timestamp() as f64)
}

/// A span of time, parsed from `500ms`, `10s`, `2m`, `1.5h`, `3d`, `1w`, or several of them: `1d 2h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeSpan(pub Duration);

impl FromStr for TimeSpan {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Self, QueryError> {
        let wrong = || QueryError::new("write a span such as 500ms, 10s, 2m, 12h, 3d or 1w");
        let mut seconds = 0.0;
        let mut rest = text.trim();
        if rest.is_empty() {
            return Err(wrong());
        }
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
            let number: f64 = rest[..digits].parse().map_err(|_| wrong())?;
            rest = rest[digits..].trim_start();
            let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
            let unit = match &rest[..letters] {
                "ms" => 0.001,
                "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
                "m" | "min" | "mins" | "minute" | "minutes" => 60.0,
                "h" | "hour" | "hours" => 3_600.0,
                "d" | "day" | "days" => 86_400.0,
                "w" | "week" | "weeks" => 604_800.0,
                "y" | "year" | "years" => 31_557_600.0,
                _ => return Err(wrong()),
            };
            seconds += number * unit;
            rest = rest[letters..].trim_start();
        }
        Duration::try_from_secs_f64(seconds).map(TimeSpan).map_err(|_| wrong())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_days_and_ranges() {
        let dates: Dates = "2025-10-01..20251027".parse().unwrap();
        assert!(dates.contains("20251001") && dates.contains("20251027"));
        assert!(!dates.contains("20251028") && !dates.contains("odd"));
        assert_eq!(dates.to_string(), "2025-10-01..2025-10-27");
        assert!("today".parse::<Dates>().unwrap() > "yesterday".parse().unwrap());
        for wrong in ["", "2025", "20251301", "2025-10-27..2025-10-01", "tomorrowish"] {
            assert!(wrong.parse::<Dates>().is_err(), "{wrong}");
        }
    }

    impl PartialOrd for Dates {
        fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
            self.first.partial_cmp(&other.first)
        }
    }

    #[test]
    fn spans_have_units() {
        let span = |text: &str| text.parse::<TimeSpan>().map(|span| span.0.as_millis());
        assert_eq!(span("500ms"), Ok(500));
        assert_eq!(span("1.5h"), Ok(5_400_000));
        assert_eq!(span("1d 2h"), Ok(93_600_000));
        assert!(span("5").is_err() && span("").is_err() && span("2 fortnights").is_err());
    }

    #[test]
    fn a_time_that_is_a_day_lasts_all_day() {
        let day: TimeRange = "2025-10-27".parse().unwrap();
        assert!((day.end() - day.start() - 86_399.999).abs() < 3_601.0);
        let time: TimeRange = "2025-10-27T04:02:10+08:00".parse().unwrap();
        assert_eq!((time.start(), time.end()), (1_761_508_930.0, 1_761_508_930.0));
    }
}
