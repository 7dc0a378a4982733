//! Dates, moments, spans of time and sizes as people write them.

use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Days, Local, NaiveDate, NaiveDateTime, NaiveTime, TimeZone};

/// A day, or a range of days, both ends included: the names of the folders to look into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dates {
    first: NaiveDate,
    last: NaiveDate,
}

impl Dates {
    /// Whether the day's folder `20251027` is one of them.
    pub(crate) fn contains(&self, folder: &str) -> bool {
        NaiveDate::parse_from_str(folder, "%Y%m%d").is_ok_and(|day| self.first <= day && day <= self.last)
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
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (first, last) = match text.split_once("..") {
            Some((first, last)) => (date(first)?, date(last)?),
            None => (date(text)?, date(text)?),
        };
        if first > last {
            return Err(format!("{first} is after {last}"));
        }
        Ok(Dates { first, last })
    }
}

fn date(text: &str) -> Result<NaiveDate, String> {
    let today = Local::now().date_naive();
    match text {
        "today" => return Ok(today),
        "yesterday" => return today.checked_sub_days(Days::new(1)).ok_or_else(|| text.to_owned()),
        _ => {}
    }
    NaiveDate::parse_from_str(text, "%Y-%m-%d")
        .or_else(|_| NaiveDate::parse_from_str(text, "%Y%m%d"))
        .map_err(|_| {
            "write 20251027, 2025-10-27, today, yesterday, or a range 2025-10-01..2025-10-27".to_owned()
        })
}

/// A moment, or a whole day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct TimeRange {
    from: f64,
    to: f64,
}

impl TimeRange {
    /// Its first instant, in Unix seconds.
    pub(crate) fn start(self) -> f64 {
        self.from
    }

    /// Its last instant.
    pub(crate) fn end(self) -> f64 {
        self.to
    }
}

impl FromStr for TimeRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(ago) = text.trim_end_matches("ago").trim().parse::<Span>() {
            let moment = Local::now().timestamp_millis() as f64 / 1000.0 - ago.0.as_secs_f64();
            return Ok(TimeRange { from: moment, to: moment });
        }
        if let Ok(day) = date(text) {
            let to = day.checked_add_days(Days::new(1)).map_or(f64::INFINITY, midnight);
            return Ok(TimeRange { from: midnight(day), to: to - 0.001 });
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
        Err("write a span such as 2h or 3d, a date such as 2025-10-27, or a time such as '2025-10-27 04:02'"
            .into())
    }
}

/// The first instant of a day, in Unix seconds.
pub(crate) fn midnight(day: NaiveDate) -> f64 {
    local(day.and_time(NaiveTime::MIN))
}

fn local(time: NaiveDateTime) -> f64 {
    Local.from_local_datetime(&time).earliest().map_or(0.0, |time| time.timestamp() as f64)
}

/// A span of time: `500ms`, `10s`, `2m`, `1.5h`, `3d`, `1w`, or several of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) Duration);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "write a span such as 500ms, 10s, 2m, 12h, 3d or 1w".to_owned();
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
        Duration::try_from_secs_f64(seconds).map(Span).map_err(|_| wrong())
    }
}

/// A size: `500MB`, `2GB`, `1.5GiB`, or bytes. Decimal units count in thousands, as disks do.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let wrong = || "write a size such as 500MB, 2GB or 1.5GiB".to_owned();
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number: f64 = text[..digits].parse().map_err(|_| wrong())?;
    let unit = match text[digits..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        "t" | "tb" => 1e12,
        "kib" => 1024.0,
        "mib" => 1_048_576.0,
        "gib" => 1_073_741_824.0,
        "tib" => 1_099_511_627_776.0,
        _ => return Err(wrong()),
    };
    Ok((number * unit) as u64)
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
    fn spans_and_sizes_have_units() {
        let span = |text: &str| text.parse::<Span>().map(|span| span.0.as_millis());
        assert_eq!(span("500ms"), Ok(500));
        assert_eq!(span("1.5h"), Ok(5_400_000));
        assert_eq!(span("1d 2h"), Ok(93_600_000));
        assert!(span("5").is_err() && span("").is_err() && span("2 fortnights").is_err());
        assert_eq!(bytes("2GB"), Ok(2_000_000_000));
        assert_eq!(bytes("1.5 GiB"), Ok(1_610_612_736));
        assert_eq!(bytes("12"), Ok(12));
        assert!(bytes("many").is_err());
    }

    #[test]
    fn a_moment_that_is_a_day_lasts_all_day() {
        let day: TimeRange = "2025-10-27".parse().unwrap();
        assert!((day.end() - day.start() - 86_399.999).abs() < 3_601.0);
        let moment: TimeRange = "2025-10-27T04:02:10+08:00".parse().unwrap();
        assert_eq!((moment.start(), moment.end()), (1_761_508_930.0, 1_761_508_930.0));
    }
}
