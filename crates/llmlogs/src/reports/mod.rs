//! Answers to questions over a root as JSON: what the commands print with `--json` and what the page shows.

pub(crate) mod alerts;
pub(crate) mod diff;
pub(crate) mod facets;
pub(crate) mod failures;
pub(crate) mod series;
pub(crate) mod stats;
pub(crate) mod tree;
pub(crate) mod words;
