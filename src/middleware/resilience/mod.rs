//! Retries, breaker and fallbacks around a call: the loop over its attempts. The rules stand in `retry`, `breaker` and
//! `fallback`; here they meet the network.

mod call;
mod errors;
mod held;
mod in_clear;
mod look;
mod outcome;
mod recording;
mod targets;
mod two_loops;
mod wait;
mod watch;

use std::sync::Arc;

use crate::circuits::{Circuit, Source};

use super::breaker::{Breaker, Targets};
use super::fallback::Fallback;
use super::retry::Retry;

pub(super) use call::ActingCall;
pub use errors::{CircuitOpenError, DeadlineError};
pub(super) use recording::Recording;
pub(super) use targets::{Describe, model_of};
use two_loops::FailedCalls;
pub(super) use two_loops::warn as warn_two_loops;

/// What a middleware does about failures.
pub(super) struct Resilience {
    /// Without retries, what holds for fallbacks.
    retry: Retry,
    /// Whether failed attempts are looked at: there are retries or fallbacks.
    is_looking: bool,
    fallbacks: Vec<Fallback>,
    targets: Arc<Targets>,
    failed_calls: FailedCalls,
}

/// The settings that a [`Resilience`] is made of.
#[derive(Clone, Default)]
pub(super) struct Settings {
    pub(super) retry: Option<Retry>,
    pub(super) breaker: Option<Breaker>,
    pub(super) fallbacks: Vec<Fallback>,
}

impl Resilience {
    pub(super) fn new(settings: &Settings) -> Arc<Self> {
        let Settings { retry, breaker, fallbacks } = settings.clone();
        let budget = retry.as_ref().and_then(|retry| retry.budget);
        Arc::new(Resilience {
            is_looking: retry.is_some() || !fallbacks.is_empty(),
            retry: retry.unwrap_or_else(Retry::none),
            fallbacks,
            targets: Targets::new(breaker, budget),
            failed_calls: FailedCalls::default(),
        })
    }
}

/// A handle to the circuits of a middleware's [`Breaker`] and those of its clones.
#[derive(Clone)]
pub struct Circuits(Option<Arc<Targets>>);

impl Circuits {
    pub(super) fn of(resilience: Option<&Resilience>) -> Self {
        Circuits(resilience.map(|resilience| Arc::clone(&resilience.targets)))
    }

    /// Returns the circuits of all targets that there were attempts at, by provider and model; none without a breaker.
    #[must_use]
    pub fn all(&self) -> Vec<Circuit> {
        let with_breaker = self.0.as_ref().filter(|targets| targets.has_breaker());
        with_breaker.map(|targets| targets.circuits()).unwrap_or_default()
    }

    /// Returns those that do not let every attempt pass.
    #[must_use]
    pub fn degraded(&self) -> Vec<Circuit> {
        self.all().into_iter().filter(Circuit::is_degraded).collect()
    }
}

impl std::fmt::Debug for Circuits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.all()).finish()
    }
}

/// In a request's extensions: no retries, no breaker and no fallbacks for this one.
///
/// ```
/// # async fn example(client: reqwest_middleware::ClientWithMiddleware) -> reqwest_middleware::Result<()> {
/// use tracing_llmlogs::NoRetry;
///
/// client.post("https://api.openai.com/v1/chat/completions").with_extension(NoRetry).body("{ … }").send().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NoRetry;
