#![cfg_attr(feature = "middleware", doc = include_str!("../README.md"))]
#![cfg_attr(not(feature = "middleware"), doc = "A flight recorder for LLM API calls.")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]
// Without the middleware nothing sees responses arrive, so some words of the record stay unsaid.
#![cfg_attr(not(feature = "middleware"), allow(dead_code, unused_imports))]

#[cfg(feature = "bench-internals")]
#[doc(hidden)]
pub mod bench_internals;
mod builder;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
mod emit;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod json;
mod layer;
#[cfg(feature = "middleware")]
mod middleware;
mod provider;
pub mod read;
mod record;
mod recorder;
mod redact;
mod render;

pub use builder::{LlmLogBuilder, layer};
pub use emit::{LlmCall, LlmCallBuilder};
pub use layer::LlmLogLayer;
#[cfg(feature = "middleware")]
pub use middleware::LlmLogMiddleware;
pub use provider::Price;
pub use recorder::{
    Durability, FlushError, LlmLogGuard, Losses, Overflow, Pruned, Retention, Stats, WriteErrors,
};
pub use redact::Redact;
pub use render::Language;
