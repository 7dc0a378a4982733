//! Interned names of fields.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

/// The name of a field: its index in the list of all names that the process has used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Symbol(u32);

/// All names so far. There are only as many as fields in the program's source, so the list is bounded.
#[derive(Default)]
struct Interned {
    names: Arc<[&'static str]>,
    /// The first field of a callsite, by the address of its metadata.
    callsites: HashMap<usize, Symbol>,
    /// The names that were interned individually.
    by_name: HashMap<&'static str, Symbol>,
}

static INTERNED: LazyLock<RwLock<Interned>> = LazyLock::new(RwLock::default);

impl Interned {
    /// Adds consecutive names; returns the symbol of the first one.
    fn add(&mut self, names: impl Iterator<Item = &'static str>) -> Symbol {
        let first = Symbol(u32::try_from(self.names.len()).unwrap_or(u32::MAX));
        self.names = self.names.iter().copied().chain(names).collect();
        first
    }
}

impl Symbol {
    /// No name.
    pub const NONE: Symbol = Symbol(u32::MAX);

    /// Returns the symbol of `name`.
    #[must_use]
    pub fn of(name: &'static str) -> Self {
        let known = INTERNED.read().unwrap_or_else(PoisonError::into_inner).by_name.get(name).copied();
        known.unwrap_or_else(|| {
            let mut known = INTERNED.write().unwrap_or_else(PoisonError::into_inner);
            match known.by_name.get(name) {
                Some(added_meanwhile) => *added_meanwhile,
                None => {
                    let added = known.add([name].into_iter());
                    known.by_name.insert(name, added);
                    added
                }
            }
        })
    }

    /// Returns the symbol of a callsite's first field; those of the other fields follow it.
    ///
    /// `address` identifies the callsite: it must be that of its `'static` metadata.
    pub fn first_of(address: usize, fields: impl Iterator<Item = &'static str>) -> Self {
        let mut known = INTERNED.write().unwrap_or_else(PoisonError::into_inner);
        match known.callsites.get(&address) {
            Some(first) => *first,
            None => {
                let first = known.add(fields);
                known.callsites.insert(address, first);
                first
            }
        }
    }

    /// Returns the symbol of the field at `index` of the callsite whose first field has the symbol `self`.
    #[must_use]
    #[inline]
    pub fn of_field(self, index: usize) -> Self {
        Symbol(self.0.wrapping_add(index as u32))
    }

    /// Returns the symbol's number, which is valid in this process.
    #[must_use]
    #[inline]
    pub fn number(self) -> u32 {
        self.0
    }

    /// Returns the symbol that has `number`.
    #[must_use]
    #[inline]
    pub fn from_number(number: u32) -> Self {
        Symbol(number)
    }
}

/// The texts of all symbols that existed when the table was created.
pub struct SymbolTable(Arc<[&'static str]>);

impl SymbolTable {
    /// Returns the table of all symbols that exist now.
    #[must_use]
    #[inline]
    pub fn now() -> Self {
        SymbolTable(Arc::clone(&INTERNED.read().unwrap_or_else(PoisonError::into_inner).names))
    }

    /// Returns the text of `name`; empty if the symbol is newer than the table.
    #[must_use]
    pub fn of(&self, name: Symbol) -> &'static str {
        self.0.get(name.0 as usize).copied().unwrap_or_default()
    }
}
