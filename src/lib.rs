#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod builder;
mod emit;
mod json;
mod layer;
#[cfg(feature = "middleware")]
mod middleware;
mod provider;
pub mod read;
mod record;
mod recorder;
mod render;

pub use builder::{LlmLogBuilder, layer};
pub use emit::{LlmCall, LlmCallBuilder};
pub use layer::LlmLogLayer;
#[cfg(feature = "middleware")]
pub use middleware::LlmLogMiddleware;
pub use provider::Price;
pub use recorder::{Durability, FlushError, LlmLogGuard, Overflow, Stats};
pub use render::Language;
