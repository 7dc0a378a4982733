//! Which of two lists' texts belong together.

use std::collections::HashMap;

use serde::Serialize;

use super::myers::{Step, have_in_common, steps};

/// Texts of more bytes than this are taken for alike without comparing their words.
const WORDS: usize = 200_000;

/// The share of words that two texts must have in common to count as one that was changed.
const ALIKE: f64 = 0.4;

/// What became of a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "change", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Change {
    /// Both calls have it.
    Same {
        /// The text.
        text: String,
    },
    /// Only the first call has it.
    Removed {
        /// The text.
        a: String,
    },
    /// Only the second call has it.
    Added {
        /// The text.
        b: String,
    },
    /// Both calls have a text like it.
    Changed {
        /// The first call's text.
        a: String,
        /// The second call's text.
        b: String,
    },
}

/// Aligns the texts of two lists: the same ones with each other, then what is left in between with
/// what is like it.
pub(super) fn align(a: &[String], b: &[String]) -> Vec<Change> {
    let mut changes = Vec::new();
    let (mut removed, mut added): (Vec<&String>, Vec<&String>) = Default::default();
    for step in steps(a, b) {
        match step {
            Step::Delete(place) => removed.push(&a[place]),
            Step::Insert(place) => added.push(&b[place]),
            Step::Keep(place, _) => {
                pair_up(&mut removed, &mut added, &mut changes);
                changes.push(Change::Same { text: a[place].clone() });
            }
        }
    }
    pair_up(&mut removed, &mut added, &mut changes);
    changes
}

/// Between two texts that are the same: pairs of like ones in order, and the rest.
fn pair_up(removed: &mut Vec<&String>, added: &mut Vec<&String>, changes: &mut Vec<Change>) {
    let mut new = std::mem::take(added).into_iter().peekable();
    for old in std::mem::take(removed) {
        match new.next_if(|next| are_alike(old, next)) {
            Some(next) => changes.push(Change::Changed { a: old.clone(), b: next.clone() }),
            None => changes.push(Change::Removed { a: old.clone() }),
        }
    }
    changes.extend(new.map(|text| Change::Added { b: text.clone() }));
}

/// The first line says whose message, or which tool it is.
fn are_alike(a: &str, b: &str) -> bool {
    let head = |text: &str| text.split_once('\n').map(|(head, _)| head.to_owned());
    match (head(a), head(b)) {
        (Some(a_head), Some(b_head)) if a_head != b_head => return false,
        (None, None) => return true,
        _ => {}
    }
    if a.len() + b.len() > WORDS || a.len().max(b.len()) < 200 {
        return true;
    }
    let (a, b) = (words(a), words(b));
    can_have_in_common(&a, &b, ALIKE) && have_in_common(&a, &b, ALIKE)
}

/// Returns whether at least the share `least` of both lists could be common to them, were their words in the same order:
/// to find that order takes the square of what differs.
fn can_have_in_common(a: &[&str], b: &[&str], least: f64) -> bool {
    let mut left: HashMap<&str, usize> = HashMap::new();
    for word in a {
        *left.entry(word).or_default() += 1;
    }
    let is_common = |word: &&&str| match left.get_mut(**word) {
        Some(count @ 1..) => {
            *count -= 1;
            true
        }
        _ => false,
    };
    let common = b.iter().filter(is_common).count();
    2.0 * common as f64 >= least * (a.len() + b.len()) as f64
}

/// Splits a text into its words and the white space between them.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_space = first.is_whitespace();
        let end = rest.find(|c: char| c.is_whitespace() != is_space).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        words.push(word);
        rest = after;
    }
    words
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
        assert_eq!(changes[0], Change::Changed { a: a[0].clone(), b: b[0].clone() });
        assert_eq!(changes[3], Change::Added { b: b[3].clone() });
        assert_eq!(changes.len(), 4);
    }
}
