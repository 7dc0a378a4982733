//! Names of fields, as small as they can be kept.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use tracing::Metadata;
use tracing::field::Field;

/// The name of a field: its place in the list of all names that the process has used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Name(u32);

/// All names so far. A program has so many callsites, so the list ends somewhere.
#[derive(Default)]
struct Known {
    names: Arc<[&'static str]>,
    /// Where the fields of a callsite begin, by its address.
    callsites: HashMap<usize, Name>,
    single: HashMap<&'static str, Name>,
}

static KNOWN: LazyLock<RwLock<Known>> = LazyLock::new(RwLock::default);

impl Known {
    /// Adds names in a row; gives the first one's place.
    fn add(&mut self, names: impl Iterator<Item = &'static str>) -> Name {
        let first = Name(u32::try_from(self.names.len()).unwrap_or(u32::MAX));
        self.names = self.names.iter().copied().chain(names).collect();
        first
    }
}

impl Name {
    /// The name of nothing.
    pub(crate) const NONE: Name = Name(u32::MAX);

    pub(crate) fn of(name: &'static str) -> Self {
        let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner).single.get(name).copied();
        known.unwrap_or_else(|| {
            let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
            match known.single.get(name) {
                Some(by_another_thread) => *by_another_thread,
                None => {
                    let added = known.add([name].into_iter());
                    known.single.insert(name, added);
                    added
                }
            }
        })
    }

    /// The name of the first of a callsite's fields, which the others follow.
    pub(crate) fn first_of(metadata: &'static Metadata<'static>) -> Self {
        let address = std::ptr::from_ref(metadata) as usize;
        let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
        match known.callsites.get(&address) {
            Some(first) => *first,
            None => {
                let first = known.add(metadata.fields().iter().map(|field| field.name()));
                known.callsites.insert(address, first);
                first
            }
        }
    }

    /// The name of `field`, where `self` is that of the first field of its callsite.
    #[inline]
    pub(crate) fn of_field(self, field: &Field) -> Self {
        Name(self.0.wrapping_add(field.index() as u32))
    }

    /// A number for it that is valid in this process.
    pub(crate) fn number(self) -> u32 {
        self.0
    }

    pub(crate) fn from_number(number: u32) -> Self {
        Name(number)
    }
}

/// The texts of all names that are known now.
pub(crate) struct Texts(Arc<[&'static str]>);

impl Texts {
    pub(crate) fn now() -> Self {
        Texts(Arc::clone(&KNOWN.read().unwrap_or_else(PoisonError::into_inner).names))
    }

    pub(crate) fn of(&self, name: Name) -> &'static str {
        self.0.get(name.0 as usize).copied().unwrap_or_default()
    }
}
