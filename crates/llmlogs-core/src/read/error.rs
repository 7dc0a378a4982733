//! The error for files and folders below a root that cannot be read.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The result of reading a file or folder below a root.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a file or folder below a root could not be read: the kind of failure, the path and the cause.
///
/// Converts into [`io::Error`], so that `?` works in functions that return one.
#[derive(Debug, Clone)]
pub struct Error {
    kind: ErrorKind,
    path: PathBuf,
    source: Arc<io::Error>,
}

/// The kinds of [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The root is not a folder, or cannot be listed.
    NotARoot,
    /// The file or folder is not there; retention may have removed it meanwhile.
    NotFound,
    /// The operating system refused to read it.
    Unreadable,
    /// The call has no `metadata.json` yet: it is in flight, or was interrupted.
    NotFinished,
    /// The file does not have the format's contents.
    Malformed,
    /// The call is packed, and the program was built without the feature `pack`, which reads packed calls.
    Packed,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, path: &Path, source: io::Error) -> Self {
        Error { kind, path: path.to_owned(), source: Arc::new(source) }
    }

    /// Wraps what the operating system reported about `path`.
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        let kind = match source.kind() {
            io::ErrorKind::NotFound => ErrorKind::NotFound,
            _ => ErrorKind::Unreadable,
        };
        Error::new(kind, path, source)
    }

    pub(crate) fn malformed(path: &Path, source: serde_json::Error) -> Self {
        Error::new(ErrorKind::Malformed, path, source.into())
    }

    /// Returns the error with another kind.
    pub(crate) fn with_kind(self, kind: ErrorKind) -> Self {
        Error { kind, ..self }
    }

    /// Returns the kind of failure.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Returns the file or folder that could not be read.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the cause, which does not name the path.
    #[must_use]
    pub fn cause(&self) -> &io::Error {
        &self.source
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match self.kind {
            ErrorKind::NotARoot => {
                write!(f, "{path}: {}; give the folder below which calls were recorded", self.source)
            }
            ErrorKind::NotFound | ErrorKind::Unreadable => write!(f, "{path}: {}", self.source),
            ErrorKind::NotFinished => {
                write!(f, "{path}: the call is not finished; check its state before its metadata")
            }
            ErrorKind::Packed => {
                write!(f, "{path}: {}; build it with that feature, or run llmlogs unpack", self.source)
            }
            ErrorKind::Malformed => {
                write!(f, "{path}: {}; the other files of the folder can still be read", self.source)
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.source)
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        io::Error::new(error.source.kind(), error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_path_and_keeps_its_cause_as_an_io_error() {
        let error = Error::io(Path::new("root/x"), io::ErrorKind::PermissionDenied.into());
        assert_eq!(error.kind(), ErrorKind::Unreadable);
        assert_eq!(error.to_string(), "root/x: permission denied");
        let error = io::Error::from(error);
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        assert!(error.to_string().contains("root/x"));
    }
}
