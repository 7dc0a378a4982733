//! What became of the words of a text.

use std::time::Duration;

use similar::{ChangeTag, TextDiff};

/// Longer texts are compared line by line.
const WORDS: usize = 200_000;

/// After this time, what is found is good enough: texts that have little in common take the square of their length.
const ENOUGH: Duration = Duration::from_secs(1);

/// A piece of a text that was changed.
#[derive(Debug, PartialEq)]
pub(crate) struct Piece {
    pub(crate) tag: Tag,
    pub(crate) text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tag {
    Same,
    Removed,
    Added,
}

/// Compares two texts word by word, long ones line by line.
pub(crate) fn words(a: &str, b: &str) -> Vec<Piece> {
    let mut config = TextDiff::configure();
    config.timeout(ENOUGH);
    let diff =
        if a.len() + b.len() > WORDS { config.diff_lines(a, b) } else { config.diff_unicode_words(a, b) };
    let mut pieces: Vec<Piece> = Vec::new();
    for change in diff.iter_all_changes() {
        let tag = match change.tag() {
            ChangeTag::Equal => Tag::Same,
            ChangeTag::Delete => Tag::Removed,
            ChangeTag::Insert => Tag::Added,
        };
        match pieces.last_mut() {
            Some(last) if last.tag == tag => last.text.push_str(change.value()),
            _ => pieces.push(Piece { tag, text: change.value().to_owned() }),
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_compared() {
        let pieces = words("Be terse.", "Be very terse.");
        assert_eq!(pieces[1], Piece { tag: Tag::Added, text: "very ".into() });
    }
}
