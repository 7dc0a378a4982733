//! What retries and fallbacks achieved.

use serde::Serialize;

use crate::format::Status;
use crate::read::line::IndexLine;

/// What retries and fallbacks achieved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Retries {
    /// Calls that took more than one attempt.
    pub calls: u64,
    /// Attempts beyond the first.
    pub attempts: u64,
    /// Calls that succeeded after more than one attempt, or at another target than their own.
    pub saved: u64,
    /// How long it was waited between attempts, in milliseconds.
    pub waited_ms: u64,
    /// Calls that went to another target than their own.
    pub fallbacks: u64,
    /// Those of them that succeeded.
    pub saved_by_fallback: u64,
}

impl Retries {
    pub(super) fn add(&mut self, line: &IndexLine<'_>) {
        let (is_retried, has_fallen_back) = (line.attempts > 1, !line.fallback_model.is_empty());
        if !is_retried && !has_fallen_back {
            return;
        }
        let ok = u64::from(line.status == Status::Ok);
        self.calls += u64::from(is_retried);
        self.attempts += line.attempts.saturating_sub(1);
        self.saved += ok;
        self.waited_ms = self.waited_ms.saturating_add(line.waited_ms);
        if has_fallen_back {
            self.fallbacks += 1;
            self.saved_by_fallback += ok;
        }
    }

    pub(super) fn merge(&mut self, other: &Retries) {
        self.calls += other.calls;
        self.attempts += other.attempts;
        self.saved += other.saved;
        self.waited_ms = self.waited_ms.saturating_add(other.waited_ms);
        self.fallbacks += other.fallbacks;
        self.saved_by_fallback += other.saved_by_fallback;
    }

    /// Returns whether there was neither a retry nor a fallback.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.calls == 0 && self.fallbacks == 0
    }
}
