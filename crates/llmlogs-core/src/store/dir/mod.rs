//! Open directories and what is done in them: private to the user, whole or not at all.
//!
//! On Unix everything is reached relative to the open directory and no link is followed, so that nobody who swaps a
//! directory for a link while the recorder runs makes it write, or delete, somewhere else. Elsewhere the standard
//! library's paths have to do.

#[cfg(unix)]
mod by_handle;
#[cfg(not(unix))]
mod by_path;
mod entry;
mod files;
#[cfg(test)]
pub mod journal;

#[cfg(unix)]
pub use by_handle::Dir;
#[cfg(not(unix))]
pub use by_path::Dir;
pub use entry::Entry;
pub use files::sync_ancestors;
