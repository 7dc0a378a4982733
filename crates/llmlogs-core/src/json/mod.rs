//! JSON as it went over the wire: parsed by reference, written back with the same keys in the same
//! order, the same numbers to the last digit and the same strings.
//!
//! `serde_json::Value` keeps none of the three unless features are switched on that change it for
//! every other crate of the program. Not for typed data: `metadata.json` and the rest of our own
//! files go through `serde`.

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
