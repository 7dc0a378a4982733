//! The decoders.

use flate2::bufread::{DeflateDecoder, GzDecoder, ZlibDecoder};

use crate::capture::ChunkTimings;

use super::output::{Output, Position, Source};
use super::{Coding, Decoded, End, MAX_FRAMES, zstd};

/// Decodes `bytes`, at most `limit` bytes of what they become.
pub(super) fn decode(
    coding: Coding,
    bytes: &[u8],
    chunk_timings: &ChunkTimings,
    limit: usize,
) -> Option<Decoded> {
    let position = Position::default();
    let mut source = Source::new(bytes, &position, chunk_timings);
    let mut out = Output::new(&position, chunk_timings, limit);
    let end = match coding {
        Coding::Gzip => gzip(&mut source, &mut out),
        Coding::Deflate if has_zlib_header(bytes) => out.read(&mut ZlibDecoder::new(source)),
        // What many servers send under that name.
        Coding::Deflate => out.read(&mut DeflateDecoder::new(source)),
        Coding::Brotli => out.read(&mut brotli_decompressor::Decompressor::new(source, 4096)),
        Coding::Zstd => zstd::decode(&mut source, &mut out),
    };
    Some(Decoded { bytes: out.bytes, chunk_timings: out.chunk_timings, end })
}

/// Decodes the members of a body, one after the other. What follows the last one is ignored, as `gzip` does.
fn gzip(source: &mut Source<'_>, out: &mut Output<'_>) -> End {
    for _ in 0..MAX_FRAMES {
        match out.read(&mut GzDecoder::new(&mut *source)) {
            End::Whole if source.rest().starts_with(&[0x1f, 0x8b]) => {}
            end => return end,
        }
    }
    End::Limit
}

fn has_zlib_header(bytes: &[u8]) -> bool {
    match bytes {
        [method, flags, ..] => {
            method & 15 == 8 && (u16::from(*method) << 8 | u16::from(*flags)).is_multiple_of(31)
        }
        _ => false,
    }
}
