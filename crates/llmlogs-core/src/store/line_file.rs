//! Appending to files of lines: a session's `index.jsonl`, and `alerts.jsonl`.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

use super::dir::Dir;

/// An open file of lines.
pub(crate) struct LineFile {
    file: File,
    name: &'static str,
    /// The last line has no newline: a crash's leftover.
    is_torn: bool,
}

impl LineFile {
    /// Opens the file `name` in `dir`, creating it if it is missing.
    pub(crate) fn open(dir: &Dir, name: &'static str) -> io::Result<Self> {
        let file = dir.append_file(name)?;
        let is_empty = file.metadata().is_ok_and(|metadata| metadata.len() == 0);
        Ok(LineFile { is_torn: !is_empty && is_torn(dir, name), file, name })
    }

    /// Appends a line, newline included.
    pub(crate) fn append(&mut self, dir: &Dir, line: &[u8]) -> io::Result<()> {
        if self.is_torn {
            // The line must not be glued to a crash's leftover.
            self.file.write_all(b"\n")?;
            self.is_torn = false;
        }
        dir.append(&mut self.file, self.name, line)
    }

    /// Syncs the file and `dir`.
    pub(crate) fn sync(&self, dir: &Dir) -> io::Result<()> {
        dir.sync_file(&self.file, self.name)?;
        dir.sync()
    }

    /// Returns the open file.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }
}

/// Returns whether the file `name` in `dir` ends in the middle of a line.
fn is_torn(dir: &Dir, name: &str) -> bool {
    let mut last = [0];
    let read = dir.read_file(name).and_then(|mut file| {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)
    });
    read.is_ok() && last != *b"\n"
}
