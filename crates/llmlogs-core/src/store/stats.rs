//! What a recorder counts.

use std::sync::atomic::{AtomicU64, Ordering};

use super::fault::{Fault, Loss};
use crate::format::{Counters, LossCounts, Status, WriteErrors};

/// A recorder's counters since it was built.
///
/// Calls that were closed are in exactly one of `calls`, `lost` and `queued`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Calls that are on disk.
    pub calls: u64,
    /// Those of them that failed.
    pub errors: u64,
    /// Those of them that the caller cancelled.
    pub cancelled: u64,
    /// Those of them that were kept without their bodies because memory or disk ran short.
    pub degraded: u64,
    /// Calls of which nothing could be written; the sum of [`lost_by`](Self::lost_by).
    pub lost: u64,
    /// Failed writes, each attempt counted; the sum of [`write_errors_by`](Self::write_errors_by).
    pub write_errors: u64,
    /// Why calls were lost.
    pub lost_by: LossCounts,
    /// Why writes failed.
    pub write_errors_by: WriteErrors,
    /// Calls that wait to be written.
    pub queued: u64,
}

impl Stats {
    /// Returns `counters` with `queued` calls that wait to be written.
    #[must_use]
    pub fn new(counters: Counters, queued: u64) -> Self {
        let Counters { calls, errors, cancelled, degraded, lost, write_errors, lost_by, write_errors_by } =
            counters;
        Stats { calls, errors, cancelled, degraded, lost, write_errors, lost_by, write_errors_by, queued }
    }
}

/// The counters of a running recorder, which several threads count up.
#[derive(Debug, Default)]
pub struct AtomicCounters {
    calls: AtomicU64,
    errors: AtomicU64,
    cancelled: AtomicU64,
    degraded: AtomicU64,
    /// By [`Loss`].
    lost: [AtomicU64; 4],
    /// By [`Fault`].
    write_errors: [AtomicU64; 7],
}

fn add_one(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}

fn get(count: &AtomicU64) -> u64 {
    count.load(Ordering::Relaxed)
}

impl AtomicCounters {
    /// Counts a call that is on disk.
    pub fn call_written(&self, status: Status, degraded: bool) {
        match status {
            Status::Ok => {}
            Status::Error => add_one(&self.errors),
            Status::Cancelled => add_one(&self.cancelled),
        }
        if degraded {
            add_one(&self.degraded);
        }
        add_one(&self.calls);
    }

    /// Counts a call of which nothing is on disk.
    pub fn call_lost(&self, loss: Loss) {
        add_one(&self.lost[loss as usize]);
    }

    /// Counts calls that were not on disk when they were last waited for.
    pub fn calls_abandoned(&self, count: u64) {
        self.lost[Loss::Stopped as usize].fetch_add(count, Ordering::Relaxed);
    }

    /// Takes back an abandoned call: what has become of it is known, and counted, now.
    pub fn call_settled(&self) {
        self.lost[Loss::Stopped as usize].fetch_sub(1, Ordering::Relaxed);
    }

    /// Counts a failed write.
    pub fn write_failed(&self, fault: Fault) {
        add_one(&self.write_errors[fault as usize]);
    }

    /// Returns the counters as they are now.
    #[must_use]
    pub fn now(&self) -> Counters {
        let [memory, disk, stopped, bug] = self.lost.each_ref().map(get);
        let [no_space, read_only, permission, missing, obstructed, too_many_files, other] =
            self.write_errors.each_ref().map(get);
        Counters {
            calls: get(&self.calls),
            errors: get(&self.errors),
            cancelled: get(&self.cancelled),
            degraded: get(&self.degraded),
            lost: memory + disk + stopped + bug,
            write_errors: self.write_errors.iter().map(get).sum(),
            lost_by: LossCounts { memory, disk, stopped, bug },
            write_errors_by: WriteErrors {
                no_space,
                read_only,
                permission,
                missing,
                obstructed,
                too_many_files,
                other,
            },
        }
    }
}
