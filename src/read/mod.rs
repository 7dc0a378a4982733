//! Reading recorded calls back: walking a root, and opening its calls.
//!
//! Any program may read while others record, and while old days are being removed. What is read of
//! many calls comes from the sessions' indexes where they are whole, from the calls' folders where
//! not; nothing is locked and nothing is changed. Links inside a root are not followed.
//!
//! Roots of the older Python logger (the same tree with fewer keys, without indexes) are read as far
//! as their fields go.
//!
//! ```no_run
//! use tracing_llmlogs::read::{Root, State};
//!
//! let root = Root::open("llmlogs/apiCall")?;
//! for entry in root.newest().take(10) {
//!     let entry = entry?;
//!     let line = entry.index()?;
//!     println!("{} {} {}", line.call_id, line.model, line.total_tokens);
//! }
//! for call in root.calls() {
//!     let call = call?;
//!     if call.state() == State::Finished {
//!         println!("{} {}", call.id(), call.metadata()?.context.user_message);
//!     }
//! }
//! # Ok::<(), std::io::Error>(())
//! ```

mod backwards;
mod call;
mod entries;
pub(crate) mod files;
mod lenient;
pub(crate) mod line;
pub(crate) mod name;
mod newest;
mod root;
#[cfg(feature = "cli")]
pub(crate) mod scan;
pub(crate) mod seen;
mod session;

pub use crate::record::{
    ApiInfo, Attempt, Context, CostEstimate, Files, IndexEntry, Metadata, Performance, RequestInfo,
    ResponseInfo, Status, Truncated, Usage,
};
pub use call::{Call, Entry, State};
pub use root::{Day, Root};
pub use session::{Counters, Session, SessionInfo};
