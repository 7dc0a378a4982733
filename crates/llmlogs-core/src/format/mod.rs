//! The on-disk format, `docs/format.md`: the one place that knows its names, stamps and keys.

pub mod call_id;
mod index;
pub mod layout;
pub mod lenient;
mod metadata;
mod session;
pub mod time;

pub use index::IndexEntry;
pub use metadata::{
    ApiInfo, Attempt, Context, CostEstimate, Files, Metadata, Performance, RequestInfo, ResponseInfo,
    SCHEMA_VERSION, Status, Trace, TraceSpan, Truncated, Usage,
};
pub use session::{Counters, SessionInfo};
