//! The settings of a recorder.

use std::path::PathBuf;

use llmlogs_core::compose::ComposeOptions;

use super::upkeep::Upkeep;
use crate::alerts::Alerts;

/// What happens when calls come faster than the disk takes them.
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
    /// The end of the process, however it comes: the files have been handed to the operating system.
    #[default]
    Process,
    /// A power failure too: a call's files and directory are synced before it counts as written.
    Call,
}

/// The settings of a recorder; the builder documents them.
pub(crate) struct Settings {
    /// `None` for the default root.
    pub(crate) root: Option<PathBuf>,
    pub(crate) max_queue_bytes: usize,
    pub(crate) overflow: Overflow,
    pub(crate) durability: Durability,
    pub(crate) compose: ComposeOptions,
    pub(crate) keep_media: bool,
    pub(crate) upkeep: Upkeep,
    /// `None` where nothing is watched.
    pub(crate) alerts: Option<Alerts>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            root: None,
            max_queue_bytes: 64 << 20,
            overflow: Overflow::default(),
            durability: Durability::default(),
            compose: ComposeOptions::default(),
            keep_media: false,
            upkeep: Upkeep::default(),
            alerts: None,
        }
    }
}
