//! Stored JSON as text, with the same keys in the same order and the same numbers to the last digit.

use crate::json::{self, Json};

/// Indents a stored body; returns `None` if it is not JSON.
#[must_use]
pub fn pretty_json(body: &[u8]) -> Option<String> {
    json::parse(&json::lossy(body)).ok().map(|body| pretty(&body))
}

/// Removes the white space between the tokens of a stored body; returns `None` if it is not JSON.
#[must_use]
pub fn compact_json(body: &[u8]) -> Option<String> {
    let text = json::lossy(body);
    let body = json::parse(&text).ok()?;
    let mut out = Vec::new();
    json::compact(&body, &mut out);
    Some(json::lossy(&out).into_owned())
}

pub(crate) fn pretty(body: &Json<'_>) -> String {
    let mut out = Vec::new();
    json::pretty(body, &mut out);
    json::lossy(&out).into_owned()
}
