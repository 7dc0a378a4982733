//! Telling somebody when calls fail: rules, and the channels that their alerts go to.

mod engine;
mod event;
mod stats;

use std::fmt;

use llmlogs_core::alert::Rule;
use llmlogs_core::notify::{Notify, NotifyError, Pace};

use event::TracingEvents;

pub(crate) use engine::AlertEngine;
pub use stats::AlertStats;

/// Rules over the recorded calls, and the channels that are told when one is broken and when it is kept again.
///
/// ```
/// use std::time::Duration;
/// use tracing_llmlogs::{Alert, Alerts, LlmLogLayer, Rule};
///
/// # let root = tempfile::tempdir()?;
/// let (layer, guard) = LlmLogLayer::builder()
///     .root(root.path())
///     .alerts(
///         Alerts::new()
///             .rule(Rule::failures_in_a_row(5))
///             .rule(Rule::failure_rate(0.2, Duration::from_secs(300)).at_least(20))
///             .rule("p95_latency>10s/5m model=gpt-4o*".parse()?)
///             .notify(|alert: &Alert| eprintln!("{}", alert.message)),
///     )
///     .build()?;
/// assert_eq!(guard.alerts().fired, 0);
/// # drop(layer);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Each change gives one notice: when an alert begins to fire and when it is resolved, and every four hours between. It
/// is a line of `alerts.jsonl` beside the session's index, and goes to every channel. Rules are judged on a thread of
/// their own and channels deliver on theirs: none of them delays a call, the recorder, or each other.
#[derive(Default)]
#[must_use = "alerts do nothing until they are given to the builder of a layer"]
pub struct Alerts {
    pub(super) rules: Vec<Rule>,
    pub(super) channels: Vec<Box<dyn Notify>>,
    pub(super) pace: Pace,
}

impl Alerts {
    /// Returns alerts without rules, which never fire.
    pub fn new() -> Self {
        Alerts::default()
    }

    /// Adds a rule.
    pub fn rule(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    /// Adds a channel: a function over `&Alert`, an [`AlertCommand`](crate::AlertCommand), a `Webhook` (with the feature
    /// `webhooks`), or a [`Notify`] of your own.
    pub fn notify(mut self, channel: impl Notify + 'static) -> Self {
        self.channels.push(Box::new(channel));
        self
    }

    /// Emits each notice as a `tracing` event, too: with the target `tracing_llmlogs::alert`, at the level `WARN` when
    /// an alert fires and `INFO` when it is resolved. It comes from a thread of its own, where only the global subscriber
    /// sees it.
    pub fn events(self) -> Self {
        self.notify(TracingEvents)
    }

    /// Checks what can be checked of the channels.
    pub(crate) fn check(&self) -> Result<(), NotifyError> {
        self.channels.iter().try_for_each(|channel| channel.check())
    }
}

impl fmt::Debug for Alerts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let channels: Vec<_> = self.channels.iter().map(|channel| channel.name()).collect();
        f.debug_struct("Alerts").field("rules", &self.rules).field("channels", &channels).finish()
    }
}
