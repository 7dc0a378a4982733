//! Fields of spans and events as they were recorded, encoded in one buffer.

use std::fmt;

use super::symbol::{Symbol, SymbolTable};

/// A field's value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FieldValue<'a> {
    /// A boolean.
    Bool(bool),
    /// A signed integer.
    I64(i64),
    /// An unsigned integer.
    U64(u64),
    /// A floating-point number.
    F64(f64),
    /// A text.
    Str(&'a str),
}

impl FieldValue<'_> {
    /// Returns the value as a count, as [`Json::as_u64`](crate::json::Json::as_u64) does; a text is parsed.
    #[must_use]
    pub fn as_u64(self) -> Option<u64> {
        let number = match self {
            FieldValue::U64(n) => Some(n),
            FieldValue::I64(n) => u64::try_from(n).ok(),
            FieldValue::F64(n) if (0.0..9e15).contains(&n) => Some(n.round() as u64),
            FieldValue::Str(text) => text.trim().parse().ok(),
            FieldValue::F64(_) | FieldValue::Bool(_) => None,
        };
        number.filter(|number| *number < 1 << 56)
    }

    /// Returns the value as a finite number; a text is parsed.
    #[must_use]
    pub fn as_f64(self) -> Option<f64> {
        match self {
            FieldValue::F64(n) => Some(n),
            FieldValue::U64(n) => Some(n as f64),
            FieldValue::I64(n) => Some(n as f64),
            FieldValue::Str(text) => text.trim().parse().ok(),
            FieldValue::Bool(_) => None,
        }
        .filter(|n| n.is_finite())
    }

    /// Returns the value as a boolean; a text is parsed.
    #[must_use]
    pub fn as_bool(self) -> Option<bool> {
        match self {
            FieldValue::Bool(value) => Some(value),
            FieldValue::Str(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// Returns the value as text.
    #[must_use]
    pub fn to_text(self) -> String {
        match self {
            FieldValue::Bool(value) => value.to_string(),
            FieldValue::I64(n) => n.to_string(),
            FieldValue::U64(n) => n.to_string(),
            FieldValue::F64(n) => n.to_string(),
            FieldValue::Str(text) => text.to_owned(),
        }
    }

    /// Returns the value as JSON; `null` for a number that JSON does not have.
    #[must_use]
    pub fn to_json(self) -> serde_json::Value {
        match self {
            FieldValue::Bool(value) => value.into(),
            FieldValue::I64(n) => n.into(),
            FieldValue::U64(n) => n.into(),
            FieldValue::F64(n) => n.into(),
            FieldValue::Str(text) => text.into(),
        }
    }
}

/// A list of fields in the order in which they were recorded; the last value of a name is the valid one.
///
/// They are encoded in one buffer, since many calls may wait in the queue and fields are most of their memory besides
/// bodies. A field is encoded as three bytes with the number of its name, little-endian; a byte with the type in the lower
/// half and the width of the following number in the upper half; the number; and, if the number is the length of a text,
/// the text.
#[derive(Clone, Default)]
pub struct Fields {
    bytes: Vec<u8>,
    count: u32,
    /// Overwritten fields are dropped if there are more fields than this.
    compact_above: u32,
}

/// Of a longer text in a field of an enclosing span, so many bytes are captured: more than are recorded, so that no secret
/// is cut in half before it is looked for.
pub const MAX_CONTEXT_TEXT: usize = 64 << 10;

/// Returns the beginning of a text in a field of an enclosing span, of at most [`MAX_CONTEXT_TEXT`] bytes.
#[must_use]
#[inline]
pub fn context_text(text: &str) -> &str {
    if text.len() <= MAX_CONTEXT_TEXT {
        return text;
    }
    let mut end = MAX_CONTEXT_TEXT;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Lists of up to this many fields are not searched for overwritten ones.
const MIN_COMPACT: u32 = 64;

/// The size of a field's head: three bytes of the name, one of the type and the number's width.
const HEAD: usize = 4;

/// The most bytes that a field takes without its text.
const MAX_HEAD: usize = 16;

/// The width of a name's number. A program has far fewer names; those beyond it are encoded as [`Symbol::NONE`].
const NAME_BITS: u32 = 24;
const NAME_MASK: u32 = (1 << NAME_BITS) - 1;

const FALSE: u8 = 0;
const TRUE: u8 = 1;
const I64: u8 = 2;
const U64: u8 = 3;
const F64: u8 = 4;
const STR: u8 = 5;

impl Fields {
    /// Returns an empty list with capacity for a span with `fields` fields, assuming that half of them are set to short
    /// texts or numbers.
    #[must_use]
    #[inline]
    pub fn with_capacity_for_span(fields: usize) -> Self {
        Fields { bytes: Vec::with_capacity(12 * fields), ..Fields::default() }
    }

    /// Decodes what [`as_bytes`](Self::as_bytes) returned, in the same process.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let mut fields = Fields { bytes: bytes.to_vec(), ..Fields::default() };
        fields.count = u32::try_from(fields.entries().count()).unwrap_or(u32::MAX);
        fields
    }

    /// Returns the encoded fields. The numbers of names are valid in this process only.
    #[must_use]
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Reserves capacity for `more` bytes. Grows by half instead of doubling, since there may be many calls in flight,
    /// each with few fields.
    #[inline]
    fn reserve(&mut self, more: usize) {
        if self.bytes.capacity() - self.bytes.len() < more {
            self.bytes.reserve_exact(more.max(self.bytes.len() / 2).max(64));
        }
    }

    /// Returns the size of the fields' heap memory in bytes.
    #[must_use]
    #[inline]
    pub fn weight(&self) -> usize {
        self.bytes.capacity()
    }

    /// Returns the number of fields, overwritten ones included.
    #[must_use]
    #[inline]
    pub fn count(&self) -> usize {
        self.count as usize
    }

    /// Adds a field. A text of four gigabytes or more is left out.
    #[inline(always)]
    pub fn push(&mut self, name: Symbol, value: FieldValue<'_>) {
        match value {
            FieldValue::Bool(false) => self.head(name, FALSE, 0, 0),
            FieldValue::Bool(true) => self.head(name, TRUE, 0, 0),
            // Encoded so that small numbers of either sign, and fractions with few digits, take few bytes.
            FieldValue::I64(n) => self.head(name, I64, ((n << 1) ^ (n >> 63)) as u64, 0),
            FieldValue::U64(n) => self.head(name, U64, n, 0),
            FieldValue::F64(n) => self.head(name, F64, n.to_bits().swap_bytes(), 0),
            FieldValue::Str(text) => self.text(name, text),
        }
    }

    fn text(&mut self, name: Symbol, text: &str) {
        if u32::try_from(text.len()).is_ok() {
            self.head(name, STR, text.len() as u64, text.len());
            self.bytes.extend_from_slice(text.as_bytes());
        }
    }

    /// Encodes a field without the `text_len` bytes of its text, for which it reserves capacity.
    #[inline]
    fn head(&mut self, name: Symbol, kind: u8, number: u64, text_len: usize) {
        self.reserve(MAX_HEAD + text_len);
        let width = (u64::BITS - number.leading_zeros()).div_ceil(8);
        let head = name.number().min(NAME_MASK) | (u32::from(kind) | width << 4) << NAME_BITS;
        let end = self.bytes.len() + HEAD + width as usize;
        // One copy of constant length and then a shorter end: much faster than one of variable length.
        let mut encoded = [0; HEAD + 8];
        encoded[..HEAD].copy_from_slice(&head.to_le_bytes());
        encoded[HEAD..].copy_from_slice(&number.to_le_bytes());
        self.bytes.extend_from_slice(&encoded);
        self.bytes.truncate(end);
        self.count += 1;
    }

    /// Adds all fields of `other`.
    #[inline]
    pub fn extend(&mut self, other: &Fields) {
        self.compact();
        self.reserve(other.bytes.len());
        self.bytes.extend_from_slice(&other.bytes);
        self.count += other.count;
    }

    /// Drops overwritten values if there are many fields, so that a long call with repeated fields does not grow.
    #[inline]
    pub fn compact(&mut self) {
        if self.count > self.compact_above.max(MIN_COMPACT) {
            self.drop_overwritten();
        }
    }

    fn drop_overwritten(&mut self) {
        let all: Vec<_> = self.entries().collect();
        let mut last = Fields::default();
        for (index, (name, value)) in all.iter().enumerate() {
            if all[index + 1..].iter().all(|(later, _)| later != name) {
                last.push(*name, *value);
            }
        }
        last.compact_above = last.count.saturating_mul(2);
        *self = last;
    }

    /// Adds those fields of `other` for whose names `is_wanted` returns `true`.
    pub fn extend_named(&mut self, other: &Fields, is_wanted: impl Fn(&str) -> bool) {
        let symbols = SymbolTable::now();
        for (name, value) in other.entries().filter(|(name, _)| is_wanted(symbols.of(*name))) {
            self.push(name, value);
        }
    }

    /// Returns the fields with their names as symbols.
    pub fn entries(&self) -> impl Iterator<Item = (Symbol, FieldValue<'_>)> {
        let mut rest = &*self.bytes;
        std::iter::from_fn(move || {
            let (head, values) = rest.split_first_chunk::<HEAD>()?;
            let head = u32::from_le_bytes(*head);
            rest = values;
            let name = match head & NAME_MASK {
                NAME_MASK => Symbol::NONE,
                name => Symbol::from_number(name),
            };
            let number = number(&mut rest, (head >> NAME_BITS >> 4) as usize)?;
            let value = match (head >> NAME_BITS) as u8 & 0xf {
                FALSE => FieldValue::Bool(false),
                TRUE => FieldValue::Bool(true),
                I64 => FieldValue::I64((number >> 1) as i64 ^ -((number & 1) as i64)),
                U64 => FieldValue::U64(number),
                F64 => FieldValue::F64(f64::from_bits(number.swap_bytes())),
                _ => {
                    let text = rest.split_off(..usize::try_from(number).ok()?)?;
                    FieldValue::Str(std::str::from_utf8(text).unwrap_or_default())
                }
            };
            Some((name, value))
        })
    }

    /// Returns the fields with the texts of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, FieldValue<'_>)> {
        let symbols = SymbolTable::now();
        self.entries().map(move |(name, value)| (symbols.of(name), value))
    }

    /// Returns the last value recorded under `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<FieldValue<'_>> {
        self.iter().filter(|(known, _)| *known == name).last().map(|(_, value)| value)
    }
}

/// Removes a number of `width` bytes from the start of `bytes`.
#[inline]
fn number(bytes: &mut &[u8], width: usize) -> Option<u64> {
    let number = match bytes.first_chunk() {
        // Faster than a copy of variable length.
        Some(longest) => {
            u64::from_le_bytes(*longest) & u64::MAX.checked_shr(64 - 8 * width as u32).unwrap_or(0)
        }
        None => bytes.get(..width)?.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)),
    };
    *bytes = bytes.get(width..)?;
    Some(number)
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn every_encoded_value_is_decoded(
            booleans in proptest::collection::vec(proptest::bool::ANY, 0..3),
            signed in proptest::collection::vec(proptest::num::i64::ANY, 0..4),
            unsigned in proptest::collection::vec(proptest::num::u64::ANY, 0..4),
            shift in 0..64_u32,
            fractions in proptest::collection::vec(proptest::num::f64::NORMAL | proptest::num::f64::ZERO, 0..4),
            texts in proptest::collection::vec(".{0,300}", 0..3),
            name in proptest::num::u32::ANY,
        ) {
            let values: Vec<_> = booleans.into_iter().map(FieldValue::Bool)
                .chain(signed.into_iter().map(|n| FieldValue::I64(n >> shift)))
                .chain(unsigned.into_iter().map(|n| FieldValue::U64(n >> shift)))
                .chain(fractions.into_iter().map(FieldValue::F64))
                .chain(texts.iter().map(|text| FieldValue::Str(text)))
                .collect();
            let name = Symbol::from_number(name >> 8 >> (shift / 4));
            let mut fields = Fields::default();
            values.iter().for_each(|value| fields.push(name, *value));
            for fields in [&fields, &Fields::from_bytes(fields.as_bytes())] {
                let decoded: Vec<_> = fields.entries().collect();
                proptest::prop_assert_eq!(fields.count(), values.len());
                proptest::prop_assert_eq!(decoded, values.iter().map(|value| (name, *value)).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn the_last_value_of_a_name_counts_and_the_others_are_dropped() {
        let mut fields = Fields::default();
        let name = Symbol::of;
        fields.push(name("first"), FieldValue::Str("kept"));
        for n in 0..10_000 {
            let mut event = Fields::default();
            event.push(name("prompt_tokens"), FieldValue::U64(n));
            event.push(name("note"), FieldValue::Str("twelve bytes"));
            fields.extend(&event);
        }
        assert_eq!(fields.get("first"), Some(FieldValue::Str("kept")));
        assert_eq!(fields.get("prompt_tokens"), Some(FieldValue::U64(9999)));
        assert!(fields.weight() < 10_000, "{}", fields.weight());
    }
}
