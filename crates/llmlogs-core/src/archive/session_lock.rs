//! Who may pack or unpack a session: one process at a time, and none while the session is being recorded.
//!
//! The lock is that on the file into which the packed calls are written; it goes with the file when that is renamed into
//! place.

use std::fs::File;
use std::io;

use crate::format::layout::{BODIES_PACK_FILE, temporary_name};
use crate::store::dir::Dir;

/// The right to pack or unpack a session, until it is dropped.
pub(super) struct SessionLock<'d> {
    session: &'d Dir,
    file: File,
    /// The packed calls that there are.
    packed: Option<File>,
}

impl<'d> SessionLock<'d> {
    /// Takes the lock; `None` if another process has it.
    pub(super) fn take(session: &'d Dir) -> io::Result<Option<Self>> {
        let temporary = temporary_name(BODIES_PACK_FILE);
        let file = loop {
            let file = session.append_file(&temporary)?;
            if is_taken(&file)? {
                return Ok(None);
            }
            // Whoever had the lock may have renamed or removed the file in between.
            if is_still(session, &temporary, &file) {
                break file;
            }
        };
        let packed = match session.read_file(BODIES_PACK_FILE) {
            Ok(packed) => Some(packed),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        // Whoever has renamed it into place still holds it.
        if let Some(packed) = &packed
            && is_taken(packed)?
        {
            return Ok(None);
        }
        Ok(Some(SessionLock { session, file, packed }))
    }

    /// Returns the packed calls that there were when the lock was taken.
    pub(super) fn packed(&self) -> Option<&File> {
        self.packed.as_ref()
    }

    /// Returns the file into which packed calls are written, empty.
    pub(super) fn file(&self) -> io::Result<&File> {
        self.file.set_len(0)?;
        Ok(&self.file)
    }

    /// Gives what was written the name by which readers find it.
    pub(super) fn put_in_place(&self) -> io::Result<()> {
        self.session.rename(&temporary_name(BODIES_PACK_FILE), BODIES_PACK_FILE)
    }
}

impl Drop for SessionLock<'_> {
    fn drop(&mut self) {
        let temporary = temporary_name(BODIES_PACK_FILE);
        if is_still(self.session, &temporary, &self.file) {
            // Doctor tells of one that stays.
            let _leftover = self.session.remove_file(&temporary);
        }
    }
}

/// Tries to lock the file; returns whether somebody else has. On a file system without locks nobody has.
fn is_taken(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(false),
        Err(std::fs::TryLockError::WouldBlock) => Ok(true),
        Err(std::fs::TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(false),
        Err(std::fs::TryLockError::Error(error)) => Err(error),
    }
}

/// Returns whether `file` is what has the name `name`.
#[cfg(unix)]
fn is_still(session: &Dir, name: &str, file: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    let of = |file: &File| file.metadata().map(|found| (found.dev(), found.ino())).ok();
    session.read_file(name).is_ok_and(|named| of(&named).is_some() && of(&named) == of(file))
}

#[cfg(not(unix))]
fn is_still(session: &Dir, name: &str, file: &File) -> bool {
    let of = |file: &File| file.metadata().and_then(|found| found.created()).ok();
    session.read_file(name).is_ok_and(|named| of(&named).is_some() && of(&named) == of(file))
}
