//! Where something was said.

mod gather;
mod hit;

use crate::read::error::{Error, Result};
use crate::read::root::Root;

use super::call_text::{Parts, Pattern, SearchPart};
use super::error::QueryError;
use super::filter::Filter;
use super::scan::{Progress, scan};
use gather::Gatherer;
pub use hit::SearchHit;

/// What to search for, and where. See [`Root::search`].
#[derive(Debug, Clone)]
#[must_use]
pub struct Search {
    pattern: Pattern,
    parts: Parts,
    limit: usize,
}

/// How a pattern is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PatternOptions {
    /// Ignores upper and lower case.
    pub ignore_case: bool,
    /// Takes the pattern for plain text.
    pub fixed_string: bool,
}

/// What a search found.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct SearchReport {
    /// Calls with matches, the latest first.
    pub hits: Vec<SearchHit>,
    /// How many calls have matches, beyond the limit too.
    pub total: usize,
    /// What could not be read, and was not searched.
    pub unreadable: Vec<Error>,
}

impl Search {
    /// Searches user messages, those of spans and the last one of each request, for a regular expression, with the syntax of the crate
    /// [`regex`](https://docs.rs/regex), in the text that JSON stands for.
    ///
    /// # Errors
    ///
    /// If `pattern` is no regular expression.
    pub fn new(pattern: &str, options: PatternOptions) -> std::result::Result<Self, QueryError> {
        let pattern = Pattern::new(pattern, options.ignore_case, options.fixed_string)?;
        Ok(Search { pattern, parts: Parts { user: true, ..Parts::default() }, limit: usize::MAX })
    }

    /// Searches these parts instead of user messages.
    pub fn parts(mut self, parts: impl IntoIterator<Item = SearchPart>) -> Self {
        self.parts = Parts::default();
        for part in parts {
            match part {
                SearchPart::User => self.parts.user = true,
                SearchPart::Input => self.parts.input = true,
                SearchPart::Output => self.parts.output = true,
                SearchPart::Error => self.parts.error = true,
            }
        }
        self
    }

    /// Returns the latest `calls` with matches only.
    pub fn limit(mut self, calls: usize) -> Self {
        self.limit = calls;
        self
    }
}

impl Root {
    /// Searches the calls that pass `filter`, on all processors.
    ///
    /// # Errors
    ///
    /// If the root or one of its days cannot be listed.
    pub fn search(&self, filter: &Filter, search: &Search) -> Result<SearchReport> {
        self.search_with_progress(filter, search, &|_| {})
    }

    /// As [`search`](Self::search); calls `on_progress` now and then, from any of the threads that read.
    ///
    /// # Errors
    ///
    /// As [`search`](Self::search).
    pub fn search_with_progress(
        &self,
        filter: &Filter,
        search: &Search,
        on_progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<SearchReport> {
        let sessions = filter.sessions(self)?;
        let mut report = SearchReport::default();
        let make = || Gatherer::new(filter, &search.pattern, search.parts, search.limit);
        for part in scan(&sessions, on_progress, make) {
            report.total += part.total;
            report.unreadable.extend(part.unreadable().iter().cloned());
            report.hits.extend(part.into_hits());
        }
        report.hits.sort_by(|a, b| b.cmp(a));
        report.hits.dedup_by(|a, b| a == b);
        report.hits.truncate(search.limit);
        Ok(report)
    }
}
