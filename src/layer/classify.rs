//! What a callsite is, found out once a callsite and thread.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashSet;
use std::sync::Arc;

use tracing::Metadata;
use tracing::field::Field;

use llmlogs_core::capture::{SpanCapture, Symbol};
use llmlogs_core::semconv;

use super::event_fields;

/// A user's own word on which spans are calls.
pub(crate) type Predicate = Arc<dyn Fn(&Metadata<'_>) -> bool + Send + Sync>;

/// What makes a span a call, and what of the spans around it is remembered.
#[derive(Clone)]
pub(crate) struct Rules {
    pub(crate) call_if: Option<Predicate>,
    pub(crate) context: HashSet<Cow<'static, str>>,
}

impl Default for Rules {
    fn default() -> Self {
        Rules { call_if: None, context: semconv::DEFAULT_CONTEXT.into_iter().map(Cow::Borrowed).collect() }
    }
}

/// What a callsite is to the layer, and what it needs to know of its fields.
#[derive(Debug, Clone, Copy)]
pub(super) struct Callsite {
    class: Class,
    /// The sending side opened it.
    sent: bool,
    /// The name of its first field.
    first: Symbol,
    /// Where those of its fields stand that say whether it is a call.
    operation: u8,
    kind: u8,
    messages: u8,
}

/// What a field that says whether its span is a call says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Watched {
    Operation,
    Kind,
    Messages,
}

/// No field stands there.
const NOWHERE: u8 = u8::MAX;

impl Callsite {
    fn new(class: Class, metadata: &'static Metadata<'static>) -> Self {
        let place = |name| {
            let found = metadata.fields().field(name);
            found.and_then(|field| u8::try_from(field.index()).ok()).unwrap_or(NOWHERE)
        };
        let first = match class {
            Class::Ignored => Symbol::NONE,
            _ => {
                let address = std::ptr::from_ref(metadata) as usize;
                Symbol::first_of(address, metadata.fields().iter().map(|field| field.name()))
            }
        };
        Callsite {
            class,
            sent: metadata.target() == SpanCapture::TARGET,
            first,
            operation: place(semconv::GEN_AI_OPERATION_NAME),
            kind: place(semconv::OPENINFERENCE_SPAN_KIND),
            messages: place(semconv::GEN_AI_INPUT_MESSAGES),
        }
    }

    #[inline]
    pub(super) fn name(self, field: &Field) -> Symbol {
        self.first.of_field(field.index())
    }

    /// What `field` says that the layer itself must know.
    #[inline]
    pub(super) fn watched(self, field: &Field) -> Option<Watched> {
        let place = field.index();
        if place == usize::from(self.operation) {
            Some(Watched::Operation)
        } else if place == usize::from(self.kind) {
            Some(Watched::Kind)
        } else if place == usize::from(self.messages) {
            Some(Watched::Messages)
        } else {
            None
        }
    }

    pub(super) fn is_ignored(self) -> bool {
        self.class == Class::Ignored
    }

    pub(super) fn is_call(self) -> bool {
        matches!(self.class, Class::Call | Class::ForcedCall)
    }

    /// The user's predicate says so, whatever the fields say.
    pub(super) fn is_forced(self) -> bool {
        self.class == Class::ForcedCall
    }

    /// It is a call whose span the sending side opened, which looks beside it for what is wanted.
    pub(super) fn is_sent(self) -> bool {
        self.sent && self.is_call()
    }
}

/// What a callsite is to the layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Ignored,
    /// A span with context fields, or an event that says something of a call.
    Context,
    Call,
    /// The user's predicate says so, whatever the fields say.
    ForcedCall,
}

impl Rules {
    /// Whether a field of an enclosing span is remembered.
    pub(super) fn is_context(&self, name: &str) -> bool {
        self.context.contains(name)
    }

    pub(super) fn span(&self, instance: u32, metadata: &'static Metadata<'static>) -> Callsite {
        cached(instance, metadata, || {
            let fields = metadata.fields();
            if self.call_if.as_ref().is_some_and(|call_if| call_if(metadata)) {
                Class::ForcedCall
            } else if fields.field(semconv::GEN_AI_OPERATION_NAME).is_some()
                || fields.field(semconv::OPENINFERENCE_SPAN_KIND).is_some()
            {
                Class::Call
            } else if fields.iter().any(|field| self.is_context(field.name())) {
                Class::Context
            } else {
                Class::Ignored
            }
        })
    }

    pub(super) fn event(&self, instance: u32, metadata: &'static Metadata<'static>) -> Callsite {
        cached(instance, metadata, || {
            let tells = |name| event_fields::kept_name(name, *metadata.level()).is_some();
            match metadata.fields().iter().any(|field| tells(field.name())) {
                true => Class::Context,
                false => Class::Ignored,
            }
        })
    }
}

const CACHED: usize = 256;

/// What is kept of a callsite: its address, for which instance, and what it is.
type Entry = (usize, u32, Option<Callsite>);

thread_local! {
    /// Callsites by address and instance. Another callsite may take the place of one; then it is
    /// classified again.
    static CACHE: [Cell<Entry>; CACHED] = const { [const { Cell::new((0, 0, None)) }; CACHED] };
}

fn cached(instance: u32, metadata: &'static Metadata<'static>, classify: impl FnOnce() -> Class) -> Callsite {
    let address = std::ptr::from_ref(metadata) as usize;
    let place = ((address >> 4) ^ (address >> 12) ^ instance as usize) % CACHED;
    // A thread that is being torn down has no cache any more.
    let known = CACHE.try_with(|cache| cache[place].get());
    if let Ok((a, i, Some(callsite))) = known
        && a == address
        && i == instance
    {
        return callsite;
    }
    // A user's predicate may run here, so the cache is not borrowed meanwhile.
    let callsite = Callsite::new(classify(), metadata);
    let _torn_down = CACHE.try_with(|cache| cache[place].set((address, instance, Some(callsite))));
    callsite
}
