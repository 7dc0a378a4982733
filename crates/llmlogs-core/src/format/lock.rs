//! The liveness lock: a recorder holds `session.json` under an exclusive lock while its process lives, so that
//! readers can tell a call in flight from one whose process died.

use std::fs::{File, TryLockError};

/// Locks `file` for the recorder until it is closed, by the process or by its end.
///
/// Has no effect on a file system without locks: recording goes on without one.
pub fn hold(file: &File) {
    let _unsupported = file.try_lock();
}

/// Returns whether a recorder holds the file; `file` must be a handle of its own.
#[must_use]
pub fn is_held(file: &File) -> bool {
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_held_until_it_is_closed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("session.json");
        let file = File::create(&path).unwrap();
        let is_held_now = || is_held(&File::open(&path).unwrap());
        assert!(!is_held_now());
        hold(&file);
        assert!(is_held_now());
        drop(file);
        assert!(!is_held_now());
    }
}
