//! What the recorder, the reader and the `llmlogs` command share.
//!
//! Its API may change in any release: use [`tracing-llmlogs`](https://docs.rs/tracing-llmlogs), which re-exports the
//! public part under semantic versioning.

#![forbid(unsafe_code)]

pub mod alert;
pub mod api;
pub mod archive;
pub mod capture;
pub mod compose;
pub mod format;
pub mod health;
pub mod index;
pub mod json;
pub mod notify;
pub mod price;
pub mod query;
pub mod read;
pub mod redact;
pub mod render;
pub mod semconv;
pub mod store;
