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

pub use llmlogs_core::query::*;
pub use llmlogs_core::read::*;
