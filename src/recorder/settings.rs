//! What can be chosen.

use std::path::PathBuf;

use crate::provider::Prices;
use crate::redact::Redact;
use crate::render::Language;

use super::retention::Retention;

/// What gives way when calls come faster than the disk takes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Overflow {
    /// The call is kept without its bodies and counted as degraded. Nobody ever waits.
    #[default]
    Degrade,
    /// The thread that closes the call waits until there is room. Not for async programs whose
    /// executor has few threads.
    Block,
}

/// What a written call survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Durability {
    /// The death of the program: the files are in the operating system's hands.
    #[default]
    Process,
    /// A power failure too: a call's files and folder are synced before it counts as written.
    Call,
}

/// A recorder's settings, resolved.
pub(crate) struct Settings {
    pub(crate) root: PathBuf,
    pub(crate) queue_bytes: usize,
    pub(crate) overflow: Overflow,
    pub(crate) durability: Durability,
    pub(crate) body_limit: usize,
    pub(crate) text_files: bool,
    pub(crate) bodies: bool,
    pub(crate) language: Language,
    pub(crate) prices: Prices,
    pub(crate) redact: Redact,
    /// Base64 media of more bytes than this stands aside.
    pub(crate) media_limit: usize,
    pub(crate) keep_media: bool,
    pub(crate) retention: Option<Retention>,
}
