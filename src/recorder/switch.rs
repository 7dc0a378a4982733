//! Whether a recorder takes calls.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::sink::CountGuard;

/// The positions of a [`Switch`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Position {
    /// The program has switched recording off.
    Off,
    On,
    /// The recorder has been shut down, for good.
    Stopped,
    /// This is a fork's child, in which no thread takes what comes in.
    Forked,
}

/// A switch that every call reads and the program turns now and then.
pub(super) struct Switch {
    position: AtomicU8,
    /// Counts the recorder among those that are on.
    on: Mutex<Option<CountGuard>>,
}

impl Switch {
    /// Returns a switch that is on.
    pub(super) fn new() -> Self {
        Switch { position: AtomicU8::new(Position::On as u8), on: Mutex::new(Some(CountGuard::on())) }
    }

    pub(super) fn position(&self) -> Position {
        match self.position.load(Ordering::Relaxed) {
            position if position == Position::Off as u8 => Position::Off,
            position if position == Position::On as u8 => Position::On,
            position if position == Position::Stopped as u8 => Position::Stopped,
            _ => Position::Forked,
        }
    }

    /// Turns the switch, unless it is stopped or forked: these are for good.
    pub(super) fn turn(&self, to: Position) {
        let mut on = self.on.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(self.position(), Position::Stopped | Position::Forked) {
            return;
        }
        self.position.store(to as u8, Ordering::Relaxed);
        match to {
            Position::On if on.is_some() => {}
            Position::On => *on = Some(CountGuard::on()),
            Position::Off | Position::Stopped | Position::Forked => *on = None,
        }
    }

    /// Notes that this is a fork's child. Locks nothing: another thread of the parent may have held the lock.
    pub(super) fn set_forked(&self) {
        self.position.store(Position::Forked as u8, Ordering::Relaxed);
    }
}
