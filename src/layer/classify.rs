//! What a callsite is, found out once a callsite and thread.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashSet;
use std::sync::Arc;

use tracing::Metadata;

use crate::record::Exchange;

use super::names;

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
        Rules { call_if: None, context: names::DEFAULT_CONTEXT.into_iter().map(Cow::Borrowed).collect() }
    }
}

/// What a callsite is to the layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Class(u8);

impl Class {
    const UNKNOWN: Class = Class(0);
    const FOREIGN: Class = Class(1);
    /// A span with context fields, or an event that says something of a call.
    const TELLS: Class = Class(2);
    const CALL: Class = Class(3);
    const FORCED_CALL: Class = Class(4);
    /// Added to the class of a call whose span the sending side opened.
    const SENT: u8 = 8;

    pub(super) fn is_foreign(self) -> bool {
        self == Class::FOREIGN
    }

    pub(super) fn is_call(self) -> bool {
        self.0 >= Class::CALL.0
    }

    /// The user's predicate says so, whatever the fields say.
    pub(super) fn is_forced(self) -> bool {
        self.0 & !Class::SENT == Class::FORCED_CALL.0
    }

    /// The sending side opened it, and looks beside it for what is wanted.
    pub(super) fn is_sent(self) -> bool {
        self.0 & Class::SENT != 0
    }

    fn of_target(self, target: &str) -> Self {
        if self.is_call() && target == Exchange::TARGET { Class(self.0 | Class::SENT) } else { self }
    }
}

impl Rules {
    /// The name under which a field of an enclosing span is remembered.
    pub(super) fn context_name(&self, name: &'static str) -> Option<&'static str> {
        self.is_context(name).then_some(name)
    }

    /// Whether a field of an enclosing span is remembered.
    pub(super) fn is_context(&self, name: &str) -> bool {
        self.context.contains(name)
    }

    pub(super) fn span(&self, instance: u32, metadata: &'static Metadata<'static>) -> Class {
        cached(instance, metadata, || {
            let fields = metadata.fields();
            let class = if self.call_if.as_ref().is_some_and(|call_if| call_if(metadata)) {
                Class::FORCED_CALL
            } else if fields.field(names::OPERATION).is_some()
                || fields.field(names::OPENINFERENCE_KIND).is_some()
            {
                Class::CALL
            } else if fields.iter().any(|field| self.is_context(field.name())) {
                Class::TELLS
            } else {
                Class::FOREIGN
            };
            class.of_target(metadata.target())
        })
    }

    pub(super) fn event(&self, instance: u32, metadata: &'static Metadata<'static>) -> Class {
        cached(instance, metadata, || {
            let tells = |name| names::of_event(name, *metadata.level()).is_some();
            match metadata.fields().iter().any(|field| tells(field.name())) {
                true => Class::TELLS,
                false => Class::FOREIGN,
            }
        })
    }
}

const CACHED: usize = 256;

thread_local! {
    /// Callsites by address and instance. Another callsite may take the place of one; then it is
    /// classified again.
    static CACHE: [Cell<(usize, u32, Class)>; CACHED] =
        const { [const { Cell::new((0, 0, Class::UNKNOWN)) }; CACHED] };
}

fn cached(instance: u32, metadata: &'static Metadata<'static>, classify: impl FnOnce() -> Class) -> Class {
    let address = std::ptr::from_ref(metadata) as usize;
    let place = ((address >> 4) ^ (address >> 12) ^ instance as usize) % CACHED;
    // A thread that is being torn down has no cache any more.
    let known = CACHE.try_with(|cache| cache[place].get());
    if let Ok((a, i, class)) = known
        && a == address
        && i == instance
    {
        return class;
    }
    // A user's predicate may run here, so the cache is not borrowed meanwhile.
    let class = classify();
    let _torn_down = CACHE.try_with(|cache| cache[place].set((address, instance, class)));
    class
}
