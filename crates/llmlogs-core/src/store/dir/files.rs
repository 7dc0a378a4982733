//! Files that are written whole or not at all, and whole trees that are removed.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

#[cfg(unix)]
use super::by_handle::Dir;
#[cfg(not(unix))]
use super::by_path::Dir;
#[cfg(test)]
use super::journal::{self, Step};
use crate::format::layout::temporary_name;

fn is_taken(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AlreadyExists
}

impl Dir {
    /// Opens the directory `name`, creating it if it is missing.
    pub fn open_or_create_dir(&self, name: &str) -> io::Result<Dir> {
        match self.create_dir(name) {
            Err(error) if is_taken(&error) => self.open_dir(name),
            created => created,
        }
    }

    /// Creates an empty file in the place of whatever an attempt that failed half-way left there.
    fn fresh_file(&self, name: &str) -> io::Result<File> {
        match self.create_file(name) {
            Err(error) if is_taken(&error) => {
                self.remove_file(name)?;
                self.create_file(name)
            }
            created => created,
        }
    }

    /// Writes the file `name`, synced if `sync` is set. Nothing is left of it if that fails.
    pub fn write(&self, name: &str, contents: &[u8], sync: bool) -> io::Result<File> {
        let mut file = self.fresh_file(name)?;
        let written = self
            .append(&mut file, name, contents)
            .and_then(|()| if sync { self.sync_file(&file, name) } else { Ok(()) });
        match written {
            Ok(()) => Ok(file),
            Err(error) => {
                // The first error is the one to report. On a full disk the leftover takes room.
                let _leftover = self.remove_file(name);
                Err(error)
            }
        }
    }

    /// Writes the file `name` under another name and renames it into place, over an older one. Returns the open file;
    /// `prepare` gets it before it is visible.
    pub fn write_into_place(
        &self,
        name: &str,
        contents: &[u8],
        sync: bool,
        prepare: impl FnOnce(&File),
    ) -> io::Result<File> {
        let temporary = temporary_name(name);
        let file = self.write(&temporary, contents, sync)?;
        prepare(&file);
        if let Err(error) = self.rename(&temporary, name) {
            let _leftover = self.remove_file(&temporary);
            return Err(error);
        }
        Ok(file)
    }

    /// Appends to the open file `name`.
    pub fn append(&self, file: &mut File, name: &str, contents: &[u8]) -> io::Result<()> {
        file.write_all(contents)?;
        #[cfg(test)]
        journal::note(Step::Wrote(self.path().join(name)));
        #[cfg(not(test))]
        let _ = name;
        Ok(())
    }

    /// Syncs the open file `name`, so that its contents survive a power failure.
    pub fn sync_file(&self, file: &File, name: &str) -> io::Result<()> {
        file.sync_all()?;
        #[cfg(test)]
        journal::note(Step::Synced(self.path().join(name)));
        #[cfg(not(test))]
        let _ = name;
        Ok(())
    }

    /// Removes the directory `name` with everything in it. Links are removed, not followed.
    pub fn remove_dir_all(&self, name: &str) -> io::Result<()> {
        let dir = self.open_dir(name)?;
        for entry in dir.entries()? {
            if entry.is_dir {
                dir.remove_dir_all(&entry.name)?;
            } else {
                dir.remove_file(&entry.name)?;
            }
        }
        self.remove_dir(name)
    }
}

/// Syncs the directories from `existing` down to the parent of `dir`, so that `dir` survives a power failure.
pub fn sync_ancestors(existing: &Path, dir: &Path) -> io::Result<()> {
    if cfg!(unix) {
        for ancestor in dir.ancestors().skip(1).take_while(|above| above.starts_with(existing)) {
            File::open(ancestor)?.sync_all()?;
            #[cfg(test)]
            journal::note(Step::Synced(ancestor.to_owned()));
        }
    }
    Ok(())
}
