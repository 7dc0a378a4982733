//! Collects the values of fields, which `tracing` shows to a visitor, into [`Fields`].

use std::error::Error;
use std::fmt::{self, Write};
use std::sync::MutexGuard;

use tracing::field::{Field, Visit};

use llmlogs_core::capture::{FieldValue, Fields, MAX_CONTEXT_TEXT, Symbol, context_text};

use super::call_state::{CallState, OpenCall};
use super::classify::{Callsite, Rules};

/// Where a visitor puts the values of fields.
pub(super) trait Store {
    /// Returns whether the field's value is kept.
    fn keeps(&self, _field: &Field) -> bool {
        true
    }

    fn put(&mut self, field: &Field, value: FieldValue<'_>);

    /// Returns how many bytes of a text are of use.
    fn max_text(&self) -> usize {
        usize::MAX
    }

    /// Releases every lock: a user's `Debug` is about to run, which may itself use the span.
    fn unlock_for_user_code(&mut self) {}
}

/// The context fields of a span that is no call.
pub(super) struct ContextFields<'a> {
    pub(super) callsite: Callsite,
    pub(super) rules: &'a Rules,
    pub(super) fields: &'a mut Fields,
}

impl Store for ContextFields<'_> {
    fn keeps(&self, field: &Field) -> bool {
        self.rules.is_context(field.name())
    }

    fn put(&mut self, field: &Field, value: FieldValue<'_>) {
        // A prompt of a megabyte is not copied for a name of the context.
        let value = match value {
            FieldValue::Str(text) => FieldValue::Str(context_text(text)),
            number => number,
        };
        self.fields.push(self.callsite.name(field), value);
    }

    fn max_text(&self) -> usize {
        // A character more, so that it shows that there is more.
        MAX_CONTEXT_TEXT + char::MAX.len_utf8()
    }
}

/// All fields of a new call span.
pub(super) struct NewCallFields {
    pub(super) callsite: Callsite,
    pub(super) state: CallState,
}

impl Store for NewCallFields {
    #[inline]
    fn put(&mut self, field: &Field, value: FieldValue<'_>) {
        self.state.put(self.callsite.name(field), self.callsite.hint(field), value);
    }
}

/// The fields of an open call span. It stays locked from one value to the next, but for those that a user's code
/// writes.
pub(super) struct CallFields<'a> {
    callsite: Callsite,
    call: &'a OpenCall,
    locked: Option<MutexGuard<'a, CallState>>,
}

impl<'a> CallFields<'a> {
    pub(super) fn new(callsite: Callsite, call: &'a OpenCall) -> Self {
        CallFields { callsite, call, locked: None }
    }

    fn put_as(&mut self, name: Symbol, field: &Field, value: FieldValue<'_>) {
        let state = self.locked.get_or_insert_with(|| {
            let mut state = self.call.lock();
            state.fields.compact();
            state
        });
        state.put(name, self.callsite.hint(field), value);
    }
}

impl Store for CallFields<'_> {
    #[inline]
    fn put(&mut self, field: &Field, value: FieldValue<'_>) {
        self.put_as(self.callsite.name(field), field, value);
    }

    fn unlock_for_user_code(&mut self) {
        self.locked = None;
    }
}

/// The fields of an event that belong to the call it happens in.
pub(super) struct EventFields<'a, K> {
    pub(super) call: CallFields<'a>,
    /// Returns the name under which a field is kept.
    pub(super) keep: K,
}

impl<K: Fn(&'static str) -> Option<&'static str>> Store for EventFields<'_, K> {
    fn keeps(&self, field: &Field) -> bool {
        (self.keep)(field.name()).is_some()
    }

    fn put(&mut self, field: &Field, value: FieldValue<'_>) {
        match (self.keep)(field.name()) {
            Some(name) if name == field.name() => self.call.put(field, value),
            Some(name) => self.call.put_as(Symbol::of(name), field, value),
            None => {}
        }
    }

    fn unlock_for_user_code(&mut self) {
        self.call.unlock_for_user_code();
    }
}

/// A text that stops a formatter once it has more than `max` bytes.
struct Bounded {
    text: String,
    max: usize,
}

impl Write for Bounded {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        let room = self.max.saturating_sub(self.text.len());
        if more.len() <= room {
            self.text.push_str(more);
            return Ok(());
        }
        let mut end = room;
        while !more.is_char_boundary(end) {
            end -= 1;
        }
        self.text.push_str(&more[..end]);
        Err(fmt::Error)
    }
}

/// Passes the values it visits to a store.
pub(super) struct Visitor<S>(pub(super) S);

impl<S: Store> Visitor<S> {
    #[inline]
    fn put(&mut self, field: &Field, value: FieldValue<'_>) {
        if self.0.keeps(field) {
            self.0.put(field, value);
        }
    }

    fn put_text(&mut self, field: &Field, write: impl FnOnce(&mut Bounded)) {
        if self.0.keeps(field) {
            self.0.unlock_for_user_code();
            let mut out = Bounded { text: String::new(), max: self.0.max_text() };
            write(&mut out);
            self.0.put(field, FieldValue::Str(&out.text));
        }
    }
}

impl<S: Store> Visit for Visitor<S> {
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
        self.put_text(field, |out| {
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
        self.put_text(field, |out| {
            // A formatter that fails leaves what it had written.
            let _unfinished = write!(out, "{value:?}");
        });
    }
}
