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
    without_gaps(pieces)
}

/// Joins what was replaced word by word, with nothing but blanks left in between, to one piece gone and one new.
fn without_gaps(pieces: Vec<Piece>) -> Vec<Piece> {
    let is_gap = |piece: &Piece| piece.tag == Tag::Same && piece.text.chars().all(|c| c == ' ' || c == '\t');
    let mut joined: Vec<Piece> = Vec::new();
    let mut rest = pieces.into_iter().peekable();
    while let Some(piece) = rest.next() {
        if piece.tag == Tag::Same {
            joined.push(piece);
            continue;
        }
        let (mut removed, mut added, mut gap) = (String::new(), String::new(), String::new());
        let mut next = Some(piece);
        while let Some(piece) = next {
            match piece.tag {
                Tag::Same => gap = piece.text,
                tag => {
                    let gap = std::mem::take(&mut gap);
                    removed.push_str(&gap);
                    added.push_str(&gap);
                    if tag == Tag::Removed { &mut removed } else { &mut added }.push_str(&piece.text);
                }
            }
            next = rest.next_if(|piece| piece.tag != Tag::Same || is_gap(piece));
        }
        let changed = [(Tag::Removed, removed), (Tag::Added, added)].into_iter();
        let changed = changed.filter(|(_, text)| !text.is_empty());
        joined.extend(changed.map(|(tag, text)| Piece { tag, text }));
        if !gap.is_empty() {
            joined.push(Piece { tag: Tag::Same, text: gap });
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_compared() {
        let pieces = words("Be terse.", "Be very terse.");
        assert_eq!(pieces[1], Piece { tag: Tag::Added, text: "very ".into() });
    }

    #[test]
    fn a_sentence_that_was_replaced_was_in_pieces_of_a_word() {
        let piece = |tag, text: &str| Piece { tag, text: text.into() };
        assert_eq!(
            words("Why did it fail? Say.", "How many are there? Say."),
            [
                piece(Tag::Removed, "Why did it fail"),
                piece(Tag::Added, "How many are there"),
                piece(Tag::Same, "? Say.")
            ]
        );
        // What only one of them has takes no blanks from the other.
        let of = |pieces: &[Piece], other: Tag| -> String {
            pieces.iter().filter(|piece| piece.tag != other).map(|piece| piece.text.as_str()).collect()
        };
        for (a, b) in
            [("a b c d", "a x d"), ("a b", "b c"), ("a  b\nc", "a b\n c "), ("one two", ""), ("x y ", " x z")]
        {
            let pieces = words(a, b);
            assert_eq!((of(&pieces, Tag::Added), of(&pieces, Tag::Removed)), (a.to_owned(), b.to_owned()));
        }
    }
}
