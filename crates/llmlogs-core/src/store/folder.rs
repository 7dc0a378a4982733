//! An open folder and what is done in it: private to the user, whole or not at all.
//!
//! On Unix everything is reached relative to the open folder and no link is followed, so that nobody
//! who swaps a folder for a link while the recorder runs makes it write, or delete, somewhere else.
//! Elsewhere the standard library's paths have to do.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

#[cfg(not(unix))]
mod by_path;
#[cfg(feature = "journal")]
pub mod journal;
#[cfg(unix)]
mod relative;

#[cfg(not(unix))]
pub use by_path::Folder;
#[cfg(unix)]
pub use relative::Folder;

/// What a folder holds.
pub struct Entry {
    pub name: String,
    pub is_folder: bool,
}

fn taken(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AlreadyExists
}

impl Folder {
    /// Opens the folder `name`, made if it is missing.
    pub fn open_or_create(&self, name: &str) -> io::Result<Folder> {
        match self.create(name) {
            Err(error) if taken(&error) => self.open(name),
            made => made,
        }
    }

    /// A new empty file in the place of whatever an attempt that failed half-way has left there.
    fn fresh_file(&self, name: &str) -> io::Result<File> {
        match self.create_file(name) {
            Err(error) if taken(&error) => {
                self.remove_file(name)?;
                self.create_file(name)
            }
            made => made,
        }
    }

    /// Writes a file; `sync` when it is to survive a power failure. Nothing is left of it when that fails.
    pub fn write(&self, name: &str, contents: &[u8], sync: bool) -> io::Result<File> {
        let mut file = self.fresh_file(name)?;
        let written = self
            .append(&mut file, name, contents)
            .and_then(|()| if sync { self.sync_file(&file, name) } else { Ok(()) });
        match written {
            Ok(()) => Ok(file),
            Err(error) => {
                // The first error is the one to tell. On a full disk the leftover is in the way.
                let _leftover = self.remove_file(name);
                Err(error)
            }
        }
    }

    /// Writes a file under another name and renames it into place, over an older one. The open file,
    /// which `prepare` has seen before it is visible, is given back.
    pub fn write_into_place(
        &self,
        name: &str,
        contents: &[u8],
        sync: bool,
        prepare: impl FnOnce(&File) -> io::Result<()>,
    ) -> io::Result<File> {
        let temporary = format!("{name}.tmp");
        let file = self.write(&temporary, contents, sync)?;
        if let Err(error) = prepare(&file).and_then(|()| self.rename(&temporary, name)) {
            let _leftover = self.remove_file(&temporary);
            return Err(error);
        }
        Ok(file)
    }

    /// Writes to the open file `name`.
    pub fn append(&self, file: &mut File, name: &str, contents: &[u8]) -> io::Result<()> {
        file.write_all(contents)?;
        #[cfg(feature = "journal")]
        journal::note(journal::Step::Wrote(self.path().join(name)));
        #[cfg(not(feature = "journal"))]
        let _ = name;
        Ok(())
    }

    /// Makes the open file `name` survive a power failure.
    pub fn sync_file(&self, file: &File, name: &str) -> io::Result<()> {
        file.sync_all()?;
        #[cfg(feature = "journal")]
        journal::note(journal::Step::Synced(self.path().join(name)));
        #[cfg(not(feature = "journal"))]
        let _ = name;
        Ok(())
    }

    /// Removes the folder `name` with everything in it. Links are removed, not followed.
    pub fn remove_tree(&self, name: &str) -> io::Result<()> {
        let folder = self.open(name)?;
        for entry in folder.entries()? {
            if entry.is_folder {
                folder.remove_tree(&entry.name)?;
            } else {
                folder.remove_file(&entry.name)?;
            }
        }
        self.remove_folder(name)
    }
}

/// Makes the folders from `existing` down to `folder` survive a power failure.
pub fn sync_down(existing: &Path, folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        for made in folder.ancestors().skip(1).take_while(|above| above.starts_with(existing)) {
            File::open(made)?.sync_all()?;
            #[cfg(feature = "journal")]
            journal::note(journal::Step::Synced(made.to_owned()));
        }
    }
    Ok(())
}
