//! A JSON parser and writer that preserve a body: the order of its keys, the digits of its numbers and its strings.
//! Values borrow from the text.
//!
//! `serde_json::Value` preserves none of the three unless features are enabled that change it for every other crate of
//! the program. Not for typed data: `metadata.json` and the other files of the format are serialised with `serde`.

mod error;
mod escape;
mod parse;
mod reformat;
mod scan;
mod text;
mod utf8;
mod value;
mod write;

pub use error::SyntaxError;
pub use parse::{MAX_DEPTH, parse, parse_shallow};
pub use reformat::reformat;
pub use text::Text;
pub use utf8::lossy;
pub use value::{Json, Object};
pub use write::{compact, pretty, quote};

#[cfg(test)]
mod tests;
