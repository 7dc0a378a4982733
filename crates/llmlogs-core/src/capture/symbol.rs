//! Names of fields, as small as they can be kept.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

/// The name of a field: its place in the list of all names that the process has used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Symbol(u32);

/// All names so far. A program has so many callsites, so the list ends somewhere.
#[derive(Default)]
struct Known {
    names: Arc<[&'static str]>,
    /// Where the fields of a callsite begin, by its address.
    callsites: HashMap<usize, Symbol>,
    single: HashMap<&'static str, Symbol>,
}

static KNOWN: LazyLock<RwLock<Known>> = LazyLock::new(RwLock::default);

impl Known {
    /// Adds names in a row; gives the first one's place.
    fn add(&mut self, names: impl Iterator<Item = &'static str>) -> Symbol {
        let first = Symbol(u32::try_from(self.names.len()).unwrap_or(u32::MAX));
        self.names = self.names.iter().copied().chain(names).collect();
        first
    }
}

impl Symbol {
    /// The name of nothing.
    pub const NONE: Symbol = Symbol(u32::MAX);

    pub fn of(name: &'static str) -> Self {
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
    ///
    /// `address` tells the callsite from others: it must be that of its `'static` metadata.
    pub fn first_of(address: usize, fields: impl Iterator<Item = &'static str>) -> Self {
        let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
        match known.callsites.get(&address) {
            Some(first) => *first,
            None => {
                let first = known.add(fields);
                known.callsites.insert(address, first);
                first
            }
        }
    }

    /// The name of the field at `index`, where `self` is that of the first field of its callsite.
    #[inline]
    pub fn of_field(self, index: usize) -> Self {
        Symbol(self.0.wrapping_add(index as u32))
    }

    /// A number for it that is valid in this process.
    pub fn number(self) -> u32 {
        self.0
    }

    pub fn from_number(number: u32) -> Self {
        Symbol(number)
    }
}

/// The texts of all names that are known now.
pub struct SymbolTable(Arc<[&'static str]>);

impl SymbolTable {
    pub fn now() -> Self {
        SymbolTable(Arc::clone(&KNOWN.read().unwrap_or_else(PoisonError::into_inner).names))
    }

    pub fn of(&self, name: Symbol) -> &'static str {
        self.0.get(name.0 as usize).copied().unwrap_or_default()
    }
}
