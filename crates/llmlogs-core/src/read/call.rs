//! The folder of one call: its state and its files.

use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::format::Metadata;
use crate::format::layout::{INPUT_FILE, METADATA_FILE, OUTPUT_FILE, OUTPUT_TEXT_FILE};

use super::error::{Error, ErrorKind, Result};
use super::{files, older, packed, session_file};

/// The state of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It has ended, and all its files are written.
    Finished,
    /// It has not ended, and its program is running.
    InFlight,
    /// Its program ended before the call did.
    Interrupted,
    /// There is its folder and nothing in it: the older logger made it and could not write the call.
    NotRecorded,
}

impl State {
    /// Returns the state's name as JSON output has it: `finished`, `in_flight`, `interrupted`, `not_recorded`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            State::Finished => "finished",
            State::InFlight => "in_flight",
            State::Interrupted => "interrupted",
            State::NotRecorded => "not_recorded",
        }
    }
}

/// The folder of one call.
#[derive(Debug, Clone)]
pub struct Call {
    dir: PathBuf,
    state: State,
}

impl Call {
    pub(crate) fn new(dir: PathBuf, state: State) -> Self {
        Call { dir, state }
    }

    /// Determines the state of the call in `dir`; `is_running` returns whether the session's program still runs.
    pub(crate) fn inspect(dir: PathBuf, is_running: impl FnOnce() -> bool) -> Self {
        // What cannot be told of a packed call shows when it is read.
        let is_packed = || !files::is_folder(&dir) && packed::contains(&dir).unwrap_or_default();
        let finished = || files::is_file(&dir.join(METADATA_FILE)) || is_packed();
        let state = if finished() {
            State::Finished
        } else if !is_running() {
            let session = dir.parent().unwrap_or(Path::new(""));
            // The older logger, which nobody knows to be running, writes a call when it has ended, `metadata.json` first.
            let not_recorded = files::is_empty(&dir) && older::is_session(session);
            match (finished(), not_recorded) {
                (true, _) => State::Finished,
                (false, true) => State::NotRecorded,
                (false, false) => State::Interrupted,
            }
        } else if finished() {
            // It was finished between the two checks.
            State::Finished
        } else {
            State::InFlight
        };
        Call { dir, state }
    }

    /// Opens the call in the folder `dir`, which need not be below a root, or the packed call whose folder that was.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is no such call, [`ErrorKind::Unreadable`] if `dir` is not a folder,
    /// [`ErrorKind::Packed`] if the session is packed and the feature `pack` is off.
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self> {
        let dir = dir.into();
        match dir.metadata() {
            Ok(found) if found.is_dir() => {}
            Ok(_) => return Err(Error::io(&dir, io::ErrorKind::NotADirectory.into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound && packed::contains(&dir)? => {
                return Ok(Call { dir, state: State::Finished });
            }
            Err(error) => return Err(Error::io(&dir, error)),
        }
        let session = dir.parent().unwrap_or(Path::new("")).to_owned();
        Ok(Call::inspect(dir, || session_file::is_running(&session)))
    }

    /// Returns the call's folder; that of a packed call is not there.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Returns the call's id, which is the folder's name.
    #[must_use]
    pub fn id(&self) -> &str {
        files::name(&self.dir)
    }

    /// Returns the id of the call's session: the name of the session's folder without `session_`.
    #[must_use]
    pub fn session_id(&self) -> &str {
        self.dir.parent().map(session_file::session_id).unwrap_or_default()
    }

    /// Returns the call's state at the time when its folder was found.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// Returns whether the call is finished and every file that its metadata name is there. The older logger writes them
    /// after the metadata.
    pub(crate) fn is_whole(&self) -> bool {
        self.state == State::Finished
            && self
                .metadata()
                .is_ok_and(|metadata| metadata.files.names().all(|name| files::is_file(&self.dir.join(name))))
    }

    /// Returns whether the call's files are in its session's packed calls instead of its folder.
    #[must_use]
    pub fn is_packed(&self) -> bool {
        !files::is_folder(&self.dir) && packed::contains(&self.dir).unwrap_or_default()
    }

    /// Returns whether the older logger may be writing the call at this moment: its last file is not there yet, and no
    /// file has been removed since the last one was written.
    pub(crate) fn may_be_being_written(&self) -> bool {
        let modified = |path: &Path| std::fs::symlink_metadata(path).and_then(|found| found.modified()).ok();
        let Some(changed) = modified(&self.dir) else { return false };
        changed.elapsed().is_ok_and(|age| age < older::WRITES)
            && !files::is_file(&self.dir.join(OUTPUT_TEXT_FILE))
            && self.dir.parent().is_some_and(older::is_session)
            && files::newest_change(&self.dir).is_some_and(|written| changed <= written)
    }

    /// Reads `metadata.json`.
    ///
    /// Fields of another type than the format's (an older logger wrote fractions and nulls) are
    /// converted, or left at their "not known" value. Fields of the older logger that mean something else than the
    /// format's of the same name have the format's meaning: its `timestamp` is the start, for one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFinished`] if the call is in flight, was interrupted or not recorded,
    /// [`ErrorKind::NotFound`] if its folder
    /// has vanished, [`ErrorKind::Malformed`] if the file is not a JSON object, [`ErrorKind::Unreadable`] otherwise.
    pub fn metadata(&self) -> Result<Metadata> {
        let contents = self.raw_metadata()?;
        Metadata::from_stored(&contents, || self.output().ok())
            .map_err(|error| Error::malformed(&self.dir.join(METADATA_FILE), error))
    }

    /// Reads `metadata.json` as it was stored.
    ///
    /// # Errors
    ///
    /// As [`metadata`](Self::metadata), except [`ErrorKind::Malformed`].
    pub fn raw_metadata(&self) -> Result<Vec<u8>> {
        packed::file(&self.dir, METADATA_FILE).map_err(|error| {
            let unfinished = error.kind() == ErrorKind::NotFound && self.state != State::Finished;
            if unfinished && files::is_folder(&self.dir) {
                error.with_kind(ErrorKind::NotFinished)
            } else {
                error
            }
        })
    }

    /// Reads the request body as it was stored: JSON.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is no such file, [`ErrorKind::Unreadable`] otherwise.
    pub fn input(&self) -> Result<Vec<u8>> {
        packed::file(&self.dir, INPUT_FILE)
    }

    /// Reads the response body as it was stored, or the failure: JSON.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is no such file, [`ErrorKind::Unreadable`] otherwise.
    pub fn output(&self) -> Result<Vec<u8>> {
        packed::file(&self.dir, OUTPUT_FILE)
    }
}
