//! Reading recorded calls back: walking a root, opening its calls, asking questions over all of them.
//!
//! Any program may read while others record, and while old days are being removed. What is read of
//! many calls comes from the sessions' indexes as far as they are whole, and from the calls' folders
//! otherwise; nothing is locked, and nothing is changed but by [`Root::check`] if it is told to repair. Links inside a
//! root are not followed.
//!
//! Roots of the older Python logger (the same tree with fewer keys, without indexes) are read as far
//! as their fields go.
//!
//! - [`Root`], [`Day`], [`Session`], [`Call`] walk the folders; [`Entry`] is a call with its line of the index.
//! - [`Call::metadata`] and [`Call::conversation`] tell what a call did and what was said in it.
//! - [`Root::query`] lists the calls that pass a [`Filter`]; [`Root::select`] finds the one that a [`Selector`] means.
//! - [`Root::totals`], [`Root::failures`], [`Root::search`] and [`Diff::between`] answer the `llmlogs` command's
//!   questions as values.
//! - [`Root::watch`] follows what is being recorded.

#![warn(missing_docs)]

pub(crate) mod call;
pub(crate) mod call_set;
pub(crate) mod conversation;
mod day_newest;
pub(crate) mod entries;
pub(crate) mod entry;
pub(crate) mod error;
pub(crate) mod files;
mod json_text;
pub(crate) mod line;
mod reverse_lines;
pub(crate) mod root;
pub(crate) mod session;
pub(crate) mod session_file;
mod session_newest;
mod watch;

pub use crate::format::layout::{DEFAULT_ROOT, ROOT_VARIABLE, default_root};
pub use crate::format::{
    ApiInfo, Attempt, Context, CostEstimate, Counters, Files, IndexEntry, LossCounts, Metadata, Performance,
    RequestInfo, ResponseInfo, SessionInfo, Status, Trace, TraceSpan, Truncated, Usage, WriteErrors,
};
pub use crate::query::*;
pub use call::{Call, State};
pub use conversation::{CallFailure, Choice, Conversation, Message, Parameter, Part, Tool};
pub use entry::Entry;
pub use error::{Error, ErrorKind, Result};
pub use json_text::{compact_json, pretty_json};
pub use line::{IndexLine, RawStr};
pub use root::{Day, Root};
pub use session::Session;
pub use watch::{Event, Watch};
