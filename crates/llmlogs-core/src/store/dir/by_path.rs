//! Directories by their paths, where the platform has nothing better.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::entry::Entry;

/// A directory that existed when it was opened.
#[derive(Debug)]
pub struct Dir {
    path: PathBuf,
}

impl Dir {
    /// Opens the root, creating it and its parents if it is missing.
    pub fn open_root(path: &Path) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        Dir::open_path(path)
    }

    /// Opens the directory at `path`, which may be a link.
    pub fn open_path(path: &Path) -> io::Result<Self> {
        if fs::metadata(path)?.is_dir() {
            Ok(Dir { path: path.to_owned() })
        } else {
            Err(io::ErrorKind::NotADirectory.into())
        }
    }

    /// Returns another handle of the same directory.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Dir { path: self.path.clone() })
    }

    /// Returns the path under which the directory was opened.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Creates the directory `name`; an error if the name is taken.
    pub fn create_dir(&self, name: &str) -> io::Result<Dir> {
        let path = self.path.join(name);
        fs::create_dir(&path)?;
        Ok(Dir { path })
    }

    /// Opens the directory `name`; an error if it is a link.
    pub fn open_dir(&self, name: &str) -> io::Result<Dir> {
        let path = self.path.join(name);
        if fs::symlink_metadata(&path)?.is_dir() {
            Ok(Dir { path })
        } else {
            Err(io::ErrorKind::NotADirectory.into())
        }
    }

    /// Creates the file `name`; an error if the name is taken, be it by a link.
    pub fn create_file(&self, name: &str) -> io::Result<File> {
        OpenOptions::new().write(true).create_new(true).open(self.path.join(name))
    }

    /// Opens the file `name` for appending, creating it if it is missing.
    pub fn append_file(&self, name: &str) -> io::Result<File> {
        OpenOptions::new().append(true).create(true).open(self.path.join(name))
    }

    /// Opens the file `name` for reading.
    pub fn read_file(&self, name: &str) -> io::Result<File> {
        let path = self.path.join(name);
        // Best effort: it may become a link before it is opened.
        if fs::symlink_metadata(&path)?.is_symlink() {
            return Err(io::ErrorKind::NotFound.into());
        }
        File::open(path)
    }

    /// Returns whether an entry `name` exists, whatever it is.
    #[must_use]
    pub fn exists(&self, name: &str) -> bool {
        fs::symlink_metadata(self.path.join(name)).is_ok()
    }

    /// Returns the size of the entry `name` in bytes; of a link, not of what it points to.
    pub fn size(&self, name: &str) -> io::Result<u64> {
        Ok(fs::symlink_metadata(self.path.join(name))?.len())
    }

    /// Renames an entry, over an existing file.
    pub fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path.join(from), self.path.join(to))
    }

    /// Removes the file or link `name`.
    pub fn remove_file(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path.join(name))
    }

    /// Removes the directory `name`, which must be empty.
    pub fn remove_dir(&self, name: &str) -> io::Result<()> {
        fs::remove_dir(self.path.join(name))
    }

    /// Returns the entries, in no order, without those whose names are not valid Unicode: no recorder makes such names.
    pub fn entries(&self) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            if let Ok(name) = entry.file_name().into_string() {
                entries.push(Entry { name, is_dir: entry.file_type()?.is_dir() });
            }
        }
        Ok(entries)
    }

    /// Does nothing: directories cannot be synced here.
    pub fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    /// Does nothing: files are synced one by one here.
    pub fn sync_file_system(&self) -> io::Result<()> {
        Ok(())
    }

    /// Returns whether the directory is still where it was opened.
    #[must_use]
    pub fn is_in_place(&self) -> bool {
        self.path.is_dir()
    }

    /// Returns `false`: permissions are not looked at here.
    #[must_use]
    pub fn is_writable_by_others(&self) -> bool {
        false
    }
}
