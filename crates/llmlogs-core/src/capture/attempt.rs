//! The attempts that one span made at its call: those of the middleware's own retries and fallbacks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::endpoint::Endpoint;
use super::exchange::CapturedResponse;
use super::time_anchor::TimeAnchor;

/// What was decided after an attempt: a value of `decision` in the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Another attempt at the same target.
    Retry,
    /// An attempt at another target.
    Fallback,
    /// The attempt's result is the call's.
    Final,
    /// Nothing was sent: the breaker's circuit was open.
    CircuitOpen,
    /// The server asked for a longer delay than is waited for.
    OverCap,
    /// There had been too many retries already.
    Budget,
    /// The next attempt would have started after the call's deadline.
    Deadline,
    /// Another attempt would have failed in the same way.
    Permanent,
}

impl Decision {
    const ALL: [Decision; 8] = [
        Decision::Retry,
        Decision::Fallback,
        Decision::Final,
        Decision::CircuitOpen,
        Decision::OverCap,
        Decision::Budget,
        Decision::Deadline,
        Decision::Permanent,
    ];

    /// Returns the value of `decision`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Decision::Retry => "retry",
            Decision::Fallback => "fallback",
            Decision::Final => "final",
            Decision::CircuitOpen => "circuit_open",
            Decision::OverCap => "over_cap",
            Decision::Budget => "budget",
            Decision::Deadline => "deadline",
            Decision::Permanent => "permanent",
        }
    }

    /// Returns a number that stands for the decision.
    #[must_use]
    pub fn number(self) -> u8 {
        Decision::ALL.iter().position(|decision| *decision == self).unwrap_or(0) as u8
    }

    /// Returns the decision that `number` stands for.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Decision::ALL.get(usize::from(number)).copied()
    }
}

/// One attempt.
#[derive(Debug, Clone)]
pub struct CapturedAttempt {
    /// When it started.
    pub started: TimeAnchor,
    /// When it ended; for the last one, when its result went on to the caller.
    pub ended: Instant,
    /// Where it went.
    pub endpoint: Arc<Endpoint>,
    /// The model it asked for; empty if the request names none.
    pub model: Arc<str>,
    /// How long it was waited before it.
    pub waited: Duration,
    /// What was decided after it.
    pub decision: Decision,
    /// Its response; `None` for the last attempt, whose response is the call's own, and where nothing was sent.
    pub response: Option<Arc<CapturedResponse>>,
}

impl CapturedAttempt {
    /// Returns its size in memory, in bytes.
    #[must_use]
    pub fn weight(&self) -> usize {
        size_of::<Self>() + self.response.as_ref().map_or(0, |response| response.weight())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_decision_has_a_number_of_its_own() {
        for decision in Decision::ALL {
            assert_eq!(Decision::from_number(decision.number()), Some(decision));
        }
        assert_eq!(Decision::from_number(8), None);
    }
}
