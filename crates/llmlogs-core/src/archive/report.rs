//! What packing and unpacking did.

use std::fmt;
use std::path::PathBuf;

/// How much there is on a disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Weight {
    /// The bytes of the files.
    pub bytes: u64,
    /// Files and folders together.
    pub inodes: u64,
}

impl std::ops::AddAssign for Weight {
    fn add_assign(&mut self, more: Self) {
        self.bytes += more.bytes;
        self.inodes += more.inodes;
    }
}

/// What happened to one session.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct SessionReport {
    /// The session's folder.
    pub session: PathBuf,
    /// Why nothing was done; `None` if something was, or there was nothing to do.
    pub skipped: Option<Skipped>,
    /// How many calls were packed or unpacked, or would be.
    pub calls: u64,
    /// What those calls took before.
    pub before: Weight,
    /// What they take now; zeros if nothing was written.
    pub after: Weight,
    /// Calls that were left as they are.
    pub kept: Vec<Kept>,
}

/// A call that was left as it is.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The call's folder.
    pub call: PathBuf,
    /// Why, as text.
    pub why: String,
}

/// Why a session was left as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Skipped {
    /// Its recorder runs.
    Running,
    /// It is not as old as was asked for.
    Young,
    /// An older logger wrote it, which nobody knows to be running.
    Older,
    /// Another process packs or unpacks it.
    Busy,
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Skipped::Running => "it is being recorded",
            Skipped::Young => "it ended too recently",
            Skipped::Older => "an older logger wrote it",
            Skipped::Busy => "another process is at it",
        })
    }
}
