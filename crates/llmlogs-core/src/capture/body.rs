//! A captured body.

use bytes::Bytes;

/// The captured part of a body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Body {
    /// There was no body.
    #[default]
    Empty,
    /// The whole body.
    Whole(Bytes),
    /// The first bytes of a body that was truncated at the limit.
    Cut {
        /// The first bytes.
        bytes: Bytes,
        /// How many bytes the body had.
        original: u64,
    },
    /// A request body that the client produces while sending it; it is never read.
    Streaming,
    /// It was dropped, because memory or disk ran short or the recorder keeps metadata only.
    Dropped {
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
            Body::Empty | Body::Streaming | Body::Dropped { .. } => &[],
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

    /// Returns the body without its bytes.
    #[must_use]
    pub fn dropped(&self) -> Self {
        match self {
            Body::Whole(bytes) => Body::Dropped { original: bytes.len() as u64 },
            Body::Cut { original, .. } => Body::Dropped { original: *original },
            other => other.clone(),
        }
    }
}
