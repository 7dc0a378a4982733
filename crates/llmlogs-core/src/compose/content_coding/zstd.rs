//! Zstandard, block by block: what is decoded of a stream is known by the time at which its blocks arrived, and what came
//! of a stream that was cut off is not lost.
//!
//! The decoder gives back what is farther from the end than the frame's window, or all of it after the frame's last
//! block. So that its count is that of what was decoded, it is given the window of the largest block, and as many bytes
//! before the frame's own; so that it gives everything back, an empty last block at the end.
//!
//! [RFC 8878](https://www.rfc-editor.org/rfc/rfc8878)

use std::io::Read;

use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::output::{Output, Source};
use super::{End, MAX_FRAMES};

const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The size of the largest block, in bytes.
const WINDOW: usize = 128 << 10;

/// The header of a frame with nothing but a window of that size.
const HEADER: [u8; 6] = [0x28, 0xb5, 0x2f, 0xfd, 0, 7 << 3];

/// A block of as many zeros.
const FIRST_BLOCK: [u8; 4] = [2, 0, 0x10, 0];

/// An empty raw block, the last of its frame.
const LAST_BLOCK: [u8; 3] = [1, 0, 0];

/// The block type whose content is one byte, repeated.
const RLE: u32 = 1;

/// Decodes the frames of a body, one after the other.
pub(super) fn decode(source: &mut Source<'_>, out: &mut Output<'_>) -> End {
    let mut decoder = FrameDecoder::new();
    let mut frames = 0;
    loop {
        let rest = source.rest();
        let end = match rest {
            // Nothing was sent.
            [] if frames == 0 => End::Truncated,
            [] => End::Whole,
            _ if frames == MAX_FRAMES => End::Limit,
            // A frame to be skipped: its number and its length, then what anybody put there.
            [first, 0x2a, 0x4d, 0x18, a, b, c, d, ..] if first & 0xf0 == 0x50 => {
                let length = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
                match source.take(length.saturating_add(8)) {
                    Some(_) => {
                        frames += 1;
                        continue;
                    }
                    None => End::Truncated,
                }
            }
            _ if rest.starts_with(&MAGIC) => match frame(&mut decoder, source, out) {
                End::Whole => {
                    frames += 1;
                    continue;
                }
                end => end,
            },
            _ if MAGIC.starts_with(rest) => End::Truncated,
            _ => End::Damaged,
        };
        return end;
    }
}

/// Decodes one frame.
fn frame(decoder: &mut FrameDecoder, source: &mut Source<'_>, out: &mut Output<'_>) -> End {
    let Some(header) = source.take(5) else {
        return End::Truncated;
    };
    let descriptor = header[4];
    let single_segment = descriptor & 0x20 != 0;
    let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let content_size = match descriptor >> 6 {
        0 => usize::from(single_segment),
        size => 1 << size,
    };
    match source.take(usize::from(!single_segment) + dictionary + content_size) {
        None => return End::Truncated,
        // Of what it was made with nothing is known here.
        Some(fields)
            if fields.iter().skip(usize::from(!single_segment)).take(dictionary).any(|id| *id != 0) =>
        {
            return End::Damaged;
        }
        Some(_) => {}
    }
    if decoder.reset(&HEADER[..]).is_err() || block(decoder, &FIRST_BLOCK, false).is_err() {
        return End::Damaged;
    }
    let end = loop {
        let Some(&[a, b, c]) = source.take(3) else {
            break End::Truncated;
        };
        let header = u32::from_le_bytes([a, b, c, 0]);
        let is_last = header & 1 == 1;
        let length = if header >> 1 & 3 == RLE { 1 } else { (header >> 3) as usize };
        let Some(content) = source.take(length) else {
            break End::Truncated;
        };
        // It is never the last one for the decoder, so that its count stays what it is.
        if block(decoder, &[&[a & !1, b, c], content].concat(), false).is_err() {
            return End::Damaged;
        }
        let decoded = decoder.can_collect();
        if decoded > out.room() {
            break End::Limit;
        }
        out.arrived(out.bytes.len() + decoded);
        if is_last {
            let checksum = if descriptor & 4 != 0 { 4 } else { 0 };
            break if source.take(checksum).is_some() { End::Whole } else { End::Truncated };
        }
    };
    if block(decoder, &LAST_BLOCK, true).is_err() {
        return End::Damaged;
    }
    let frame = decoder.collect().unwrap_or_default();
    let decoded = frame.get(WINDOW..).unwrap_or_default();
    let room = out.room();
    out.bytes.extend_from_slice(&decoded[..decoded.len().min(room)]);
    end
}

/// Decodes one block.
fn block(decoder: &mut FrameDecoder, mut block: &[u8], is_last: bool) -> Result<(), ()> {
    let finished =
        decoder.decode_blocks(block.by_ref(), BlockDecodingStrategy::UptoBlocks(1)).map_err(drop)?;
    if finished == is_last { Ok(()) } else { Err(()) }
}
