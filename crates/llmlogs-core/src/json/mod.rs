//! JSON as it went over the wire: parsed by reference, written back with the same keys in the same
//! order, the same numbers to the last digit and the same strings.
//!
//! `serde_json::Value` keeps none of the three unless features are switched on that change it for
//! every other crate of the program. Not for typed data: `metadata.json` and the rest of our own
//! files go through `serde`.

mod parse;
mod reformat;
mod scan;
mod text;
mod value;
mod write;

use std::borrow::Cow;

pub use parse::{parse, parse_shallow};
pub use reformat::reformat;
pub use text::Text;
pub use value::{Json, Object};
pub use write::{compact, pretty, quote};

/// The deepest nesting that is parsed into a tree. Deeper bodies are still stored faithfully, by
/// [`reformat`], which needs no stack.
pub const MAX_DEPTH: usize = 256;

/// Beyond this depth containers are written on one line: two spaces a level on each of n lines at
/// depth n would make a hostile body's file grow with the square of its length.
const MAX_INDENT: usize = 128;

/// [`String::from_utf8_lossy`], many times as fast where there is nothing to lose.
pub fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}

/// Where and why a text is not JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SyntaxError {
    /// Offset in bytes from the start of the text.
    pub offset: usize,
    /// What was expected there.
    pub expected: &'static str,
}

impl std::fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "expected {} at byte {}", self.expected, self.offset)
    }
}

#[cfg(test)]
mod tests;
