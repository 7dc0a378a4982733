//! What is wrong inside of a file: no JSON, or text with the shape of a secret. A file of any size is read piece by
//! piece.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use serde::de::IgnoredAny;

use crate::json;
use crate::read::error::{Error, Result};
use crate::read::files;
use crate::redact::Redactor;

/// How a file is looked through for secrets.
struct Pieces {
    /// How much is read at a time, in bytes.
    length: usize,
    /// How much of the end of a piece is looked through again with the next one: no secret is longer.
    overlap: usize,
}

const PIECES: Pieces = Pieces { length: 1 << 20, overlap: 1 << 16 };

/// Larger files are parsed as they are read.
const WHOLE: u64 = 16 << 20;

/// Returns why the file is no JSON; `None` if it is.
///
/// # Errors
///
/// If it cannot be read.
pub(super) fn json_error(path: &Path) -> Result<Option<String>> {
    let file = files::open(path)?;
    let length = file.metadata().map_err(|error| Error::io(path, error))?.len();
    if length > WHOLE {
        return Ok(large_json_error(file));
    }
    Ok(json_error_in(&files::read(path)?))
}

/// Returns why `contents` are no JSON; `None` if they are.
pub(super) fn json_error_in(contents: &[u8]) -> Option<String> {
    let mut unused = Vec::new();
    json::reformat(&String::from_utf8_lossy(contents), &mut unused).err().map(|error| error.to_string())
}

fn large_json_error(file: File) -> Option<String> {
    let parsed = serde_json::from_reader::<_, IgnoredAny>(BufReader::with_capacity(1 << 16, file));
    parsed.err().map(|error| error.to_string())
}

/// Returns whether a secret that the built-in redaction rules know is in the file.
///
/// # Errors
///
/// If it cannot be read.
pub(super) fn has_secret(path: &Path) -> Result<bool> {
    let mut file = files::open(path)?;
    in_pieces(&mut file, &PIECES).map_err(|error| Error::io(path, error))
}

/// Returns whether a secret that the built-in redaction rules know is in `contents`.
pub(super) fn has_secret_in(mut contents: &[u8]) -> bool {
    // Reading from memory does not fail.
    in_pieces(&mut contents, &PIECES).unwrap_or_default()
}

/// Returns whether a secret is in a name.
pub(super) fn is_secret(name: &str) -> bool {
    matches!(Redactor::new().text(name), Cow::Owned(_))
}

fn in_pieces(file: &mut impl Read, pieces: &Pieces) -> io::Result<bool> {
    let rules = Redactor::new();
    let mut buffer = Vec::new();
    loop {
        let before = buffer.len();
        file.by_ref().take(pieces.length as u64).read_to_end(&mut buffer)?;
        if buffer.len() == before {
            return Ok(false);
        }
        if matches!(rules.bytes(&unescaped(&buffer)), Cow::Owned(_)) {
            return Ok(true);
        }
        buffer.drain(..overlap_start(&buffer, pieces.overlap));
    }
}

/// Returns where the part begins that is looked through again: where a word does, since the rest of one that was cut may
/// look like a secret.
fn overlap_start(buffer: &[u8], overlap: usize) -> usize {
    let nominal = buffer.len().saturating_sub(overlap);
    if nominal == 0 {
        return 0;
    }
    let is_edge = |byte: &u8| !(byte.is_ascii_alphanumeric() || b"_-+/".contains(byte));
    buffer[nominal..].iter().position(is_edge).map_or(nominal, |edge| nominal + edge)
}

/// Returns the text without the escapes of JSON, those of JSON within JSON included: after `\n` a secret would have a
/// letter before it.
fn unescaped(text: &[u8]) -> Cow<'_, [u8]> {
    let Some(first) = memchr::memchr(b'\\', text) else { return Cow::Borrowed(text) };
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    let mut next = Some(first);
    while let Some(place) = next {
        plain.extend_from_slice(&rest[..place]);
        let slashes = rest[place..].iter().take_while(|byte| **byte == b'\\').count();
        rest = &rest[place + slashes..];
        match rest.first() {
            Some(b'n' | b'r' | b't' | b'b' | b'f') => {
                plain.push(b'\n');
                rest = &rest[1..];
            }
            Some(b'u') => {
                let code = rest.get(1..5).and_then(|digits| std::str::from_utf8(digits).ok());
                match code.and_then(|digits| u8::from_str_radix(digits.strip_prefix("00")?, 16).ok()) {
                    Some(byte) if byte.is_ascii() => plain.push(byte),
                    _ => plain.push(b' '),
                }
                rest = rest.get(5..).unwrap_or_default();
            }
            // A quote or a slash stands for itself.
            Some(b'"' | b'/') => {}
            _ => plain.push(b'\\'),
        }
        next = memchr::memchr(b'\\', rest);
    }
    plain.extend_from_slice(rest);
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIECE: usize = 1024;
    const OVERLAP: usize = 256;
    const KEY: &str = "sk-proj-aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF";

    fn found(text: &[u8]) -> bool {
        in_pieces(&mut &text[..], &Pieces { length: PIECE, overlap: OVERLAP }).unwrap()
    }

    #[test]
    fn a_secret_after_an_escape_was_overlooked() {
        for text in [
            format!(r#"{{"text":"the key:\n{KEY}"}}"#),
            format!(r#"{{"arguments":"{{\"text\":\"the key:\\n{KEY}\"}}"}}"#),
            format!(r#"{{"text":"\u0009{KEY}"}}"#),
            format!(r#"{{"text":"\u4f60{KEY}"}}"#),
            format!(r#"{{"text":"{}"}}"#, KEY.replace('-', r"\u002d")),
            r#"{"pem":"-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n"}"#.to_owned(),
        ] {
            assert!(found(text.as_bytes()), "{text}");
        }
        for text in [r#"{"path":"C:\\nothing\\risk-a1B2c3D4e5F6g7H8i9J0k1L2m3"}"#, r"\", r"\u", r"\u00", ""] {
            assert!(!found(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn a_secret_is_found_wherever_pieces_are_cut_and_no_cut_makes_one() {
        for before in (0..50).chain(PIECE - OVERLAP - 50..PIECE + 50).chain(3 * PIECE - 50..3 * PIECE) {
            let text = [&vec![b' '; before][..], KEY.as_bytes(), &vec![b' '; PIECE]].concat();
            assert!(found(&text), "{before}");
            let mut word = [&vec![b' '; before][..], b"ri", KEY.as_bytes(), &vec![b' '; PIECE]].concat();
            assert!(!found(&word), "{before}");
            // Bytes that are no UTF-8, and base64 without an end.
            word[..before].fill(0xff);
            assert!(!found(&word), "{before}");
            word[..before].fill(b'x');
            assert!(!found(&word), "{before}");
        }
    }

    #[test]
    fn a_large_file_is_parsed_as_it_is_read() {
        let check = |contents: &[u8]| {
            let mut file = tempfile::tempfile().unwrap();
            io::Write::write_all(&mut file, contents).unwrap();
            io::Seek::rewind(&mut file).unwrap();
            large_json_error(file)
        };
        assert_eq!(check(br#"{"a": [1, "x"]}"#), None);
        assert!(check(br#"{"a": [1, "x"#).is_some());
        let deep = ["[".repeat(10_000), "]".repeat(10_000)].concat();
        assert_eq!(check(deep.as_bytes()), None);
    }
}
