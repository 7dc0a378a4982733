//! Every call of a root in memory, as columns of 80 bytes a call, kept up to date with the files: what the page asks.
//!
//! | module | what is in it |
//! | --- | --- |
//! | `columns` | lines of an index without their texts |
//! | `session_rows` | the calls of one session, in the order of a list |
//! | `followed` | one session's files, and what changes in them |
//! | `follower` | the sessions of a root |
//! | `snapshot` | what was known at one time |
//! | `session_calls` | one session of it, for whoever counts by himself |
//! | `newest_first` | the calls of all sessions, newest first |
//! | `questions` | lists and counts, by the same filters and counters as those of [`query`](crate::query) |
//!
//! The answers are those of [`Root::query`](crate::read::Root::query), [`totals`](crate::read::Root::totals) and
//! [`failures`](crate::read::Root::failures) for the files as they were at the last poll.

mod columns;
mod followed;
mod follower;
mod newest_first;
mod questions;
mod session_calls;
mod session_rows;
mod snapshot;
#[cfg(test)]
mod tests;

pub use follower::{Follower, Polled};
pub use questions::{List, Neighbours};
pub use session_calls::{SessionCalls, Version};
pub use snapshot::Snapshot;
