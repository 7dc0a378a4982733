//! Recorded text that may reach a terminal: nothing in it may do anything there.

use std::borrow::Cow;

/// Returns whether a character may move a terminal's cursor, change its colours, or turn the order of what follows it.
#[must_use]
pub fn is_hostile(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

/// Returns the text with every hostile character made visible; line breaks and tabs stay.
#[must_use]
pub fn clean(text: &str) -> Cow<'_, str> {
    // The control characters beyond ASCII begin with the byte C2, the others that are hostile with E2.
    let suspicious = |byte: u8| match byte {
        b'\n' | b'\t' => false,
        0..0x20 | 0x7f | 0xc2 | 0xe2 => true,
        _ => false,
    };
    let passes = |c: char| !is_hostile(c) || c == '\n' || c == '\t';
    if !text.bytes().any(suspicious) || text.chars().all(passes) {
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

/// Returns what stands for a hostile character: ␛ for an escape and so on, else U+FFFD.
#[must_use]
pub fn picture(c: char) -> char {
    match u32::from(c) {
        code @ 0..0x20 => char::from_u32(0x2400 + code).unwrap_or('\u{fffd}'),
        0x7f => '\u{2421}',
        _ => '\u{fffd}',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_shown_and_not_obeyed() {
        assert_eq!(clean("a\x1b[31mred\x07\u{9b}2J\r\n\tb\u{202e}"), "a␛[31mred␇\u{fffd}2J\n\tb\u{fffd}");
        assert_eq!(clean("over\rwritten"), "over␍written");
        assert!(matches!(clean("naïve – „é“ 你好\n\t"), Cow::Borrowed(_)));
    }

    #[test]
    fn no_hostile_character_goes_unseen() {
        for c in ('\0'..=char::MAX).filter(|c| is_hostile(*c) && !"\n\t".contains(*c)) {
            assert_eq!(clean(&format!("a{c}b")), format!("a{}b", picture(c)), "{:x}", u32::from(c));
        }
    }
}
