//! The name of a call's directory, `call_20251027_040210_001`: creating and parsing it.

use std::fmt::Write;
use std::num::NonZeroU32;
use std::time::SystemTime;

use chrono::{DateTime, Datelike, Local, NaiveDate, NaiveDateTime, TimeZone, Timelike};

use super::layout::CALL_PREFIX;
use super::time::{self, LocalTime};

/// The contents of a call's name: when the call started, by the recorder's clock, and its number in the session. Sorts
/// by start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct CallId {
    /// The local time as if it were UTC, in Unix seconds; zero if the name has no time.
    stamp: u32,
    /// The call's number in its session; for a name of another form, a hash of the name.
    pub number: u64,
}

/// Returns the name of the session's `number`th call, which started at `started`. The number is padded to three
/// digits.
#[must_use]
pub fn call_name(started: &LocalTime, number: u64) -> String {
    named(&started.stamp(), number)
}

fn named(stamp: &str, number: u64) -> String {
    let mut name = String::with_capacity(CALL_PREFIX.len() + stamp.len() + 8);
    name.push_str(CALL_PREFIX);
    name.push_str(stamp);
    // Writing to a string does not fail.
    let _never = write!(name, "_{number:03}");
    name
}

/// Returns whether a directory's name is a call's.
#[must_use]
pub fn is_call(name: &str) -> bool {
    name.starts_with(CALL_PREFIX)
}

/// Returns when the call whose directory is called `name` started; `None` if the name has no time. Unlike
/// [`CallId`], the name needs no number after the time.
#[must_use]
pub fn started_at(name: &str) -> Option<SystemTime> {
    time::parse_stamp(name.strip_prefix(CALL_PREFIX)?)
}

/// Returns the number at the end of the name of a call's directory.
#[must_use]
pub fn number(name: &str) -> Option<u64> {
    name.rsplit('_').next()?.parse().ok()
}

/// Returns the part of a call's name that mostly distinguishes it from others: `040210_001`. A name of another form is
/// returned whole.
#[must_use]
pub fn short_id(name: &str) -> &str {
    let after_day = name.strip_prefix(CALL_PREFIX).and_then(|rest| rest.get("20251027_".len()..));
    after_day.filter(|rest| !rest.is_empty()).unwrap_or(name)
}

impl CallId {
    /// Parses the name of a call's directory. A name of another form is identified by its [`number`](Self::number)
    /// alone.
    #[must_use]
    pub fn of(name: &[u8]) -> Self {
        let rest = name.strip_prefix(CALL_PREFIX.as_bytes()).unwrap_or(name);
        let cut = rest.iter().rposition(|byte| *byte == b'_').unwrap_or_default();
        let number = rest.get(cut + 1..).and_then(digits);
        match (parse_stamp(&rest[..cut]), number) {
            (Some(stamp), Some(number)) => CallId { stamp, number },
            _ => CallId { stamp: 0, number: hash(name) },
        }
    }

    /// Returns the id of the name with this time, which [`stamp_nonzero`](Self::stamp_nonzero) returned, and this number.
    #[must_use]
    pub fn new(stamp: u32, number: u64) -> Self {
        CallId { stamp, number }
    }

    /// Appends the name that [`call_name`] creates. A name of another form has no time, and gives one that is not its own.
    pub fn write_name(self, name: &mut Vec<u8>) {
        let time = naive(self.stamp.into());
        name.extend_from_slice(CALL_PREFIX.as_bytes());
        let (date, clock) = (time.date(), time.time());
        for (number, digits) in [(date.year().unsigned_abs(), 4), (date.month(), 2), (date.day(), 2)] {
            push_digits(name, number.into(), digits);
        }
        name.push(b'_');
        for number in [clock.hour(), clock.minute(), clock.second()] {
            push_digits(name, number.into(), 2);
        }
        name.push(b'_');
        push_digits(name, self.number, self.number.checked_ilog10().map_or(3, |most| (most + 1).max(3)));
    }

    /// Returns whether `name`, of which this is the contents, is the one that [`write_name`](Self::write_name) gives.
    #[must_use]
    pub fn is_named(self, name: &[u8]) -> bool {
        let digits = self.number.checked_ilog10().map_or(3, |most| (most + 1).max(3));
        self.stamp != 0
            && name.starts_with(CALL_PREFIX.as_bytes())
            && name.len() == CALL_PREFIX.len() + "20251027_040210_".len() + digits as usize
    }

    /// Returns the start in Unix seconds, assuming that the recorder's time zone was this machine's; zero if the name
    /// has no time.
    #[must_use]
    pub fn timestamp(self) -> f64 {
        if self.stamp == 0 {
            return 0.0;
        }
        Local
            .from_local_datetime(&naive(self.stamp.into()))
            .earliest()
            .map_or(0.0, |time| time.timestamp() as f64)
    }

    /// Returns the local time of the start as if it were UTC, in Unix seconds; `None` if the name has no time.
    #[must_use]
    pub fn stamp_nonzero(self) -> Option<NonZeroU32> {
        NonZeroU32::new(self.stamp)
    }

    /// Returns whether a call that took `latency_ms` and has this name started before midnight if the name has the time of
    /// its end, as the older logger's do.
    #[must_use]
    pub fn may_have_crossed_midnight(self, latency_ms: u64) -> bool {
        self.stamp != 0 && u64::from(self.stamp % 86_400) * 1000 < latency_ms
    }

    /// Returns the local date on which the call started, as a day's directory is named, if the name has the time of its
    /// end; `start` is in Unix seconds.
    #[must_use]
    pub fn day_of_start(self, start: f64, latency_ms: u64) -> String {
        let latency = i64::try_from(latency_ms).unwrap_or(i64::MAX);
        // The name has whole seconds, the start has the rest.
        let milliseconds = ((start * 1000.0).round() as i64).saturating_add(latency).rem_euclid(1000);
        let end = i64::from(self.stamp) * 1000 + milliseconds;
        naive(end.saturating_sub(latency).div_euclid(1000)).format("%Y%m%d").to_string()
    }

    /// Returns the possible names of the call with the next number: its start differs from this call's by at most a
    /// minute, even if the recorder is behind.
    pub fn successors(self) -> impl Iterator<Item = String> {
        let start = i64::from(self.stamp);
        (start - 60..=start + 60).map(move |second| {
            named(&naive(second).format(time::STAMP).to_string(), self.number.saturating_add(1))
        })
    }
}

/// Returns the time of `seconds` after the epoch; the epoch itself if it is out of range.
fn naive(seconds: i64) -> NaiveDateTime {
    DateTime::from_timestamp(seconds, 0).unwrap_or_default().naive_utc()
}

/// Appends the last `digits` digits of a number.
fn push_digits(text: &mut Vec<u8>, number: u64, digits: u32) {
    text.extend((0..digits).rev().map(|place| b'0' + (number / 10_u64.pow(place) % 10) as u8));
}

/// Hashes a name that has no number (FNV-1a); the result is greater than every call's number.
fn hash(name: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    name.iter().fold(0xcbf2_9ce4_8422_2325, step) | 1 << 63
}

/// Parses `20251027_040210` as if it were UTC.
fn parse_stamp(stamp: &[u8]) -> Option<u32> {
    if stamp.len() != 15 || stamp[8] != b'_' {
        return None;
    }
    let part = |from: usize, to: usize| digits(&stamp[from..to]).map(|value| value as u32);
    let date = NaiveDate::from_ymd_opt(part(0, 4)? as i32, part(4, 6)?, part(6, 8)?)?;
    let time = date.and_hms_opt(part(9, 11)?, part(11, 13)?, part(13, 15)?)?;
    u32::try_from(time.and_utc().timestamp()).ok()
}

fn digits(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 18 || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(text.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_created_name_is_parsed_back() {
        let started = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_761_537_730);
        for n in [1, 999, 1000] {
            let name = call_name(&LocalTime::of(started), n);
            assert!(is_call(&name));
            assert_eq!((started_at(&name), number(&name)), (Some(started), Some(n)));
            let id = CallId::of(name.as_bytes());
            assert_eq!((id.timestamp(), id.number), (1_761_537_730.0, n));
        }
        assert!(call_name(&LocalTime::of(started), 7).ends_with("_007"));
    }

    #[test]
    fn a_name_is_written_back_as_it_was_or_known_to_be_another() {
        for name in ["call_20251027_040210_001", "call_20241231_235959_1234567", "call_20250101_000000_999"] {
            let id = CallId::of(name.as_bytes());
            let mut written = Vec::new();
            id.write_name(&mut written);
            assert_eq!(String::from_utf8(written).unwrap(), name);
            assert!(id.is_named(name.as_bytes()));
        }
        for odd in ["call_odd", "call_20251027_040210_1", "call_20251027_040210_0001", "20251027_040210_001"]
        {
            assert!(!CallId::of(odd.as_bytes()).is_named(odd.as_bytes()), "{odd}");
        }
    }

    #[test]
    fn names_sort_by_time_then_number() {
        let older = CallId::of(b"call_20251027_040210_999");
        let newer = CallId::of(b"call_20251027_040210_1000");
        assert!(older < newer);
        assert!(newer < CallId::of(b"call_20251027_050000_001"));
        assert_ne!(CallId::of(b"call_odd"), CallId::of(b"call_odder"));
        assert_eq!(CallId::of(b"call_odd_001").timestamp(), 0.0);
        assert_eq!(older.successors().nth(60).unwrap(), "call_20251027_040210_1000");
    }

    #[test]
    fn a_name_after_the_end_tells_the_day_of_the_start() {
        let id = CallId::of(b"call_20251028_000020_001");
        assert!(!id.may_have_crossed_midnight(20_000) && id.may_have_crossed_midnight(20_001));
        // It ended at 00:00:20.250.
        let midnight = 1_761_609_600.0;
        assert_eq!(id.day_of_start(midnight + 0.15, 20_100), "20251028");
        assert_eq!(id.day_of_start(midnight - 0.05, 20_300), "20251027");
        assert_eq!(id.day_of_start(f64::NAN, u64::MAX).len(), 8);
        assert!(!CallId::of(b"call_odd").may_have_crossed_midnight(u64::MAX));
    }
}
