//! A JSON string that is kept in its escaped form.

use std::borrow::Cow;
use std::fmt;

use super::lossy;
use super::scan::plain_end;
use super::write::{normalise, quote_into};

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
    /// `raw` must be the valid inside of a JSON string.
    pub(super) fn from_raw(raw: &'a str, escaped: bool) -> Self {
        Text { raw: Cow::Borrowed(raw), escaped }
    }

    /// The JSON string that says `plain`.
    pub fn new(plain: impl Into<Cow<'a, str>>) -> Self {
        let plain = plain.into();
        if plain_end(plain.as_bytes(), 0) < plain.len() {
            let mut raw = Vec::with_capacity(plain.len() + 8);
            quote_into(&plain, &mut raw);
            Text { raw: Cow::Owned(lossy(&raw).into_owned()), escaped: true }
        } else {
            Text { raw: plain, escaped: false }
        }
    }

    /// How many bytes the escaped string has.
    pub fn len(&self) -> usize {
        self.raw.len()
    }

    pub fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }

    /// The string's value; a surrogate without its partner becomes U+FFFD.
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

    /// The string with as few escapes as JSON allows, between quotes.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.push(b'"');
        if self.escaped {
            normalise(self.raw.as_bytes(), out);
        } else {
            out.extend_from_slice(self.raw.as_bytes());
        }
        out.push(b'"');
    }

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

/// Reads the four hexadecimal digits at the start of `digits`.
pub(super) fn hex4(digits: &[u8]) -> Option<u32> {
    let digits = digits.get(..4)?;
    digits.iter().try_fold(0, |number, digit| Some(number << 4 | char::from(*digit).to_digit(16)?))
}

/// The code unit of a `\uXXXX` at the start of `raw`, joined with a following low surrogate;
/// `Err` for a surrogate without its partner. The second figure is how many bytes were read.
pub(super) fn unicode_escape(raw: &[u8]) -> (Result<char, u32>, usize) {
    let first = hex4(&raw[2..]).unwrap_or(0xFFFD);
    if (0xD800..0xDC00).contains(&first)
        && raw.get(6..8) == Some(b"\\u")
        && let Some(second) = hex4(&raw[8..])
        && (0xDC00..0xE000).contains(&second)
    {
        let joined = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
        return (char::from_u32(joined).ok_or(first), 12);
    }
    (char::from_u32(first).ok_or(first), 6)
}

fn unescape(raw: &str) -> String {
    let bytes = raw.as_bytes();
    let mut plain = String::with_capacity(raw.len());
    let mut at = 0;
    while let Some(run) = raw.get(at..) {
        let Some(backslash) = run.find('\\') else {
            plain.push_str(run);
            break;
        };
        plain.push_str(&run[..backslash]);
        at += backslash;
        let (char, read) = match bytes.get(at + 1) {
            Some(b'u') => {
                let (char, read) = unicode_escape(&bytes[at..]);
                (char.unwrap_or(char::REPLACEMENT_CHARACTER), read)
            }
            Some(b'n') => ('\n', 2),
            Some(b't') => ('\t', 2),
            Some(b'r') => ('\r', 2),
            Some(b'b') => ('\u{8}', 2),
            Some(b'f') => ('\u{c}', 2),
            Some(other) => (char::from(*other), 2),
            None => ('\\', 1),
        };
        plain.push(char);
        at += read;
    }
    plain
}
