//! What a directory holds.

/// An entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name in the directory.
    pub name: String,
    /// Whether it is itself a directory; a link to one is not.
    pub is_dir: bool,
}
