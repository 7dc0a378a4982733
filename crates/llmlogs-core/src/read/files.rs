//! Opening files and folders of a root without leaving it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// An error that names the file.
pub(super) fn named(error: &io::Error, path: &Path) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// Opens a plain file. A link in its place is as good as nothing: it may lead out of the root.
pub fn open(path: &Path) -> io::Result<File> {
    let kind = fs::symlink_metadata(path).map_err(|error| named(&error, path))?.file_type();
    if !kind.is_file() {
        return Err(named(&io::Error::new(io::ErrorKind::NotFound, "not a plain file"), path));
    }
    File::open(path).map_err(|error| named(&error, path))
}

/// Reads a plain file whole.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut contents = Vec::new();
    io::Read::read_to_end(&mut open(path)?, &mut contents).map_err(|error| named(&error, path))?;
    Ok(contents)
}

/// Whether a name stands for something in the folder itself: an index is data, and no path.
pub fn is_plain_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.contains(['/', '\\', '\0'])
}

/// Whether a plain file stands there.
pub(super) fn is_file(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_file())
}

/// Whether a folder stands there.
pub(super) fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_dir())
}

/// The folders in `parent` whose names pass, sorted by name. Links are not followed; a parent that
/// has vanished has no folders.
pub(super) fn folders(parent: &Path, wanted: impl Fn(&str) -> bool) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(parent) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(named(&error, parent)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) if error.kind() == io::ErrorKind::NotFound => break,
            Err(error) => return Err(named(&error, parent)),
        };
        if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        if let Ok(name) = entry.file_name().into_string()
            && wanted(&name)
        {
            found.push(name);
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// The name of a folder.
pub(super) fn name(dir: &Path) -> &str {
    dir.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

/// Joins a folder and those names below it.
pub(super) fn below(parent: &Path, names: Vec<String>) -> impl Iterator<Item = PathBuf> + use<> {
    let parent = parent.to_owned();
    names.into_iter().map(move |name| parent.join(name))
}
