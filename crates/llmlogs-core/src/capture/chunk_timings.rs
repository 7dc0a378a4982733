//! When the chunks of a streamed body arrived.

use std::time::{Duration, Instant};

/// When the first chunks of a body arrived.
#[derive(Debug, Clone, Default)]
pub struct ChunkTimings {
    first: Option<Instant>,
    /// When the first content arrived, where the caller says so itself.
    first_content: Option<Instant>,
    /// How many bytes had arrived, and how long after the first of them, in microseconds.
    chunks: Vec<(u32, u32)>,
}

impl ChunkTimings {
    /// Later chunks are not recorded: only the time of a stream's first content is needed.
    const MAX_CHUNKS: usize = 1024;

    /// Records that `length` bytes of the body had arrived at `when`.
    pub fn record(&mut self, length: usize, when: impl FnOnce() -> Instant) {
        if self.chunks.len() < Self::MAX_CHUNKS {
            let when = when();
            let after = when.saturating_duration_since(*self.first.get_or_insert(when));
            let number = |n: u128| u32::try_from(n).unwrap_or(u32::MAX);
            self.chunks.push((number(length as u128), number(after.as_micros())));
        }
    }

    /// Records that the first content of the answer arrived at `when`, unless it did before.
    pub fn record_first_content(&mut self, when: Instant) {
        self.first_content.get_or_insert(when);
    }

    /// Returns when the first content arrived, where the caller has said so; chunks do not say it by themselves.
    #[must_use]
    pub fn first_content(&self) -> Option<Instant> {
        self.first_content
    }

    /// Returns when the first chunk arrived, or the first content, whichever is known.
    #[must_use]
    pub fn first(&self) -> Option<Instant> {
        self.first.or(self.first_content)
    }

    /// Returns the size of its heap memory in bytes.
    #[must_use]
    #[inline]
    pub fn weight(&self) -> usize {
        self.chunks.capacity() * size_of::<(u32, u32)>()
    }

    /// Returns where the chunk ends that has the byte at `offset`; `None` if it was not recorded.
    #[must_use]
    pub fn chunk_end(&self, offset: usize) -> Option<usize> {
        let offset = u32::try_from(offset).unwrap_or(u32::MAX);
        let index = self.chunks.partition_point(|(arrived, _)| *arrived <= offset);
        self.chunks.get(index).map(|(arrived, _)| *arrived as usize)
    }

    /// Returns when the first `length` bytes had arrived; `None` if no chunk was recorded.
    #[must_use]
    pub fn at(&self, length: usize) -> Option<Instant> {
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        let index = self.chunks.partition_point(|(arrived, _)| *arrived < length);
        let (_, after) = self.chunks.get(index).or(self.chunks.last())?;
        self.first?.checked_add(Duration::from_micros((*after).into()))
    }
}
