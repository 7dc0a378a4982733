//! A captured body.

use bytes::Bytes;

/// A body, as far as it was captured.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Body {
    /// There was none.
    #[default]
    Empty,
    /// All of it.
    Whole(Bytes),
    /// The first bytes of a body that was longer than the limit.
    Cut {
        /// The first bytes.
        bytes: Bytes,
        /// How many bytes the body had.
        original: u64,
    },
    /// A request body that the client produces while sending it; it is never read.
    Streaming,
    /// It was dropped, because memory or disk ran short or the recorder keeps metadata only.
    GivenUp {
        /// How many bytes the body had.
        original: u64,
    },
}

impl Body {
    /// Returns a body cut at `limit` bytes.
    #[must_use]
    #[inline]
    pub fn limited(bytes: Bytes, limit: usize) -> Self {
        if bytes.is_empty() {
            Body::Empty
        } else if bytes.len() > limit {
            Body::Cut { original: bytes.len() as u64, bytes: bytes.slice(..limit) }
        } else {
            Body::Whole(bytes)
        }
    }

    /// Returns the bytes that were captured.
    #[must_use]
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        match self {
            Body::Whole(bytes) | Body::Cut { bytes, .. } => bytes,
            Body::Empty | Body::Streaming | Body::GivenUp { .. } => &[],
        }
    }

    /// Returns how many bytes were captured.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.bytes().len()
    }

    /// Returns whether no byte was captured.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.bytes().is_empty()
    }

    /// Returns what is left of the body when its bytes are dropped.
    #[must_use]
    pub fn given_up(&self) -> Self {
        match self {
            Body::Whole(bytes) => Body::GivenUp { original: bytes.len() as u64 },
            Body::Cut { original, .. } => Body::GivenUp { original: *original },
            other => other.clone(),
        }
    }
}
