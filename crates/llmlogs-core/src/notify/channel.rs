//! The interface of a channel.

use std::fmt;
use std::time::Duration;

use crate::format::Alert;

use super::rate_limit::RateLimit;

/// A channel that notices of alerts are delivered to. Functions over `&Alert` are channels, too.
///
/// A channel is called on a thread of its own, one notice after the other, in their order. One that hangs delays nothing
/// but its own notices, of which at most 64 wait. A delivery that fails is tried three times.
pub trait Notify: Send {
    /// Delivers a notice. It should give up after 10 seconds; a panic counts as a failure that is not tried again.
    ///
    /// # Errors
    ///
    /// If the notice was not delivered.
    fn notify(&mut self, alert: &Alert) -> Result<(), NotifyError>;

    /// Returns the kind of the channel, for messages; never its address. Default: `"callback"`.
    fn name(&self) -> &'static str {
        "callback"
    }

    /// Returns how many notices it takes. Default: without limit.
    fn rate_limit(&self) -> RateLimit {
        RateLimit::unlimited()
    }

    /// Checks what can be checked before there is a notice.
    ///
    /// # Errors
    ///
    /// If the channel can never deliver one.
    fn check(&self) -> Result<(), NotifyError> {
        Ok(())
    }
}

impl<F: FnMut(&Alert) + Send> Notify for F {
    fn notify(&mut self, alert: &Alert) -> Result<(), NotifyError> {
        self(alert);
        Ok(())
    }
}

/// Why a notice was not delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotifyError {
    reason: String,
    retry: Retry,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Retry {
    /// After the usual pause.
    Later,
    After(Duration),
    Never,
}

impl NotifyError {
    /// Returns the error of a delivery that may succeed when it is tried again. `reason` is written to disk: it must name
    /// no credential.
    pub fn new(reason: impl Into<String>) -> Self {
        NotifyError { reason: reason.into(), retry: Retry::Later }
    }

    /// Returns the error with the time that the receiver asks to be left alone.
    #[must_use]
    pub fn after(self, wait: Duration) -> Self {
        NotifyError { retry: Retry::After(wait), ..self }
    }

    /// Returns the error as one of a delivery that fails each time, and is not tried again.
    #[must_use]
    pub fn permanent(self) -> Self {
        NotifyError { retry: Retry::Never, ..self }
    }

    /// Returns the error with another reason.
    #[cfg(feature = "webhooks")]
    pub(super) fn map_reason(self, map: impl FnOnce(&str) -> String) -> Self {
        NotifyError { reason: map(&self.reason), ..self }
    }

    /// Returns how long to wait before the next try, `usual` unless the receiver says otherwise; `None` if there is none.
    pub(super) fn wait(&self, usual: Duration) -> Option<Duration> {
        match self.retry {
            Retry::Later => Some(usual),
            Retry::After(wait) => Some(wait.max(usual)),
            Retry::Never => None,
        }
    }
}

impl fmt::Display for NotifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for NotifyError {}
