//! The folder of a call, opened from the names in an address step by step, and its files, opened relative to it: no link leads
//! anywhere else, and whoever swaps a folder meanwhile changes nothing.

use std::fmt;
use std::fs::File;
use std::io::{self, Cursor, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use llmlogs_core::archive::PackedCalls;
use llmlogs_core::format::call_id::CallId;
use llmlogs_core::format::layout::{BODIES_PACK_FILE, INPUT_FILE, METADATA_FILE, OUTPUT_FILE, SESSION_FILE};
use llmlogs_core::format::{call_id, day, lock, session_name};
use llmlogs_core::read::{Conversation, Metadata, State};
use llmlogs_core::store::dir::Dir;

use super::answer::ApiError;

/// Larger files are not parsed, in bytes.
pub(crate) const MAX_BODY: u64 = 8 << 20;

/// The sizes of a call's bodies in bytes, of those that are there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodySizes {
    pub(crate) input: Option<u64>,
    pub(crate) output: Option<u64>,
}

impl BodySizes {
    /// Returns whether one of them is too large to be parsed.
    pub(crate) fn too_large(self) -> bool {
        self.input.max(self.output).is_some_and(|bytes| bytes > MAX_BODY)
    }
}

/// The open folder of a call, and that of its session.
#[derive(Debug)]
pub(crate) struct CallDir {
    session: Dir,
    call: Place,
    names: [String; 3],
}

/// Where the call's files are.
enum Place {
    Folder(Dir),
    /// Among the session's packed calls; the path is that of the folder that they were in.
    Packed(Arc<PackedCalls>, PathBuf),
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Folder(dir) => dir.fmt(f),
            Place::Packed(_, path) => path.fmt(f),
        }
    }
}

impl Place {
    fn find(session: &Dir, call: &str) -> io::Result<Self> {
        let missing = match session.open_dir(call) {
            Ok(dir) => return Ok(Place::Folder(dir)),
            Err(error) => error,
        };
        if missing.kind() != ErrorKind::NotFound {
            return Err(missing);
        }
        let file = plain_file(session, BODIES_PACK_FILE)?;
        let packed = PackedCalls::of_file(session.path(), file)?;
        if packed.contains(call) {
            Ok(Place::Packed(packed, session.path().join(call)))
        } else {
            Err(missing)
        }
    }
}

/// An open file of a call, or what a packed call has of it.
pub(crate) enum StoredFile {
    File(File),
    Packed(Cursor<Vec<u8>>),
}

impl StoredFile {
    /// Returns how long it is now, in bytes.
    pub(crate) fn length(&self) -> io::Result<u64> {
        match self {
            StoredFile::File(file) => Ok(file.metadata()?.len()),
            StoredFile::Packed(contents) => Ok(contents.get_ref().len() as u64),
        }
    }
}

impl Read for StoredFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            StoredFile::File(file) => file.read(buffer),
            StoredFile::Packed(contents) => contents.read(buffer),
        }
    }
}

impl CallDir {
    /// Opens the folder if the names are those of a day, a session and a call, and none of them is a link.
    pub(crate) fn open(root: &Path, day: &str, session: &str, call: &str) -> Result<Self, ApiError> {
        if !day::is_day(day) || !session_name::is_session(session) || !call_id::is_call(call) {
            return Err(ApiError::NotFound);
        }
        let names = [day, session, call].map(str::to_owned);
        // A colon names a stream of a file on Windows.
        if names.iter().any(|name| name.contains(['/', '\\', ':', '\0'])) {
            return Err(ApiError::NotFound);
        }
        let session = Dir::open_path(root)
            .and_then(|root| root.open_dir(day))
            .and_then(|day| day.open_dir(session))
            .map_err(not_found)?;
        let call = Place::find(&session, call).map_err(not_found)?;
        Ok(CallDir { session, call, names })
    }

    /// Opens another call of the session.
    fn sibling(&self, call: &str) -> Option<CallDir> {
        let [day, session, _] = self.names.clone();
        let name = call.to_owned();
        let call = Place::find(&self.session, call).ok()?;
        let session_dir = self.session.try_clone().ok()?;
        Some(CallDir { session: session_dir, call, names: [day, session, name] })
    }

    /// Returns the call before this one in its session, of those that are there.
    pub(crate) fn previous(&self) -> Option<CallDir> {
        let own = CallId::of(self.id().as_bytes());
        let names = self.calls_of_session();
        let before = |name: &&String| CallId::of(name.as_bytes()) < own;
        self.sibling(names.iter().filter(before).max_by_key(|name| CallId::of(name.as_bytes()))?)
    }

    /// Returns the names of the session's calls, in no order.
    fn calls_of_session(&self) -> Vec<String> {
        let entries = self.session.entries().unwrap_or_default();
        let is_call = |entry: &llmlogs_core::store::dir::Entry| entry.is_dir && call_id::is_call(&entry.name);
        let mut names: Vec<String> = entries.into_iter().filter(is_call).map(|entry| entry.name).collect();
        if let Place::Packed(packed, _) = &self.call {
            names.extend(packed.ids().map(str::to_owned));
        }
        names
    }

    /// Returns the folder's path, to be shown.
    pub(crate) fn path(&self) -> &Path {
        match &self.call {
            Place::Folder(dir) => dir.path(),
            Place::Packed(_, path) => path,
        }
    }

    /// Returns `DAY/SESSION/CALL`.
    pub(crate) fn address(&self) -> String {
        self.names.join("/")
    }

    pub(crate) fn id(&self) -> &str {
        &self.names[2]
    }

    pub(crate) fn session_id(&self) -> &str {
        session_name::id(&self.names[1])
    }

    /// Opens one of the call's files.
    pub(crate) fn file(&self, name: &str) -> io::Result<StoredFile> {
        match &self.call {
            Place::Folder(dir) => plain_file(dir, name).map(StoredFile::File),
            Place::Packed(packed, _) => {
                let contents = packed.file(self.id(), name)?.ok_or(ErrorKind::NotFound)?;
                Ok(StoredFile::Packed(Cursor::new(contents)))
            }
        }
    }

    /// Opens a file in a folder of the session.
    pub(crate) fn session_file(&self, folder: &str, name: &str) -> io::Result<File> {
        plain_file(&self.session.open_dir(folder)?, name)
    }

    pub(crate) fn size(&self, name: &str) -> Option<u64> {
        self.file(name).and_then(|file| file.length()).ok()
    }

    pub(crate) fn sizes(&self) -> BodySizes {
        BodySizes { input: self.size(INPUT_FILE), output: self.size(OUTPUT_FILE) }
    }

    /// Reads a file that is not too large; `None` if it is, or is not there, or cannot be read.
    pub(crate) fn read(&self, name: &str) -> Option<Vec<u8>> {
        let mut contents = Vec::new();
        // Whatever is appended meanwhile.
        self.file(name).ok()?.take(MAX_BODY + 1).read_to_end(&mut contents).ok()?;
        (contents.len() as u64 <= MAX_BODY).then_some(contents)
    }

    /// Reads the beginning of a file.
    pub(crate) fn beginning(&self, name: &str, bytes: u64) -> Option<Vec<u8>> {
        let mut contents = Vec::new();
        self.file(name).ok()?.take(bytes).read_to_end(&mut contents).ok()?;
        Some(contents)
    }

    pub(crate) fn state(&self) -> State {
        let is_finished = || self.file(METADATA_FILE).is_ok();
        if is_finished() {
            return State::Finished;
        }
        let session = plain_file(&self.session, SESSION_FILE);
        let is_running = session.as_ref().is_ok_and(lock::is_held);
        // The older logger, which locks nothing, writes a call when it has ended, its metadata first.
        let has_nothing = |dir: &Dir| dir.entries().is_ok_and(|entries| entries.is_empty());
        let is_empty = session.is_err() && matches!(&self.call, Place::Folder(dir) if has_nothing(dir));
        // It may have been finished between the two looks.
        match is_finished() {
            true => State::Finished,
            false if is_running => State::InFlight,
            false if is_empty => State::NotRecorded,
            false => State::Interrupted,
        }
    }

    /// Returns the metadata as they were stored, and what they say; `None` for a call that is not finished, or whose metadata
    /// are damaged.
    pub(crate) fn metadata(&self) -> Option<(Vec<u8>, Metadata)> {
        let contents = self.read(METADATA_FILE)?;
        let metadata = Metadata::from_stored(&contents, || self.read(OUTPUT_FILE)).ok()?;
        Some((contents, metadata))
    }

    /// Returns the conversation; `None` if a body is too large, or there is no request.
    pub(crate) fn conversation(&self, metadata: &Metadata) -> Option<Conversation> {
        if self.sizes().too_large() {
            return None;
        }
        let input = self.read(INPUT_FILE)?;
        let output = self.read(OUTPUT_FILE).unwrap_or_default();
        Some(Conversation::from_stored(metadata, &input, &output))
    }
}

/// Opens a file of the folder; whatever is no file counts as missing.
fn plain_file(dir: &Dir, name: &str) -> io::Result<File> {
    let file = dir.read_file(name)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(ErrorKind::NotFound.into()) }
}

/// What is missing, is a link, or is no folder: there is no such call. The rest is a failure to read.
fn not_found(error: io::Error) -> ApiError {
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::OutOfMemory | ErrorKind::Other => {
            ApiError::Unreadable(format!("cannot open the call's folder: {error}"))
        }
        _ => ApiError::NotFound,
    }
}
