//! How much recorded text a page takes: a long one is folded, a very long one is cut, and so is the page as a whole.

use std::cell::Cell;

use maud::{Markup, html};

use crate::output::format::{grouped, size};

use super::text::visible;

/// So many bytes of one text are shown, and of all texts of a page.
pub(crate) const TEXT: usize = 64 << 10;
const PAGE: usize = 2 << 20;

/// A longer text is folded: characters, lines.
const FOLDED: (usize, usize) = (4000, 60);

/// So much of a folded text is seen: bytes, lines.
const PREVIEW: (usize, usize) = (600, 8);

/// The room that is left on a page.
#[derive(Debug)]
pub(crate) struct Room(Cell<usize>);

impl Room {
    pub(crate) fn new() -> Self {
        Room(Cell::new(PAGE))
    }

    /// Returns a text as it is, its white space too, folded if it is long.
    pub(crate) fn text(&self, text: &str) -> Markup {
        let left = self.0.get();
        let shown = beginning(text, TEXT.min(left));
        self.0.set(left - shown.len());
        let is_cut = shown.len() < text.len();
        let lines = || shown.bytes().filter(|byte| *byte == b'\n').count() + 1;
        html! {
            @if shown.len() > FOLDED.0 || lines() > FOLDED.1 {
                details.long {
                    summary {
                        span.fold { "Show all " (grouped(lines() as u64)) " lines, " (size(shown.len() as u64)) }
                        pre.preview { (visible(preview(shown))) "…" }
                    }
                    pre { (visible(shown)) }
                }
            } @else if !shown.is_empty() || text.is_empty() {
                pre { (visible(shown)) }
            }
            @if is_cut {
                p.dim { (size((text.len() - shown.len()) as u64)) " of " (size(text.len() as u64))
                    " are left out here. The whole text is in the raw body." }
            }
        }
    }
}

fn preview(text: &str) -> &str {
    let lines: usize = text.split_inclusive('\n').take(PREVIEW.1).map(str::len).sum();
    beginning(text, lines.min(PREVIEW.0)).trim_end()
}

/// Returns the beginning of a text in whole characters, and in whole lines if they are not too long.
pub(crate) fn beginning(text: &str, max: usize) -> &str {
    if text.len() <= max {
        return text;
    }
    let mut end = max;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    match text[..end].rfind('\n') {
        Some(line) if line >= end / 2 => &text[..=line],
        _ => &text[..end],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters_and_lines() {
        assert_eq!(beginning("aä", 2), "a");
        assert_eq!(beginning("line\nlong\n", 7), "line\n");
        assert_eq!(beginning("a\nlong line", 9), "a\nlong li");
        assert_eq!(beginning("all", 3), "all");
    }

    #[test]
    fn a_page_has_an_end() {
        let room = Room::new();
        let text = "x".repeat(TEXT);
        let sum: usize = (0..100).map(|_| room.text(&text).0.len()).sum();
        assert!(sum < PAGE + (1 << 18), "{sum}");
        assert!(room.text("more").0.contains("left out"));
    }
}
