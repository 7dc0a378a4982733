//! What a recorder counts.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// A recorder's counters since it was built.
///
/// Calls that were closed are in exactly one of `calls`, `lost` and `queued`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Stats {
    /// Calls that are on disk.
    pub calls: u64,
    /// Those of them that failed.
    pub errors: u64,
    /// Those of them that the caller gave up.
    pub cancelled: u64,
    /// Those of them that were kept without their bodies because memory or disk ran short.
    pub degraded: u64,
    /// Calls of which nothing could be written; the sum of [`lost_by`](Self::lost_by).
    pub lost: u64,
    /// Writes that failed, tries at the same call each; the sum of
    /// [`write_errors_by`](Self::write_errors_by).
    pub write_errors: u64,
    /// Why calls were lost.
    pub lost_by: LossCounts,
    /// Why writes failed.
    pub write_errors_by: WriteErrors,
    /// Calls that wait to be written.
    #[serde(skip)]
    pub queued: u64,
}

/// Lost calls by cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct LossCounts {
    /// Even without bodies the queue had no room for them.
    pub memory: u64,
    /// The disk still failed when the recorder was shut down.
    pub disk: u64,
    /// They were closed after the recorder was shut down.
    pub stopped: u64,
    /// The recorder itself failed at them; please report it.
    pub bug: u64,
}

/// Failed writes by cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct WriteErrors {
    /// The disk or the user's quota was full.
    pub no_space: u64,
    /// The file system was read-only.
    pub read_only: u64,
    /// The permission was missing.
    pub permission: u64,
    /// A folder was gone.
    pub missing: u64,
    /// Something else stood where a file or folder was to go: a file, a link, another's folder.
    pub obstructed: u64,
    /// The process or the system had too many files open.
    pub too_many_files: u64,
    /// Anything else.
    pub other: u64,
}

/// Why a call is lost.
#[derive(Debug, Clone, Copy)]
pub enum Loss {
    Memory,
    Disk,
    Stopped,
    Bug,
}

/// Why a write failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    NoSpace,
    ReadOnly,
    Permission,
    Missing,
    Obstructed,
    TooManyFiles,
    Other,
}

impl Fault {
    pub fn of(error: &io::Error) -> Self {
        use io::ErrorKind as Kind;
        match error.kind() {
            Kind::StorageFull | Kind::QuotaExceeded => Fault::NoSpace,
            Kind::ReadOnlyFilesystem => Fault::ReadOnly,
            Kind::PermissionDenied => Fault::Permission,
            Kind::NotFound => Fault::Missing,
            Kind::AlreadyExists | Kind::NotADirectory | Kind::IsADirectory => Fault::Obstructed,
            _ => Fault::of_code(error.raw_os_error()),
        }
    }

    #[cfg(unix)]
    fn of_code(code: Option<i32>) -> Self {
        use rustix::io::Errno;
        match code.map(Errno::from_raw_os_error) {
            Some(Errno::MFILE | Errno::NFILE) => Fault::TooManyFiles,
            Some(Errno::LOOP) => Fault::Obstructed,
            _ => Fault::Other,
        }
    }

    #[cfg(not(unix))]
    fn of_code(_code: Option<i32>) -> Self {
        Fault::Other
    }
}

/// The counters themselves.
#[derive(Debug, Default)]
pub struct Counts {
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

impl Counts {
    pub fn written(&self, status: crate::format::Status, degraded: bool) {
        use crate::format::Status;
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

    pub fn lost(&self, loss: Loss) {
        add_one(&self.lost[loss as usize]);
    }

    pub fn write_failed(&self, fault: Fault) {
        add_one(&self.write_errors[fault as usize]);
    }

    pub fn stats(&self, queued: u64) -> Stats {
        let [memory, disk, stopped, bug] = self.lost.each_ref().map(get);
        let [no_space, read_only, permission, missing, obstructed, too_many_files, other] =
            self.write_errors.each_ref().map(get);
        Stats {
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
            queued,
        }
    }
}
