//! Why writes fail and calls are lost, as far as it is counted.

use std::io;

/// Why a call is lost; see [`LossCounts`](crate::format::LossCounts).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// The queue had no room for it.
    Memory,
    /// The disk failed until the end.
    Disk,
    /// The recorder had been shut down.
    Stopped,
    /// The recorder itself failed.
    Bug,
}

/// Why a write failed; see [`WriteErrors`](crate::format::WriteErrors).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The disk or the quota was full.
    NoSpace,
    /// The file system was read-only.
    ReadOnly,
    /// The permission was missing.
    Permission,
    /// A directory was gone.
    Missing,
    /// Something else stood in the way.
    Obstructed,
    /// Too many files were open.
    TooManyFiles,
    /// Anything else.
    Other,
}

impl Fault {
    /// Classifies `error`.
    #[must_use]
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
