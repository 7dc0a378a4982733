//! What became of alerts.

use llmlogs_core::format::Alert;
use llmlogs_core::notify::ChannelStats;

/// What a recorder's alerts did so far. See [`LlmLogGuard::alerts`](crate::LlmLogGuard::alerts).
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize)]
#[non_exhaustive]
pub struct AlertStats {
    /// Alerts that fired.
    pub fired: u64,
    /// Those of them that were resolved.
    pub resolved: u64,
    /// The last notice of each alert that fires now.
    pub firing: Vec<Alert>,
    /// Calls that no rule saw, because too many waited to be judged.
    pub missed: u64,
    /// Rules that panicked, each time counted.
    pub rule_panics: u64,
    /// Lines of `alerts.jsonl` that could not be written.
    pub unwritten: u64,
    /// What each channel did.
    pub channels: Vec<ChannelStats>,
}
