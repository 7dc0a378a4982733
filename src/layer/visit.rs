//! Field values into [`Fields`].

use std::error::Error;
use std::fmt::{self, Write};

use tracing::field::{Field, Visit};

use crate::record::{FieldValue, Fields};

use super::names;
use super::state::{CallState, Shared, lock};

/// Where fields go.
pub(super) trait Store {
    fn put(&mut self, name: &'static str, value: FieldValue<'_>);

    /// Puts a text that a user's code writes, which may itself use the span.
    fn put_text(&mut self, name: &'static str, write: &mut dyn FnMut(&mut String));
}

/// The context fields of a span that is no call.
pub(super) struct Context<'a, K> {
    pub(super) fields: &'a mut Fields,
    /// Which names are kept, and under which name.
    pub(super) keep: K,
}

impl<K: Fn(&'static str) -> Option<&'static str>> Store for Context<'_, K> {
    fn put(&mut self, name: &'static str, value: FieldValue<'_>) {
        if let Some(name) = (self.keep)(name) {
            self.fields.push(name, value);
        }
    }

    fn put_text(&mut self, name: &'static str, write: &mut dyn FnMut(&mut String)) {
        if let Some(name) = (self.keep)(name) {
            self.fields.push_text(name, write);
        }
    }
}

/// All fields of a call span that is being opened.
impl Store for CallState {
    #[inline]
    fn put(&mut self, name: &'static str, value: FieldValue<'_>) {
        self.fields.push(name, value);
        self.said.note(name, value);
    }

    fn put_text(&mut self, name: &'static str, write: &mut dyn FnMut(&mut String)) {
        if names::is_watched(name) {
            let mut text = String::new();
            write(&mut text);
            self.put(name, FieldValue::Str(&text));
        } else {
            self.fields.push_text(name, write);
        }
    }
}

/// A call span that is open. It is locked while values are put that no user's code writes.
pub(super) struct Open<'a> {
    state: &'a Shared,
    locked: Option<std::sync::MutexGuard<'a, CallState>>,
}

impl<'a> Open<'a> {
    pub(super) fn new(state: &'a Shared) -> Self {
        Open { state, locked: None }
    }
}

impl Store for Open<'_> {
    #[inline]
    fn put(&mut self, name: &'static str, value: FieldValue<'_>) {
        let state = self.locked.get_or_insert_with(|| {
            let mut state = lock(self.state);
            // Adding a whole list is what drops values that no longer count.
            state.fields.extend(&Fields::default());
            state
        });
        state.put(name, value);
    }

    fn put_text(&mut self, name: &'static str, write: &mut dyn FnMut(&mut String)) {
        self.locked = None;
        let mut text = String::new();
        write(&mut text);
        self.put(name, FieldValue::Str(&text));
    }
}

/// Those of an event's fields that say something of the call it happens in.
pub(super) struct Told<'a, K> {
    pub(super) call: Open<'a>,
    /// As in [`Context`].
    pub(super) keep: K,
}

impl<K: Fn(&'static str) -> Option<&'static str>> Store for Told<'_, K> {
    fn put(&mut self, name: &'static str, value: FieldValue<'_>) {
        if let Some(name) = (self.keep)(name) {
            self.call.put(name, value);
        }
    }

    fn put_text(&mut self, name: &'static str, write: &mut dyn FnMut(&mut String)) {
        if let Some(name) = (self.keep)(name) {
            self.call.put_text(name, write);
        }
    }
}

/// Visits values on behalf of a store.
pub(super) struct Visitor<S>(pub(super) S);

impl<S: Store> Visit for Visitor<S> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.put(field.name(), FieldValue::F64(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.put(field.name(), FieldValue::I64(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.put(field.name(), FieldValue::U64(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.put(field.name(), FieldValue::Bool(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.put(field.name(), FieldValue::Str(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.0.put_text(field.name(), &mut |out| {
            // A formatter that fails leaves what it had written.
            let mut unfinished = write!(out, "{value}").is_err();
            let mut source = value.source();
            while let (Some(cause), false) = (source, unfinished) {
                unfinished = write!(out, ": {cause}").is_err();
                source = cause.source();
            }
        });
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.put_text(field.name(), &mut |out| {
            // As above.
            let _unfinished = write!(out, "{value:?}");
        });
    }
}
