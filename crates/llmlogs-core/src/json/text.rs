//! A JSON string that is kept in its escaped form.

use std::borrow::Cow;
use std::fmt;

use super::escape::{escape_into, normalise, unescape};
use super::scan::plain_end;
use super::utf8::lossy;

/// The contents of a JSON string, escaped as on the wire, without the quotes.
///
/// Escaped pieces put one after the other are the escaped whole, even where a surrogate pair was
/// cut in two, so a stream's pieces can be joined without reading them.
#[derive(Clone, Default)]
pub struct Text<'a> {
    raw: Cow<'a, str>,
    escaped: bool,
}

impl<'a> Text<'a> {
    /// Returns the string of which `raw` is the inside, which must be valid; `escaped` where it has escapes or raw control
    /// characters.
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

    /// Returns how many bytes the escaped string has.
    pub fn len(&self) -> usize {
        self.raw.len()
    }

    /// Returns whether the string is empty.
    pub fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }

    /// Returns the string's value; a surrogate without its partner becomes U+FFFD.
    pub fn plain(&self) -> Cow<'_, str> {
        if self.escaped { Cow::Owned(unescape(&self.raw)) } else { Cow::Borrowed(&self.raw) }
    }

    /// Adds `more` at the end.
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

    /// Returns the string with a text of its own.
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
