//! Directories on Unix: file descriptors, and names relative to them.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::{self, AtFlags, CWD, FileType, Mode, OFlags};

use super::entry::Entry;

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
const DIRECTORY_MODE: Mode = Mode::RWXU;
const FILE_MODE: Mode = Mode::RUSR.union(Mode::WUSR);

/// An open directory.
#[derive(Debug)]
pub struct Dir {
    descriptor: OwnedFd,
    /// Where it was opened: for messages, and to find out whether it is still there.
    path: PathBuf,
}

impl Dir {
    /// Opens the root, creating it and its parents if it is missing. It may be a link.
    pub fn open_root(path: &Path) -> io::Result<Self> {
        match Dir::open_path(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                DirBuilder::new().recursive(true).mode(0o700).create(path)?;
                Dir::open_path(path)
            }
            opened => opened,
        }
    }

    /// Opens the directory at `path`, which may be a link.
    pub fn open_path(path: &Path) -> io::Result<Self> {
        let descriptor = fs::openat(CWD, path, DIRECTORY, Mode::empty())?;
        Ok(Dir { descriptor, path: path.to_owned() })
    }

    /// Returns another handle of the same directory.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Dir { descriptor: self.descriptor.try_clone()?, path: self.path.clone() })
    }

    /// Returns the path under which the directory was opened.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Creates the directory `name`; an error if the name is taken.
    pub fn create_dir(&self, name: &str) -> io::Result<Dir> {
        fs::mkdirat(&self.descriptor, name, DIRECTORY_MODE)?;
        #[cfg(test)]
        super::journal::note(super::journal::Step::Created(self.path.join(name)));
        self.open_dir(name).inspect_err(|_| {
            // Too many open files, for one. A directory that stays empty would read as an interrupted call.
            let _leftover = self.remove_dir(name);
        })
    }

    /// Opens the directory `name`; an error if it is a link.
    pub fn open_dir(&self, name: &str) -> io::Result<Dir> {
        let descriptor =
            fs::openat(&self.descriptor, name, DIRECTORY.union(OFlags::NOFOLLOW), Mode::empty())?;
        Ok(Dir { descriptor, path: self.path.join(name) })
    }

    /// Creates the file `name`; an error if the name is taken, be it by a link.
    pub fn create_file(&self, name: &str) -> io::Result<File> {
        self.open_file(name, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL)
    }

    /// Opens the file `name` for appending, creating it if it is missing.
    pub fn append_file(&self, name: &str) -> io::Result<File> {
        self.open_file(name, OFlags::WRONLY | OFlags::CREATE | OFlags::APPEND)
    }

    fn open_file(&self, name: &str, flags: OFlags) -> io::Result<File> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = File::from(fs::openat(&self.descriptor, name, flags, FILE_MODE)?);
        #[cfg(test)]
        super::journal::note(super::journal::Step::Created(self.path.join(name)));
        Ok(file)
    }

    /// Opens the file `name` for reading.
    pub fn read_file(&self, name: &str) -> io::Result<File> {
        // Without NONBLOCK, opening a pipe that somebody put there would wait for a writer.
        self.open_file(name, OFlags::RDONLY | OFlags::NONBLOCK)
    }

    /// Returns whether an entry `name` exists, whatever it is.
    #[must_use]
    pub fn exists(&self, name: &str) -> bool {
        fs::statat(&self.descriptor, name, AtFlags::SYMLINK_NOFOLLOW).is_ok()
    }

    /// Returns the size of the entry `name` in bytes; of a link, not of what it points to.
    pub fn size(&self, name: &str) -> io::Result<u64> {
        let status = fs::statat(&self.descriptor, name, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(status.st_size.try_into().unwrap_or(0))
    }

    /// Renames an entry, over an existing file.
    pub fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::renameat(&self.descriptor, from, &self.descriptor, to)?;
        #[cfg(test)]
        super::journal::note(super::journal::Step::Renamed(self.path.join(from), self.path.join(to)));
        Ok(())
    }

    /// Removes the file or link `name`.
    pub fn remove_file(&self, name: &str) -> io::Result<()> {
        Ok(fs::unlinkat(&self.descriptor, name, AtFlags::empty())?)
    }

    /// Removes the directory `name`, which must be empty.
    pub fn remove_dir(&self, name: &str) -> io::Result<()> {
        Ok(fs::unlinkat(&self.descriptor, name, AtFlags::REMOVEDIR)?)
    }

    /// Returns the entries, in no order, without those whose names are not valid UTF-8: no recorder makes such names.
    pub fn entries(&self) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in fs::Dir::read_from(&self.descriptor)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else {
                continue;
            };
            if name == "." || name == ".." {
                continue;
            }
            let kind = match entry.file_type() {
                // Some file systems do not store it.
                FileType::Unknown => match fs::statat(&self.descriptor, name, AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(status) => FileType::from_raw_mode(status.st_mode),
                    Err(rustix::io::Errno::NOENT) => continue,
                    Err(error) => return Err(error.into()),
                },
                known => known,
            };
            entries.push(Entry { name: name.to_owned(), is_dir: kind == FileType::Directory });
        }
        Ok(entries)
    }

    /// Syncs the directory, so that its entries survive a power failure.
    pub fn sync(&self) -> io::Result<()> {
        fs::fsync(&self.descriptor)?;
        #[cfg(test)]
        super::journal::note(super::journal::Step::Synced(self.path.clone()));
        Ok(())
    }

    /// Syncs everything that was written to the file system that the directory is on: faster than file by file where
    /// there are many.
    pub fn sync_file_system(&self) -> io::Result<()> {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        fs::syncfs(&self.descriptor)?;
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        fs::sync();
        Ok(())
    }

    /// Returns whether the directory is still where it was opened.
    #[must_use]
    pub fn is_in_place(&self) -> bool {
        let opened = fs::fstat(&self.descriptor);
        let found = fs::statat(CWD, &self.path, AtFlags::empty());
        matches!((opened, found), (Ok(opened), Ok(found))
            if (opened.st_dev, opened.st_ino) == (found.st_dev, found.st_ino))
    }

    /// Returns whether users other than the owner may create entries.
    #[must_use]
    pub fn is_writable_by_others(&self) -> bool {
        let others = Mode::WGRP | Mode::WOTH;
        fs::fstat(&self.descriptor).is_ok_and(|status| Mode::from_raw_mode(status.st_mode).intersects(others))
    }
}
