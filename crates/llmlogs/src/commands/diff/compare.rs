//! Which of two lists' texts belong together.

use similar::{ChangeTag, TextDiff};

/// Texts longer than this are compared line by line only.
const WORDS: usize = 200_000;

/// How alike two texts have to be to count as one that was changed.
const ALIKE: f32 = 0.4;

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Change {
    Same(String),
    Removed(String),
    Added(String),
    Changed(String, String),
}

/// Lines up the texts of two lists: the same ones with each other, then what is left in between with
/// what is like it.
pub(crate) fn align(a: &[String], b: &[String]) -> Vec<Change> {
    let mut changes = Vec::new();
    let (mut removed, mut added): (Vec<&String>, Vec<&String>) = Default::default();
    for op in similar::capture_diff_slices(similar::Algorithm::Myers, a, b) {
        for change in op.iter_changes(a, b) {
            match change.tag() {
                ChangeTag::Delete => removed.push(&a[change.old_index().unwrap_or_default()]),
                ChangeTag::Insert => added.push(&b[change.new_index().unwrap_or_default()]),
                ChangeTag::Equal => {
                    settle(&mut removed, &mut added, &mut changes);
                    changes.push(Change::Same(change.value().clone()));
                }
            }
        }
    }
    settle(&mut removed, &mut added, &mut changes);
    changes
}

/// Between two texts that are the same: pairs of like ones in order, and the rest.
fn settle(removed: &mut Vec<&String>, added: &mut Vec<&String>, changes: &mut Vec<Change>) {
    let mut new = std::mem::take(added).into_iter().peekable();
    for old in std::mem::take(removed) {
        match new.peek() {
            Some(next) if are_alike(old, next) => {
                changes.push(Change::Changed(old.clone(), (*next).clone()));
                new.next();
            }
            _ => changes.push(Change::Removed(old.clone())),
        }
    }
    changes.extend(new.map(|text| Change::Added(text.clone())));
}

/// The first line says whose message, or which tool it is.
fn are_alike(a: &str, b: &str) -> bool {
    let head = |text: &str| text.split_once('\n').map(|(head, _)| head.to_owned());
    match (head(a), head(b)) {
        (Some(a_head), Some(b_head)) if a_head != b_head => return false,
        (None, None) => return true,
        _ => {}
    }
    if a.len() + b.len() > WORDS {
        return true;
    }
    TextDiff::from_words(a, b).ratio() >= ALIKE || a.len().max(b.len()) < 200
}

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

/// What became of the words of a text; of long texts, of their lines.
pub(crate) fn words(a: &str, b: &str) -> Vec<Piece> {
    let diff = if a.len() + b.len() > WORDS {
        TextDiff::from_lines(a, b)
    } else {
        TextDiff::from_unicode_words(a, b)
    };
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
    fn messages_that_were_edited_are_found_again() {
        let list = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let a = list(&["system\nBe terse.", "user\nWhat is in config.py?", "assistant\nA map."]);
        let b = list(&[
            "system\nBe very terse.",
            "user\nWhat is in config.py?",
            "assistant\nA map.",
            "user\nThanks",
        ]);
        let changes = align(&a, &b);
        assert_eq!(changes[0], Change::Changed(a[0].clone(), b[0].clone()));
        assert_eq!(changes[3], Change::Added(b[3].clone()));
        assert_eq!(changes.len(), 4);
    }

    #[test]
    fn words_are_told_apart() {
        let pieces = words("Be terse.", "Be very terse.");
        assert_eq!(pieces[1], Piece { tag: Tag::Added, text: "very ".into() });
    }
}
