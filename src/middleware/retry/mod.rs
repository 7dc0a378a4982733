//! Retries: what is tried again, when, and how often. Pure but for the clock and the random numbers, which are handed in.

mod backoff;
mod budget;
mod error_body;
mod failure;
mod judge;
mod limits;
mod server_delay;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;

pub(super) use backoff::Backoff;
pub(super) use budget::{Budget, BudgetLimits};
pub use failure::{FailureKind, Verdict};
pub(super) use judge::{FailedResponse, Judgement};
pub(super) use limits::{Attempts, Circumstances, Limits, Step};

/// A user's last word on what follows from an attempt.
type When = Arc<dyn Fn(&FailedAttempt<'_>, Verdict) -> Verdict + Send + Sync>;

/// The settings of retries.
///
/// An attempt is repeated after a connection that failed, a time limit that ran out (once: the answer may have been made, and
/// is paid for), and HTTP 408, 409, 425, 429, 500, 502, 503, 504, 529 and every other 5xx but 501 and 505; also after a body
/// of JSON under a status of success that reports such an error. `x-should-retry` overrules the status. Nothing overrules
/// a body by which another attempt is in vain: an exhausted quota, a prompt that is too long, refused content.
///
/// What the server says is a minimum: `retry-after-ms`, `x-ms-retry-after-ms`, `Retry-After` (seconds or a date), Google's
/// `RetryInfo`, and with HTTP 429 the reset of the limits that are used up. Up to a tenth is added by chance. Without it, or
/// where it makes no sense, the delay is random, up to a bound that doubles.
///
/// The caller gets the last attempt's own response or error.
///
/// ```
/// use std::time::Duration;
/// use tracing_llmlogs::{LlmLogMiddleware, Retry};
///
/// let retry = Retry::new().max_attempts(4).max_delay(Duration::from_secs(20)).hold_streams(true);
/// let middleware = LlmLogMiddleware::new().retry(retry);
/// ```
#[derive(Clone)]
#[must_use = "retries are off until they are given to a middleware"]
pub struct Retry {
    pub(super) limits: Limits,
    pub(super) backoff: Backoff,
    pub(super) budget: Option<BudgetLimits>,
    pub(super) hold_streams: bool,
    pub(super) when: Option<When>,
}

impl Default for Retry {
    fn default() -> Self {
        Retry {
            limits: Limits::default(),
            backoff: Backoff::default(),
            budget: Some(BudgetLimits::default()),
            hold_streams: false,
            when: None,
        }
    }
}

impl Retry {
    /// Returns retries with every setting at its default.
    pub fn new() -> Self {
        Retry::default()
    }

    /// Returns what holds without retries, for fallbacks alone: each target is tried once.
    pub(super) fn none() -> Self {
        let limits = Limits { max_attempts: 1, ..Limits::default() };
        Retry { limits, budget: None, ..Retry::default() }
    }

    /// Sets how often one target is tried, the first attempt included. At least 1. Default: 3.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.limits.max_attempts = attempts.max(1);
        self
    }

    /// Sets how often a call is tried in all, fallbacks included. At least 1. Default: 5.
    pub fn max_total_attempts(mut self, attempts: u32) -> Self {
        self.limits.max_total_attempts = attempts.max(1);
        self
    }

    /// Sets how often a call is tried again after the client's time limit ran out. Default: 1.
    pub fn max_timeout_retries(mut self, retries: u32) -> Self {
        self.limits.max_timeout_retries = retries;
        self
    }

    /// Sets the longest delay that a server may ask for and have. A longer one is not waited for: the call goes to the next
    /// fallback, or its answer to the caller. Default: 60 seconds.
    pub fn max_delay(mut self, delay: Duration) -> Self {
        self.backoff.max_requested = delay;
        self
    }

    /// Sets the bounds of delays where the server asks for none: `base` for the first, which doubles with each further
    /// attempt up to `max`. The delay itself is random, from 50 ms to the bound. Default: 0.5 and 8 seconds.
    pub fn backoff(mut self, base: Duration, max: Duration) -> Self {
        self.backoff.base = base;
        self.backoff.max = max;
        self
    }

    /// Sets the bound of the first delay after HTTP 429 and 529 where the server asks for none. Default: 1 second.
    pub fn rate_limit_backoff(mut self, base: Duration) -> Self {
        self.backoff.busy_base = base;
        self
    }

    /// Sets how many retries a target may have within 60 seconds: a part `ratio` of its calls, and `reserve` beside that.
    /// Default: 0.2 and 10.
    pub fn budget(mut self, ratio: f64, reserve: u32) -> Self {
        let ratio = if ratio.is_finite() { ratio.max(0.0) } else { 0.0 };
        self.budget = Some(BudgetLimits { ratio, reserve });
        self
    }

    /// Lets a target have any number of retries.
    pub fn no_budget(mut self) -> Self {
        self.budget = None;
        self
    }

    /// Sets how long after the start of the call there must be a response: no attempt begins later, and one that has none by
    /// then is given up with a [`DeadlineError`](crate::DeadlineError). A response is its first content where it is looked at
    /// ([`hold_streams`](Self::hold_streams), a short JSON body), else its head; how long a stream lasts is not limited.
    /// Default: none.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.limits.deadline = Some(deadline);
        self
    }

    /// Sets whether streams are held back until their first content, 64 KiB at most, so that an error before it can be
    /// repeated unseen. Default: `false`.
    pub fn hold_streams(mut self, hold: bool) -> Self {
        self.hold_streams = hold;
        self
    }

    /// Sets a function that has the last word on what follows from an attempt that failed, after this crate's own verdict.
    /// The limits hold whatever it says. If it panics, that verdict stays.
    ///
    /// ```
    /// use tracing_llmlogs::{FailureKind, Retry, Verdict};
    ///
    /// // A model with a longer context takes what is too long for the first one.
    /// let retry = Retry::new().when(|attempt, verdict| match attempt.kind() {
    ///     FailureKind::ContextLength => Verdict::Fallback,
    ///     _ => verdict,
    /// });
    /// ```
    pub fn when(
        mut self,
        decide: impl Fn(&FailedAttempt<'_>, Verdict) -> Verdict + Send + Sync + 'static,
    ) -> Self {
        self.when = Some(Arc::new(decide));
        self
    }
}

impl fmt::Debug for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry")
            .field("limits", &self.limits)
            .field("backoff", &self.backoff)
            .field("budget", &self.budget)
            .field("hold_streams", &self.hold_streams)
            .finish_non_exhaustive()
    }
}

/// An attempt that failed, as [`Retry::when`] and [`Fallback::request`](crate::Fallback::request) see it.
#[derive(Debug, Clone, Copy)]
pub struct FailedAttempt<'a> {
    pub(super) number: u32,
    pub(super) provider: &'a str,
    pub(super) model: &'a str,
    pub(super) kind: FailureKind,
    pub(super) status: Option<u16>,
    pub(super) headers: Option<&'a HeaderMap>,
    pub(super) error_code: &'a str,
    pub(super) error_message: &'a str,
    pub(super) delay: Option<Duration>,
}

impl<'a> FailedAttempt<'a> {
    /// Returns which attempt at the call it was, counted from 1.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Returns the provider, by OpenTelemetry's name where it has one.
    #[must_use]
    pub fn provider(&self) -> &'a str {
        self.provider
    }

    /// Returns the model that was asked; empty if the request names none.
    #[must_use]
    pub fn model(&self) -> &'a str {
        self.model
    }

    /// Returns what went wrong.
    #[must_use]
    pub fn kind(&self) -> FailureKind {
        self.kind
    }

    /// Returns the HTTP status; `None` without a response.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.status
    }

    /// Returns the response's headers; `None` without a response.
    #[must_use]
    pub fn headers(&self) -> Option<&'a HeaderMap> {
        self.headers
    }

    /// Returns the provider's own code of the error; empty if there is none.
    #[must_use]
    pub fn error_code(&self) -> &'a str {
        self.error_code
    }

    /// Returns the provider's message; empty if there is none.
    #[must_use]
    pub fn error_message(&self) -> &'a str {
        self.error_message
    }

    /// Returns the least delay that the server asks for.
    #[must_use]
    pub fn delay(&self) -> Option<Duration> {
        self.delay
    }
}
