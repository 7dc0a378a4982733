//! A call and its line of the index.

use std::path::PathBuf;

use crate::format::IndexEntry;
use crate::format::call_id::CallId;

use super::call::{Call, State};
use super::error::{Error, ErrorKind, Result};
use super::line::IndexLine;

/// A call and its line of the index.
///
/// If the index lacks the call, the line is created from `metadata.json`. The line of an unfinished call has only its id
/// and timestamp.
#[derive(Debug, Clone)]
pub struct Entry {
    call: Call,
    timestamp: f64,
    json: Vec<u8>,
}

impl Entry {
    /// Creates the entry of one call from its `metadata.json`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if the folder has vanished; otherwise as [`Call::metadata`].
    pub fn open(call: Call) -> Result<Self> {
        let vanished = Error::io(call.dir(), std::io::ErrorKind::NotFound.into());
        Entry::from_dir(call)?.ok_or(vanished)
    }

    /// Creates the entry of a call without reading any file: it has only id and timestamp, both from the folder's name.
    #[must_use]
    pub fn from_name(call: Call) -> Self {
        let timestamp = CallId::of(call.id().as_bytes()).timestamp();
        let line = serde_json::json!({"call_id": call.id(), "timestamp": timestamp});
        Entry { json: line.to_string().into_bytes(), timestamp, call }
    }

    pub(crate) fn from_line(dir: PathBuf, line: &IndexLine<'_>) -> Self {
        Entry { call: Call::new(dir, State::Finished), timestamp: line.timestamp, json: line.json.to_vec() }
    }

    /// Creates the entry of a call that the index lacks; `None` if its folder has vanished.
    pub(crate) fn from_dir(call: Call) -> Result<Option<Self>> {
        let entry = match call.state() {
            State::Finished => match call.metadata() {
                Ok(metadata) => IndexEntry { call_id: call.id().to_owned(), ..IndexEntry::from(&metadata) },
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error),
            },
            _ if !call.dir().exists() => return Ok(None),
            _ => IndexEntry { call_id: call.id().to_owned(), ..IndexEntry::default() },
        };
        let timestamp = match entry.timestamp {
            0.0 => CallId::of(call.id().as_bytes()).timestamp(),
            known => known,
        };
        let json = serde_json::to_vec(&IndexEntry { timestamp, ..entry })
            .map_err(|error| Error::malformed(call.dir(), error))?;
        Ok(Some(Entry { call, timestamp, json }))
    }

    /// Returns the call.
    #[must_use]
    pub fn call(&self) -> &Call {
        &self.call
    }

    /// Returns the start of the call, in Unix seconds.
    #[must_use]
    pub fn timestamp(&self) -> f64 {
        self.timestamp
    }

    /// Parses the line into an owned value. [`line`](Self::line) is faster, and reads lines of other writers too.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Malformed`] if the line has other types than the format; the call's own
    /// [`metadata`](Call::metadata) may still be read.
    pub fn index(&self) -> Result<IndexEntry> {
        serde_json::from_slice(&self.json).map_err(|error| Error::malformed(self.call.dir(), error))
    }

    /// Returns the line itself: one JSON object, without a newline.
    #[must_use]
    pub fn as_json(&self) -> &[u8] {
        &self.json
    }

    /// Reads the line's fields without copying them.
    #[must_use]
    pub fn line(&self) -> IndexLine<'_> {
        IndexLine::parse(&self.json).unwrap_or_default()
    }
}
