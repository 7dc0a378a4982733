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

/// The JSON files of a call, for `fuzz/`.
#[cfg(fuzzing)]
pub(crate) fn composed(record: &crate::record::CallRecord) -> Vec<Vec<u8>> {
    thread_local! {
        static COMPOSER: compose::Composer = compose::Composer::new(&Settings {
            root: std::path::PathBuf::new(),
            queue_bytes: 0,
            overflow: Overflow::Degrade,
            durability: Durability::Process,
            body_limit: 1 << 20,
            text_files: true,
            bodies: true,
            language: crate::render::Language::English,
            prices: crate::provider::Prices::default(),
            redact: crate::redact::Redact::new(),
            media_limit: 64,
            keep_media: true,
            retention: None,
        });
    }
    let call = COMPOSER.with(|composer| composer.compose(record, "session", true));
    call.map_or_else(
        |_| Vec::new(),
        |call| {
            let (metadata, line) = call.named("call");
            call.input.into_iter().map(|input| input.json).chain([call.output_json, metadata, line]).collect()
        },
    )
}
