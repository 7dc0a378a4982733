//! What a layer keeps in a span's extensions.

use std::time::SystemTime;

use llmlogs_core::capture::Fields;

use super::call_state::OpenCall;

/// The slots of all layer instances in one span's extensions, which hold one value a type.
pub(super) struct Slots {
    first: (u32, Slot),
    /// Rarely is there more than one instance.
    more: Vec<(u32, Slot)>,
}

pub(super) enum Slot {
    Call(OpenCall),
    /// The context fields of a span that is no call, and when it was opened.
    Context(Fields, SystemTime),
}

impl Slots {
    pub(super) fn new(instance: u32, slot: Slot) -> Self {
        Slots { first: (instance, slot), more: Vec::new() }
    }

    pub(super) fn add(&mut self, instance: u32, slot: Slot) {
        self.more.push((instance, slot));
    }

    pub(super) fn get(&self, instance: u32) -> Option<&Slot> {
        let mut slots = std::iter::once(&self.first).chain(&self.more);
        slots.find(|(i, _)| *i == instance).map(|(_, slot)| slot)
    }

    pub(super) fn get_mut(&mut self, instance: u32) -> Option<&mut Slot> {
        let mut slots = std::iter::once(&mut self.first).chain(&mut self.more);
        slots.find(|(i, _)| *i == instance).map(|(_, slot)| slot)
    }
}
