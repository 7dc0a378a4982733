//! The errors that are this crate's own: those of the breaker and of the deadline. Every other error goes to the caller as
//! it came.

use std::error::Error;
use std::fmt;
use std::time::Duration;

/// No target let the call pass: the circuits of all of them are open, and [`Breaker::fail_fast`](crate::Breaker::fail_fast)
/// is set.
///
/// ```
/// use tracing_llmlogs::CircuitOpenError;
///
/// fn is_open(error: &reqwest_middleware::Error) -> bool {
///     match error {
///         reqwest_middleware::Error::Middleware(error) => error.is::<CircuitOpenError>(),
///         reqwest_middleware::Error::Reqwest(_) => false,
///     }
/// }
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CircuitOpenError {
    /// The provider of the call's own target.
    pub provider: String,
    /// Its model; empty if the request names none.
    pub model: String,
}

impl fmt::Display for CircuitOpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CircuitOpenError { provider, model } = self;
        write!(f, "not sent: {provider} {model} kept failing, and the breaker's circuit is open")
    }
}

impl Error for CircuitOpenError {}

/// There was no response until the call's [deadline](crate::Retry::deadline).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DeadlineError {
    /// How long the call had.
    pub deadline: Duration,
    /// How many attempts had begun.
    pub attempts: u32,
}

impl fmt::Display for DeadlineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no response within {:?} ({} attempts)", self.deadline, self.attempts)
    }
}

impl Error for DeadlineError {}
