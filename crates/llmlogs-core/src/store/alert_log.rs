//! The alerts of whoever watches a whole root: `alerts.jsonl` in the root itself.

use std::io;
use std::path::Path;

use super::dir::Dir;
use super::line_file::LineFile;
use crate::format::layout::ALERTS_FILE;
use crate::format::{Alert, lock};

/// The open `alerts.jsonl` of a root, held under the liveness lock as long as it is open: readers tell by it whether an
/// alert that is not resolved still fires.
pub struct AlertLog {
    dir: Dir,
    file: LineFile,
}

impl AlertLog {
    /// Opens the file in the root at `root`, creating it if it is missing.
    ///
    /// # Errors
    ///
    /// If the root is no directory, or the file cannot be created or opened.
    pub fn open(root: &Path) -> io::Result<Self> {
        let dir = Dir::open_path(root)?;
        let file = LineFile::open(&dir, ALERTS_FILE)?;
        lock::hold(file.file());
        Ok(AlertLog { dir, file })
    }

    /// Appends a line for `alert`.
    ///
    /// # Errors
    ///
    /// If the line is not written whole.
    pub fn append(&mut self, alert: &Alert) -> io::Result<()> {
        self.file.append(&self.dir, &alert.to_line()?)
    }
}

impl std::fmt::Debug for AlertLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AlertLog").field("root", &self.dir.path()).finish_non_exhaustive()
    }
}
