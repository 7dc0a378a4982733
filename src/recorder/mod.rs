//! The recorder: one thread that takes closed calls from a queue bounded by bytes and writes them
//! as FORMAT.md says.
//!
//! The queue's sending side is the layer's [`Sink`](crate::sink::Sink); the thread owns every file.

mod degraded;
mod guard;
mod janitor;
mod queue;
mod settings;
#[cfg(test)]
mod tests;
mod worker;

pub use guard::{FlushError, LlmLogGuard};
pub(crate) use settings::Settings;
pub use settings::{Durability, Overflow};
pub(crate) use worker::start;
