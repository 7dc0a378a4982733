//! A session's packed calls, for readers: which there are, and the contents of their files.

use std::collections::{HashMap, VecDeque};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use crate::format::layout::{
    BODIES_PACK_FILE, INPUT_FILE, INPUT_TEXT_FILE, METADATA_FILE, OUTPUT_FILE, OUTPUT_TEXT_FILE,
};

use super::bodies_table::{BodiesTable, Stored};
use super::call_files::BodiesRow;

/// How many files are kept open.
const KEPT: usize = 4;

/// The calls of a session that are packed.
pub struct PackedCalls {
    table: BodiesTable,
    /// In the order of their rows.
    ids: Vec<String>,
    rows: HashMap<String, u64>,
}

/// Tells one file from another that has its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    length: u64,
    modified: Option<SystemTime>,
    inode: u64,
}

struct Open {
    path: PathBuf,
    identity: Identity,
    calls: Arc<PackedCalls>,
}

/// The files that were read last, the latest in front.
static OPEN: Mutex<VecDeque<Open>> = Mutex::new(VecDeque::new());

impl PackedCalls {
    /// Opens the packed calls of the session in the folder `session`; `None` if it has none. A file that was opened
    /// before and has not changed is not read again.
    ///
    /// # Errors
    ///
    /// If there is a file and it cannot be read, or is none that packing makes.
    pub fn of(session: &Path) -> io::Result<Option<Arc<Self>>> {
        let path = session.join(BODIES_PACK_FILE);
        let gone = |error: &io::Error| {
            matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
        };
        // Links are not followed.
        let opened = fs::symlink_metadata(&path)
            .and_then(|found| found.is_file().then(|| File::open(&path)).transpose());
        match opened {
            Ok(Some(file)) => PackedCalls::of_file(session, file).map(Some),
            Ok(None) => Ok(None),
            Err(error) if gone(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// As [`of`](Self::of), of the open file `file`, which was found in `session`.
    ///
    /// # Errors
    ///
    /// As [`of`](Self::of).
    pub fn of_file(session: &Path, file: File) -> io::Result<Arc<Self>> {
        let path = session.join(BODIES_PACK_FILE);
        let identity = identity(&file)?;
        if let Some(known) = kept(&path, identity) {
            return Ok(known);
        }
        let calls = Arc::new(PackedCalls::open(file)?);
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|known| known.path != path);
        open.push_front(Open { path, identity, calls: Arc::clone(&calls) });
        open.truncate(KEPT);
        Ok(calls)
    }

    pub(super) fn open(file: File) -> io::Result<Self> {
        let table = BodiesTable::open(file)?;
        let ids = table.call_ids()?;
        let mut rows = HashMap::with_capacity(ids.len());
        for (row, id) in (0..).zip(&ids) {
            rows.entry(id.clone()).or_insert(row);
        }
        Ok(PackedCalls { table, ids, rows })
    }

    /// Returns the ids of the packed calls, in the order of their starts.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.ids.iter().map(String::as_str)
    }

    /// Returns whether the call `id` is packed.
    #[must_use]
    pub fn contains(&self, id: &str) -> bool {
        self.rows.contains_key(id)
    }

    /// Returns the contents of the file `name` of the call `id`; `None` if the call is not packed or has no such file. The
    /// text files are made anew.
    ///
    /// # Errors
    ///
    /// If the file of packed calls cannot be read.
    pub fn file(&self, id: &str, name: &str) -> io::Result<Option<Vec<u8>>> {
        let stored = match name {
            METADATA_FILE => Stored::Metadata,
            INPUT_FILE => Stored::Input,
            OUTPUT_FILE => Stored::Output,
            INPUT_TEXT_FILE | OUTPUT_TEXT_FILE => {
                let Some(row) = self.row(id)? else { return Ok(None) };
                let files = row.files()?;
                let text = if name == INPUT_TEXT_FILE { files.input_text } else { files.output_text };
                return Ok(text.map(Vec::from));
            }
            _ => return Ok(None),
        };
        let Some(row) = self.rows.get(id) else { return Ok(None) };
        Ok(self.table.file(*row, stored)?.map(Vec::from))
    }

    /// Returns the number of rows.
    pub(super) fn rows(&self) -> u64 {
        self.table.rows()
    }

    /// Reads the row of the call `id`.
    pub(super) fn row(&self, id: &str) -> io::Result<Option<BodiesRow>> {
        self.rows.get(id).map(|row| self.table.row(*row)).transpose()
    }
}

fn kept(path: &Path, identity: Identity) -> Option<Arc<PackedCalls>> {
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    let place = open.iter().position(|known| known.path == path && known.identity == identity)?;
    let known = open.remove(place)?;
    let calls = Arc::clone(&known.calls);
    open.push_front(known);
    Some(calls)
}

/// Returns what the file is told by.
fn identity(file: &File) -> io::Result<Identity> {
    let found = file.metadata()?;
    #[cfg(unix)]
    let inode = std::os::unix::fs::MetadataExt::ino(&found);
    #[cfg(not(unix))]
    let inode = 0;
    Ok(Identity { length: found.len(), modified: found.modified().ok(), inode })
}
