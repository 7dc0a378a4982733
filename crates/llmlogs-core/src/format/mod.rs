//! The on-disk format, `docs/format.md`: the one place that knows its names, stamps and keys.

pub mod call_id;
pub mod day;
pub mod layout;
pub mod lenient;
pub mod lock;
mod metadata;
mod session;
pub mod session_name;
pub mod time;

pub use metadata::{
    ApiInfo, Attempt, Context, CostEstimate, Files, IndexEntry, Metadata, Performance, RequestInfo,
    ResponseInfo, SCHEMA_VERSION, Status, Truncated, Usage,
};
pub use session::{Counters, LossCounts, SessionInfo, WriteErrors};
