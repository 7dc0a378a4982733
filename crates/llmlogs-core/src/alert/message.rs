//! What an alert says to people.

use std::time::Duration;

use crate::format::AlertError;
use crate::health::{Percentile, WindowStats};

use super::condition::{Condition, Finding};
use super::parse::{Percent, Span};

/// Returns what was measured, in one line: `5 calls in a row failed`.
pub(super) fn measured(condition: &Condition, finding: &Finding, stats: &WindowStats) -> String {
    let Finding { value, limit, .. } = finding;
    match condition {
        Condition::InARow { .. } if *value == 0.0 => "the last call succeeded".to_owned(),
        Condition::InARow { .. } if *value == 1.0 => "1 call failed".to_owned(),
        Condition::InARow { .. } => format!("{value} calls in a row failed"),
        Condition::FailureRate { window, .. } => format!(
            "{} of {} calls in {} failed, {} (limit {})",
            stats.errors,
            stats.ok + stats.errors,
            Span(*window),
            Percent((value * 1000.0).round() / 1000.0),
            Percent(*limit)
        ),
        Condition::Duration { of, percent, limit, window } => format!(
            "p{percent} of {} in {} is {} (limit {})",
            match of {
                Percentile::Latency => "latency",
                Percentile::FirstToken => "time to first token",
            },
            Span(*window),
            elapsed(Duration::from_millis(*value as u64)),
            Span(*limit)
        ),
        Condition::Cost { currency, window, .. } => {
            format!("{value:.2} {currency} spent in {} (limit {limit} {currency})", Span(*window))
        }
        Condition::Tokens { window, .. } => {
            format!("{value} tokens used in {} (limit {limit})", Span(*window))
        }
        Condition::Silence { .. } if !finding.is_broken => "a call has ended".to_owned(),
        Condition::Silence { span } => {
            let silence = elapsed(Duration::from_millis(*value as u64));
            format!("no call has ended for {silence} (limit {})", Span(*span))
        }
        Condition::Custom(custom) => custom.name.clone(),
    }
}

/// Returns a time as people say it: `812ms`, `2.5s`, `4m10s`, `3h04m`, `2d03h`.
pub(super) fn elapsed(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 => format!("{}ms", time.as_millis()),
        1..60 if time.subsec_millis() < 50 => format!("{seconds}s"),
        1..60 => format!("{:.1}s", time.as_secs_f64()),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h{:02}m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d{:02}h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// Returns a failure, in one line: `RateLimitError 429: Rate limit reached`.
pub(super) fn failure(error: &AlertError) -> String {
    let status = error.http_status.map(|status| format!(" {status}")).unwrap_or_default();
    let message = one_line(&error.error_message);
    let colon = if message.is_empty() { "" } else { ": " };
    format!("{}{status}{colon}{message}", one_line(&error.error_type))
}

/// Returns the text with every run of white space and control characters as one space.
pub(super) fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}
