//! The name of a day's directory: `20251027`.

use std::fmt;
use std::time::SystemTime;

use super::time::{self, LocalTime};

/// A local date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day(u32);

impl Day {
    /// Returns the day on which `time` is.
    #[must_use]
    pub fn of(time: &LocalTime) -> Self {
        Day(time.date_number())
    }
}

/// The name of the day's directory.
impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08}", self.0)
    }
}

/// Returns whether a directory's name is a day's.
#[must_use]
pub fn is_day(name: &str) -> bool {
    name.len() == 8 && name.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns when the day whose directory is called `name` began; `None` if there is no such date.
#[must_use]
pub fn started_at(name: &str) -> Option<SystemTime> {
    time::start_of_date(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_a_name_that_is_parsed_back() {
        let now = SystemTime::now();
        let name = Day::of(&LocalTime::of(now)).to_string();
        assert!(is_day(&name));
        assert!(started_at(&name).unwrap() <= now);
        assert!(!is_day("2025-10-2") && !is_day("202510270"));
        assert_eq!(started_at("20251399"), None);
    }
}
