//! A rule: what it watches, when it is broken, and how patient it is.

use std::sync::Arc;
use std::time::Duration;

use crate::health::{Percentile, WindowStats};

use super::condition::{Condition, Custom};
use super::scope::{Each, Scope};
use super::settings::Settings;

/// When an alert fires, and when it is resolved.
///
/// Made by one of the functions that name what is watched, or parsed from text:
///
/// | function | as text | fires when |
/// | --- | --- | --- |
/// | [`failures_in_a_row`](Rule::failures_in_a_row) | `in_a_row>=5` | so many calls failed without a success between them |
/// | [`failure_rate`](Rule::failure_rate) | `failure_rate>20%/5m` | more than this share of a window's calls failed |
/// | [`latency`](Rule::latency) | `p95_latency>10s/5m` | a percentile of latency is above a limit |
/// | [`first_token`](Rule::first_token) | `p95_first_token>3s/5m` | the same for the time to first token |
/// | [`cost`](Rule::cost) | `cost>5USD/1h` | a window's calls cost more |
/// | [`tokens`](Rule::tokens) | `tokens>1M/1h` | a window's calls used more tokens |
/// | [`silence`](Rule::silence) | `silence>10m` | no call has ended for so long |
/// | [`custom`](Rule::custom) | – | a function of yours returns `true` |
///
/// The settings follow in the text with spaces between them: `failure_rate>20%/5m at_least=20 model=gpt-4o* hold=1m`.
///
/// Calls that the caller cancelled are neither successes nor failures.
///
/// ```
/// use std::time::Duration;
/// use tracing_llmlogs::Rule;
///
/// let built = Rule::failure_rate(0.2, Duration::from_secs(300)).at_least(20).model("gpt-4o*");
/// assert_eq!("failure_rate>20%/5m at_least=20 model=gpt-4o*".parse(), Ok(built));
/// assert!("failure_rate>20%".parse::<Rule>().unwrap_err().to_string().contains("failure_rate>20%/5m"));
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use = "a rule does nothing until it is given to alerts"]
pub struct Rule {
    pub(super) condition: Condition,
    pub(super) scope: Scope,
    pub(super) settings: Settings,
}

impl Rule {
    fn new(condition: Condition) -> Self {
        Rule { settings: condition.default_settings(), condition, scope: Scope::default() }
    }

    /// Fires when `failures` calls, at least one, failed without a success between them.
    pub fn failures_in_a_row(failures: u64) -> Self {
        Rule::new(Condition::InARow { failures: failures.max(1) })
    }

    /// Fires when more than `rate` of the calls within `window` failed: 0.2 is a fifth of them.
    pub fn failure_rate(rate: f64, window: Duration) -> Self {
        Rule::new(Condition::FailureRate { rate, window: at_least_a_second(window) })
    }

    /// Fires when `percent` of the calls within `window` do not keep to `limit`: with 95, when more than five of a hundred
    /// took longer. The limit is exact to about 6 %.
    pub fn latency(percent: f64, limit: Duration, window: Duration) -> Self {
        Rule::new(Condition::Duration {
            of: Percentile::Latency,
            percent: percent.clamp(0.0, 100.0),
            limit,
            window: at_least_a_second(window),
        })
    }

    /// As [`latency`](Self::latency), for the time from the start of a streamed call to its first content.
    pub fn first_token(percent: f64, limit: Duration, window: Duration) -> Self {
        Rule::new(Condition::Duration {
            of: Percentile::FirstToken,
            percent: percent.clamp(0.0, 100.0),
            limit,
            window: at_least_a_second(window),
        })
    }

    /// Fires when the calls within `window` cost more than `limit` of `currency`: `"USD"`, or that of your own prices.
    pub fn cost(limit: f64, currency: impl Into<String>, window: Duration) -> Self {
        Rule::new(Condition::Cost { limit, currency: currency.into(), window: at_least_a_second(window) })
    }

    /// Fires when the calls within `window` used more than `limit` tokens, input and output together.
    pub fn tokens(limit: u64, window: Duration) -> Self {
        Rule::new(Condition::Tokens { limit, window: at_least_a_second(window) })
    }

    /// Fires when no call has ended for `span`, from the start of the recorder on.
    pub fn silence(span: Duration) -> Self {
        Rule::new(Condition::Silence { span: at_least_a_second(span) })
    }

    /// Fires when `is_broken` returns `true` for what was counted within `window`. It is called after each call, on the
    /// thread of the alerts; one that panics is counted, and the other rules go on.
    pub fn custom(
        name: impl Into<String>,
        window: Duration,
        is_broken: impl Fn(&WindowStats) -> bool + Send + Sync + 'static,
    ) -> Self {
        Rule::new(Condition::Custom(Custom {
            name: name.into(),
            window: at_least_a_second(window),
            is_broken: Arc::new(is_broken),
        }))
    }

    /// Sets how many calls the window has to hold at least before a share or a percentile of them is judged. Default: 10.
    pub fn at_least(mut self, calls: u64) -> Self {
        self.settings.at_least = calls;
        self
    }

    /// Watches the calls to `provider` only; `*` stands for anything.
    pub fn provider(mut self, provider: impl Into<String>) -> Self {
        self.scope.provider = Some(provider.into());
        self
    }

    /// Watches the calls of `model` only; `*` stands for anything.
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.scope.model = Some(model.into());
        self
    }

    /// Watches the calls only whose context has `value` in the field `name`; `*` stands for anything.
    pub fn context(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.scope.context.push((name.into(), value.into()));
        self
    }

    /// Watches each provider by itself, with an alert of its own.
    pub fn each_provider(mut self) -> Self {
        self.scope.each = Some(Each::Provider);
        self
    }

    /// Watches each model by itself, with an alert of its own.
    pub fn each_model(mut self) -> Self {
        self.scope.each = Some(Each::Model);
        self
    }

    /// Watches the calls of each value of the context's field `name` by themselves, with an alert of its own.
    pub fn each_context(mut self, name: impl Into<String>) -> Self {
        self.scope.each = Some(Each::Context(name.into()));
        self
    }

    /// Sets for how long the rule has to be broken before the alert fires. Default: it fires at once.
    pub fn hold(mut self, hold: Duration) -> Self {
        self.settings.hold = hold;
        self
    }

    /// Sets when a firing alert is resolved: after `successes` calls that succeeded and for `quiet` without the rule being
    /// broken. Defaults: 3 successes for rules of failures and none for others; 30 seconds, and none after a silence.
    pub fn resolve_after(mut self, successes: u64, quiet: Duration) -> Self {
        (self.settings.successes, self.settings.quiet) = (successes, quiet);
        self
    }

    /// Sets after how long a notice is repeated while the alert fires; `None` for never. Default: 4 hours.
    pub fn repeat(mut self, every: impl Into<Option<Duration>>) -> Self {
        self.settings.repeat = every.into().filter(|every| !every.is_zero());
        self
    }
}

/// Shorter windows move faster than calls end.
fn at_least_a_second(window: Duration) -> Duration {
    window.max(Duration::from_secs(1))
}
