//! What an attempt that failed says about its target.

use std::time::Duration;

use crate::middleware::breaker::{Outcome, cool_down};
use crate::middleware::retry::{FailureKind, Judgement, Verdict};

/// Returns what a failure says about its target. `credential_cooldown` is how long a credential is not used that was
/// refused.
pub(super) fn outcome(judged: &Judgement, credential_cooldown: Option<Duration>) -> Outcome {
    if judged.verdict == Verdict::Accept {
        return Outcome::Success;
    }
    match judged.kind {
        FailureKind::Connection
        | FailureKind::Timeout
        | FailureKind::Certificate
        | FailureKind::Overloaded
        | FailureKind::Server
        | FailureKind::BrokenStream
        | FailureKind::Unsupported => Outcome::Failure,
        FailureKind::RateLimited => cool_down(judged.delay),
        FailureKind::ModelQuota => cool_down(judged.delay.or(credential_cooldown)),
        FailureKind::Client
        | FailureKind::Busy
        | FailureKind::Quota
        | FailureKind::Unauthorized
        | FailureKind::Forbidden
        | FailureKind::NotFound
        | FailureKind::ContextLength
        | FailureKind::ContentPolicy
        | FailureKind::BadRequest
        | FailureKind::CircuitOpen => Outcome::Neutral,
    }
}
