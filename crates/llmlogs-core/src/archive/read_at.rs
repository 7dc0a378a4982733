//! A file that several threads read at once: each read names its place.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

use bytes::Bytes;
use parquet::errors::Result;
use parquet::file::reader::{ChunkReader, Length};

/// How much is read at a time where no length is known.
const AHEAD: u64 = 1 << 16;

/// An open file, without a position.
#[derive(Debug, Clone)]
pub(super) struct ReadAt {
    file: Arc<File>,
    length: u64,
}

impl ReadAt {
    pub(super) fn new(file: File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        Ok(ReadAt { file: Arc::new(file), length })
    }

    fn read_exact(&self, start: u64, length: usize) -> io::Result<Bytes> {
        // A damaged file names any length; no more is allocated than there is.
        let end = start.checked_add(length as u64).filter(|end| *end <= self.length);
        if end.is_none() {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it ends too early"));
        }
        let mut buffer = vec![0; length];
        read_exact_at(&self.file, &mut buffer, start)?;
        Ok(buffer.into())
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, buffer: &mut [u8], start: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, start)
}

#[cfg(not(unix))]
fn read_exact_at(file: &File, mut buffer: &mut [u8], mut start: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        let read = std::os::windows::fs::FileExt::seek_read(file, buffer, start)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        buffer = &mut buffer[read..];
        start += read as u64;
    }
    Ok(())
}

impl Length for ReadAt {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for ReadAt {
    type T = From;

    fn get_read(&self, start: u64) -> Result<From> {
        Ok(From { of: self.clone(), at: start, ahead: Bytes::new() })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        Ok(self.read_exact(start, length)?)
    }
}

/// What a file holds from a place on.
pub(super) struct From {
    of: ReadAt,
    at: u64,
    ahead: Bytes,
}

impl Read for From {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.ahead.is_empty() {
            let left = self.of.length.saturating_sub(self.at).min(AHEAD);
            self.ahead = self.of.read_exact(self.at, left as usize)?;
            self.at += left;
        }
        let taken = self.ahead.split_to(buffer.len().min(self.ahead.len()));
        buffer[..taken.len()].copy_from_slice(&taken);
        Ok(taken.len())
    }
}
