//! Fields as they were recorded, in one buffer.

use std::fmt;

use super::symbol::{Symbol, SymbolTable};

/// A field's value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FieldValue<'a> {
    Bool(bool),
    I64(i64),
    U64(u64),
    F64(f64),
    Str(&'a str),
}

impl FieldValue<'_> {
    /// As [`Json::as_u64`](crate::json::Json::as_u64).
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

    pub fn as_bool(self) -> Option<bool> {
        match self {
            FieldValue::Bool(value) => Some(value),
            FieldValue::Str(text) => text.parse().ok(),
            _ => None,
        }
    }

    pub fn to_text(self) -> String {
        match self {
            FieldValue::Bool(value) => value.to_string(),
            FieldValue::I64(n) => n.to_string(),
            FieldValue::U64(n) => n.to_string(),
            FieldValue::F64(n) => n.to_string(),
            FieldValue::Str(text) => text.to_owned(),
        }
    }

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

/// A list of fields in the order in which they were recorded; a later value of a name counts.
///
/// One after the other in a buffer, each as its name, its kind, and its value: calls that wait to be written are many,
/// and most of what they hold beside their bodies is this.
#[derive(Clone, Default)]
pub struct Fields {
    bytes: Vec<u8>,
    count: u32,
    /// How many there may be before those that no longer count are dropped.
    crowded: u32,
}

/// Fewer are never looked through.
const FEW: u32 = 64;

/// What stands before a value: name and kind.
const HEAD: usize = 5;

const FALSE: u8 = 0;
const TRUE: u8 = 1;
const I64: u8 = 2;
const U64: u8 = 3;
const F64: u8 = 4;
/// Four bytes of length, then the text.
const STR: u8 = 5;

impl Fields {
    /// Room for what a span usually has that knows so many fields: of half of them a short text or a number.
    pub fn of_a_span(fields: usize) -> Self {
        Fields { bytes: Vec::with_capacity(12 * fields), ..Fields::default() }
    }

    /// Makes room for `more` bytes and, where there is none, for half of what there are: not for twice as many, for the
    /// calls in flight are many and their fields few.
    #[inline]
    fn reserve(&mut self, more: usize) {
        if self.bytes.capacity() - self.bytes.len() < more {
            self.bytes.reserve_exact(more.max(self.bytes.len() / 2).max(64));
        }
    }

    /// What the fields take in memory beside themselves, in bytes.
    pub fn weight(&self) -> usize {
        self.bytes.capacity()
    }

    pub fn count(&self) -> usize {
        self.count as usize
    }

    #[inline]
    pub fn push(&mut self, name: Symbol, value: FieldValue<'_>) {
        match value {
            FieldValue::Bool(false) => self.head(name, FALSE),
            FieldValue::Bool(true) => self.head(name, TRUE),
            FieldValue::I64(n) => self.number(name, I64, n.to_le_bytes()),
            FieldValue::U64(n) => self.number(name, U64, n.to_le_bytes()),
            FieldValue::F64(n) => self.number(name, F64, n.to_le_bytes()),
            FieldValue::Str(text) => self.text(name, text),
        }
    }

    fn head(&mut self, name: Symbol, kind: u8) {
        self.reserve(HEAD);
        let [a, b, c, d] = name.number().to_le_bytes();
        self.bytes.extend_from_slice(&[a, b, c, d, kind]);
        self.count += 1;
    }

    fn number(&mut self, name: Symbol, kind: u8, value: [u8; 8]) {
        self.reserve(HEAD + 8);
        let mut entry = [kind; HEAD + 8];
        entry[..4].copy_from_slice(&name.number().to_le_bytes());
        entry[HEAD..].copy_from_slice(&value);
        self.bytes.extend_from_slice(&entry);
        self.count += 1;
    }

    fn text(&mut self, name: Symbol, text: &str) {
        // Of a text beyond four gigabytes nothing is kept.
        let Ok(length) = u32::try_from(text.len()) else {
            return;
        };
        self.reserve(HEAD + 4 + text.len());
        let mut head = [STR; HEAD + 4];
        head[..4].copy_from_slice(&name.number().to_le_bytes());
        head[HEAD..].copy_from_slice(&length.to_le_bytes());
        self.bytes.extend_from_slice(&head);
        self.bytes.extend_from_slice(text.as_bytes());
        self.count += 1;
    }

    /// Adds all fields of `other`.
    pub fn extend(&mut self, other: &Fields) {
        self.make_room();
        self.reserve(other.bytes.len());
        self.bytes.extend_from_slice(&other.bytes);
        self.count += other.count;
    }

    /// Drops values that no longer count once there are many: what a long call repeats in event after event does not
    /// pile up.
    #[inline]
    pub fn make_room(&mut self) {
        if self.count > self.crowded.max(FEW) {
            self.forget_overwritten();
        }
    }

    fn forget_overwritten(&mut self) {
        let all: Vec<_> = self.entries().collect();
        let mut last = Fields::default();
        for (place, (name, value)) in all.iter().enumerate() {
            if all[place + 1..].iter().all(|(later, _)| later != name) {
                last.push(*name, *value);
            }
        }
        last.crowded = last.count.saturating_mul(2);
        *self = last;
    }

    /// Adds those fields of `other` whose names pass.
    pub fn extend_named(&mut self, other: &Fields, wanted: impl Fn(&str) -> bool) {
        let texts = SymbolTable::now();
        for (name, value) in other.entries().filter(|(name, _)| wanted(texts.of(*name))) {
            self.push(name, value);
        }
    }

    /// The fields with their names as they are kept.
    pub fn entries(&self) -> impl Iterator<Item = (Symbol, FieldValue<'_>)> {
        let mut rest = &*self.bytes;
        std::iter::from_fn(move || {
            let name = u32::from_le_bytes(first(&mut rest)?);
            let [kind] = first(&mut rest)?;
            let value = match kind {
                FALSE => FieldValue::Bool(false),
                TRUE => FieldValue::Bool(true),
                STR => {
                    let length = u32::from_le_bytes(first(&mut rest)?);
                    let text = rest.split_off(..length as usize)?;
                    FieldValue::Str(std::str::from_utf8(text).unwrap_or_default())
                }
                kind => {
                    let number = first(&mut rest)?;
                    match kind {
                        I64 => FieldValue::I64(i64::from_le_bytes(number)),
                        U64 => FieldValue::U64(u64::from_le_bytes(number)),
                        _ => FieldValue::F64(f64::from_le_bytes(number)),
                    }
                }
            };
            Some((Symbol::from_number(name), value))
        })
    }

    pub fn iter(&self) -> impl Iterator<Item = (&'static str, FieldValue<'_>)> {
        let texts = SymbolTable::now();
        self.entries().map(move |(name, value)| (texts.of(name), value))
    }

    /// The last value recorded under `name`.
    pub fn get(&self, name: &str) -> Option<FieldValue<'_>> {
        self.iter().filter(|(known, _)| *known == name).last().map(|(_, value)| value)
    }
}

/// Takes the first bytes off.
fn first<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*first)
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_of_a_name_counts_and_the_others_do_not_pile_up() {
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
