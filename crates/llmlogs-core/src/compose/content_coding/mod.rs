//! Bodies that the client left in a content coding (gzip, deflate, br, zstd): a copy is decoded for the record. The
//! caller's bytes are not touched.
//!
//! [RFC 9110, section 8.4](https://www.rfc-editor.org/rfc/rfc9110#section-8.4)

#[cfg(feature = "decode")]
mod decoders;
#[cfg(feature = "decode")]
mod output;
#[cfg(feature = "decode")]
mod zstd;

use std::panic::catch_unwind;
use std::sync::Arc;

use crate::capture::{Body, CapturedRequest, CapturedResponse, ChunkTimings, ResponseHead};

/// A content coding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

/// More codings on one body than this are not decoded: nobody sends them in good faith.
const MAX_CODINGS: usize = 4;

/// Only so many members or frames of one body are decoded: each costs some time, however little it has.
#[cfg(feature = "decode")]
const MAX_FRAMES: usize = 1 << 14;

impl Coding {
    fn named(name: &str) -> Option<Self> {
        Some(match &*name.to_ascii_lowercase() {
            "gzip" | "x-gzip" => Coding::Gzip,
            "deflate" => Coding::Deflate,
            "br" => Coding::Brotli,
            "zstd" => Coding::Zstd,
            _ => return None,
        })
    }

    /// Returns the coding that the first bytes of a body show, with its name; brotli and deflate have no such bytes.
    fn of_first_bytes(bytes: &[u8]) -> Option<(&'static str, Self)> {
        match bytes {
            [0x1f, 0x8b, 8, ..] => Some(("gzip", Coding::Gzip)),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(("zstd", Coding::Zstd)),
            _ => None,
        }
    }
}

/// Returns the codings in a `Content-Encoding` header in the order in which they were applied; `None` if there are none,
/// or one that is not known.
fn codings(header: &str) -> Option<Vec<Coding>> {
    let names = header.split(',').map(str::trim);
    let names = names.filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("identity"));
    let codings = names.map(Coding::named).collect::<Option<Vec<_>>>()?;
    (1..=MAX_CODINGS).contains(&codings.len()).then_some(codings)
}

/// How decoding ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// All of it was decoded.
    Whole,
    /// There is more than the limit.
    Limit,
    /// The encoded bytes stop before their end.
    Truncated,
    /// They are not what their coding allows.
    Damaged,
}

/// A decoded body, as far as it could be decoded.
#[derive(Debug)]
struct Decoded {
    bytes: Vec<u8>,
    /// When the chunks arrived, by how much could be decoded of them.
    chunk_timings: ChunkTimings,
    end: End,
}

/// Returns `response` with its body decoded, at most `limit` bytes of it. Bytes that are not in the coding that the header
/// names are kept as they came, no longer as encoded ones. `None` if there is nothing to decode, or the coding is not
/// known.
pub fn decoded_response(response: &CapturedResponse, limit: usize) -> Option<CapturedResponse> {
    let codings = codings(&response.head.content_encoding)?;
    let (bytes, cut) = match &response.body {
        Body::Whole(bytes) => (bytes, None),
        Body::Cut { bytes, original } => (bytes, Some(*original)),
        Body::Empty | Body::Streaming | Body::Dropped { .. } => return None,
    };
    let decoded = decode_all(&codings, bytes, &response.chunk_timings, limit)?;
    let (body, chunk_timings) = match decoded.end {
        End::Damaged => (response.body.clone(), response.chunk_timings.clone()),
        end => (decoded_body(decoded.bytes, end, cut, bytes.len()), decoded.chunk_timings),
    };
    Some(CapturedResponse {
        head: ResponseHead { content_encoding: String::new(), ..response.head.clone() },
        body,
        chunk_timings,
        completion: response.completion.clone(),
        ended: response.ended,
    })
}

/// A request that is decoded to at most this many times the limit is decoded whole, so that its model and messages can be
/// read, as those of one that was sent in clear; what is stored of it is cut later. Of a longer one the limit is kept.
const WHOLE_REQUEST: usize = 8;

/// Returns `request` with its body decoded, whole or `limit` bytes of it; `None` if there is nothing to decode, or it is not
/// in the coding that the header names or, without a header, is no text in the coding that its first bytes show.
pub fn decoded_request(request: &CapturedRequest, limit: usize) -> Option<CapturedRequest> {
    let (bytes, cut) = match &request.body {
        Body::Whole(bytes) => (bytes, None),
        Body::Cut { bytes, original } => (bytes, Some(*original)),
        Body::Empty | Body::Streaming | Body::Dropped { .. } => return None,
    };
    let (content_encoding, codings, named) = match codings(&request.content_encoding) {
        Some(codings) => (request.content_encoding.clone(), codings, true),
        None => {
            let (name, coding) = Coding::of_first_bytes(bytes)?;
            (name.to_owned(), vec![coding], false)
        }
    };
    let whole = limit.saturating_mul(WHOLE_REQUEST);
    let Decoded { bytes: mut decoded, end, .. } =
        decode_all(&codings, bytes, &ChunkTimings::default(), whole)?;
    if (cut.is_some() || end == End::Limit) && decoded.len() > limit {
        decoded.truncate(limit);
        decoded.shrink_to_fit();
    }
    let valid_utf8 = || match std::str::from_utf8(&decoded) {
        Ok(_) => true,
        // The end may cut a character.
        Err(error) => (end != End::Whole || cut.is_some()) && error.error_len().is_none(),
    };
    if end == End::Damaged || !named && !valid_utf8() {
        return None;
    }
    let body = decoded_body(decoded, end, cut, bytes.len());
    Some(CapturedRequest { endpoint: Arc::clone(&request.endpoint), content_encoding, body })
}

/// The beginning of a body that was in a content coding.
#[derive(Debug, PartialEq, Eq)]
pub struct DecodedBytes {
    /// What it says.
    pub bytes: Vec<u8>,
    /// Whether there is more than the limit.
    pub is_cut: bool,
}

/// Decodes `bytes`, all or the beginning of a body with this `Content-Encoding`, at most `limit` bytes of it. Bytes that are
/// not in that coding are returned as they are; `None` if there is nothing to decode, or the coding is not known.
pub fn decoded_bytes(content_encoding: &str, bytes: &[u8], limit: usize) -> Option<DecodedBytes> {
    let decoded = decode_all(&codings(content_encoding)?, bytes, &ChunkTimings::default(), limit)?;
    Some(match decoded.end {
        End::Damaged => DecodedBytes { bytes: bytes.to_vec(), is_cut: false },
        end => DecodedBytes { bytes: decoded.bytes, is_cut: end == End::Limit },
    })
}

/// Returns what was decoded of a body of `length` bytes; `cut` is its whole length if only its first bytes were captured.
fn decoded_body(decoded: Vec<u8>, end: End, cut: Option<u64>, length: usize) -> Body {
    let bytes = decoded.into();
    if cut.is_none() && end != End::Limit {
        return Body::limited(bytes, usize::MAX);
    }
    // How long it would be decoded is not known.
    Body::Cut { bytes, original: cut.unwrap_or(length as u64) }
}

/// Decodes what `codings` were applied to, one after the other; `None` where a decoder has a bug, or there are no
/// decoders.
fn decode_all(
    codings: &[Coding],
    bytes: &[u8],
    chunk_timings: &ChunkTimings,
    limit: usize,
) -> Option<Decoded> {
    let mut last: Option<Decoded> = None;
    for coding in codings.iter().rev() {
        let (input, timings) = match &last {
            Some(decoded) => (&*decoded.bytes, &decoded.chunk_timings),
            None => (bytes, chunk_timings),
        };
        let mut next = catch_unwind(|| decode(*coding, input, timings, limit)).ok().flatten()?;
        let is_nothing = next.end == End::Truncated && next.bytes.is_empty();
        // Brotli and deflate have no first bytes by which to tell.
        if is_nothing || is_text(input) {
            next.end = End::Damaged;
        }
        if next.end == End::Damaged {
            return Some(next);
        }
        // The end of what is only a part is not the end.
        if let (Some(outer), End::Whole | End::Truncated) = (&last, next.end)
            && outer.end != End::Whole
        {
            next.end = outer.end;
        }
        last = Some(next);
    }
    last
}

/// Returns whether bytes are text, which nothing is in a content coding.
fn is_text(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| !text.chars().any(|c| c.is_control() && !c.is_whitespace()))
}

#[cfg(feature = "decode")]
use decoders::decode;

#[cfg(not(feature = "decode"))]
fn decode(_: Coding, _: &[u8], _: &ChunkTimings, _: usize) -> Option<Decoded> {
    None
}

#[cfg(test)]
#[cfg(feature = "decode")]
mod tests;
