//! Recorded text on its way to a terminal: nothing in it may do anything there.

use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

pub(crate) use llmlogs_core::render::{clean, is_hostile, picture};

/// Returns the text in one line: cleaned, with every run of white space as one space.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    let mut space = false;
    for c in text.chars() {
        if c.is_whitespace() {
            space = !line.is_empty();
            continue;
        }
        if std::mem::take(&mut space) {
            line.push(' ');
        }
        line.push(if is_hostile(c) { picture(c) } else { c });
    }
    line
}

/// Returns how many columns a text takes.
pub(crate) fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// Returns the text cut to `limit` columns, with an ellipsis if something was cut.
pub(crate) fn cut(text: &str, limit: usize) -> Cow<'_, str> {
    if width(text) <= limit {
        return Cow::Borrowed(text);
    }
    let mut taken = 0;
    let mut end = 0;
    for (at, c) in text.char_indices() {
        taken += c.width().unwrap_or_default();
        if taken + 1 > limit {
            break;
        }
        end = at + c.len_utf8();
    }
    Cow::Owned(format!("{}…", text[..end].trim_end()))
}

/// Fills up with spaces to `columns`.
pub(crate) fn pad(text: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(width(text));
    format!("{text}{}", " ".repeat(missing))
}

/// Returns the first lines of a text, each cut, and whether more follows.
pub(crate) fn first_lines(text: &str, lines: usize, limit: usize) -> (Vec<String>, bool) {
    let text = clean(text);
    let mut full =
        text.lines().map(|line| line.replace('\t', "    ")).skip_while(|line| line.trim().is_empty());
    let shown: Vec<_> = full.by_ref().take(lines).collect();
    let shortened = shown.iter().any(|line| width(line) > limit);
    let more = full.any(|line| !line.trim().is_empty());
    (shown.iter().map(|line| cut(line, limit).into_owned()).collect(), more || shortened)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_shown_and_not_obeyed() {
        assert_eq!(one_line(" a\n\n b\x1b]8;;x\x07 "), "a b␛]8;;x␇");
    }

    #[test]
    fn wide_characters_take_two_columns() {
        assert_eq!(width("你好"), 4);
        assert_eq!(cut("你好世界", 5), "你好…");
        assert_eq!(cut("你好世界", 8), "你好世界");
        assert_eq!(pad("你", 4), "你  ");
    }
}
