//! Opening files and folders below a root without following links out of it.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::error::{Error, Result};

/// Opens a plain file. A link counts as missing: it may lead out of the root.
pub(crate) fn open(path: &Path) -> Result<File> {
    let kind = fs::symlink_metadata(path).map_err(|error| Error::io(path, error))?.file_type();
    if !kind.is_file() {
        return Err(Error::io(path, io::Error::new(io::ErrorKind::NotFound, "not a plain file")));
    }
    File::open(path).map_err(|error| Error::io(path, error))
}

/// Reads a plain file to its end.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    let mut contents = Vec::new();
    read_into(path, &mut contents)?;
    Ok(contents)
}

/// As [`read`], to the end of `buffer`.
pub(crate) fn read_into(path: &Path, buffer: &mut Vec<u8>) -> Result<()> {
    open(path)?.read_to_end(buffer).map(drop).map_err(|error| Error::io(path, error))
}

/// Returns whether a name refers to an entry of the folder itself: the ids in an index are not trusted as paths.
pub(crate) fn is_plain_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.contains(['/', '\\', '\0'])
}

/// Returns whether there is a plain file at `path`.
pub(crate) fn is_file(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_file())
}

/// Returns whether there is a folder at `path`.
pub(crate) fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_dir())
}

/// Returns whether there is a folder at `path` with nothing in it.
pub(crate) fn is_empty(path: &Path) -> bool {
    fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none())
}

/// Returns when an entry of the folder `dir` was changed last.
pub(crate) fn newest_change(dir: &Path) -> Option<SystemTime> {
    let entries = fs::read_dir(dir).ok()?.flatten();
    entries.filter_map(|entry| entry.metadata().ok()?.modified().ok()).max()
}

/// Returns the names of the folders in `parent` for which `is_wanted` returns `true`, sorted. Links are not followed; a parent that
/// has vanished has no folders.
pub(crate) fn folders(parent: &Path, is_wanted: impl Fn(&str) -> bool) -> Result<Vec<String>> {
    let entries = match fs::read_dir(parent) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io(parent, error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) if error.kind() == io::ErrorKind::NotFound => break,
            Err(error) => return Err(Error::io(parent, error)),
        };
        if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        if let Ok(name) = entry.file_name().into_string()
            && is_wanted(&name)
        {
            found.push(name);
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Returns the last component of a folder's path.
pub(crate) fn name(dir: &Path) -> &str {
    dir.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

/// Returns the paths of `names` in the folder `parent`.
pub(crate) fn paths_in(parent: &Path, names: Vec<String>) -> impl Iterator<Item = PathBuf> + use<> {
    let parent = parent.to_owned();
    names.into_iter().map(move |name| parent.join(name))
}
