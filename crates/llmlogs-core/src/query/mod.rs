//! Questions over a whole root: which calls, how many, what failed, what differs.
//!
//! Everything here is a value without terminal output. What is public is part of the library's module `read`.

#![warn(missing_docs)]

mod call_text;
mod context;
mod diff;
mod edit_distance;
mod error;
mod failures;
mod filter;
mod grammar;
mod health;
mod name_pattern;
mod retries;
mod scan;
mod search;
mod selector;
mod time_range;
mod totals;

pub(crate) use failures::{Gatherer as FailuresGatherer, mask};
pub(crate) use scan::{Visitor, share};
pub(crate) use totals::{FacetsGatherer, Gatherer as TotalsGatherer, SeriesGatherer, Stretches};

pub use call_text::{BodyTerm, Match, SearchPart};
pub use context::ContextTerm;
pub use diff::{CallContents, Change, Diff, DiffSide};
pub use error::QueryError;
pub use failures::{Cause, FailureCount, FailureRate, FailureReport, FailureRun, FailureType};
pub use filter::{Filter, StatusFilter};
pub use health::{Health, HealthCheck, Problem, ProblemKind, SessionHealth};
pub use retries::Retries;
pub use scan::Progress;
pub use search::{PatternOptions, Search, SearchHit, SearchReport};
pub use selector::{Selection, Selector};
pub use time_range::{Dates, TimeRange, TimeSpan};
pub use totals::{
    Cost, Facets, Group, GroupBy, GroupTotals, LatencySummary, ModelCosts, NamedCount, Series, SeriesBucket,
    Totals, Traffic,
};
