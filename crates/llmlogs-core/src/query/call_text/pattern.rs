//! The regular expression that is searched for.

use std::ops::Range;

use regex::bytes;

use crate::query::error::QueryError;

/// A pattern, over text and, if it means the same there, over JSON as it is stored.
#[derive(Debug, Clone)]
pub(in crate::query) struct Pattern {
    text: bytes::Regex,
    /// Whether what it matches is the same in stored JSON as in the text, so that stored JSON without a match need not
    /// be parsed.
    stored: bool,
}

impl Pattern {
    pub(in crate::query) fn new(pattern: &str, ignore_case: bool, fixed: bool) -> Result<Self, QueryError> {
        let source = if fixed { regex::escape(pattern) } else { pattern.to_owned() };
        let text = bytes::RegexBuilder::new(&source)
            .case_insensitive(ignore_case)
            .multi_line(true)
            .build()
            .map_err(|error| QueryError::new(error.to_string()))?;
        let stored = is_same_in_json(pattern);
        Ok(Pattern { text, stored })
    }

    /// Returns what to look for in stored JSON before it is parsed; `None` if everything has to be parsed.
    pub(in crate::query) fn stored(&self) -> Option<&bytes::Regex> {
        self.stored.then_some(&self.text)
    }

    pub(in crate::query) fn is_in(&self, text: &[u8]) -> bool {
        self.text.is_match(text)
    }

    /// Returns where it matches in `text`, at most once a line.
    pub(in crate::query) fn find(&self, text: &str, most: usize) -> Vec<Range<usize>> {
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

/// Returns whether nothing that the pattern matches can have a character that JSON escapes: it consists of letters,
/// digits, some marks, and groups, choices, repetitions and plain classes of them.
fn is_same_in_json(pattern: &str) -> bool {
    let is_plain = |c: char| c.is_alphanumeric() || " _,:;'@%=~!|()+*?{}[]-".contains(c);
    if pattern.is_empty() || !pattern.chars().all(is_plain) {
        return false;
    }
    // A range may run over quotes and backslashes, unless it stays within one alphabet.
    let letters: Vec<char> = pattern.chars().collect();
    let same_alphabet = |a: char, b: char| {
        [char::is_ascii_lowercase, char::is_ascii_uppercase, char::is_ascii_digit]
            .iter()
            .any(|is| is(&a) && is(&b))
    };
    let dashes = letters.windows(3).filter(|three| three[1] == '-');
    !pattern.contains('[') || dashes.into_iter().all(|three| same_alphabet(three[0], three[2]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_patterns_that_cannot_meet_an_escape_are_looked_for_in_stored_json() {
        for safe in
            ["needle", "n[e]+dle", "rate limit|timeout", "(a|b){2}", "[a-f0-9]+", "gpt-4o", "映射", "(?i)x"]
        {
            assert!(is_same_in_json(safe), "{safe}");
        }
        for unsafe_ in ["", "a.b", "\\w+", "say \"hi\"", "^a", "a$", "[^a]", "[A-z]", "[ -~]", "a\nb"] {
            assert!(!is_same_in_json(unsafe_), "{unsafe_}");
        }
    }
}
