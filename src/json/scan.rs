//! The tokens that the parser and the reformatter share.

use super::SyntaxError;

pub(super) fn error<T>(offset: usize, expected: &'static str) -> Result<T, SyntaxError> {
    Err(SyntaxError { offset, expected })
}

pub(super) fn skip_whitespace(text: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = text.get(at) {
        at += 1;
    }
    at
}

/// A scanned string: where its closing quote stands, and whether a backslash stands in it.
pub(super) struct ScannedString {
    pub(super) end: usize,
    pub(super) escaped: bool,
}

/// Bytes that end a plain run inside a string: the quote, the backslash, control characters.
static SPECIAL: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = true;
        byte += 1;
    }
    table[b'"' as usize] = true;
    table[b'\\' as usize] = true;
    table
};

/// Scans a string whose opening quote stands just before `at`.
pub(super) fn string(text: &[u8], mut at: usize) -> Result<ScannedString, SyntaxError> {
    let mut escaped = false;
    loop {
        while let Some(chunk) = text.get(at..at + 8) {
            if chunk.iter().any(|byte| SPECIAL[*byte as usize]) {
                break;
            }
            at += 8;
        }
        match text.get(at) {
            None => return error(at, "the closing quote of a string"),
            Some(b'"') => return Ok(ScannedString { end: at, escaped }),
            Some(b'\\') => {
                escaped = true;
                match text.get(at + 1) {
                    Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => at += 2,
                    Some(b'u') => match text.get(at + 2..at + 6) {
                        Some(digits) if digits.iter().all(u8::is_ascii_hexdigit) => at += 6,
                        _ => return error(at + 2, "four hexadecimal digits"),
                    },
                    _ => return error(at + 1, "an escape character"),
                }
            }
            // Real servers do send raw line breaks and tabs inside strings. Taking them loses
            // nothing, refusing them would lose the whole body.
            Some(_) => at += 1,
        }
    }
}

/// Scans a number that starts at `at`; gives its end.
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

/// Scans `word` at `at`; gives its end.
pub(super) fn literal(text: &[u8], at: usize, word: &'static str) -> Result<usize, SyntaxError> {
    if text[at..].starts_with(word.as_bytes()) { Ok(at + word.len()) } else { error(at, "a value") }
}
