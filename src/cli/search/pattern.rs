//! What is searched for.

use std::ops::Range;

use regex::bytes;

use super::super::outcome::Problem;

/// A pattern, over text and, where it means the same there, over JSON as it is stored.
#[derive(Debug)]
pub(super) struct Pattern {
    text: bytes::Regex,
    /// For plain words: they stand in JSON as they stand in the text, so whatever lacks them need not be
    /// read any further.
    stored: bool,
}

impl Pattern {
    pub(super) fn new(pattern: &str, ignore_case: bool, fixed: bool) -> Result<Self, Problem> {
        let source = if fixed { regex::escape(pattern) } else { pattern.to_owned() };
        let text =
            bytes::RegexBuilder::new(&source)
                .case_insensitive(ignore_case)
                .multi_line(true)
                .build()
                .map_err(|error| Problem::Usage(format!("{error}\n-F takes the pattern for plain text.")))?;
        let is_plain = |c: char| {
            c.is_alphanumeric()
                || matches!(c, ' ' | '_' | '-' | ',' | ':' | ';' | '\'' | '@' | '%' | '=' | '~' | '!')
        };
        let stored = !pattern.is_empty() && pattern.chars().all(is_plain);
        Ok(Pattern { text, stored })
    }

    /// What to look for in stored JSON before it is taken apart; `None` where everything has to be.
    pub(super) fn stored(&self) -> Option<&bytes::Regex> {
        self.stored.then_some(&self.text)
    }

    pub(super) fn is_in(&self, text: &[u8]) -> bool {
        self.text.is_match(text)
    }

    /// Where it stands in `text`, one match for each line.
    pub(super) fn find(&self, text: &str, most: usize) -> Vec<Range<usize>> {
        let mut found: Vec<Range<usize>> = Vec::new();
        let mut from = 0;
        while let Some(next) = self.text.find_at(text.as_bytes(), from) {
            let range = next.range();
            if !text.is_char_boundary(range.start) || !text.is_char_boundary(range.end) {
                break;
            }
            let line_end =
                memchr::memchr(b'\n', &text.as_bytes()[range.end..]).map(|end| range.end + end + 1);
            found.push(range);
            match line_end {
                Some(end) if found.len() < most => from = end,
                _ => break,
            }
        }
        found
    }
}
