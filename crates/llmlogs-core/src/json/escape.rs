//! Escaping and unescaping the characters of strings.

use super::scan::{is_special, plain_end};

/// Writes the contents of a string; escapes only the characters that JSON requires to be escaped.
pub(super) fn escape_into(plain: &str, out: &mut Vec<u8>) {
    let bytes = plain.as_bytes();
    let mut written = 0;
    loop {
        let at = plain_end(bytes, written);
        out.extend_from_slice(&bytes[written..at]);
        let Some(byte) = bytes.get(at) else {
            return;
        };
        escape(*byte, out);
        written = at + 1;
    }
}

/// Writes the escape of a byte that JSON does not allow unescaped in a string.
pub(super) fn escape(byte: u8, out: &mut Vec<u8>) {
    let short = match byte {
        b'"' => b'"',
        b'\\' => b'\\',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0c => b'f',
        _ => {
            const HEX: &[u8; 16] = b"0123456789abcdef";
            out.extend_from_slice(b"\\u00");
            out.push(HEX[usize::from(byte >> 4)]);
            out.push(HEX[usize::from(byte & 15)]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

/// Writes the escaped contents of a string with only those escapes that JSON requires.
pub(super) fn normalise(raw: &[u8], out: &mut Vec<u8>) {
    let mut written = 0;
    let mut at = 0;
    loop {
        at = plain_end(raw, at);
        match raw.get(at) {
            None => return out.extend_from_slice(&raw[written..]),
            Some(b'\\') => (written, at) = handle_escape(raw, written, at, raw.len().min(at + 2), out),
            // Cannot occur inside a string; copied unchanged.
            Some(b'"') => at += 1,
            Some(control) => {
                out.extend_from_slice(&raw[written..at]);
                escape(*control, out);
                at += 1;
                written = at;
            }
        }
    }
}

/// Handles the escape at `at`, where everything before `written` has been written. An escape that JSON requires, which
/// ends at `end`, is written later with the text after it; another is replaced by its character. An unpaired surrogate is
/// not a character and stays escaped. Returns the new `written` and the offset at which to continue.
#[inline]
pub(super) fn handle_escape(
    raw: &[u8],
    written: usize,
    at: usize,
    end: usize,
    out: &mut Vec<u8>,
) -> (usize, usize) {
    match raw.get(at + 1) {
        Some(b'u') => {
            let (char, read) = unicode_escape(&raw[at..]);
            let Ok(char) = char else {
                return (written, at + read);
            };
            out.extend_from_slice(&raw[written..at]);
            let mut utf8 = [0; 4];
            match char.encode_utf8(&mut utf8).as_bytes() {
                [byte] if is_special(*byte) => escape(*byte, out),
                bytes => out.extend_from_slice(bytes),
            }
            (at + read, at + read)
        }
        Some(b'/') => {
            out.extend_from_slice(&raw[written..at]);
            // The slash is written with the text after it.
            (at + 1, at + 2)
        }
        _ => (written, end),
    }
}

/// Returns the value of the four hexadecimal digits at the start of `digits`.
fn hex4(digits: &[u8]) -> Option<u32> {
    let digits = digits.get(..4)?;
    digits.iter().try_fold(0, |number, digit| Some(number << 4 | char::from(*digit).to_digit(16)?))
}

/// Returns the character of a `\uXXXX` at the start of `raw`, joined with a following low surrogate, and how many bytes
/// were read; `Err` with the code unit for an unpaired surrogate.
fn unicode_escape(raw: &[u8]) -> (Result<char, u32>, usize) {
    let first = hex4(&raw[2..]).unwrap_or(0xFFFD);
    if (0xD800..0xDC00).contains(&first)
        && raw.get(6..8) == Some(b"\\u")
        && let Some(second) = hex4(&raw[8..])
        && (0xDC00..0xE000).contains(&second)
    {
        let joined = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
        return (char::from_u32(joined).ok_or(first), 12);
    }
    (char::from_u32(first).ok_or(first), 6)
}

/// Returns the unescaped contents of a string; an unpaired surrogate becomes U+FFFD.
pub(super) fn unescape(raw: &str) -> String {
    let bytes = raw.as_bytes();
    let mut plain = String::with_capacity(raw.len());
    let mut at = 0;
    while let Some(run) = raw.get(at..) {
        let Some(backslash) = run.find('\\') else {
            plain.push_str(run);
            break;
        };
        plain.push_str(&run[..backslash]);
        at += backslash;
        let (char, read) = match bytes.get(at + 1) {
            Some(b'u') => {
                let (char, read) = unicode_escape(&bytes[at..]);
                (char.unwrap_or(char::REPLACEMENT_CHARACTER), read)
            }
            Some(b'n') => ('\n', 2),
            Some(b't') => ('\t', 2),
            Some(b'r') => ('\r', 2),
            Some(b'b') => ('\u{8}', 2),
            Some(b'f') => ('\u{c}', 2),
            Some(other) => (char::from(*other), 2),
            None => ('\\', 1),
        };
        plain.push(char);
        at += read;
    }
    plain
}
