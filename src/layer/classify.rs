//! What a callsite is to the layer, found out once a callsite and thread.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashSet;
use std::sync::Arc;

use tracing::Metadata;
use tracing::field::Field;

use llmlogs_core::capture::{SpanCapture, Symbol};
use llmlogs_core::semconv;

#[cfg(feature = "opentelemetry")]
use crate::export::ExportRules;

use super::event_fields;

/// A user's predicate of which spans are calls.
pub(crate) type Predicate = Arc<dyn Fn(&Metadata<'_>) -> bool + Send + Sync>;

/// Which spans are calls, and which fields of the spans around them are remembered.
#[derive(Clone)]
pub(crate) struct Rules {
    pub(crate) call_if: Option<Predicate>,
    pub(crate) context: HashSet<Cow<'static, str>>,
    /// The settings of exported spans, which the layer hands to the instrumentation.
    #[cfg(feature = "opentelemetry")]
    pub(crate) export: Arc<ExportRules>,
}

impl Default for Rules {
    fn default() -> Self {
        Rules {
            call_if: None,
            context: semconv::DEFAULT_CONTEXT.into_iter().map(Cow::Borrowed).collect(),
            #[cfg(feature = "opentelemetry")]
            export: Arc::default(),
        }
    }
}

/// What a callsite is to the layer, and what it needs to know of its fields.
#[derive(Debug, Clone, Copy)]
pub(super) struct Callsite {
    class: Class,
    /// The middleware or an `LlmCall` opens its spans.
    instrumented: bool,
    /// The name of its first field.
    first: Symbol,
    /// The indices of the fields that the layer itself must know; [`NO_FIELD`] where it has none.
    operation: u8,
    kind: u8,
    messages: u8,
}

/// A field that says whether its span is a call, or which one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HintField {
    Operation,
    Kind,
    Messages,
}

const NO_FIELD: u8 = u8::MAX;

impl Callsite {
    fn new(class: Class, metadata: &'static Metadata<'static>) -> Self {
        let index = |name| {
            let found = metadata.fields().field(name);
            found.and_then(|field| u8::try_from(field.index()).ok()).unwrap_or(NO_FIELD)
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
            instrumented: metadata.target() == SpanCapture::TARGET,
            first,
            operation: index(semconv::GEN_AI_OPERATION_NAME),
            kind: index(semconv::OPENINFERENCE_SPAN_KIND),
            messages: index(semconv::GEN_AI_INPUT_MESSAGES),
        }
    }

    /// Returns the name of `field`, which is one of the callsite's.
    #[inline]
    pub(super) fn name(self, field: &Field) -> Symbol {
        self.first.of_field(field.index())
    }

    /// Returns which of the fields that the layer itself must know `field` is.
    #[inline]
    pub(super) fn hint(self, field: &Field) -> Option<HintField> {
        let index = field.index();
        if index == usize::from(self.operation) {
            Some(HintField::Operation)
        } else if index == usize::from(self.kind) {
            Some(HintField::Kind)
        } else if index == usize::from(self.messages) {
            Some(HintField::Messages)
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

    /// Returns whether the user's predicate makes its spans calls, whatever their fields say.
    pub(super) fn is_forced(self) -> bool {
        self.class == Class::ForcedCall
    }

    /// Returns whether its spans are calls that the middleware or an `LlmCall` opens, which look for a [`SpanCapture`]
    /// in the span's extensions.
    pub(super) fn is_instrumented(self) -> bool {
        self.instrumented && self.is_call()
    }
}

/// What a callsite is to the layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Ignored,
    /// A span with context fields, or an event with fields that belong to the call it happens in.
    Context,
    Call,
    /// A call by the user's predicate, whatever the fields say.
    ForcedCall,
}

impl Rules {
    /// Returns whether the field `name` of an enclosing span is remembered.
    pub(super) fn is_context(&self, name: &str) -> bool {
        self.context.contains(name)
    }

    /// Classifies the callsite of a span.
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

    /// Classifies the callsite of an event.
    pub(super) fn event(&self, instance: u32, metadata: &'static Metadata<'static>) -> Callsite {
        cached(instance, metadata, || {
            let is_kept = |name| event_fields::kept_name(name, *metadata.level()).is_some();
            if metadata.fields().iter().any(|field| is_kept(field.name())) {
                Class::Context
            } else {
                Class::Ignored
            }
        })
    }
}

const CACHED: usize = 256;

/// What is kept of a callsite: its address, for which instance, and what it is.
type Entry = (usize, u32, Option<Callsite>);

thread_local! {
    /// Callsites by a hash of address and instance. One that another has displaced is classified again.
    static CACHE: [Cell<Entry>; CACHED] = const { [const { Cell::new((0, 0, None)) }; CACHED] };
}

fn cached(instance: u32, metadata: &'static Metadata<'static>, classify: impl FnOnce() -> Class) -> Callsite {
    let address = std::ptr::from_ref(metadata) as usize;
    let slot = ((address >> 4) ^ (address >> 12) ^ instance as usize) % CACHED;
    // A thread that is being torn down has no cache any more.
    let known = CACHE.try_with(|cache| cache[slot].get());
    if let Ok((a, i, Some(callsite))) = known
        && a == address
        && i == instance
    {
        return callsite;
    }
    // A user's predicate may run here, so the cache is not borrowed meanwhile.
    let callsite = Callsite::new(classify(), metadata);
    let _torn_down = CACHE.try_with(|cache| cache[slot].set((address, instance, Some(callsite))));
    callsite
}
