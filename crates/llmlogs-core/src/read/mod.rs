//! Reading recorded calls back: walking a root, and opening its calls.
//!
//! Any program may read while others record, and while old days are being removed. What is read of
//! many calls comes from the sessions' indexes where they are whole, from the calls' folders where
//! not; nothing is locked and nothing is changed. Links inside a root are not followed.
//!
//! Roots of the older Python logger (the same tree with fewer keys, without indexes) are read as far
//! as their fields go.

mod call;
pub mod call_set;
mod entries;
pub mod files;
pub mod line;
mod newest;
mod reverse_lines;
mod root;
pub mod scan;
mod session;
mod session_file;

pub use crate::format::{
    ApiInfo, Attempt, Context, CostEstimate, Counters, Files, IndexEntry, Metadata, Performance, RequestInfo,
    ResponseInfo, SessionInfo, Status, Truncated, Usage,
};
pub use call::{Call, Entry, State};
pub use root::{Day, Root};
pub use session::Session;
