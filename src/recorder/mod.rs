//! The recorder: one thread that takes closed calls from a queue bounded by bytes and writes them
//! as FORMAT.md says.
//!
//! The queue's sending side is the layer's [`Sink`](crate::record::Sink); the thread owns every file.

mod compose;
mod folder;
mod from_fields;
mod guard;
mod janitor;
mod media;
mod moment;
mod packed;
mod queue;
mod retention;
mod session;
mod settings;
mod stats;
mod worker;

pub use guard::{FlushError, LlmLogGuard};
pub use retention::{Pruned, Retention};
pub(crate) use settings::Settings;
pub use settings::{Durability, Overflow};
pub use stats::{Losses, Stats, WriteErrors};
pub(crate) use worker::start;

#[cfg(test)]
mod tests;
