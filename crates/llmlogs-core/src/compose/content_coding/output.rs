//! The encoded bytes as they arrived, and what is decoded of them.

use std::cell::Cell;
use std::io::{self, BufRead, Read};

use crate::capture::ChunkTimings;

use super::End;

/// How much is decoded at a time.
const BLOCK: usize = 8 << 10;

/// The encoded bytes, handed out chunk by chunk as they arrived.
pub(super) struct Source<'s> {
    bytes: &'s [u8],
    position: &'s Position,
    chunk_timings: &'s ChunkTimings,
}

/// How far a source was read.
#[derive(Default)]
pub(super) struct Position {
    /// How many bytes were read.
    read: Cell<usize>,
    /// Whether more was asked for than there is.
    exhausted: Cell<bool>,
}

impl<'s> Source<'s> {
    pub(super) fn new(bytes: &'s [u8], position: &'s Position, chunk_timings: &'s ChunkTimings) -> Self {
        Source { bytes, position, chunk_timings }
    }

    /// Returns the bytes that were not read yet.
    pub(super) fn rest(&self) -> &'s [u8] {
        self.bytes.get(self.position.read.get()..).unwrap_or_default()
    }

    /// Returns the next `length` bytes, and reads them; `None` if there are not so many.
    pub(super) fn take(&mut self, length: usize) -> Option<&'s [u8]> {
        let taken = self.rest().get(..length);
        match taken {
            Some(_) => self.consume(length),
            None => self.position.exhausted.set(true),
        }
        taken
    }
}

impl BufRead for Source<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let rest = self.rest();
        if rest.is_empty() {
            self.position.exhausted.set(true);
        }
        let read = self.position.read.get();
        let chunk = self.chunk_timings.chunk_end(read).map_or(rest.len(), |end| end.saturating_sub(read));
        Ok(&rest[..chunk.min(rest.len())])
    }

    fn consume(&mut self, amount: usize) {
        self.position.read.set(self.position.read.get().saturating_add(amount));
    }
}

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.fill_buf()?.read(buffer)?;
        self.consume(length);
        Ok(length)
    }
}

/// What was decoded.
pub(super) struct Output<'s> {
    pub(super) bytes: Vec<u8>,
    pub(super) chunk_timings: ChunkTimings,
    position: &'s Position,
    /// When the encoded bytes arrived.
    arrived: &'s ChunkTimings,
    limit: usize,
}

impl<'s> Output<'s> {
    pub(super) fn new(position: &'s Position, arrived: &'s ChunkTimings, limit: usize) -> Self {
        Output { bytes: Vec::new(), chunk_timings: ChunkTimings::default(), position, arrived, limit }
    }

    /// Returns how many more bytes it takes.
    pub(super) fn room(&self) -> usize {
        self.limit.saturating_sub(self.bytes.len())
    }

    /// Notes that `length` bytes could be decoded by when the bytes that were read so far had arrived.
    pub(super) fn arrived(&mut self, length: usize) {
        if let Some(when) = self.arrived.at(self.position.read.get()) {
            self.chunk_timings.record(length, || when);
        }
    }

    /// Returns how decoding has ended that met with an error.
    pub(super) fn failed(&self) -> End {
        if self.position.exhausted.get() { End::Truncated } else { End::Damaged }
    }

    /// Reads to the end, or to the limit.
    pub(super) fn read(&mut self, decoder: &mut impl Read) -> End {
        let mut block = [0; BLOCK];
        loop {
            let room = self.room().min(BLOCK);
            match decoder.read(&mut block[..room.max(1)]) {
                Ok(0) => return End::Whole,
                Ok(_) if room == 0 => return End::Limit,
                Ok(length) => {
                    self.bytes.extend_from_slice(&block[..length]);
                    self.arrived(self.bytes.len());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_error) => return self.failed(),
            }
        }
    }
}
