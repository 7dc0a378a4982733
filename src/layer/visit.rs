//! Field values into [`Fields`].

use std::error::Error;
use std::fmt::{self, Write};

use tracing::field::{Field, Visit};

use crate::record::{FieldValue, Fields};

/// Which names are kept, and under which name.
type Keep<'a> = Option<&'a dyn Fn(&'static str) -> Option<&'static str>>;

pub(super) struct Visitor<'a> {
    fields: &'a mut Fields,
    keep: Keep<'a>,
}

impl<'a> Visitor<'a> {
    pub(super) fn all(fields: &'a mut Fields) -> Self {
        Visitor { fields, keep: None }
    }

    pub(super) fn some(
        fields: &'a mut Fields,
        keep: &'a dyn Fn(&'static str) -> Option<&'static str>,
    ) -> Self {
        Visitor { fields, keep: Some(keep) }
    }

    fn name(&self, field: &Field) -> Option<&'static str> {
        match self.keep {
            None => Some(field.name()),
            Some(keep) => keep(field.name()),
        }
    }

    fn put(&mut self, field: &Field, value: FieldValue<'_>) {
        if let Some(name) = self.name(field) {
            self.fields.push(name, value);
        }
    }
}

impl Visit for Visitor<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, FieldValue::F64(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, FieldValue::I64(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, FieldValue::U64(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, FieldValue::Bool(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, FieldValue::Str(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        if let Some(name) = self.name(field) {
            self.fields.push_text(name, |out| {
                // A formatter that fails leaves what it had written.
                let mut unfinished = write!(out, "{value}").is_err();
                let mut source = value.source();
                while let (Some(cause), false) = (source, unfinished) {
                    unfinished = write!(out, ": {cause}").is_err();
                    source = cause.source();
                }
            });
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if let Some(name) = self.name(field) {
            self.fields.push_text(name, |out| {
                // As above.
                let _unfinished = write!(out, "{value:?}");
            });
        }
    }
}
