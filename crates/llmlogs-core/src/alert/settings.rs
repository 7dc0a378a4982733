//! How patient a rule is.

use std::time::Duration;

/// How patient a rule is; [`Rule`](super::rule::Rule) documents each field where it sets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Settings {
    /// Whether a value that equals the limit breaks the rule.
    pub(super) or_equal: bool,
    pub(super) at_least: u64,
    pub(super) hold: Duration,
    pub(super) successes: u64,
    pub(super) quiet: Duration,
    /// `None` for never.
    pub(super) repeat: Option<Duration>,
}

impl Default for Settings {
    /// Returns the settings of a rule that neither needs a number of calls nor counts failures.
    fn default() -> Self {
        Settings {
            or_equal: false,
            at_least: 1,
            hold: Duration::ZERO,
            successes: 0,
            quiet: Duration::from_secs(30),
            repeat: Some(Duration::from_secs(4 * 3600)),
        }
    }
}
