//! What is searched for.

use std::ops::Range;

use regex::bytes;

use crate::outcome::CliError;

/// A pattern, over text and, where it means the same there, over JSON as it is stored.
#[derive(Debug)]
pub(crate) struct Pattern {
    text: bytes::Regex,
    /// For words and what is made of them: they stand in JSON as they stand in the text, so whatever lacks
    /// them need not be read any further.
    stored: bool,
}

impl Pattern {
    pub(crate) fn new(pattern: &str, ignore_case: bool, fixed: bool) -> Result<Self, CliError> {
        let source = if fixed { regex::escape(pattern) } else { pattern.to_owned() };
        let text =
            bytes::RegexBuilder::new(&source)
                .case_insensitive(ignore_case)
                .multi_line(true)
                .build()
                .map_err(|error| CliError::Usage(format!("{error}\n-F takes the pattern for plain text.")))?;
        let stored = reads_the_same_stored(pattern);
        Ok(Pattern { text, stored })
    }

    /// What to look for in stored JSON before it is taken apart; `None` where everything has to be.
    pub(crate) fn stored(&self) -> Option<&bytes::Regex> {
        self.stored.then_some(&self.text)
    }

    pub(crate) fn is_in(&self, text: &[u8]) -> bool {
        self.text.is_match(text)
    }

    /// Where it stands in `text`, one match for each line.
    pub(crate) fn find(&self, text: &str, most: usize) -> Vec<Range<usize>> {
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

/// Whether nothing that the pattern matches can have a character that JSON escapes: letters and digits,
/// some marks, and groups, choices, repetitions and plain classes of them.
fn reads_the_same_stored(pattern: &str) -> bool {
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
            assert!(reads_the_same_stored(safe), "{safe}");
        }
        for unsafe_ in ["", "a.b", "\\w+", "say \"hi\"", "^a", "a$", "[^a]", "[A-z]", "[ -~]", "a\nb"] {
            assert!(!reads_the_same_stored(unsafe_), "{unsafe_}");
        }
    }
}
