//! A JSON string that is kept in its escaped form.

use std::borrow::Cow;
use std::fmt;

use super::escape::{escape_into, normalise, unescape};
use super::scan::plain_end;
use super::utf8::lossy;

/// The contents of a JSON string, escaped as on the wire, without the quotes.
///
/// Escaped pieces can be concatenated without being decoded, even if a surrogate pair is split between two of them: the
/// pieces of a stream are joined like that.
#[derive(Clone, Default)]
pub struct Text<'a> {
    raw: Cow<'a, str>,
    escaped: bool,
}

impl<'a> Text<'a> {
    /// Returns the string with the contents `raw`, which must be validly escaped. `escaped`: whether it has escapes or raw
    /// control characters.
    pub(super) fn from_raw(raw: &'a str, escaped: bool) -> Self {
        Text { raw: Cow::Borrowed(raw), escaped }
    }

    /// Returns the JSON string whose value is `plain`.
    pub fn new(plain: impl Into<Cow<'a, str>>) -> Self {
        let plain = plain.into();
        if plain_end(plain.as_bytes(), 0) < plain.len() {
            let mut raw = Vec::with_capacity(plain.len() + 8);
            escape_into(&plain, &mut raw);
            Text { raw: Cow::Owned(lossy(&raw).into_owned()), escaped: true }
        } else {
            Text { raw: plain, escaped: false }
        }
    }

    /// Returns the length of the escaped string in bytes.
    pub fn len(&self) -> usize {
        self.raw.len()
    }

    /// Returns whether the string is empty.
    pub fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }

    /// Returns the string's value; an unpaired surrogate becomes U+FFFD.
    pub fn plain(&self) -> Cow<'_, str> {
        if self.escaped { Cow::Owned(unescape(&self.raw)) } else { Cow::Borrowed(&self.raw) }
    }

    /// Appends `more`.
    pub fn push(&mut self, more: &Text<'_>) {
        if !more.is_empty() {
            self.escaped |= more.escaped;
            self.raw.to_mut().push_str(&more.raw);
        }
    }

    /// Writes the string with as few escapes as JSON allows, between quotes.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.push(b'"');
        if self.escaped {
            normalise(self.raw.as_bytes(), out);
        } else {
            out.extend_from_slice(self.raw.as_bytes());
        }
        out.push(b'"');
    }

    /// Returns the string with its text copied, so that it borrows nothing.
    pub fn into_owned(self) -> Text<'static> {
        Text { raw: Cow::Owned(self.raw.into_owned()), escaped: self.escaped }
    }
}

impl PartialEq<str> for Text<'_> {
    fn eq(&self, other: &str) -> bool {
        if self.escaped { self.plain() == other } else { self.raw == other }
    }
}

impl PartialEq for Text<'_> {
    fn eq(&self, other: &Text<'_>) -> bool {
        if self.escaped || other.escaped { self.plain() == other.plain() } else { self.raw == other.raw }
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.plain().fmt(f)
    }
}
