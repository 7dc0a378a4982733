//! A [`Json`] tree into text.

use super::scan::{is_special, plain_end};
use super::text::unicode_escape;
use super::{Json, MAX_INDENT};

/// Pretty-printed with two spaces, non-ASCII unescaped, no newline at the end.
pub fn pretty(json: &Json<'_>, out: &mut Vec<u8>) {
    value(json, Some(0), out);
}

/// On one line, without spaces.
pub fn compact(json: &Json<'_>, out: &mut Vec<u8>) {
    value(json, None, out);
}

/// `plain` as a JSON string with its quotes.
pub fn quote(plain: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    quote_into(plain, out);
    out.push(b'"');
}

/// `indent` is the depth of the value, or `None` to write on one line.
fn value(json: &Json<'_>, indent: Option<usize>, out: &mut Vec<u8>) {
    match json {
        Json::Null => out.extend_from_slice(b"null"),
        Json::Bool(true) => out.extend_from_slice(b"true"),
        Json::Bool(false) => out.extend_from_slice(b"false"),
        Json::Number(digits) => out.extend_from_slice(digits.as_bytes()),
        Json::String(text) => text.write(out),
        Json::Array(items) => container(b'[', b']', items, indent, out, |item, indent, out| {
            value(item, indent, out);
        }),
        Json::Object(object) => {
            container(b'{', b'}', &object.0, indent, out, |(key, member), indent, out| {
                key.write(out);
                out.extend_from_slice(if indent.is_some() { b": " } else { b":" });
                value(member, indent, out);
            });
        }
    }
}

fn container<T>(
    open: u8,
    close: u8,
    items: &[T],
    indent: Option<usize>,
    out: &mut Vec<u8>,
    mut write: impl FnMut(&T, Option<usize>, &mut Vec<u8>),
) {
    let inner = indent.map(|depth| depth + 1).filter(|d| *d <= MAX_INDENT);
    out.push(open);
    for (place, item) in items.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        if let Some(depth) = inner {
            line_break(depth, out);
        }
        write(item, inner, out);
    }
    if let (Some(depth), false) = (inner, items.is_empty()) {
        line_break(depth - 1, out);
    }
    out.push(close);
}

pub(super) fn line_break(depth: usize, out: &mut Vec<u8>) {
    static BREAK: [u8; 1 + 2 * MAX_INDENT] = {
        let mut bytes = [b' '; 1 + 2 * MAX_INDENT];
        bytes[0] = b'\n';
        bytes
    };
    out.extend_from_slice(&BREAK[..1 + 2 * depth.min(MAX_INDENT)]);
}

/// Escapes what JSON must have escaped, and nothing else.
pub(super) fn quote_into(plain: &str, out: &mut Vec<u8>) {
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

/// Writes the escaped inside of a string with only those escapes that JSON needs.
pub(super) fn normalise(raw: &[u8], out: &mut Vec<u8>) {
    let mut written = 0;
    let mut at = 0;
    loop {
        at = plain_end(raw, at);
        match raw.get(at) {
            None => return out.extend_from_slice(&raw[written..]),
            Some(b'\\') => (written, at) = escaped(raw, written, at, raw.len().min(at + 2), out),
            // Not inside a string; but what cannot be stays as it is.
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

/// Decides on the escape at `at`, where everything before `written` is written. One that JSON needs waits to be
/// written with what follows it, until `end`; another is written as what it says. A surrogate without its partner is
/// no character, so it stays as it is. Gives up to where is written now, and from where to go on.
#[inline]
pub(super) fn escaped(
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
            // The slash goes with what follows it.
            (at + 1, at + 2)
        }
        _ => (written, end),
    }
}
