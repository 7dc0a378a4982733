//! Appending to a session's `index.jsonl`.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

use super::dir::Dir;
use crate::format::layout::INDEX_FILE;

/// The open index of a session's directory.
pub(super) struct Index {
    file: File,
    /// The last line has no newline: a crash's leftover.
    is_torn: bool,
}

impl Index {
    /// Opens the index in `dir`, creating it if it is missing.
    pub(super) fn open(dir: &Dir) -> io::Result<Self> {
        let file = dir.append_file(INDEX_FILE)?;
        let is_empty = file.metadata().is_ok_and(|metadata| metadata.len() == 0);
        Ok(Index { is_torn: !is_empty && is_torn(dir), file })
    }

    /// Appends a line, newline included,.
    pub(super) fn append(&mut self, dir: &Dir, line: &[u8]) -> io::Result<()> {
        if self.is_torn {
            // The line must not be glued to a crash's leftover.
            self.file.write_all(b"\n")?;
            self.is_torn = false;
        }
        dir.append(&mut self.file, INDEX_FILE, line)
    }

    /// Syncs the index and `dir`.
    pub(super) fn sync(&self, dir: &Dir) -> io::Result<()> {
        dir.sync_file(&self.file, INDEX_FILE)?;
        dir.sync()
    }
}

/// Returns whether the index in `dir` ends in the middle of a line.
fn is_torn(dir: &Dir) -> bool {
    let mut last = [0];
    let read = dir.read_file(INDEX_FILE).and_then(|mut file| {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)
    });
    read.is_ok() && last != *b"\n"
}
