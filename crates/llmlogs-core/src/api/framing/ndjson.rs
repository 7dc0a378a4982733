//! One JSON value a line.

use super::event::Event;
use super::lines::{BOM, Lines};
use crate::json;

/// Returns the lines of a body that are not blank.
pub(super) fn events(body: &str) -> impl Iterator<Item = Event<'_>> {
    let lines = Lines::new(body).filter(|(line, _)| !line.trim().is_empty());
    lines.map(|(line, end)| Event::unnamed(line, end))
}

/// Returns whether the first line of a body is JSON, or the beginning of an object that was cut off.
pub(super) fn begins(body: &[u8]) -> bool {
    match memchr::memchr2(b'\n', b'\r', body) {
        None => body.starts_with(b"{"),
        Some(end) => std::str::from_utf8(&body[..end]).is_ok_and(|line| json::parse(line.trim()).is_ok()),
    }
}

/// Returns whether a body is several lines of which the first is a JSON object of its own.
pub(super) fn is_likely(body: &[u8]) -> bool {
    let body = body.strip_prefix(BOM).unwrap_or(body).trim_ascii();
    let Some(end) = memchr::memchr(b'\n', body) else {
        return false;
    };
    let first = std::str::from_utf8(&body[..end]).ok();
    body.starts_with(b"{") && first.is_some_and(|first| json::parse(first.trim()).is_ok())
}
