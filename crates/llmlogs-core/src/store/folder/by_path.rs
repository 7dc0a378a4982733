//! Folders where the standard library has nothing better than paths.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::Entry;

/// A folder that was there when it was opened.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Opens the root, made with what is above it if it is missing.
    pub fn open_root(path: &Path) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        Folder::open_path(path)
    }

    /// Opens the folder at `path`, which may be a link.
    pub fn open_path(path: &Path) -> io::Result<Self> {
        if fs::metadata(path)?.is_dir() {
            Ok(Folder { path: path.to_owned() })
        } else {
            Err(io::ErrorKind::NotADirectory.into())
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the folder `name`; an error where the name is taken.
    pub fn create(&self, name: &str) -> io::Result<Folder> {
        let path = self.path.join(name);
        fs::create_dir(&path)?;
        Ok(Folder { path })
    }

    /// Opens the folder `name`; an error where that is a link.
    pub fn open(&self, name: &str) -> io::Result<Folder> {
        let path = self.path.join(name);
        if fs::symlink_metadata(&path)?.is_dir() {
            Ok(Folder { path })
        } else {
            Err(io::ErrorKind::NotADirectory.into())
        }
    }

    /// Makes the file `name`; an error where the name is taken, be it by a link.
    pub fn create_file(&self, name: &str) -> io::Result<File> {
        OpenOptions::new().write(true).create_new(true).open(self.path.join(name))
    }

    /// Opens the file `name` for appending, made if it is missing.
    pub fn append_file(&self, name: &str) -> io::Result<File> {
        OpenOptions::new().append(true).create(true).open(self.path.join(name))
    }

    /// Opens the file `name` for reading.
    pub fn read_file(&self, name: &str) -> io::Result<File> {
        File::open(self.path.join(name))
    }

    pub fn exists(&self, name: &str) -> bool {
        fs::symlink_metadata(self.path.join(name)).is_ok()
    }

    /// How many bytes the entry `name` itself has.
    pub fn size(&self, name: &str) -> io::Result<u64> {
        Ok(fs::symlink_metadata(self.path.join(name))?.len())
    }

    pub fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path.join(from), self.path.join(to))
    }

    pub fn remove_file(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path.join(name))
    }

    /// Removes the folder `name`, which has to be empty.
    pub fn remove_folder(&self, name: &str) -> io::Result<()> {
        fs::remove_dir(self.path.join(name))
    }

    /// What is in the folder, in no order. Names that are no Unicode are none of ours.
    pub fn entries(&self) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            if let Ok(name) = entry.file_name().into_string() {
                entries.push(Entry { name, is_folder: entry.file_type()?.is_dir() });
            }
        }
        Ok(entries)
    }

    /// Folders cannot be synced here.
    pub fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    /// Whether the folder is still to be found where it was opened.
    pub fn is_in_place(&self) -> bool {
        self.path.is_dir()
    }

    /// Whether users other than the owner may put things into the folder: not asked here.
    pub fn is_open_to_others(&self) -> bool {
        false
    }
}
