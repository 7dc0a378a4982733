//! Writes a [`Json`] tree as text.

use super::escape::escape_into;
use super::value::Json;

/// Containers nested more deeply than this are written on one line. Otherwise the indentation of n levels on n lines would
/// make the file of a hostile body grow with the square of the body's length.
pub(super) const MAX_INDENT: usize = 128;

/// Writes `json` indented by two spaces a level, non-ASCII unescaped, without a newline at the end.
pub fn pretty(json: &Json<'_>, out: &mut Vec<u8>) {
    write_value(json, Some(0), out);
}

/// Writes `json` on one line, without spaces.
pub fn compact(json: &Json<'_>, out: &mut Vec<u8>) {
    write_value(json, None, out);
}

/// Writes `plain` as a JSON string with its quotes.
pub fn quote(plain: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    escape_into(plain, out);
    out.push(b'"');
}

/// Writes a value; `indent` is its depth, or `None` to write on one line.
fn write_value(json: &Json<'_>, indent: Option<usize>, out: &mut Vec<u8>) {
    match json {
        Json::Null => out.extend_from_slice(b"null"),
        Json::Bool(true) => out.extend_from_slice(b"true"),
        Json::Bool(false) => out.extend_from_slice(b"false"),
        Json::Number(digits) => out.extend_from_slice(digits.as_bytes()),
        Json::String(text) => text.write(out),
        Json::Array(items) => write_container(b'[', b']', items, indent, out, |item, indent, out| {
            write_value(item, indent, out);
        }),
        Json::Object(object) => {
            write_container(b'{', b'}', &object.0, indent, out, |(key, member), indent, out| {
                key.write(out);
                out.extend_from_slice(if indent.is_some() { b": " } else { b":" });
                write_value(member, indent, out);
            });
        }
    }
}

fn write_container<T>(
    open: u8,
    close: u8,
    items: &[T],
    indent: Option<usize>,
    out: &mut Vec<u8>,
    mut write: impl FnMut(&T, Option<usize>, &mut Vec<u8>),
) {
    let inner = indent.map(|depth| depth + 1).filter(|d| *d <= MAX_INDENT);
    out.push(open);
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
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

/// Writes a line break and the indentation of `depth` levels.
pub(super) fn line_break(depth: usize, out: &mut Vec<u8>) {
    static BREAK: [u8; 1 + 2 * MAX_INDENT] = {
        let mut bytes = [b' '; 1 + 2 * MAX_INDENT];
        bytes[0] = b'\n';
        bytes
    };
    out.extend_from_slice(&BREAK[..1 + 2 * depth.min(MAX_INDENT)]);
}
