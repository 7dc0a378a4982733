//! In the place of what reads packed calls, where the feature `pack` is off.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::format::layout::BODIES_PACK_FILE;

/// The calls of a session that are packed: none can be read without the feature `pack`.
pub enum PackedCalls {}

impl PackedCalls {
    /// Returns `None` if the session in the folder `session` has no packed calls.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::Unsupported`] if it has.
    pub fn of(session: &Path) -> io::Result<Option<Arc<Self>>> {
        match std::fs::symlink_metadata(session.join(BODIES_PACK_FILE)) {
            Ok(found) if found.is_file() => Err(unsupported()),
            _ => Ok(None),
        }
    }

    /// Returns no packed calls.
    ///
    /// # Errors
    ///
    /// Always [`io::ErrorKind::Unsupported`].
    pub fn of_file(_session: &Path, _file: File) -> io::Result<Arc<Self>> {
        Err(unsupported())
    }

    /// Returns the ids of the packed calls.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        std::iter::empty()
    }

    /// Returns whether the call `id` is packed.
    #[must_use]
    pub fn contains(&self, _id: &str) -> bool {
        match *self {}
    }

    /// Returns the contents of a file of a packed call.
    ///
    /// # Errors
    ///
    /// None.
    pub fn file(&self, _id: &str, _name: &str) -> io::Result<Option<Vec<u8>>> {
        match *self {}
    }
}

fn unsupported() -> io::Error {
    let text = "the session is packed, and this program was built without the feature `pack`";
    io::Error::new(io::ErrorKind::Unsupported, text)
}
