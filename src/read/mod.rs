//! Reading recorded calls back: walking a root, and opening its calls.
//!
//! Any program may read while others record. Everything goes by the folders; nothing is locked and
//! nothing is changed.
//!
//! ```no_run
//! use tracing_llmlogs::read::{Root, State};
//!
//! for call in Root::open("llmlogs/apiCall")?.calls() {
//!     let call = call?;
//!     if call.state() == State::Finished {
//!         let metadata = call.metadata()?;
//!         println!("{} {} {}", call.id(), metadata.api_info.model, metadata.usage.total_tokens);
//!     }
//! }
//! # Ok::<(), std::io::Error>(())
//! ```

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

pub use crate::record::{
    ApiInfo, Attempt, Context, CostEstimate, Files, IndexEntry, Metadata, Performance, RequestInfo,
    ResponseInfo, Status, Truncated, Usage,
};

/// A folder below which calls were recorded.
#[derive(Debug, Clone)]
pub struct Root {
    path: PathBuf,
}

/// How far a call has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
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

impl Root {
    /// Opens a root.
    ///
    /// # Errors
    ///
    /// When `path` is no folder that can be read; the error names it.
    pub fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        fs::read_dir(&path).map_err(|error| named(&error, &path))?;
        Ok(Root { path })
    }

    /// The root's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All calls, day by day, session by session, in the order of their numbers.
    ///
    /// A folder that cannot be read is an error in its place; one that vanishes meanwhile is passed
    /// over.
    pub fn calls(&self) -> impl Iterator<Item = io::Result<Call>> + use<> {
        let days = folders(&self.path, |name| name.len() == 8 && name.bytes().all(|b| b.is_ascii_digit()));
        let sessions = days.into_iter().flat_map(|day| match day {
            Ok(day) => folders(&day, |name| name.starts_with("session_")),
            Err(error) => vec![Err(error)],
        });
        sessions.flat_map(|session| match session {
            Ok(session) => calls_of(&session),
            Err(error) => vec![Err(error)],
        })
    }
}

impl Call {
    /// The call's folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The folder's name.
    #[must_use]
    pub fn id(&self) -> &str {
        self.dir.file_name().and_then(|name| name.to_str()).unwrap_or_default()
    }

    /// How far the call had come when its folder was found.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// What `metadata.json` says.
    ///
    /// # Errors
    ///
    /// When the call is not finished, or the file cannot be read; the error names it.
    pub fn metadata(&self) -> io::Result<Metadata> {
        let path = self.dir.join("metadata.json");
        let contents = fs::read(&path).map_err(|error| named(&error, &path))?;
        serde_json::from_slice(&contents).map_err(|error| named(&error.into(), &path))
    }
}

fn named(error: &io::Error, path: &Path) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// The folders in `parent` whose names pass, sorted by name. Links are not followed.
fn folders(parent: &Path, wanted: impl Fn(&str) -> bool) -> Vec<io::Result<PathBuf>> {
    let entries = match fs::read_dir(parent) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => return vec![Err(named(&error, parent))],
    };
    let mut found: Vec<io::Result<PathBuf>> = Vec::new();
    for entry in entries {
        match entry {
            Ok(entry) => {
                let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
                if is_folder && entry.file_name().to_str().is_some_and(&wanted) {
                    found.push(Ok(entry.path()));
                }
            }
            Err(error) => found.push(Err(named(&error, parent))),
        }
    }
    found.sort_by(|a, b| a.as_ref().ok().cmp(&b.as_ref().ok()));
    found
}

fn calls_of(session: &Path) -> Vec<io::Result<Call>> {
    let mut found = folders(session, |name| name.starts_with("call_"));
    let number = |dir: &PathBuf| {
        let name = dir.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.rsplit('_').next().and_then(|number| number.parse::<u64>().ok())
    };
    found.sort_by_key(|dir| dir.as_ref().ok().and_then(number));
    let mut alive = None;
    let mut call = |dir: PathBuf| {
        let state = if dir.join("metadata.json").is_file() {
            State::Finished
        } else if *alive.get_or_insert_with(|| is_alive(session)) {
            // It may have been finished between the two looks.
            if dir.join("metadata.json").is_file() { State::Finished } else { State::InFlight }
        } else {
            State::Interrupted
        };
        Call { dir, state }
    };
    found.into_iter().map(|dir| dir.map(&mut call)).collect()
}

/// Whether the program that records into `session` still runs: it holds `session.json` locked.
fn is_alive(session: &Path) -> bool {
    File::open(session.join("session.json"))
        .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}
