//! What the name of a call's folder says.

use chrono::{DateTime, Local, NaiveDate, TimeZone};

/// `call_20251027_040210_001`: when the call started, by the clock of whoever recorded it, and its
/// number in the session. Sorts older calls first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct CallId {
    /// The local time as if it were UTC, in Unix seconds; zero where the name does not say.
    stamp: u32,
    /// In an odd name, something that tells it from others.
    pub number: u64,
}

impl CallId {
    pub fn of(name: &[u8]) -> Self {
        let rest = name.strip_prefix(b"call_").unwrap_or(name);
        let cut = rest.iter().rposition(|byte| *byte == b'_').unwrap_or_default();
        let number = rest.get(cut + 1..).and_then(digits);
        match (parse_stamp(&rest[..cut]), number) {
            (Some(stamp), Some(number)) => CallId { stamp, number },
            _ => CallId { stamp: 0, number: odd(name) },
        }
    }

    /// The start in Unix seconds, taking the recorder's time zone for this machine's; zero where the
    /// name does not say.
    pub fn timestamp(self) -> f64 {
        if self.stamp == 0 {
            return 0.0;
        }
        let time = DateTime::from_timestamp(i64::from(self.stamp), 0).unwrap_or_default().naive_utc();
        Local.from_local_datetime(&time).earliest().map_or(0.0, |time| time.timestamp() as f64)
    }

    pub fn stamp_nonzero(self) -> Option<std::num::NonZeroU32> {
        std::num::NonZeroU32::new(self.stamp)
    }

    /// The names that a call could have which was recorded right after this one: recording lags behind
    /// when a lot is going on, but not by more than a minute.
    pub fn successors(self) -> impl Iterator<Item = String> {
        let start = i64::from(self.stamp);
        (start - 60..=start + 60).map(move |second| {
            let time = DateTime::from_timestamp(second, 0).unwrap_or_default();
            format!("call_{}_{:03}", time.format("%Y%m%d_%H%M%S"), self.number.saturating_add(1))
        })
    }
}

/// FNV-1a, beyond every number that is one.
fn odd(name: &[u8]) -> u64 {
    let hash = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    name.iter().fold(0xcbf2_9ce4_8422_2325, hash) | 1 << 63
}

/// `20251027_040210`
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
    fn names_sort_by_time_then_number() {
        let older = CallId::of(b"call_20251027_040210_999");
        let newer = CallId::of(b"call_20251027_040210_1000");
        assert!(older < newer);
        assert!(newer < CallId::of(b"call_20251027_050000_001"));
        assert_ne!(CallId::of(b"call_odd"), CallId::of(b"call_odder"));
        assert_eq!(CallId::of(b"call_odd_001").timestamp(), 0.0);
        assert_eq!(older.successors().nth(60).unwrap(), "call_20251027_040210_1000");
    }
}
