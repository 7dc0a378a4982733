//! Rules over finished calls, and the states of their alerts.
//!
//! [`Machine`] is pure: calls and times are handed in, notices come out. Nothing is read, written or sent here.

#![warn(missing_docs)]

mod condition;
mod machine;
mod message;
mod parse;
mod rule;
mod scope;
mod settings;
mod state;

pub use machine::{MAX_GROUPS, Machine};
pub use parse::RuleError;
pub use rule::Rule;
