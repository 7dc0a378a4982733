//! What the bodies of calls in flight hold of memory.

use std::sync::atomic::{AtomicUsize, Ordering};

/// In the whole process, in bytes.
static HELD: AtomicUsize = AtomicUsize::new(0);

/// What one call holds; given back when it is dropped.
#[derive(Debug, Default)]
pub struct MemoryReservation(usize);

impl MemoryReservation {
    /// How much all calls in flight hold together.
    pub fn by_all() -> usize {
        HELD.load(Ordering::Relaxed)
    }

    /// Takes `more` bytes, where all calls in flight together then hold no more than `most`; says whether it did.
    pub fn take(&mut self, more: usize, most: usize) -> bool {
        let before = HELD.fetch_add(more, Ordering::Relaxed);
        if before.saturating_add(more) > most {
            HELD.fetch_sub(more, Ordering::Relaxed);
            return false;
        }
        self.0 += more;
        true
    }

    /// Gives everything back.
    pub fn release(&mut self) {
        HELD.fetch_sub(std::mem::take(&mut self.0), Ordering::Relaxed);
    }
}

impl Drop for MemoryReservation {
    fn drop(&mut self) {
        self.release();
    }
}
