//! What the recorder, the reader and the `llmlogs` command share.
//!
//! This crate promises nothing: use [`tracing-llmlogs`](https://docs.rs/tracing-llmlogs), which re-exports what is
//! worth having under a stable promise.

#![forbid(unsafe_code)]

pub mod api;
pub mod capture;
pub mod compose;
pub mod format;
pub mod json;
pub mod price;
pub mod query;
pub mod read;
pub mod redact;
pub mod render;
pub mod semconv;
pub mod store;
