//! When a rule is broken.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::health::{Percentile, WindowStats};

use super::settings::Settings;

/// So few calls tell nothing about a share of them.
const AT_LEAST: u64 = 10;

/// So many successes resolve an alert about failures.
const SUCCESSES: u64 = 3;

/// What is compared with what.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Condition {
    /// So many failures in a row, without a success between them.
    InARow { failures: u64 },
    /// More than this share of the calls of a window failed.
    FailureRate { rate: f64, window: Duration },
    /// So large a share of the calls of a window does not keep below a duration.
    Duration { of: Percentile, percent: f64, limit: Duration, window: Duration },
    /// The calls of a window cost more than this.
    Cost { limit: f64, currency: String, window: Duration },
    /// The calls of a window used more tokens than this.
    Tokens { limit: u64, window: Duration },
    /// No call has ended for so long.
    Silence { span: Duration },
    /// The user's own.
    Custom(Custom),
}

/// A condition of the user's own.
#[derive(Clone)]
pub(super) struct Custom {
    pub(super) name: String,
    pub(super) window: Duration,
    pub(super) is_broken: Arc<dyn Fn(&WindowStats) -> bool + Send + Sync>,
}

impl fmt::Debug for Custom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Custom")
            .field("name", &self.name)
            .field("window", &self.window)
            .finish_non_exhaustive()
    }
}

impl PartialEq for Custom {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.is_broken, &other.is_broken)
    }
}

/// What a condition looks at beside the window.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts {
    /// Failures since the last success.
    pub(super) run: u64,
    /// The time since a call ended, or since the rule began to watch.
    pub(super) silence: Duration,
}

/// What a condition found.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Finding {
    pub(super) is_broken: bool,
    pub(super) value: f64,
    pub(super) limit: f64,
    pub(super) unit: String,
}

impl Condition {
    /// Returns the window that the condition needs.
    pub(super) fn window(&self) -> Option<Duration> {
        match self {
            Condition::InARow { .. } | Condition::Silence { .. } => None,
            Condition::FailureRate { window, .. }
            | Condition::Duration { window, .. }
            | Condition::Cost { window, .. }
            | Condition::Tokens { window, .. } => Some(*window),
            Condition::Custom(custom) => Some(custom.window),
        }
    }

    /// Returns the time without a call that breaks the rule, if it is one of silence.
    pub(super) fn silence(&self) -> Option<Duration> {
        match self {
            Condition::Silence { span } => Some(*span),
            _ => None,
        }
    }

    /// Returns the settings of a rule that says nothing about them.
    pub(super) fn default_settings(&self) -> Settings {
        let defaults = Settings::default();
        match self {
            // It takes successes, not only time, to show that things are well again.
            Condition::InARow { .. } => Settings { successes: SUCCESSES, ..defaults },
            Condition::FailureRate { .. } => {
                Settings { successes: SUCCESSES, at_least: AT_LEAST, ..defaults }
            }
            Condition::Duration { .. } => Settings { at_least: AT_LEAST, ..defaults },
            // A call is all that it takes to end a silence.
            Condition::Silence { .. } => Settings { quiet: Duration::ZERO, ..defaults },
            Condition::Cost { .. } | Condition::Tokens { .. } | Condition::Custom(_) => defaults,
        }
    }

    /// Returns whether the condition needs durations, which [`Window::counts`](crate::health::Window::counts) has not.
    pub(super) fn needs_durations(&self) -> bool {
        matches!(self, Condition::Duration { .. } | Condition::Custom(_))
    }

    /// Compares, as `settings` have it: fewer calls than they ask for are not enough to tell.
    pub(super) fn check(&self, stats: &WindowStats, facts: Facts, settings: &Settings) -> Finding {
        let at_least = settings.at_least;
        let exceeds = |value: f64, limit: f64| value > limit || (settings.or_equal && value == limit);
        let finding = |is_broken: bool, value: f64, limit: f64, unit: &str| Finding {
            is_broken,
            value,
            limit,
            unit: unit.to_owned(),
        };
        match self {
            Condition::InARow { failures } => {
                finding(facts.run >= *failures, facts.run as f64, *failures as f64, "calls")
            }
            Condition::FailureRate { rate, .. } => {
                let judged = stats.ok + stats.errors;
                let value = stats.success_rate().map_or(0.0, |_| stats.errors as f64 / judged as f64);
                finding(judged >= at_least && exceeds(value, *rate), value, *rate, "rate")
            }
            Condition::Duration { of, percent, limit, .. } => {
                let value = stats.percentile(*of, percent / 100.0).unwrap_or(0) as f64;
                let limit = limit.as_millis() as f64;
                finding(stats.durations(*of) >= at_least && exceeds(value, limit), value, limit, "ms")
            }
            Condition::Cost { limit, currency, .. } => {
                let value = stats.cost.get(currency).copied().unwrap_or(0.0);
                finding(exceeds(value, *limit), value, *limit, currency)
            }
            Condition::Tokens { limit, .. } => {
                let (value, limit) = (stats.total_tokens as f64, *limit as f64);
                finding(exceeds(value, limit), value, limit, "tokens")
            }
            Condition::Silence { span } => {
                let (value, limit) = (facts.silence.as_millis() as f64, span.as_millis() as f64);
                finding(exceeds(value, limit), value, limit, "ms")
            }
            Condition::Custom(custom) => {
                let is_broken = stats.calls() >= at_least && (custom.is_broken)(stats);
                finding(is_broken, f64::from(u8::from(is_broken)), 1.0, "")
            }
        }
    }
}
