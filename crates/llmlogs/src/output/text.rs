//! Recorded text on its way to a terminal: nothing in it may do anything there.

use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Returns whether a character may move the cursor, change colours, or turn the order of what follows it.
pub(crate) fn is_hostile(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

/// Returns the text with every hostile character made visible; line breaks and tabs stay.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    let passes = |c: char| !is_hostile(c) || c == '\n' || c == '\t';
    if text.chars().all(passes) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '\r' if characters.peek() == Some(&'\n') => {}
            c if passes(c) => clean.push(c),
            c => clean.push(picture(c)),
        }
    }
    Cow::Owned(clean)
}

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

/// ␛ for an escape, and so on.
fn picture(c: char) -> char {
    match u32::from(c) {
        code @ 0..0x20 => char::from_u32(0x2400 + code).unwrap_or('\u{fffd}'),
        0x7f => '\u{2421}',
        _ => '\u{fffd}',
    }
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
        assert_eq!(clean("a\x1b[31mred\x07\u{9b}2J\r\n\tb\u{202e}"), "a␛[31mred␇\u{fffd}2J\n\tb\u{fffd}");
        assert_eq!(clean("over\rwritten"), "over␍written");
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
