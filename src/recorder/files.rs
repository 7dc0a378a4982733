//! Writing files: private to the user, whole or not at all.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// Opens nothing that exists: a name that is taken is an error, and so a symlink in its place.
fn create_new(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    private(&mut options);
    options.open(path)
}

#[cfg(unix)]
fn private(options: &mut OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600);
}

#[cfg(not(unix))]
fn private(_options: &mut OpenOptions) {}

/// Makes one folder; an error where the name is taken.
pub(super) fn create_folder(path: &Path) -> io::Result<()> {
    folder_builder().create(path)
}

/// Makes a folder and those above it.
pub(super) fn create_folders(path: &Path) -> io::Result<()> {
    folder_builder().recursive(true).create(path)
}

fn folder_builder() -> DirBuilder {
    #[allow(unused_mut, reason = "changed on Unix only")]
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder
}

/// Writes a new file; `sync` when it is to survive a power failure.
pub(super) fn write_new(path: &Path, contents: &[u8], sync: bool) -> io::Result<()> {
    let mut file = create_new(path)?;
    file.write_all(contents)?;
    if sync { file.sync_all() } else { Ok(()) }
}

/// Writes a file under another name and renames it into place, over an older one. The open file is
/// given back.
pub(super) fn write_into_place(
    path: &Path,
    contents: &[u8],
    sync: bool,
    prepare: impl Fn(&File) -> io::Result<()>,
) -> io::Result<File> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".tmp");
    let temporary = path.with_file_name(name);
    let mut file = match create_new(&temporary) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            // What an attempt that failed half-way has left.
            std::fs::remove_file(&temporary)?;
            create_new(&temporary)?
        }
        other => other?,
    };
    let written = prepare(&file)
        .and_then(|()| file.write_all(contents))
        .and_then(|()| if sync { file.sync_all() } else { Ok(()) })
        .and_then(|()| std::fs::rename(&temporary, path));
    if let Err(error) = written {
        // The first error is the one to tell; the leftover is overwritten by the next attempt.
        let _leftover = std::fs::remove_file(&temporary);
        return Err(error);
    }
    Ok(file)
}

/// Opens a file for appending, made if it is missing.
pub(super) fn open_append(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    private(&mut options);
    options.open(path)
}

/// Makes a folder's entries survive a power failure.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}
