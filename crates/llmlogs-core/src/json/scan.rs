//! Scanning of tokens, shared by the parser and the reformatter.

use memchr::memchr2;

use super::error::SyntaxError;

/// Returns the error that `expected` is not at `offset`.
pub(super) fn error<T>(offset: usize, expected: &'static str) -> Result<T, SyntaxError> {
    Err(SyntaxError { offset, expected })
}

/// Returns the offset of the first byte from `at` on that is not white space.
pub(super) fn skip_whitespace(text: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = text.get(at) {
        at += 1;
    }
    at
}

/// Returns where the run of plain bytes at `at` ends: at a quote, a backslash, a control character or the end of the text.
#[inline]
pub(super) fn plain_end(text: &[u8], mut at: usize) -> usize {
    // Keys and most values are short, and so are the runs between escapes.
    for _ in 0..4 {
        match word(text, at).map(special) {
            Some(0) => at += 8,
            Some(found) => return at + first(found),
            None => return short_plain_end(text, at),
        }
    }
    long_plain_end(text, at)
}

fn long_plain_end(text: &[u8], mut at: usize) -> usize {
    /// How many bytes are searched at a time: there may be a control character every few bytes.
    const WINDOW: usize = 1024;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let window = &rest[..rest.len().min(WINDOW)];
        let end = memchr2(b'"', b'\\', window).unwrap_or(window.len());
        let run = &window[..end];
        // A fold without an early exit, which the compiler can vectorise.
        if run.iter().fold(false, |any, byte| any | (*byte < 0x20)) {
            return at + run.iter().position(|byte| *byte < 0x20).unwrap_or(end);
        }
        at += end;
        if end < window.len() {
            break;
        }
    }
    at
}

fn short_plain_end(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    at + rest.iter().position(|byte| is_special(*byte)).unwrap_or(rest.len())
}

/// Returns whether a byte ends a plain run inside a string.
pub(super) fn is_special(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'"') | (byte == b'\\')
}

/// Returns eight bytes, the first one lowest.
fn word(text: &[u8], at: usize) -> Option<u64> {
    text.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

/// [`is_special`] for eight bytes at once: the lowest bit that is set is in the first special byte. Bits above it may be
/// wrong.
fn special(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 0xff;
    const HIGH: u64 = ONES << 7;
    let is_zero = |bytes: u64| bytes.wrapping_sub(ONES) & !bytes;
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    let quote = is_zero(word ^ (ONES * b'"' as u64));
    let backslash = is_zero(word ^ (ONES * b'\\' as u64));
    (control | quote | backslash) & HIGH
}

fn first(special: u64) -> usize {
    (special.trailing_zeros() / 8) as usize
}

/// A scanned string: the offset of its closing quote, and whether it has neither escapes nor control characters.
pub(super) struct ScannedString {
    pub(super) end: usize,
    pub(super) plain: bool,
}

/// Scans a string whose opening quote is just before `at`.
#[inline]
pub(super) fn string(text: &[u8], at: usize) -> Result<ScannedString, SyntaxError> {
    let end = plain_end(text, at);
    if text.get(end) == Some(&b'"') {
        return Ok(ScannedString { end, plain: true });
    }
    escaped_string(text, end)
}

/// Returns where a string ends, without checking whether it is plain.
pub(super) fn string_end(text: &[u8], mut at: usize) -> Result<usize, SyntaxError> {
    loop {
        let Some(found) = text.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) else {
            return error(text.len(), "the closing quote of a string");
        };
        at += found;
        if text[at] == b'"' {
            return Ok(at);
        }
        at = escape(text, at)?;
    }
}

/// The rest of a string from its first byte that is not plain.
fn escaped_string(text: &[u8], mut at: usize) -> Result<ScannedString, SyntaxError> {
    loop {
        match text.get(at) {
            None => return error(at, "the closing quote of a string"),
            Some(b'"') => return Ok(ScannedString { end: at, plain: false }),
            Some(b'\\') => at = escape(text, at)?,
            // Some servers send raw line breaks and tabs inside strings, which is not valid JSON. They are accepted,
            // so that the body is not lost, and written escaped.
            Some(_) => at += 1,
        }
        at = plain_end(text, at);
    }
}

/// Scans the escape whose backslash is at `at`; returns its end.
#[inline]
pub(super) fn escape(text: &[u8], at: usize) -> Result<usize, SyntaxError> {
    match text.get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
        Some(b'u') => match text.get(at + 2..at + 6) {
            Some(digits) if digits.iter().all(u8::is_ascii_hexdigit) => Ok(at + 6),
            _ => error(at + 2, "four hexadecimal digits"),
        },
        _ => error(at + 1, "an escape character"),
    }
}

/// Scans a number that starts at `at`; returns its end.
pub(super) fn number(text: &[u8], start: usize) -> Result<usize, SyntaxError> {
    let digits = |mut at: usize| {
        let from = at;
        while text.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        if at == from { error(at, "a digit") } else { Ok(at) }
    };
    let mut at = start;
    if text.get(at) == Some(&b'-') {
        at += 1;
    }
    at = if text.get(at) == Some(&b'0') { at + 1 } else { digits(at)? };
    if text.get(at) == Some(&b'.') {
        at = digits(at + 1)?;
    }
    if let Some(b'e' | b'E') = text.get(at) {
        at += 1;
        if let Some(b'+' | b'-') = text.get(at) {
            at += 1;
        }
        at = digits(at)?;
    }
    Ok(at)
}

/// Scans `word` at `at`; returns its end.
pub(super) fn literal(text: &[u8], at: usize, word: &'static str) -> Result<usize, SyntaxError> {
    if text[at..].starts_with(word.as_bytes()) { Ok(at + word.len()) } else { error(at, "a value") }
}
