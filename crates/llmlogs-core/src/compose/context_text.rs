//! The length of texts in a call's context: bodies have files of their own.

use std::borrow::Cow;

use crate::capture::MAX_CONTEXT_TEXT;
use crate::redact::Redactor;

/// A text of more bytes than this is cut, so that `metadata.json` stays small.
const MAX_BYTES: usize = 4 << 10;

/// No secret of a known shape is longer. The end of a text that was cut before it was redacted may be the beginning of
/// one.
const LONGEST_SECRET: usize = 16 << 10;

/// Returns a field's text redacted and, if it is long, cut; `was_cut` is set then.
pub fn redacted(text: &str, rules: &Redactor, was_cut: &mut bool) -> String {
    let cut_at_capture = text.len() + char::MAX.len_utf8() > MAX_CONTEXT_TEXT;
    let clean = rules.text(text);
    let safe = match clean.len().checked_sub(LONGEST_SECRET) {
        _ if !cut_at_capture => clean.len(),
        Some(safe) => safe,
        None => 0,
    };
    if !cut_at_capture && clean.len() <= MAX_BYTES {
        return clean.into_owned();
    }
    *was_cut = true;
    cut(&clean, safe.min(MAX_BYTES))
}

/// Returns a text that has been redacted and, if it is long, cut; `was_cut` is set then.
pub fn limited<'t>(text: &'t str, was_cut: &mut bool) -> Cow<'t, str> {
    if text.len() <= MAX_BYTES {
        return Cow::Borrowed(text);
    }
    *was_cut = true;
    Cow::Owned(cut(text, MAX_BYTES))
}

fn cut(text: &str, bytes: usize) -> String {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    [&text[..end], "… [cut]"].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::context_text;

    fn cut_text(text: &str) -> (String, bool) {
        let mut was_cut = false;
        (redacted(text, &Redactor::new(), &mut was_cut), was_cut)
    }

    #[test]
    fn a_long_text_is_cut_and_says_so() {
        assert_eq!(cut_text("short"), ("short".to_owned(), false));
        let whole = "é".repeat(MAX_BYTES / 2);
        assert_eq!(cut_text(&whole), (whole.clone(), false));
        assert_eq!(cut_text(&format!("x{whole}")), (format!("x{}… [cut]", &whole[..MAX_BYTES - 2]), true));
        let mut was_cut = false;
        assert_eq!(limited(&"a".repeat(5000), &mut was_cut).len(), MAX_BYTES + "… [cut]".len());
        assert!(was_cut);
    }

    #[test]
    fn a_secret_that_was_cut_does_not_stay_in_half() {
        let key = "sk-proj-abcDEF123456789012345678";
        for before in 0..40 {
            // Across the end of what is kept: the whole of it is known.
            let text = format!("{} {key} {}", "a".repeat(MAX_BYTES - before), "b".repeat(9000));
            assert!(!cut_text(&text).0.contains("sk-"), "{before}");
            // Across the end of what was captured, where redaction has made the text before it short.
            let long_keys = format!("{key}{} ", "a1".repeat(200)).repeat(MAX_CONTEXT_TEXT / 300);
            let text = format!("{}{long_keys}", " ".repeat(before * 11));
            let (text, was_cut) = cut_text(context_text(&text));
            assert!(was_cut && !text.contains("sk-"), "{before}: {text}");
        }
    }
}
