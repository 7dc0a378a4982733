//! Fields as they were recorded: names by reference, texts in one buffer.

/// A field's value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum FieldValue<'a> {
    Bool(bool),
    I64(i64),
    U64(u64),
    F64(f64),
    Str(&'a str),
}

impl FieldValue<'_> {
    pub(crate) fn as_u64(self) -> Option<u64> {
        match self {
            FieldValue::U64(n) => Some(n),
            FieldValue::I64(n) => u64::try_from(n).ok(),
            FieldValue::F64(n) if (0.0..9e15).contains(&n) => Some(n.round() as u64),
            FieldValue::Str(text) => text.trim().parse().ok(),
            FieldValue::F64(_) | FieldValue::Bool(_) => None,
        }
    }

    pub(crate) fn as_f64(self) -> Option<f64> {
        match self {
            FieldValue::F64(n) => Some(n),
            FieldValue::U64(n) => Some(n as f64),
            FieldValue::I64(n) => Some(n as f64),
            FieldValue::Str(text) => text.trim().parse().ok(),
            FieldValue::Bool(_) => None,
        }
        .filter(|n| n.is_finite())
    }

    pub(crate) fn as_bool(self) -> Option<bool> {
        match self {
            FieldValue::Bool(value) => Some(value),
            FieldValue::Str(text) => text.parse().ok(),
            _ => None,
        }
    }

    pub(crate) fn to_text(self) -> String {
        match self {
            FieldValue::Bool(value) => value.to_string(),
            FieldValue::I64(n) => n.to_string(),
            FieldValue::U64(n) => n.to_string(),
            FieldValue::F64(n) => n.to_string(),
            FieldValue::Str(text) => text.to_owned(),
        }
    }

    pub(crate) fn to_json(self) -> serde_json::Value {
        match self {
            FieldValue::Bool(value) => value.into(),
            FieldValue::I64(n) => n.into(),
            FieldValue::U64(n) => n.into(),
            FieldValue::F64(n) => n.into(),
            FieldValue::Str(text) => text.into(),
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Stored {
    Bool(bool),
    I64(i64),
    U64(u64),
    F64(f64),
    /// A range of the text buffer.
    Str(u32, u32),
}

/// A list of fields in the order in which they were recorded; a later value of a name counts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fields {
    entries: Vec<(&'static str, Stored)>,
    text: String,
    /// How many entries there may be before those that no longer count are dropped.
    crowded: usize,
}

/// Fewer entries are never looked through.
const FEW: usize = 64;

impl Fields {
    pub(crate) fn with_capacity(entries: usize) -> Self {
        Fields {
            entries: Vec::with_capacity(entries),
            // Most fields are short texts.
            text: String::with_capacity(16 * entries),
            ..Fields::default()
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What the fields take in memory beside themselves, in bytes.
    pub(crate) fn weight(&self) -> usize {
        self.entries.capacity() * size_of::<(&'static str, Stored)>() + self.text.capacity()
    }

    pub(crate) fn push(&mut self, name: &'static str, value: FieldValue<'_>) {
        let stored = match value {
            FieldValue::Bool(value) => Stored::Bool(value),
            FieldValue::I64(n) => Stored::I64(n),
            FieldValue::U64(n) => Stored::U64(n),
            FieldValue::F64(n) => Stored::F64(n),
            FieldValue::Str(text) => return self.push_text(name, |out| out.push_str(text)),
        };
        self.entries.push((name, stored));
    }

    /// Adds a text that `write` puts at the end of the buffer.
    pub(crate) fn push_text(&mut self, name: &'static str, write: impl FnOnce(&mut String)) {
        let start = self.text.len();
        write(&mut self.text);
        if let (Ok(from), Ok(to)) = (u32::try_from(start), u32::try_from(self.text.len())) {
            self.entries.push((name, Stored::Str(from, to)));
        } else {
            // Beyond four gigabytes of field texts nothing more is kept.
            self.text.truncate(start);
        }
    }

    /// Adds all fields of `other`. What a long call repeats in event after event does not pile up.
    pub(crate) fn extend(&mut self, other: &Fields) {
        if self.entries.len() > self.crowded.max(FEW) {
            self.forget_overwritten();
        }
        if self.is_empty() {
            return self.clone_from(other);
        }
        let (Ok(moved), Ok(_)) =
            (u32::try_from(self.text.len()), u32::try_from(self.text.len() + other.text.len()))
        else {
            // As in `push_text`.
            return;
        };
        self.text.push_str(&other.text);
        self.entries.extend(other.entries.iter().map(|(name, stored)| match *stored {
            Stored::Str(from, to) => (*name, Stored::Str(from + moved, to + moved)),
            other => (*name, other),
        }));
    }

    /// Keeps the last value of each name.
    fn forget_overwritten(&mut self) {
        let mut last = Fields::default();
        for (place, (name, value)) in self.iter().enumerate() {
            if self.entries[place + 1..].iter().all(|(later, _)| *later != name) {
                last.push(name, value);
            }
        }
        last.crowded = 2 * last.entries.len();
        *self = last;
    }

    /// Adds those fields of `other` whose names pass.
    pub(crate) fn extend_named(&mut self, other: &Fields, wanted: impl Fn(&str) -> bool) {
        for (name, value) in other.iter().filter(|(name, _)| wanted(name)) {
            self.push(name, value);
        }
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (&'static str, FieldValue<'_>)> {
        self.entries.iter().map(|(name, stored)| {
            let value = match *stored {
                Stored::Bool(value) => FieldValue::Bool(value),
                Stored::I64(n) => FieldValue::I64(n),
                Stored::U64(n) => FieldValue::U64(n),
                Stored::F64(n) => FieldValue::F64(n),
                Stored::Str(from, to) => FieldValue::Str(&self.text[from as usize..to as usize]),
            };
            (*name, value)
        })
    }

    /// The last value recorded under `name`.
    pub(crate) fn get(&self, name: &str) -> Option<FieldValue<'_>> {
        self.iter().rev().find(|(n, _)| *n == name).map(|(_, v)| v)
    }

    /// The last value recorded under the first of `names` that has one.
    pub(crate) fn first_of(&self, names: &[&str]) -> Option<FieldValue<'_>> {
        names.iter().find_map(|name| self.get(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_of_a_name_counts_and_the_others_do_not_pile_up() {
        let mut fields = Fields::default();
        fields.push("first", FieldValue::Str("kept"));
        for n in 0..10_000 {
            let mut event = Fields::default();
            event.push("prompt_tokens", FieldValue::U64(n));
            event.push("note", FieldValue::Str("twelve bytes"));
            fields.extend(&event);
        }
        assert_eq!(fields.get("first"), Some(FieldValue::Str("kept")));
        assert_eq!(fields.get("prompt_tokens"), Some(FieldValue::U64(9999)));
        assert!(fields.weight() < 10_000, "{}", fields.weight());
    }
}
