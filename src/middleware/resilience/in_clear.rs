//! What a body says that the client leaves in a content coding: it is judged by what it says all the same. The caller gets
//! the server's own bytes.

use http::HeaderMap;
use http::response::Parts;

use crate::middleware::head::{content_encoding, head_of};
use crate::middleware::read_ahead::LIMIT;
use llmlogs_core::api::is_encoded;
use llmlogs_core::capture::ResponseHead;
use llmlogs_core::compose::{DecodedBytes, decoded_bytes};

/// A body, or its beginning, without its content coding.
pub(super) enum InClear {
    /// It has none.
    AsItCame,
    Decoded(DecodedBytes),
    /// Its coding is not known, or this crate was built without decoders.
    Unreadable,
}

impl InClear {
    /// Takes the coding off `bytes`, the body of a response with these headers; at most [`LIMIT`] bytes of what comes out.
    pub(super) fn of(headers: &HeaderMap, bytes: &[u8]) -> Self {
        if !headers.contains_key(http::header::CONTENT_ENCODING) {
            return InClear::AsItCame;
        }
        InClear::of_coding(&content_encoding(headers), bytes, LIMIT)
    }

    /// Does the same where the coding is known already.
    pub(super) fn of_coding(content_encoding: &str, bytes: &[u8], limit: usize) -> Self {
        if !is_encoded(content_encoding) {
            return InClear::AsItCame;
        }
        decoded_bytes(content_encoding, bytes, limit).map_or(InClear::Unreadable, InClear::Decoded)
    }

    /// Returns what the body says; `bytes` are those that came.
    pub(super) fn bytes<'b>(&'b self, bytes: &'b [u8]) -> &'b [u8] {
        match self {
            InClear::Decoded(decoded) => &decoded.bytes,
            InClear::AsItCame | InClear::Unreadable => bytes,
        }
    }

    /// Returns whether something is missing at the end, because there is more than the limit.
    pub(super) fn is_cut(&self) -> bool {
        matches!(self, InClear::Decoded(decoded) if decoded.is_cut)
    }

    /// Returns whether what the body says is known.
    pub(super) fn is_readable(&self) -> bool {
        !matches!(self, InClear::Unreadable)
    }

    /// Returns what is kept of the response's head, to be read with [`bytes`](Self::bytes).
    pub(super) fn head(&self, parts: &Parts) -> ResponseHead {
        let mut head = head_of(parts);
        if self.is_readable() {
            head.content_encoding.clear();
        }
        head
    }
}
