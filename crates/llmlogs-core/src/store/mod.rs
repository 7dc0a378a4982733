//! Writing below a root: directories reached by open handles, sessions, the steps of writing a call, and retention.

#![warn(missing_docs)]

mod alert_log;
mod call_writer;
pub mod dir;
mod fault;
pub(crate) mod line_file;
pub mod older_index;
pub(crate) mod packed_session;
mod retention;
mod session;
mod session_uid;
mod stats;

pub use crate::format::{LossCounts, WriteErrors};
pub use alert_log::AlertLog;
pub use call_writer::{CallFiles, CallWriter, MediaFile, RequestFiles, ResponseFiles, WriteError};
pub use fault::{Fault, Loss};
pub use retention::{PruneReport, Retention};
pub use session::{CallDir, Opened, Session};
pub use stats::{AtomicCounters, Stats};
