//! The on-disk format, `docs/format.md`: the one place that knows its names, stamps and keys.

pub mod layout;
mod metadata;
pub mod time;

pub use metadata::{
    ApiInfo, Attempt, Context, CostEstimate, Files, IndexEntry, Metadata, Performance, RequestInfo,
    ResponseInfo, SCHEMA_VERSION, Status, Truncated, Usage,
};
