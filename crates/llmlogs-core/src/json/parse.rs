//! Parses a text into a [`Json`] tree.

use std::borrow::Cow;

use super::error::SyntaxError;
use super::scan::{self, ScannedString, error, skip_whitespace};
use super::text::Text;
use super::value::{Json, Object};

/// The deepest nesting that is parsed into a tree. Deeper bodies are stored by [`reformat`](super::reformat), which does
/// not recurse.
pub const MAX_DEPTH: usize = 256;

/// Parses like [`parse`], but makes strings of more than 256 bytes empty and truncates arrays after 64 elements: enough to
/// find ids, counts and reasons in a body without its texts and vectors.
pub fn parse_shallow(text: &str) -> Result<Json<'_>, SyntaxError> {
    run(text, Keep { string: 256, elements: 64 })
}

/// Parses one JSON value with nothing but white space around it; a byte order mark before it is ignored.
///
/// # Errors
///
/// If the text is not JSON, or is nested more deeply than [`MAX_DEPTH`].
pub fn parse(text: &str) -> Result<Json<'_>, SyntaxError> {
    run(text, Keep { string: usize::MAX, elements: usize::MAX })
}

/// How much is kept of strings and arrays.
#[derive(Clone, Copy)]
struct Keep {
    /// Strings of more bytes become empty.
    string: usize,
    /// Elements of an array beyond so many are left out.
    elements: usize,
}

fn run(text: &str, keep: Keep) -> Result<Json<'_>, SyntaxError> {
    let mut parser = Parser { text, at: 0, keep };
    if text.starts_with('\u{feff}') {
        parser.at = '\u{feff}'.len_utf8();
    }
    let value = parser.value(0)?;
    let end = skip_whitespace(text.as_bytes(), parser.at);
    if end == text.len() { Ok(value) } else { error(end, "the end of the text") }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    keep: Keep,
}

impl<'a> Parser<'a> {
    fn bytes(&self) -> &'a [u8] {
        self.text.as_bytes()
    }

    /// Skips white space and returns the next byte.
    fn peek(&mut self) -> Option<u8> {
        self.at = skip_whitespace(self.bytes(), self.at);
        self.bytes().get(self.at).copied()
    }

    fn value(&mut self, depth: usize) -> Result<Json<'a>, SyntaxError> {
        if depth > MAX_DEPTH {
            return error(self.at, "less deep nesting");
        }
        let bytes = self.bytes();
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => Ok(Json::String(self.string()?)),
            Some(b'-' | b'0'..=b'9') => {
                let start = self.at;
                self.at = scan::number(bytes, start)?;
                Ok(Json::Number(Cow::Borrowed(&self.text[start..self.at])))
            }
            Some(b't') => self.literal("true", Json::Bool(true)),
            Some(b'f') => self.literal("false", Json::Bool(false)),
            Some(b'n') => self.literal("null", Json::Null),
            _ => error(self.at, "a value"),
        }
    }

    fn literal(&mut self, word: &'static str, value: Json<'a>) -> Result<Json<'a>, SyntaxError> {
        self.at = scan::literal(self.bytes(), self.at, word)?;
        Ok(value)
    }

    fn string(&mut self) -> Result<Text<'a>, SyntaxError> {
        let start = self.at + 1;
        let scanned = if self.keep.string < usize::MAX {
            let end = scan::string_end(self.bytes(), start)?;
            if end - start > self.keep.string {
                self.at = end + 1;
                return Ok(Text::default());
            }
            ScannedString { end, plain: scan::plain_end(self.bytes(), start) == end }
        } else {
            scan::string(self.bytes(), start)?
        };
        self.at = scanned.end + 1;
        Ok(Text::from_raw(&self.text[start..scanned.end], !scanned.plain))
    }

    fn array(&mut self, depth: usize) -> Result<Json<'a>, SyntaxError> {
        self.at += 1;
        let mut items = Vec::new();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Json::Array(items));
        }
        loop {
            let item = self.value(depth + 1)?;
            if items.len() < self.keep.elements {
                items.push(item);
            }
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Json::Array(items));
                }
                _ => return error(self.at, "',' or ']'"),
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json<'a>, SyntaxError> {
        self.at += 1;
        let mut members = Vec::new();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Json::Object(Object(members)));
        }
        loop {
            if self.peek() != Some(b'"') {
                return error(self.at, "a key");
            }
            let key = self.string()?;
            if self.peek() != Some(b':') {
                return error(self.at, "':'");
            }
            self.at += 1;
            members.push((key, self.value(depth + 1)?));
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Json::Object(Object(members)));
                }
                _ => return error(self.at, "',' or '}'"),
            }
        }
    }
}
