//! From times to places on the waterfall's axis.

use std::ops::RangeInclusive;

use llmlogs_core::read::{Entry, State};

use crate::output::format::duration;
use crate::page::answer::ApiError;
use crate::reports::tree::end;

/// How wide bars are drawn, in units of the drawing.
pub(super) const WIDTH: f64 = 1000.0;

/// While a call is in flight, the axis ends later than now by this share, and by so many seconds: its bar has room to grow.
const ROOM: f64 = 0.08;
const ROOM_SECONDS: f64 = 2.0;

/// A range in seconds since the session's first call; `None` is open.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Zoom {
    pub(super) from: Option<f64>,
    pub(super) to: Option<f64>,
}

impl Zoom {
    pub(super) fn parse(from: Option<&str>, to: Option<&str>) -> Result<Self, ApiError> {
        let seconds = |name: &str, text: Option<&str>| {
            let parsed = text.map(|text| text.parse::<f64>().ok().filter(|seconds| seconds.is_finite()));
            match parsed {
                Some(None) => Err(ApiError::Usage(format!("{name} is a number of seconds"))),
                parsed => Ok(parsed.flatten()),
            }
        };
        Ok(Zoom { from: seconds("from", from)?, to: seconds("to", to)? })
    }
}

/// The axis of a waterfall, in Unix seconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    /// The start of the session's first call.
    pub(super) zero: f64,
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) is_zoomed: bool,
    /// The end of the session's last call.
    pub(super) last: f64,
}

impl Scale {
    /// Returns the axis over `entries`, which are in the order of their starts.
    pub(super) fn of(entries: &[Entry], zoom: Zoom, now: f64) -> Self {
        let zero = entries.first().map_or(now, Entry::timestamp);
        let last = entries.iter().map(|entry| end(entry, now)).fold(zero, f64::max);
        let in_flight = entries.iter().any(|entry| entry.call().state() == State::InFlight);
        let room = if in_flight { (last - zero) * ROOM + ROOM_SECONDS } else { 0.0 };
        let from = zoom.from.map_or(zero, |from| zero + from);
        let to = zoom.to.map_or(last + room, |to| zero + to);
        // No range is empty: everything may have happened in one moment.
        Scale { zero, from, to: to.max(from + 0.001), is_zoomed: zoom != Zoom::default(), last }
    }

    /// Returns whether something from `start` to `end` is to be seen.
    pub(super) fn overlaps(&self, start: f64, end: f64) -> bool {
        !self.is_zoomed || (start <= self.to && end >= self.from)
    }

    /// Returns where a stretch of time begins and ends on the axis; `None` if it is outside of it.
    pub(super) fn place(&self, start: f64, end: f64) -> Option<RangeInclusive<f64>> {
        if start > self.to || end < self.from {
            return None;
        }
        let at = |time: f64| ((time - self.from) / (self.to - self.from) * WIDTH).clamp(0.0, WIDTH);
        Some(at(start)..=at(end))
    }

    /// Returns a time as a distance from the first call: `+1.20s`.
    pub(super) fn offset(&self, time: f64) -> String {
        let ms = ((time - self.zero) * 1000.0).round();
        let sign = if ms < 0.0 { "−" } else { "+" };
        format!("{sign}{}", duration(ms.abs() as u64))
    }

    /// Returns the time as `from` and `to` have it in an address.
    pub(super) fn parameter(&self, time: f64) -> String {
        let text = format!("{:.3}", time - self.zero);
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCALE: Scale = Scale { zero: 100.0, from: 110.0, to: 120.0, is_zoomed: true, last: 200.0 };

    #[test]
    fn places_are_within_the_axis() {
        assert_eq!(SCALE.place(112.5, 115.0), Some(250.0..=500.0));
        assert_eq!(SCALE.place(0.0, 1e9), Some(0.0..=1000.0));
        assert_eq!(SCALE.place(115.0, 115.0), Some(500.0..=500.0));
        assert_eq!(SCALE.place(121.0, 122.0), None);
        assert!(SCALE.overlaps(120.0, 130.0) && !SCALE.overlaps(120.1, 130.0) && !SCALE.overlaps(0.0, 109.9));
    }

    #[test]
    fn times_are_told_from_the_first_call() {
        assert_eq!([SCALE.offset(101.2), SCALE.offset(99.5)], ["+1.20s", "−500ms"]);
        assert_eq!(
            [SCALE.parameter(101.25), SCALE.parameter(100.0), SCALE.parameter(120.0)],
            ["1.25", "0", "20"]
        );
    }

    #[test]
    fn a_range_is_two_numbers() {
        assert_eq!(Zoom::parse(Some("1.5"), None).unwrap(), Zoom { from: Some(1.5), to: None });
        assert!(Zoom::parse(Some("x"), None).is_err() && Zoom::parse(None, Some("inf")).is_err());
        let moment = Scale::of(&[], Zoom::default(), 5.0);
        assert!(moment.to > moment.from);
        let back = Scale::of(&[], Zoom { from: Some(9.0), to: Some(1.0) }, 5.0);
        assert!(back.to > back.from);
    }
}
