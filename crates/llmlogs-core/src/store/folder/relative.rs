//! Folders on Unix: descriptors, and names relative to them.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::{self, AtFlags, CWD, FileType, Mode, OFlags};

use super::Entry;

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
const FOLDER_MODE: Mode = Mode::RWXU;
const FILE_MODE: Mode = Mode::RUSR.union(Mode::WUSR);

/// An open folder.
#[derive(Debug)]
pub struct Folder {
    descriptor: OwnedFd,
    /// Where it was opened; to tell people, and to find out whether it is still there.
    path: PathBuf,
}

impl Folder {
    /// Opens the root, made with what is above it if it is missing. The user may have made it a link.
    pub fn open_root(path: &Path) -> io::Result<Self> {
        match Folder::open_path(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                DirBuilder::new().recursive(true).mode(0o700).create(path)?;
                Folder::open_path(path)
            }
            opened => opened,
        }
    }

    /// Opens the folder at `path`, which may be a link.
    pub fn open_path(path: &Path) -> io::Result<Self> {
        let descriptor = fs::openat(CWD, path, FOLDER, Mode::empty())?;
        Ok(Folder { descriptor, path: path.to_owned() })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the folder `name`; an error where the name is taken.
    pub fn create(&self, name: &str) -> io::Result<Folder> {
        fs::mkdirat(&self.descriptor, name, FOLDER_MODE)?;
        #[cfg(feature = "journal")]
        super::journal::note(super::journal::Step::Created(self.path.join(name)));
        self.open(name).inspect_err(|_| {
            // Too many open files, for one. A folder that nobody fills would read as an interrupted call.
            let _left = self.remove_folder(name);
        })
    }

    /// Opens the folder `name`; an error where that is a link.
    pub fn open(&self, name: &str) -> io::Result<Folder> {
        let descriptor = fs::openat(&self.descriptor, name, FOLDER.union(OFlags::NOFOLLOW), Mode::empty())?;
        Ok(Folder { descriptor, path: self.path.join(name) })
    }

    /// Makes the file `name`; an error where the name is taken, be it by a link.
    pub fn create_file(&self, name: &str) -> io::Result<File> {
        self.open_file(name, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL)
    }

    /// Opens the file `name` for appending, made if it is missing.
    pub fn append_file(&self, name: &str) -> io::Result<File> {
        self.open_file(name, OFlags::WRONLY | OFlags::CREATE | OFlags::APPEND)
    }

    fn open_file(&self, name: &str, flags: OFlags) -> io::Result<File> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = File::from(fs::openat(&self.descriptor, name, flags, FILE_MODE)?);
        #[cfg(feature = "journal")]
        super::journal::note(super::journal::Step::Created(self.path.join(name)));
        Ok(file)
    }

    /// Opens the file `name` for reading.
    pub fn read_file(&self, name: &str) -> io::Result<File> {
        // Not to wait for whoever may have put a pipe there.
        self.open_file(name, OFlags::RDONLY | OFlags::NONBLOCK)
    }

    pub fn exists(&self, name: &str) -> bool {
        fs::statat(&self.descriptor, name, AtFlags::SYMLINK_NOFOLLOW).is_ok()
    }

    /// How many bytes the entry `name` itself has.
    pub fn size(&self, name: &str) -> io::Result<u64> {
        let status = fs::statat(&self.descriptor, name, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(status.st_size.try_into().unwrap_or(0))
    }

    pub fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::renameat(&self.descriptor, from, &self.descriptor, to)?;
        #[cfg(feature = "journal")]
        super::journal::note(super::journal::Step::Renamed(self.path.join(from), self.path.join(to)));
        Ok(())
    }

    pub fn remove_file(&self, name: &str) -> io::Result<()> {
        Ok(fs::unlinkat(&self.descriptor, name, AtFlags::empty())?)
    }

    /// Removes the folder `name`, which has to be empty.
    pub fn remove_folder(&self, name: &str) -> io::Result<()> {
        Ok(fs::unlinkat(&self.descriptor, name, AtFlags::REMOVEDIR)?)
    }

    /// What is in the folder, in no order. Names that are no UTF-8 are none of ours.
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
                // Some file systems do not say.
                FileType::Unknown => match fs::statat(&self.descriptor, name, AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(status) => FileType::from_raw_mode(status.st_mode),
                    Err(rustix::io::Errno::NOENT) => continue,
                    Err(error) => return Err(error.into()),
                },
                known => known,
            };
            entries.push(Entry { name: name.to_owned(), is_folder: kind == FileType::Directory });
        }
        Ok(entries)
    }

    /// Makes the folder's entries survive a power failure.
    pub fn sync(&self) -> io::Result<()> {
        fs::fsync(&self.descriptor)?;
        #[cfg(feature = "journal")]
        super::journal::note(super::journal::Step::Synced(self.path.clone()));
        Ok(())
    }

    /// Whether the folder is still to be found where it was opened.
    pub fn is_in_place(&self) -> bool {
        let here = fs::fstat(&self.descriptor);
        let there = fs::statat(CWD, &self.path, AtFlags::empty());
        matches!((here, there), (Ok(here), Ok(there))
            if (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino))
    }

    /// Whether users other than the owner may put things into the folder.
    pub fn is_open_to_others(&self) -> bool {
        let others = Mode::WGRP | Mode::WOTH;
        fs::fstat(&self.descriptor).is_ok_and(|status| Mode::from_raw_mode(status.st_mode).intersects(others))
    }
}
