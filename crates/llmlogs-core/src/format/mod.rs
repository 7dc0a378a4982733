//! The on-disk format, `docs/format.md`: its names, time stamps and keys, for writers and readers alike.

#![warn(missing_docs)]

mod alert;
pub mod call_id;
mod call_uid;
pub mod day;
mod index;
pub mod layout;
pub mod lenient;
pub mod lock;
mod metadata;
mod prepared;
mod session;
pub mod session_name;
mod success_rate;
pub mod time;

pub use alert::{Alert, AlertError, AlertEvent};
pub use call_uid::{call_uid, session_uid};
pub use index::IndexEntry;
pub use metadata::{
    ApiInfo, Attempt, Context, CostEstimate, Fallback, Files, Metadata, Performance, RequestInfo,
    ResponseInfo, SCHEMA_VERSION, Status, Target, Trace, TraceSpan, Truncated, Usage,
};
pub use prepared::PreparedFile;
pub use session::{Counters, LossCounts, SessionInfo, WriteErrors};
pub use success_rate::success_rate;
