//! As of when a list is shown: calls that started later are no part of it, so that its places stay the same.

use std::time::{Duration, UNIX_EPOCH};

use llmlogs_core::query::Filter;

use crate::output::format::now;
use crate::page::answer::ApiError;
use crate::page::params::Params;

/// A moment in Unix seconds; none in a question that asks for all there is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AsOf(Option<f64>);

impl AsOf {
    pub(crate) fn of(params: &Params) -> Result<Self, ApiError> {
        let Some(text) = params.text("as_of") else { return Ok(AsOf(None)) };
        let seconds = text.parse().ok().filter(|seconds: &f64| seconds.is_finite() && *seconds >= 0.0);
        seconds
            .map(|seconds| AsOf(Some(seconds)))
            .ok_or_else(|| ApiError::Usage("as_of is not that of an answer".to_owned()))
    }

    /// Returns the filter that passes the same calls, without those that started later.
    pub(crate) fn until(self, filter: Filter) -> Filter {
        let Some(moment) = self.0 else { return filter };
        match filter.range().1 {
            Some(until) if until <= moment => filter,
            _ => {
                match Duration::try_from_secs_f64(moment).ok().and_then(|since| UNIX_EPOCH.checked_add(since))
                {
                    Some(moment) => filter.until(moment),
                    None => filter,
                }
            }
        }
    }

    /// Returns the text by which later questions ask for the same list, in which `newest` started last.
    pub(crate) fn text(self, newest: Option<f64>) -> String {
        self.0.unwrap_or_else(|| newest.unwrap_or_default().max(now())).to_string()
    }
}
