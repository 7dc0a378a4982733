//! The built command on a fixed tree: what people see, what programs get, and what it does with
//! trees that are not as they should be.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod addresses;
mod alerting;
mod body;
mod broken;
mod commands;
mod context;
mod doctor;
mod exports;
mod huge;
mod live;
mod older;
#[cfg(feature = "pack")]
mod packed;
mod page;
mod retries;
mod terminal;
mod tree;
