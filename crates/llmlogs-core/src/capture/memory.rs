//! Accounting of the memory that the bodies of calls in flight hold.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The reservations of the whole process, in bytes.
static RESERVED: AtomicUsize = AtomicUsize::new(0);

/// The memory that one call in flight holds; released when it is dropped.
#[derive(Debug, Default)]
pub struct MemoryReservation(usize);

impl MemoryReservation {
    /// Returns how many bytes all calls in flight hold together.
    #[must_use]
    #[inline]
    pub fn total() -> usize {
        RESERVED.load(Ordering::Relaxed)
    }

    /// Reserves `more` bytes; returns `false`, and reserves nothing, if all calls in flight together would then hold more
    /// than `limit`.
    #[inline]
    pub fn reserve(&mut self, more: usize, limit: usize) -> bool {
        let before = RESERVED.fetch_add(more, Ordering::Relaxed);
        if before.saturating_add(more) > limit {
            RESERVED.fetch_sub(more, Ordering::Relaxed);
            return false;
        }
        self.0 += more;
        true
    }

    /// Releases everything.
    #[inline]
    pub fn release(&mut self) {
        RESERVED.fetch_sub(std::mem::take(&mut self.0), Ordering::Relaxed);
    }
}

impl Drop for MemoryReservation {
    fn drop(&mut self) {
        self.release();
    }
}
