//! Pretty-prints a text without building a tree and without recursion, whatever its depth and size.

use super::error::SyntaxError;
use super::escape::{escape, handle_escape};
use super::scan::{self, error, skip_whitespace};
use super::write::{MAX_INDENT, line_break};

/// The tokens that may come next.
#[derive(Clone, Copy, PartialEq)]
enum Expect {
    Value,
    /// A value or the end of the array that was just opened.
    ValueOrEnd,
    Key,
    /// A key or the end of the object that was just opened.
    KeyOrEnd,
    CommaOrEnd,
}

/// Pretty-prints the JSON value in `text` as [`pretty`](super::pretty) would print its tree.
///
/// # Errors
///
/// If the text is not JSON; `out` is left as it was then.
pub fn reformat(text: &str, out: &mut Vec<u8>) -> Result<(), SyntaxError> {
    let before = out.len();
    let result = run(text.strip_prefix('\u{feff}').unwrap_or(text).as_bytes(), out);
    if result.is_err() {
        out.truncate(before);
    }
    result
}

fn run(text: &[u8], out: &mut Vec<u8>) -> Result<(), SyntaxError> {
    out.reserve(text.len() + text.len() / 4);
    // One entry a level: its closing bracket.
    let mut open: Vec<u8> = Vec::new();
    let mut expect = Expect::Value;
    let mut at = 0;
    loop {
        at = skip_whitespace(text, at);
        let Some(&byte) = text.get(at) else {
            return error(at, "a value");
        };
        let first = matches!(expect, Expect::ValueOrEnd | Expect::KeyOrEnd);
        match (expect, byte) {
            (Expect::ValueOrEnd | Expect::KeyOrEnd | Expect::CommaOrEnd, b']' | b'}')
                if open.last() == Some(&byte) =>
            {
                open.pop();
                if !first && open.len() < MAX_INDENT {
                    line_break(open.len(), out);
                }
                out.push(byte);
                at += 1;
            }
            (Expect::CommaOrEnd, b',') => {
                out.push(b',');
                at += 1;
                expect = if open.last() == Some(&b'}') { Expect::Key } else { Expect::Value };
                continue;
            }
            (Expect::CommaOrEnd, _) => return error(at, "',' or a closing bracket"),
            (Expect::Key | Expect::KeyOrEnd, b'"') => {
                if open.len() <= MAX_INDENT {
                    line_break(open.len(), out);
                }
                at = write_string(text, at, out)?;
                at = skip_whitespace(text, at);
                if text.get(at) != Some(&b':') {
                    return error(at, "':'");
                }
                at += 1;
                out.extend_from_slice(if open.len() <= MAX_INDENT { b": " } else { b":" });
                at = skip_whitespace(text, at);
                if let Some(next) = write_value(text, &mut at, &mut open, out)? {
                    expect = next;
                    continue;
                }
            }
            (Expect::Key | Expect::KeyOrEnd, _) => return error(at, "a key"),
            (Expect::Value | Expect::ValueOrEnd, _) => {
                if !open.is_empty() && open.len() <= MAX_INDENT {
                    line_break(open.len(), out);
                }
                if let Some(next) = write_value(text, &mut at, &mut open, out)? {
                    expect = next;
                    continue;
                }
            }
        }
        // A value is complete here.
        if open.is_empty() {
            at = skip_whitespace(text, at);
            return if at == text.len() { Ok(()) } else { error(at, "the end of the text") };
        }
        expect = Expect::CommaOrEnd;
    }
}

/// Writes a scalar, or opens a container and returns the tokens with which it may begin.
fn write_value(
    text: &[u8],
    at: &mut usize,
    open: &mut Vec<u8>,
    out: &mut Vec<u8>,
) -> Result<Option<Expect>, SyntaxError> {
    let start = *at;
    *at = match text.get(start) {
        Some(b'{') => {
            open.push(b'}');
            out.push(b'{');
            *at += 1;
            return Ok(Some(Expect::KeyOrEnd));
        }
        Some(b'[') => {
            open.push(b']');
            out.push(b'[');
            *at += 1;
            return Ok(Some(Expect::ValueOrEnd));
        }
        Some(b'"') => {
            *at = write_string(text, start, out)?;
            return Ok(None);
        }
        Some(b'-' | b'0'..=b'9') => scan::number(text, start)?,
        Some(b't') => scan::literal(text, start, "true")?,
        Some(b'f') => scan::literal(text, start, "false")?,
        Some(b'n') => scan::literal(text, start, "null")?,
        _ => return error(start, "a value"),
    };
    out.extend_from_slice(&text[start..*at]);
    Ok(None)
}

/// Writes the string whose opening quote is at `at`; returns the offset after its closing quote.
fn write_string(text: &[u8], at: usize, out: &mut Vec<u8>) -> Result<usize, SyntaxError> {
    // Most strings are plain and are copied with their quotes.
    let mut written = at;
    let mut at = at + 1;
    loop {
        at = scan::plain_end(text, at);
        match text.get(at) {
            None => return error(at, "the closing quote of a string"),
            Some(b'"') => {
                out.extend_from_slice(&text[written..=at]);
                return Ok(at + 1);
            }
            Some(b'\\') => {
                let end = scan::escape(text, at)?;
                (written, at) = handle_escape(text, written, at, end, out);
            }
            Some(_) => {
                out.extend_from_slice(&text[written..at]);
                escape(text[at], out);
                at += 1;
                written = at;
            }
        }
    }
}
