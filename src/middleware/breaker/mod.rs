//! The circuit breaker: which targets are not asked for a while.

mod circuit;
mod targets;

use std::time::Duration;

use circuit::CircuitLimits;
pub(super) use circuit::Outcome;
pub(super) use targets::{Admission, CREDENTIAL_HEADERS, Permit, TargetKey, Targets, cool_down};

/// The settings of the circuit breaker.
///
/// There is a circuit for each provider, host, model and credential. Attempts are counted, not calls: a connection that
/// fails, HTTP 5xx and 529, and a broken stream are failures. HTTP 429 makes the target cool down for as long as the server
/// says; HTTP 401, 402 and an exhausted quota the whole credential, for [`credential_cooldown`](Self::credential_cooldown).
/// Other 4xx and cancelled calls say nothing. A stream counts at its end: an error in one of its events, or an end without the
/// API's end mark, is a failure.
///
/// While a circuit is open, calls go to the [`Fallback`](crate::Fallback)s. Where there is none, or their circuits are open
/// as well, calls pass all the same, unless [`fail_fast`](Self::fail_fast) is set. When the time is over, one attempt at a
/// time finds out whether the target works again.
///
/// Each change of a state is a `tracing` event of the target `tracing_llmlogs::breaker`: `WARN` for a circuit that opens,
/// `INFO` for the others.
#[derive(Debug, Clone)]
#[must_use = "a breaker does nothing until it is given to a middleware"]
pub struct Breaker {
    pub(super) circuit: CircuitLimits,
    pub(super) credential_cooldown: Duration,
    pub(super) fail_fast: bool,
}

impl Default for Breaker {
    fn default() -> Self {
        Breaker {
            circuit: CircuitLimits::default(),
            credential_cooldown: Duration::from_secs(300),
            fail_fast: false,
        }
    }
}

impl Breaker {
    /// Returns a breaker with every setting at its default.
    pub fn new() -> Self {
        Breaker::default()
    }

    /// Opens a circuit after this many failures in a row. At least 1. Default: 5.
    pub fn failures_in_a_row(mut self, failures: u32) -> Self {
        self.circuit.failures_in_a_row = failures.max(1);
        self
    }

    /// Opens a circuit when this part of the attempts of 60 seconds failed, `0.0..=1.0`, if there were `at_least` so many.
    /// Default: half of at least 20.
    pub fn failure_rate(mut self, rate: f64, at_least: u32) -> Self {
        self.circuit.failure_rate = rate.clamp(0.0, 1.0);
        self.circuit.at_least = at_least.max(1);
        self
    }

    /// Sets how long a circuit is open at first; it is twice as long after each probe that fails, and up to a tenth longer
    /// by chance. Default: 30 seconds.
    pub fn open_for(mut self, duration: Duration) -> Self {
        self.circuit.open_for = duration;
        self
    }

    /// Sets the longest time that a circuit is open. Default: 5 minutes.
    pub fn max_open_for(mut self, duration: Duration) -> Self {
        self.circuit.max_open_for = duration;
        self
    }

    /// Sets how long a credential that was refused, or whose quota is exhausted, is not used if there is another way.
    /// Default: 5 minutes.
    pub fn credential_cooldown(mut self, duration: Duration) -> Self {
        self.credential_cooldown = duration;
        self
    }

    /// Sets whether a call fails at once, with a [`CircuitOpenError`](crate::CircuitOpenError), when no target would let it
    /// pass. Default: `false`, it is sent to the first target all the same.
    pub fn fail_fast(mut self, fail_fast: bool) -> Self {
        self.fail_fast = fail_fast;
        self
    }
}
