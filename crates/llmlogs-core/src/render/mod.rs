//! `input.txt` and `output.txt`: a call as text for people.
//!
//! `docs/format.md` specifies the layout, byte for byte. The input are the views, which are the same for all APIs.

mod input;
mod language;
mod output;
mod terminal;

pub use input::{Asked, input};
pub use language::Language;
pub use output::{Failed, Reply, output};
pub use terminal::{clean, is_hostile, picture};

use std::borrow::Cow;
use std::fmt::Write;

use crate::api::Part;

/// Horizontal rules of eighty and forty characters.
const DOUBLE_RULE: &str = "================================================================================";
const SINGLE_RULE: &str = "────────────────────────────────────────────────────────────────────────────────";
const SHORT_RULE: &str = "----------------------------------------";

/// A text file under construction.
struct Page(String);

impl Page {
    fn line(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
    }

    fn pair(&mut self, name: &str, value: impl std::fmt::Display) {
        // Writing to a string does not fail.
        let _never = writeln!(self.0, "{name}: {value}");
    }

    fn blank(&mut self) {
        self.0.push('\n');
    }

    /// Adds a title between double rules, and a blank line.
    fn title(&mut self, title: &str) {
        self.line(DOUBLE_RULE);
        self.line(title);
        self.line(DOUBLE_RULE);
        self.blank();
    }

    /// Adds a heading between single rules.
    fn heading(&mut self, heading: &str) {
        self.line(SINGLE_RULE);
        self.line(heading);
        self.line(SINGLE_RULE);
    }

    /// Adds the heading of one item above a short rule.
    fn item(&mut self, number: usize, name: &str) {
        let _never = writeln!(self.0, "[{number}] {name}");
        self.line(SHORT_RULE);
    }

    /// Closes the page with a double rule. Nothing in it can do anything to a terminal then.
    fn end(mut self) -> String {
        self.line(DOUBLE_RULE);
        match clean(&self.0) {
            Cow::Borrowed(_clean) => self.0,
            Cow::Owned(clean) => clean,
        }
    }
}

/// Returns `[image/png, 182 KB]`, or the media type and the URL of media that is not in the body.
fn media(media_type: &str, bytes: Option<u64>, source: &str) -> String {
    let size = match bytes {
        None if source.is_empty() => return format!("[{media_type}]"),
        None => return format!("[{media_type}: {source}]"),
        Some(bytes @ 0..1024) => format!("{bytes} B"),
        Some(bytes @ 1024..0x10_0000) => format!("{} KB", bytes / 1024),
        Some(bytes) => format!("{:.1} MB", bytes as f64 / 1_048_576.0),
    };
    format!("[{media_type}, {size}]")
}

/// Returns the text of a part that is neither reasoning nor a tool call.
pub fn plain<'p>(part: &'p Part<'_>) -> Option<Cow<'p, str>> {
    match part {
        Part::Text(text) => Some(Cow::Borrowed(text)),
        Part::Refusal(text) => Some(Cow::Owned(format!("[refusal] {text}"))),
        Part::Media { media_type, bytes, source } => Some(Cow::Owned(media(media_type, *bytes, source))),
        Part::ToolResult { label, text, .. } => Some(Cow::Owned(format!("[result of {label}]\n{text}"))),
        Part::Other(json) => {
            let mut out = Vec::new();
            crate::json::compact(json, &mut out);
            Some(Cow::Owned(crate::json::lossy(&out).into_owned()))
        }
        Part::Reasoning(_) | Part::ToolCall { .. } | Part::ServerToolCall { .. } => None,
    }
}

/// Returns the texts of all parts except reasoning and tool calls, joined by newlines.
fn body(parts: &[Part<'_>]) -> String {
    let texts: Vec<_> = parts.iter().filter_map(plain).filter(|text| !text.is_empty()).collect();
    texts.join("\n")
}

/// Returns all reasoning, joined by newlines.
fn reasoning(parts: &[Part<'_>]) -> String {
    let texts = parts.iter().filter_map(|part| match part {
        Part::Reasoning(text) if !text.is_empty() => Some(&**text),
        _ => None,
    });
    texts.collect::<Vec<_>>().join("\n")
}

/// Returns the names and arguments of the tools that were called.
fn tool_calls<'p>(parts: &'p [Part<'_>]) -> impl Iterator<Item = (&'p str, &'p str)> {
    parts.iter().filter_map(|part| match part {
        Part::ToolCall { name, arguments, .. } | Part::ServerToolCall { name, arguments, .. } => {
            Some((&**name, &**arguments))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests;
