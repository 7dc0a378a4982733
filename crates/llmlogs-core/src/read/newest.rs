//! The calls of several days, newest start first.
//!
//! A call of the older logger is in the folder of the day on which it ended, and may have started on the day before.

use std::iter::Peekable;
use std::vec;

use crate::format::call_id::CallId;

use super::day_newest::DayNewest;
use super::entry::Entry;
use super::error::Result;

/// The calls of several days, the newest day first.
pub(crate) struct Newest {
    days: vec::IntoIter<Result<DayNewest>>,
    day: Option<Peekable<DayNewest>>,
    /// Calls that may have started before midnight, the newest last. They take their places among the calls of the day
    /// before.
    carried: Vec<Entry>,
}

impl Newest {
    /// Returns the calls of `days`, which come in this order.
    pub(crate) fn new(days: Vec<Result<DayNewest>>) -> Self {
        Newest { days: days.into_iter(), day: None, carried: Vec::new() }
    }

    fn carry(&mut self, entry: Entry) {
        let place = self.carried.partition_point(|known| known.timestamp() <= entry.timestamp());
        self.carried.insert(place, entry);
    }
}

impl Iterator for Newest {
    type Item = Result<Entry>;

    fn next(&mut self) -> Option<Result<Entry>> {
        loop {
            let Some(day) = &mut self.day else {
                match self.days.next() {
                    Some(Ok(day)) => self.day = Some(day.peekable()),
                    Some(Err(error)) => return Some(Err(error)),
                    None => return self.carried.pop().map(Ok),
                }
                continue;
            };
            match day.peek() {
                None => self.day = None,
                Some(Ok(next)) => {
                    if self.carried.last().is_some_and(|newest| newest.timestamp() >= next.timestamp()) {
                        return self.carried.pop().map(Ok);
                    }
                    let may_be_of_the_day_before = may_have_crossed_midnight(next);
                    match day.next() {
                        Some(Ok(entry)) if may_be_of_the_day_before => self.carry(entry),
                        next => return next,
                    }
                }
                Some(Err(_)) => return day.next(),
            }
        }
    }
}

/// Returns whether a call took longer than the time that its name has since midnight.
fn may_have_crossed_midnight(entry: &Entry) -> bool {
    CallId::of(entry.call().id().as_bytes()).may_have_crossed_midnight(entry.line().latency_ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::root::Root;

    /// A call of the older logger: its day, the rest of its name, when it ended and for how long it went on, in seconds.
    fn write(root: &std::path::Path, day: &str, rest: &str, end: f64, took: u64) {
        let call = root.join(day).join("session_20251027_235000").join(format!("call_{day}_{rest}"));
        std::fs::create_dir_all(&call).unwrap();
        let metadata = format!(r#"{{"timestamp":{end:?},"performance":{{"latency_ms":{}}}}}"#, took * 1000);
        std::fs::write(call.join("metadata.json"), metadata).unwrap();
    }

    #[test]
    fn older_calls_were_sorted_by_their_ends() {
        let root = tempfile::tempdir().unwrap();
        let midnight = 1_761_609_600.0;
        for (day, rest, end, took) in [
            ("20251027", "235900_001", -60.0, 5),
            ("20251027", "235930_002", -30.0, 20),
            ("20251027", "235931_003", -29.0, 1),
            ("20251028", "000005_004", 5.0, 45),
            ("20251028", "000006_005", 6.0, 8),
            ("20251028", "000007_006", 7.0, 1),
            ("20251028", "000200_007", 120.0, 110),
            ("20251028", "000100_008", 60.0, 1),
        ] {
            write(root.path(), day, rest, midnight + end, took);
        }
        let entries: Vec<_> = Root::open(root.path()).unwrap().newest().map(Result::unwrap).collect();
        let starts: Vec<_> = entries.iter().map(|entry| entry.timestamp() - midnight).collect();
        assert_eq!(starts, [59.0, 10.0, 6.0, -2.0, -30.0, -40.0, -50.0, -65.0]);
    }
}
