//! The roots that are shown.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use llmlogs_core::read::{Entry, Root};
use serde_json::Value;

use crate::output::row;

use super::answer::ApiError;

/// The roots in the order of the command line, which need not exist yet.
#[derive(Debug)]
pub(crate) struct Roots(Vec<PathBuf>);

impl Roots {
    pub(crate) fn new(paths: Vec<PathBuf>) -> Self {
        Roots(paths)
    }

    pub(crate) fn paths(&self) -> &[PathBuf] {
        &self.0
    }

    /// Returns the paths as text, by which a browser names the roots.
    pub(crate) fn names(&self) -> Vec<String> {
        self.0.iter().map(|path| path.display().to_string()).collect()
    }

    /// Opens the root with this number, from 0; `None` if it does not exist yet.
    pub(crate) fn open(&self, number: usize) -> Result<Option<Root>, ApiError> {
        let path = self.0.get(number).ok_or_else(|| ApiError::Usage(format!("there is no root {number}")))?;
        match fs::metadata(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            _ => Ok(Some(Root::open(path)?)),
        }
    }
}

/// Returns `DAY/SESSION/CALL`, by which the page's addresses name a call.
pub(crate) fn path_of(root: &Path, entry: &Entry) -> String {
    let dir = entry.call().dir();
    dir.strip_prefix(root).unwrap_or(dir).display().to_string()
}

/// Returns `DAY/SESSION/CALL` of a call of this session.
pub(crate) fn path_in_session(day: &str, session: &str, entry: &Entry) -> String {
    format!("{day}/{session}/{}", entry.call().id())
}

/// Returns what `llmlogs ls --json` prints of a call, with its `path` in the page's addresses.
pub(crate) fn call_json(root: &Path, entry: &Entry) -> Value {
    let mut value = row::json(entry);
    if let Some(members) = value.as_object_mut() {
        members.insert("path".to_owned(), path_of(root, entry).into());
    }
    value
}
