//! The recorder: one thread that takes closed calls from a queue bounded by bytes and writes them as the format's
//! document has it.
//!
//! The queue's sending side is the layer's [`Sink`](crate::sink::Sink); the thread owns every file.

mod call_files;
mod compose_ahead;
mod degraded;
mod disk;
mod guard;
#[cfg(test)]
mod model;
mod observer;
mod queue;
mod retry;
mod settings;
mod start;
mod switch;
mod sync;
#[cfg(test)]
mod tests;
mod upkeep;
mod worker;

pub use guard::{FlushError, LlmLogGuard};
pub(crate) use settings::Settings;
pub use settings::{Durability, Overflow};
pub(crate) use start::start;
