//! What a recorder counts.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// A recorder's counters since it was built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Calls that are on disk.
    pub calls: u64,
    /// Those of them that failed.
    pub errors: u64,
    /// Those of them that the caller gave up.
    pub cancelled: u64,
    /// Calls kept without their bodies because memory or disk ran short.
    pub degraded: u64,
    /// Calls of which nothing could be written.
    pub lost: u64,
    /// Writes that failed.
    pub write_errors: u64,
    /// Calls that wait to be written.
    pub queued: u64,
}

/// The counters as `session.json` has them.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Counters {
    calls: u64,
    errors: u64,
    cancelled: u64,
    degraded: u64,
    lost: u64,
    write_errors: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) calls: AtomicU64,
    pub(super) errors: AtomicU64,
    pub(super) cancelled: AtomicU64,
    pub(super) degraded: AtomicU64,
    pub(super) lost: AtomicU64,
    pub(super) write_errors: AtomicU64,
}

pub(super) fn add_one(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}

impl Counts {
    pub(super) fn stats(&self, queued: u64) -> Stats {
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Stats {
            calls: get(&self.calls),
            errors: get(&self.errors),
            cancelled: get(&self.cancelled),
            degraded: get(&self.degraded),
            lost: get(&self.lost),
            write_errors: get(&self.write_errors),
            queued,
        }
    }

    pub(super) fn counters(&self) -> Counters {
        let stats = self.stats(0);
        Counters {
            calls: stats.calls,
            errors: stats.errors,
            cancelled: stats.cancelled,
            degraded: stats.degraded,
            lost: stats.lost,
            write_errors: stats.write_errors,
        }
    }
}
