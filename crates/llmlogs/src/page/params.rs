//! Root, filter and range from a URL, in the command's own grammar.

use std::collections::BTreeMap;
use std::str::FromStr;

use llmlogs_core::query::{Filter, QueryError};

use super::answer::ApiError;

/// What every question takes: `root` (a number from 0), `q` (a filter such as `model:gpt* status:error`), `date`,
/// `since` and `until`.
pub(crate) const COMMON: [&str; 5] = ["root", "q", "date", "since", "until"];

/// The parameters of a question, each at most once; an empty one counts as none.
#[derive(Debug)]
pub(crate) struct Params(BTreeMap<String, String>);

impl Params {
    /// Takes the pairs of a URL: the common ones and those in `own`.
    pub(crate) fn new(pairs: Vec<(String, String)>, own: &[&str]) -> Result<Self, ApiError> {
        let mut params = BTreeMap::new();
        for (name, value) in pairs {
            if !COMMON.contains(&name.as_str()) && !own.contains(&name.as_str()) {
                return Err(ApiError::Usage(format!("there is no parameter {name}")));
            }
            if params.contains_key(&name) {
                return Err(ApiError::Usage(format!("{name} is given twice")));
            }
            params.insert(name, value);
        }
        params.retain(|_, value| !value.trim().is_empty());
        Ok(Params(params))
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Returns the number `name`, or `default` without one.
    pub(crate) fn number(&self, name: &str, default: usize) -> Result<usize, ApiError> {
        let Some(text) = self.text(name) else { return Ok(default) };
        text.parse().map_err(|_| ApiError::Usage(format!("{name} is a number, not {text}")))
    }

    pub(crate) fn root(&self) -> Result<usize, ApiError> {
        self.number("root", 0)
    }

    pub(crate) fn filter(&self) -> Result<Filter, ApiError> {
        let mut filter = Filter::parse(self.text("q").unwrap_or_default()).map_err(usage)?;
        if let Some(dates) = self.parsed("date")? {
            filter = filter.dates(dates);
        }
        if let Some(since) = self.parsed("since")? {
            filter = filter.since_range(since);
        }
        if let Some(until) = self.parsed("until")? {
            filter = filter.until_range(until);
        }
        Ok(filter)
    }

    fn parsed<T>(&self, name: &str) -> Result<Option<T>, ApiError>
    where
        T: FromStr,
        T::Err: std::fmt::Display,
    {
        let parse = |text: &str| text.parse().map_err(|error| ApiError::Usage(format!("{name}: {error}")));
        self.text(name).map(parse).transpose()
    }
}

fn usage(error: QueryError) -> ApiError {
    ApiError::Usage(error.to_string())
}
