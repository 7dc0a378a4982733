//! A text that differs, in two columns: what only one call has is marked, long stretches of what both have are folded.

use maud::{Markup, html};

use crate::output::format::size;
use crate::reports::words::{Piece, Tag, words};

use super::super::text::visible;

/// So many bytes of a text are shown; the call's page has it whole.
pub(super) const MOST: usize = 64 << 10;

/// So many lines around what differs are shown, and at least so many are folded.
const NEAR: usize = 3;
const FOLDED: usize = 4;

/// Returns the heading of a text and the rest.
pub(super) fn split(text: &str, headed: bool) -> (&str, &str) {
    if headed { text.split_once('\n').unwrap_or((text, "")) } else { ("", text) }
}

/// Returns the beginning of `text`, at most `most` bytes, and how many more there are.
pub(super) fn cut(text: &str, most: usize) -> (&str, usize) {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    (&text[..end], text.len() - end)
}

pub(super) fn more(bytes: usize) -> String {
    format!("… {} more; the call's page has it whole", size(bytes as u64))
}

/// Returns what each call has of a text that differs; `None` for a call that has nothing like it.
pub(super) fn columns(a: Option<&str>, b: Option<&str>) -> [Option<Markup>; 2] {
    let (Some(old), Some(new)) = (a, b) else {
        return [
            a.map(|text| column(&[Piece { tag: Tag::Removed, text: text.to_owned() }], Tag::Added)),
            b.map(|text| column(&[Piece { tag: Tag::Added, text: text.to_owned() }], Tag::Removed)),
        ];
    };
    let pieces = words(old, new);
    [Some(column(&pieces, Tag::Added)), Some(column(&pieces, Tag::Removed))]
}

/// The column of the call that has nothing of what is tagged `other`.
fn column(pieces: &[Piece], other: Tag) -> Markup {
    let mut left = MOST;
    let mut cut_off = 0;
    let last = pieces.len().saturating_sub(1);
    let mut shown = Vec::new();
    for (place, piece) in pieces.iter().enumerate().filter(|(_, piece)| piece.tag != other) {
        let (text, more) = cut(&piece.text, left);
        left -= text.len();
        cut_off += more;
        shown.push(match piece.tag {
            Tag::Same => kept(text, place == 0, place == last),
            Tag::Removed => html! { del { (marked(text)) } },
            Tag::Added => html! { ins { (marked(text)) } },
        });
    }
    html! {
        div.text { @for piece in &shown { (piece) } }
        @if cut_off > 0 { p.dim { (more(cut_off)) } }
    }
}

/// What both calls have between two differences, or before the first and after the last.
fn kept(text: &str, is_first: bool, is_last: bool) -> Markup {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let before = if is_first { 0 } else { NEAR };
    let after = if is_last { 0 } else { NEAR };
    if lines.len() < before + after + FOLDED {
        return html! { (visible(text)) };
    }
    let (start, rest) = lines.split_at(before);
    let (folded, end) = rest.split_at(rest.len() - after);
    html! {
        (visible(&start.concat()))
        details.same { summary { (folded.len()) " lines the same" } (visible(&folded.concat())) }
        (visible(&end.concat()))
    }
}

/// A line break that is gone or new has to be seen.
fn marked(text: &str) -> String {
    visible(text).replace('\n', "↵\n")
}
