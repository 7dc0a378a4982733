//! The lines that are appended to an index.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::error::{Error, Result};
use super::files;
use super::line::IndexLine;

/// What there is to read of an index.
#[derive(Debug)]
pub(crate) enum Appended<'a> {
    /// What was read before is no longer there; every line follows.
    Anew,
    /// A line, and where it is in the file.
    Line(u64, &'a IndexLine<'a>),
}

/// Reads the lines that are appended to an index.
#[derive(Debug, Default)]
pub(crate) struct IndexTail {
    /// The offset of the first line that was not read.
    offset: u64,
    /// The length at the last read, lines that were not complete included.
    length: u64,
    /// The file's inode, which changes when the file is replaced.
    identity: u64,
}

impl IndexTail {
    /// Calls `visit` with each complete line that was appended since the last time; if the file was truncated, replaced
    /// or removed, says so first, and goes on with every line.
    pub(crate) fn read(&mut self, path: &Path, mut visit: impl FnMut(Appended<'_>)) {
        let Ok(found) = fs::symlink_metadata(path) else {
            if self.offset > 0 {
                visit(Appended::Anew);
            }
            *self = IndexTail::default();
            return;
        };
        let identity = identity(&found);
        if identity != self.identity || found.len() < self.offset {
            if self.offset > 0 {
                visit(Appended::Anew);
            }
            *self = IndexTail { identity, ..IndexTail::default() };
        }
        if found.len() == self.length {
            return;
        }
        // After an error, the next poll tries again.
        let Ok(length) = self.read_new(path, &mut visit) else { return };
        self.length = length;
    }

    /// Reads the new lines; returns the length of the file.
    fn read_new(&mut self, path: &Path, visit: &mut impl FnMut(Appended<'_>)) -> Result<u64> {
        const BLOCK: usize = 1 << 18;
        let mut file: File = files::open(path)?;
        let failed = |error| Error::io(path, error);
        if self.offset > 0 {
            // A file that was rewritten in its place, and is longer now, has no line's end here.
            let mut last = [0];
            file.seek(SeekFrom::Start(self.offset - 1)).map_err(failed)?;
            file.read_exact(&mut last).map_err(failed)?;
            if last != *b"\n" {
                visit(Appended::Anew);
                self.offset = 0;
            }
        }
        file.seek(SeekFrom::Start(self.offset)).map_err(failed)?;
        let mut buffer = Vec::new();
        loop {
            let before = buffer.len();
            (&mut file).take(BLOCK as u64).read_to_end(&mut buffer).map_err(failed)?;
            if buffer.len() == before {
                return Ok(self.offset + buffer.len() as u64);
            }
            let mut start = 0;
            for newline in memchr::memchr_iter(b'\n', &buffer) {
                // Damaged lines are skipped; their calls are found in their folders.
                if let Some(line) = IndexLine::parse(&buffer[start..newline]) {
                    visit(Appended::Line(self.offset + start as u64, &line));
                }
                start = newline + 1;
            }
            self.offset += start as u64;
            buffer.drain(..start);
        }
    }
}

#[cfg(unix)]
fn identity(found: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(found)
}

#[cfg(not(unix))]
fn identity(_found: &fs::Metadata) -> u64 {
    0
}
