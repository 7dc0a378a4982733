//! Recorded text as text: what would hide or reorder it is shown.

use std::borrow::Cow;

/// Returns `text` with control characters as their pictures and those that change the direction of writing by name;
/// line breaks and tabs stay.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_invisible) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '\u{7f}' => shown.push('\u{2421}'),
            control @ '\0'..'\u{20}' if is_invisible(control) => {
                shown.push(char::from_u32(0x2400 + u32::from(control)).unwrap_or('\u{fffd}'));
            }
            other if is_invisible(other) => shown.push_str(&format!("[U+{:04X}]", u32::from(other))),
            other => shown.push(other),
        }
    }
    Cow::Owned(shown)
}

fn is_invisible(character: char) -> bool {
    match character {
        '\n' | '\t' => false,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        // Tags, which nobody sees and a model reads.
        '\u{e0000}'..='\u{e007f}' => true,
        other => other.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hides_or_reorders_text_is_shown() {
        assert_eq!(visible("a\u{1b}[31mb\u{7f}\0"), "a\u{241b}[31mb\u{2421}\u{2400}");
        assert_eq!(visible("user\u{202e}txt.exe\u{2066}\u{85}"), "user[U+202E]txt.exe[U+2066][U+0085]");
        // Emoji and scripts that join letters need theirs.
        let kept = "line\n\tnext \u{1f468}\u{200d}\u{1f469} \u{645}\u{200c}\u{627} <b>";
        assert_eq!(visible(kept), kept);
    }
}
