//! What failed, how often, and why.

mod gather;
mod mask;

use std::path::PathBuf;

use serde::Serialize;

use crate::read::error::{Error, Result};
use crate::read::root::Root;

use super::filter::Filter;
use super::retries::Retries;
use super::scan::{Progress, scan};
pub(crate) use gather::Gatherer;
pub(crate) use mask::mask;

/// What failed among the calls that pass a filter. See [`Root::failures`].
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct FailureReport {
    /// Finished calls.
    pub calls: u64,
    /// Those that failed.
    pub failures: u64,
    /// Those that the caller gave up, which are not failures.
    pub cancelled: u64,
    /// By quarters of an hour, in the order of time; a quarter without calls is left out.
    pub over_time: Vec<FailureRate>,
    /// By error type and code, the most frequent first.
    pub by_type: Vec<FailureType>,
    /// By type, code and message, the most frequent first.
    pub causes: Vec<Cause>,
    /// Failures in a row within a session, two at least, the longest first.
    pub runs: Vec<FailureRun>,
    /// What retries and fallbacks achieved.
    pub retries: Retries,
    /// What could not be read, and is not counted.
    #[serde(skip)]
    pub unreadable: Vec<Error>,
}

/// How often something failed, and when.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct FailureCount {
    /// How often.
    pub count: u64,
    /// The start of the first call that failed so, in Unix seconds.
    pub first: f64,
    /// The start of the last call that failed so, in Unix seconds.
    pub last: f64,
    /// The HTTP status of the last one; `None` without a response.
    pub http_status: Option<u64>,
    /// The folder of the last one.
    pub example: PathBuf,
}

/// Failures of one type and code.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct FailureType {
    /// One of the format's types, such as `RateLimitError`.
    pub error_type: String,
    /// The provider's own type or code.
    pub error_code: String,
    /// How often, and when.
    #[serde(flatten)]
    pub count: FailureCount,
}

/// Failures of one type, code and message.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Cause {
    /// One of the format's types, such as `RateLimitError`.
    pub error_type: String,
    /// The provider's own type or code.
    pub error_code: String,
    /// The message, with numbers as `<n>`, ids as `<id>` and addresses as `<url>`, so that the same failure counts as
    /// one.
    pub message: String,
    /// How often, and when.
    #[serde(flatten)]
    pub count: FailureCount,
}

/// Failures in a row within a session.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct FailureRun {
    /// The session's id.
    pub session_id: String,
    /// The session's folder.
    pub session: PathBuf,
    /// How many calls failed in a row.
    pub length: u64,
    /// The start of the first of them, in Unix seconds.
    pub first: f64,
    /// The start of the last of them, in Unix seconds.
    pub last: f64,
}

/// The finished calls that started in a quarter of an hour, and how many of them failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct FailureRate {
    /// When the quarter starts, in Unix seconds.
    pub start: f64,
    /// Calls.
    pub calls: u64,
    /// Those that failed.
    pub failures: u64,
}

impl Root {
    /// Counts what failed among the calls that pass `filter`, on all processors.
    ///
    /// What cannot be read is listed in [`FailureReport::unreadable`].
    ///
    /// # Errors
    ///
    /// If the root or one of its days cannot be listed.
    pub fn failures(&self, filter: &Filter) -> Result<FailureReport> {
        self.failures_with_progress(filter, &|_| {})
    }

    /// As [`failures`](Self::failures); calls `on_progress` now and then, from any of the threads that read.
    ///
    /// # Errors
    ///
    /// As [`failures`](Self::failures).
    pub fn failures_with_progress(
        &self,
        filter: &Filter,
        on_progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<FailureReport> {
        let sessions = filter.sessions(self)?;
        let mut all = Gatherer::new(filter);
        for part in scan(&sessions, on_progress, || Gatherer::new(filter)) {
            all.merge(part);
        }
        Ok(all.into_report())
    }
}
