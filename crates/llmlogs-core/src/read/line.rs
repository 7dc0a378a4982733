//! One line of an index, parsed without copying.
//!
//! Statistics over a million lines spend their time here, so the parser is specialised for the shape of a line (an object
//! of strings, numbers, nulls, lists of strings and a flat object); lists, objects and escapes are decoded on access. All
//! other values of a line are skipped.

use std::borrow::Cow;

use crate::format::{IndexEntry, Status};

/// The contents of a JSON string, escaped, without the quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub struct RawStr<'a>(pub(crate) &'a [u8]);

impl<'a> RawStr<'a> {
    /// Returns the unescaped text; invalid UTF-8 is replaced.
    #[must_use]
    pub fn text(self) -> Cow<'a, str> {
        if !self.0.contains(&b'\\') {
            return String::from_utf8_lossy(self.0);
        }
        let mut quoted = Vec::with_capacity(self.0.len() + 2);
        quoted.push(b'"');
        quoted.extend_from_slice(self.0);
        quoted.push(b'"');
        match serde_json::from_slice::<String>(&quoted) {
            Ok(text) => Cow::Owned(text),
            Err(_not_json) => String::from_utf8_lossy(self.0),
        }
    }

    /// Returns whether it is the empty string.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }
}

/// A line of an index, parsed without copying; fields that it lacks have their "not known" values.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
#[allow(missing_docs, reason = "each field is IndexEntry's of the same name")]
pub struct IndexLine<'a> {
    /// The line itself.
    pub json: &'a [u8],
    pub call_id: RawStr<'a>,
    pub timestamp: f64,
    pub status: Status,
    pub provider: RawStr<'a>,
    pub model: RawStr<'a>,
    pub http_status: Option<u64>,
    pub error_type: RawStr<'a>,
    pub error_code: RawStr<'a>,
    pub error_message: RawStr<'a>,
    pub finish_reason: RawStr<'a>,
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
    pub total_tokens: u64,
    pub cached_tokens: u64,
    pub reasoning_tokens: u64,
    pub latency_ms: u64,
    pub time_to_first_token_ms: Option<u64>,
    pub total_cost: f64,
    pub currency: RawStr<'a>,
    pub attempts: u64,
    pub waited_ms: u64,
    pub fallback_model: RawStr<'a>,
    /// The JSON list without its brackets.
    pub(crate) tools: &'a [u8],
    pub user_message: RawStr<'a>,
    pub trace: RawStr<'a>,
    /// The JSON list without its brackets.
    pub(crate) span_ids: &'a [u8],
    /// The JSON object with its braces.
    pub(crate) context: &'a [u8],
    pub context_complete: bool,
    pub prompt_differs: Option<bool>,
}

impl<'a> IndexLine<'a> {
    /// Parses a line; returns `None` for a damaged line, which is not a JSON object.
    #[must_use]
    pub fn parse(text: &'a [u8]) -> Option<IndexLine<'a>> {
        let mut line = IndexLine { json: text, ..IndexLine::default() };
        let mut at = Cursor { text, at: 0 };
        at.expect(b'{')?;
        if at.peek()? == b'}' {
            return Some(line);
        }
        loop {
            at.expect(b'"')?;
            let key = at.string()?;
            at.expect(b':')?;
            let value = at.value()?;
            line.set(key.0, value);
            match at.next()? {
                b',' => {}
                b'}' => return Some(line),
                _ => return None,
            }
        }
    }

    fn set(&mut self, key: &[u8], value: Value<'a>) {
        match key {
            b"call_id" => self.call_id = value.string(),
            b"timestamp" => self.timestamp = value.float(),
            b"status" => {
                self.status = match value.string().0 {
                    b"error" => Status::Error,
                    b"cancelled" => Status::Cancelled,
                    _ => Status::Ok,
                }
            }
            b"provider" => self.provider = value.string(),
            b"model" => self.model = value.string(),
            b"http_status" => self.http_status = value.integer(),
            b"error_type" => self.error_type = value.string(),
            b"error_code" => self.error_code = value.string(),
            b"error_message" => self.error_message = value.string(),
            b"finish_reason" => self.finish_reason = value.string(),
            b"prompt_tokens" => self.prompt_tokens = value.count(),
            b"completion_tokens" => self.completion_tokens = value.count(),
            b"total_tokens" => self.total_tokens = value.count(),
            b"cached_tokens" => self.cached_tokens = value.count(),
            b"reasoning_tokens" => self.reasoning_tokens = value.count(),
            b"latency_ms" => self.latency_ms = value.count(),
            b"time_to_first_token_ms" => self.time_to_first_token_ms = value.integer(),
            b"total_cost" => self.total_cost = value.float(),
            b"currency" => self.currency = value.string(),
            b"attempts" => self.attempts = value.count(),
            b"waited_ms" => self.waited_ms = value.count(),
            b"fallback_model" => self.fallback_model = value.string(),
            b"tool_names" => self.tools = value.list(),
            b"user_message" => self.user_message = value.string(),
            b"trace" => self.trace = value.string(),
            b"span_ids" => self.span_ids = value.list(),
            b"context" => self.context = value.object(),
            b"context_complete" => self.context_complete = value.boolean().unwrap_or_default(),
            b"prompt_differs" => self.prompt_differs = value.boolean(),
            _ => {}
        }
    }

    /// Returns the tools that were called, in order.
    pub fn tool_names(&self) -> impl Iterator<Item = RawStr<'a>> + use<'a> {
        strings(self.tools)
    }

    /// Returns the ids of the enclosing spans, outermost first; a line of an older recorder has none.
    pub fn span_ids(&self) -> impl Iterator<Item = RawStr<'a>> + use<'a> {
        strings(self.span_ids)
    }

    /// Returns the context fields of the enclosing spans; a line of an older recorder has none.
    #[must_use]
    pub fn context(&self) -> serde_json::Map<String, serde_json::Value> {
        serde_json::from_slice(self.context).unwrap_or_default()
    }

    /// Returns the line as an owned value, without `operation`, which is not parsed.
    #[must_use]
    pub fn to_entry(&self) -> IndexEntry {
        let owned = |text: RawStr<'_>| text.text().into_owned();
        IndexEntry {
            call_id: owned(self.call_id),
            timestamp: self.timestamp,
            status: self.status,
            provider: owned(self.provider),
            model: owned(self.model),
            http_status: self.http_status.and_then(|status| u16::try_from(status).ok()),
            error_type: owned(self.error_type),
            error_code: owned(self.error_code),
            error_message: owned(self.error_message),
            finish_reason: owned(self.finish_reason),
            prompt_tokens: self.prompt_tokens,
            completion_tokens: self.completion_tokens,
            total_tokens: self.total_tokens,
            cached_tokens: self.cached_tokens,
            reasoning_tokens: self.reasoning_tokens,
            latency_ms: self.latency_ms,
            time_to_first_token_ms: self.time_to_first_token_ms,
            total_cost: self.total_cost,
            currency: owned(self.currency),
            attempts: self.attempts,
            tool_names: self.tool_names().map(owned).collect(),
            user_message: owned(self.user_message),
            trace: owned(self.trace),
            span_ids: self.span_ids().map(owned).collect(),
            context: self.context(),
            ..IndexEntry::default()
        }
    }

    /// Returns when the call ended, in Unix seconds.
    #[must_use]
    pub fn end(&self) -> f64 {
        self.timestamp + self.latency_ms as f64 / 1000.0
    }
}

/// Returns the strings of a JSON list without its brackets.
fn strings(list: &[u8]) -> impl Iterator<Item = RawStr<'_>> {
    let mut at = Cursor { text: list, at: 0 };
    std::iter::from_fn(move || {
        if at.at > 0 {
            at.expect(b',')?;
        }
        at.expect(b'"')?;
        at.string()
    })
}

enum Value<'a> {
    String(RawStr<'a>),
    /// A number, `true`, `false` or `null`.
    Word(&'a [u8]),
    List(&'a [u8]),
    Object(&'a [u8]),
}

impl<'a> Value<'a> {
    fn string(self) -> RawStr<'a> {
        match self {
            Value::String(raw) => raw,
            _ => RawStr::default(),
        }
    }

    fn list(self) -> &'a [u8] {
        match self {
            Value::List(items) => items,
            _ => b"",
        }
    }

    fn object(self) -> &'a [u8] {
        match self {
            Value::Object(members) => members,
            _ => b"",
        }
    }

    fn boolean(self) -> Option<bool> {
        match self {
            Value::Word(b"true") => Some(true),
            Value::Word(b"false") => Some(false),
            _ => None,
        }
    }

    fn float(self) -> f64 {
        let Value::Word(word) = self else { return 0.0 };
        let parsed = std::str::from_utf8(word).ok().and_then(|word| word.parse::<f64>().ok());
        parsed.filter(|number| number.is_finite()).unwrap_or_default()
    }

    fn integer(self) -> Option<u64> {
        let Value::Word(word) = self else { return None };
        if word.len() < 19 && word.iter().all(u8::is_ascii_digit) {
            return Some(word.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')));
        }
        // Other writers have fractions in place of whole numbers.
        let number: f64 = std::str::from_utf8(word).ok()?.parse().ok()?;
        (number >= 0.0 && number.is_finite()).then_some(number.round() as u64)
    }

    fn count(self) -> u64 {
        self.integer().unwrap_or_default()
    }
}

struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    #[inline]
    fn peek(&mut self) -> Option<u8> {
        loop {
            match *self.text.get(self.at)? {
                b' ' | b'\t' | b'\r' | b'\n' => self.at += 1,
                byte => return Some(byte),
            }
        }
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn expect(&mut self, expected: u8) -> Option<()> {
        (self.next()? == expected).then_some(())
    }

    /// Reads a string whose opening quote has been read.
    #[inline]
    fn string(&mut self) -> Option<RawStr<'a>> {
        let start = self.at;
        loop {
            self.at += plain_length(&self.text[self.at..]);
            match self.text.get(self.at)? {
                b'"' => {
                    let raw = RawStr(&self.text[start..self.at]);
                    self.at += 1;
                    return Some(raw);
                }
                _ => self.at += 2,
            }
            if self.at > self.text.len() {
                return None;
            }
        }
    }

    #[inline]
    fn value(&mut self) -> Option<Value<'a>> {
        match self.peek()? {
            b'"' => {
                self.at += 1;
                self.string().map(Value::String)
            }
            b'[' => {
                let start = self.at + 1;
                self.skip_nested()?;
                Some(Value::List(&self.text[start..self.at - 1]))
            }
            b'{' => {
                let start = self.at;
                self.skip_nested()?;
                Some(Value::Object(&self.text[start..self.at]))
            }
            _ => {
                let start = self.at;
                let rest = &self.text[start..];
                let length = rest.iter().position(|b| matches!(b, b',' | b'}' | b' ' | b'\r' | b'\n'))?;
                if length == 0 {
                    return None;
                }
                self.at += length;
                Some(Value::Word(&rest[..length]))
            }
        }
    }

    /// Skips a list or an object.
    fn skip_nested(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match self.next()? {
                b'"' => {
                    self.string()?;
                }
                b'[' | b'{' => depth += 1,
                b']' | b'}' => {
                    depth -= 1;
                    if depth == 0 {
                        return Some(());
                    }
                }
                _ => {}
            }
        }
    }
}

/// Returns how many bytes come before the next quote or backslash. Reads eight at a time, since most of a line's
/// bytes are inside of strings.
pub(crate) fn plain_length(text: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let zero_bytes = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
    let mut at = 0;
    while let Some(Ok(eight)) = text.get(at..at + 8).map(<[u8; 8]>::try_from) {
        let word = u64::from_le_bytes(eight);
        let found =
            zero_bytes(word ^ (ONES * u64::from(b'"'))) | zero_bytes(word ^ (ONES * u64::from(b'\\')));
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    at + text[at..].iter().position(|byte| matches!(byte, b'"' | b'\\')).unwrap_or(text.len() - at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_recorder_is_read_completely() {
        let line = br#"{"call_id":"call_20251027_040210_001","timestamp":1761537730.123,"status":"error","http_status":429,"error_message":"say \"please\" \u00e9","latency_ms":2500,"time_to_first_token_ms":null,"tool_names":["read_file","a,\"b"],"user_message":"\u4f60\u597d"}"#;
        let line = IndexLine::parse(line).unwrap();
        assert_eq!(line.call_id.text(), "call_20251027_040210_001");
        assert_eq!(line.timestamp, 1_761_537_730.123);
        assert_eq!(line.status, Status::Error);
        assert_eq!(line.http_status, Some(429));
        assert_eq!(line.error_message.text(), "say \"please\" é");
        assert_eq!((line.latency_ms, line.time_to_first_token_ms), (2500, None));
        let tools: Vec<_> = line.tool_names().map(|name| name.text().into_owned()).collect();
        assert_eq!(tools, ["read_file", "a,\"b"]);
        assert_eq!(line.user_message.text(), "你好");
    }

    #[test]
    fn spaces_fractions_and_unknown_members_are_accepted() {
        let line =
            br#" { "latency_ms" : 2500.4, "new": {"a": ["]}"]}, "tool_names": [ ], "total_tokens": null } "#;
        let line = IndexLine::parse(line).unwrap();
        assert_eq!((line.latency_ms, line.total_tokens), (2500, 0));
        assert_eq!(line.tool_names().count(), 0);
    }

    #[test]
    fn span_ids_and_context_are_read_where_a_line_has_them() {
        let line = br#"{"call_id":"c","trace":"agent/plan","span_ids":["1","2"],"context":{"round":2,"phase":"plan"},"context_complete":true,"prompt_differs":false,"latency_ms":7}"#;
        let line = IndexLine::parse(line).unwrap();
        assert_eq!(line.span_ids().map(|id| id.text().into_owned()).collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!((&line.context()["round"], &line.context()["phase"]), (&2.into(), &"plan".into()));
        assert_eq!((line.latency_ms, line.context_complete, line.prompt_differs), (7, true, Some(false)));
        let older = IndexLine::parse(br#"{"call_id":"c"}"#).unwrap();
        assert_eq!((older.span_ids().count(), older.context().len()), (0, 0));
        assert_eq!((older.context_complete, older.prompt_differs), (false, None));
    }

    #[test]
    fn damaged_lines_are_rejected() {
        for damaged in [
            &b""[..],
            b"{",
            b"{\"call_id\":\"c",
            b"{\"call_id\"",
            b"[]",
            b"{\"a\":}",
            b"\0\0\0\0",
            b"{\"a\":\"\\",
        ] {
            assert!(IndexLine::parse(damaged).is_none(), "{damaged:?}");
        }
    }
}
