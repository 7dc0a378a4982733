//! Reading recorded calls: walking a root, opening its calls, watching for new ones.
//!
//! The library re-exports its public items, and those of [`query`](crate::query), in the module `read`.

#![warn(missing_docs)]

mod alerts;
mod by_start;
pub(crate) mod call;
pub(crate) mod call_set;
pub(crate) mod conversation;
mod day_newest;
pub(crate) mod entries;
pub(crate) mod entry;
pub(crate) mod error;
pub(crate) mod files;
pub(crate) mod index_tail;
mod json_text;
pub(crate) mod line;
pub(crate) mod listing;
pub(crate) mod newest;
pub(crate) mod older;
pub(crate) mod packed;
mod python_repr;
mod reverse_lines;
pub(crate) mod root;
pub(crate) mod sdk_errors;
pub(crate) mod session;
pub(crate) mod session_file;
mod session_newest;
mod stored;
mod watch;

pub use crate::format::call_id::short_id;
pub use crate::format::layout::{DEFAULT_ROOT, ROOT_VARIABLE, default_root};
pub use crate::format::{
    Alert, AlertError, AlertEvent, ApiInfo, Attempt, Context, CostEstimate, Counters, Fallback, Files,
    IndexEntry, LossCounts, Metadata, Performance, RequestInfo, ResponseInfo, SessionInfo, Status, Target,
    Trace, TraceSpan, Truncated, Usage, WriteErrors,
};
pub use alerts::{AlertRecord, AlertState};
pub use call::{Call, State};
pub use conversation::{CallFailure, Choice, Conversation, Message, Parameter, Part, Tool};
pub use entry::Entry;
pub use error::{Error, ErrorKind, Result};
pub use json_text::{compact_json, pretty_json};
pub use line::{IndexLine, RawStr};
pub use root::{Day, Root};
pub use session::Session;
pub use watch::{Event, Watch};
