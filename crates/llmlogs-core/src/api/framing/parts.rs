//! Finding the first and the last events of a body of lines without reading those between.
//!
//! A part is what lies between two ends of events: a line, or where `blank_line` is set the lines up to a blank one.

use super::lines::BOM;

/// Returns where the first `count` parts end that have data.
pub(super) fn after_parts(body: &[u8], blank_line: bool, count: usize) -> usize {
    let (mut at, mut start, mut found) = (0, 0, 0);
    while let Some(line) = memchr::memchr(b'\n', &body[at..]) {
        at += line + 1;
        if ends_part(&body[start..at], blank_line) {
            found += usize::from(has_data(&body[start..at], blank_line));
            start = at;
            if found == count {
                return at;
            }
        }
    }
    body.len()
}

/// Returns where the last `count` parts begin that have data; one without its end counts too.
pub(super) fn before_parts(body: &[u8], blank_line: bool, count: usize) -> usize {
    let (mut at, mut end, mut found) = (body.len(), body.len(), 0);
    while let Some(line) = memchr::memrchr(b'\n', &body[..at]) {
        at = line;
        if ends_part(&body[..=line], blank_line) {
            found += usize::from(has_data(&body[line + 1..end], blank_line));
            end = line + 1;
            if found == count {
                return end;
            }
        }
    }
    0
}

/// Returns whether the line break at the end of `lines` ends a part.
fn ends_part(lines: &[u8], blank_line: bool) -> bool {
    !blank_line || lines.ends_with(b"\n\n") || lines.ends_with(b"\n\r\n")
}

/// Returns whether a part is more than comments and blank lines.
fn has_data(part: &[u8], blank_line: bool) -> bool {
    let part = part.strip_prefix(BOM).unwrap_or(part);
    if blank_line {
        part.starts_with(b"data") || memchr::memmem::find(part, b"\ndata").is_some()
    } else {
        !part.trim_ascii().is_empty()
    }
}
