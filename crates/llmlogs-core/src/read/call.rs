//! One call.

use std::io;
use std::path::{Path, PathBuf};

use crate::format::{IndexEntry, Metadata};

use super::line::IndexLine;
use super::{files, session_file};
use crate::format::call_id::CallId;
use crate::format::lenient;

/// How far a call has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// It is over, and everything about it is on disk.
    Finished,
    /// It is going on.
    InFlight,
    /// Its program died before it was over.
    Interrupted,
}

/// The folder of one call.
#[derive(Debug, Clone)]
pub struct Call {
    dir: PathBuf,
    state: State,
}

impl Call {
    pub(super) fn new(dir: PathBuf, state: State) -> Self {
        Call { dir, state }
    }

    /// Looks at a folder; `is_alive` tells whether the session's program still runs.
    pub(super) fn look(dir: PathBuf, is_alive: impl FnOnce() -> bool) -> Self {
        let finished = || files::is_file(&dir.join("metadata.json"));
        let state = if finished() {
            State::Finished
        } else if !is_alive() {
            State::Interrupted
        } else if finished() {
            // It was finished between the two looks.
            State::Finished
        } else {
            State::InFlight
        };
        Call { dir, state }
    }

    /// The call in the folder `dir`, wherever that is.
    ///
    /// # Errors
    ///
    /// When there is no such folder; the error names it.
    pub fn open(dir: impl Into<PathBuf>) -> io::Result<Self> {
        let dir = dir.into();
        if !dir.metadata().map_err(|error| files::named(&error, &dir))?.is_dir() {
            return Err(files::named(&io::ErrorKind::NotADirectory.into(), &dir));
        }
        let session = dir.parent().unwrap_or(Path::new("")).to_owned();
        Ok(Call::look(dir, || session_file::is_running(&session)))
    }

    /// The call's folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The folder's name.
    #[must_use]
    pub fn id(&self) -> &str {
        files::name(&self.dir)
    }

    /// The name of the session's folder without `session_`.
    #[must_use]
    pub fn session_id(&self) -> &str {
        let session = self.dir.parent().map(files::name).unwrap_or_default();
        session.strip_prefix("session_").unwrap_or(session)
    }

    /// How far the call had come when its folder was found.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// What `metadata.json` says.
    ///
    /// Fields of another type than the format has them (an older logger wrote fractions and nulls) are
    /// converted, or left at their "not known" value.
    ///
    /// # Errors
    ///
    /// When the call is not finished, or the file cannot be read; the error names it.
    pub fn metadata(&self) -> io::Result<Metadata> {
        let path = self.dir.join("metadata.json");
        let contents = files::read(&path)?;
        lenient::metadata(&contents).map_err(|error| files::named(&error.into(), &path))
    }

    /// The request body as it was stored: JSON.
    ///
    /// # Errors
    ///
    /// When the file cannot be read; the error names it.
    pub fn input(&self) -> io::Result<Vec<u8>> {
        files::read(&self.dir.join("input.json"))
    }

    /// The response body as it was stored, or the failure: JSON.
    ///
    /// # Errors
    ///
    /// When the file cannot be read; the error names it.
    pub fn output(&self) -> io::Result<Vec<u8>> {
        files::read(&self.dir.join("output.json"))
    }
}

/// A call and what its line of the index says.
///
/// Where the index lacks it the line is made of `metadata.json`; of a call that is not finished it
/// has id and timestamp alone.
#[derive(Debug, Clone)]
pub struct Entry {
    call: Call,
    timestamp: f64,
    line: Vec<u8>,
}

impl Entry {
    /// The entry of one call, made of its `metadata.json`.
    ///
    /// # Errors
    ///
    /// When the folder has vanished, or `metadata.json` cannot be read; the error names it.
    pub fn open(call: Call) -> io::Result<Self> {
        let gone = files::named(&io::ErrorKind::NotFound.into(), &call.dir);
        Entry::of_folder(call)?.ok_or(gone)
    }

    pub fn indexed(dir: PathBuf, line: &IndexLine<'_>) -> Self {
        Entry { call: Call::new(dir, State::Finished), timestamp: line.timestamp, line: line.json.to_vec() }
    }

    /// The entry of a call of which no more is to be known than its name.
    pub fn bare(call: Call) -> Self {
        let timestamp = CallId::of(call.id().as_bytes()).timestamp();
        let line = serde_json::json!({"call_id": call.id(), "timestamp": timestamp});
        Entry { line: line.to_string().into_bytes(), timestamp, call }
    }

    /// The start of the call, in Unix seconds.
    pub fn timestamp(&self) -> f64 {
        self.timestamp
    }

    /// The entry of a call that the index lacks; `None` when its folder has vanished.
    pub(super) fn of_folder(call: Call) -> io::Result<Option<Self>> {
        let entry = match call.state {
            State::Finished => match call.metadata() {
                Ok(metadata) => IndexEntry { call_id: call.id().to_owned(), ..IndexEntry::from(&metadata) },
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error),
            },
            _ if !call.dir.exists() => return Ok(None),
            _ => IndexEntry { call_id: call.id().to_owned(), ..IndexEntry::default() },
        };
        let timestamp = match entry.timestamp {
            0.0 => CallId::of(call.id().as_bytes()).timestamp(),
            known => known,
        };
        let line = serde_json::to_vec(&IndexEntry { timestamp, ..entry })?;
        Ok(Some(Entry { call, timestamp, line }))
    }

    /// The call's folder.
    #[must_use]
    pub fn call(&self) -> &Call {
        &self.call
    }

    /// The call as a line of the index has it.
    ///
    /// # Errors
    ///
    /// When the line has other types than the format; what a damaged line does say is lost then, the
    /// call's own [`metadata`](Call::metadata) may still be read.
    pub fn index(&self) -> io::Result<IndexEntry> {
        Ok(serde_json::from_slice(&self.line)?)
    }

    /// The line itself: one JSON object, without a newline.
    #[must_use]
    pub fn as_json(&self) -> &[u8] {
        &self.line
    }

    pub fn line(&self) -> IndexLine<'_> {
        IndexLine::parse(&self.line).unwrap_or_default()
    }
}
