//! What a check finds.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::read::error::Error;
use crate::redact::Redactor;

/// What can be wrong with a root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ProblemKind {
    /// Text with the shape of a secret.
    Secret,
    /// It cannot be read, or is no JSON.
    Unreadable,
    /// A file that the metadata of a finished call name, and that is not there.
    MissingFile,
    /// An index ends in half a line.
    TornLine,
    /// A line of an index is damaged, or stands there twice.
    DamagedLine,
    /// A finished call that its index lacks.
    MissingLine,
    /// Calls that the older logger's `index.json` names, and that are gone.
    GoneEntry,
    /// A call that is in its session's packed calls and in its folder: packing or unpacking was interrupted.
    HalfPacked,
    /// A call whose program ended before it did.
    Interrupted,
    /// A folder that the older logger made for a call that it could not write. That is no fault of the root.
    NotRecorded,
    /// A session whose program did not shut the recorder down. That is no fault of the root.
    Died,
    /// A temporary file of a program that is gone.
    Leftover,
    /// Something that no recorder put there.
    Stray,
    /// A link, which is not followed.
    Link,
    /// Other users may read it.
    Permissions,
}

impl ProblemKind {
    /// Returns the kind's name as JSON output has it: `torn_line`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            ProblemKind::Secret => "secret",
            ProblemKind::Unreadable => "unreadable",
            ProblemKind::MissingFile => "missing_file",
            ProblemKind::TornLine => "torn_line",
            ProblemKind::DamagedLine => "damaged_line",
            ProblemKind::MissingLine => "missing_line",
            ProblemKind::GoneEntry => "gone_entry",
            ProblemKind::HalfPacked => "half_packed",
            ProblemKind::Interrupted => "interrupted",
            ProblemKind::NotRecorded => "not_recorded",
            ProblemKind::Died => "died",
            ProblemKind::Leftover => "leftover",
            ProblemKind::Stray => "stray",
            ProblemKind::Link => "link",
            ProblemKind::Permissions => "permissions",
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Problem {
    /// What is wrong.
    pub kind: ProblemKind,
    /// With which file or folder.
    pub path: PathBuf,
    /// More about it; may be empty.
    pub detail: String,
}

/// What was found in one session.
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct SessionHealth {
    /// The session's folder.
    pub dir: PathBuf,
    /// The day's folder name: `20251027`.
    pub day: String,
    /// Folders of calls, and packed calls.
    pub calls: u64,
    /// Calls that the index has, and whose folders are gone: an index may outlive its calls.
    pub gone: u64,
    /// The size of all files.
    pub bytes: u64,
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// The index, if it was rebuilt; else the file of the packed calls, if half packed ones were.
    pub repaired: Option<PathBuf>,
}

impl SessionHealth {
    pub(super) fn problem(&mut self, kind: ProblemKind, path: &Path, detail: impl Into<String>) {
        let detail: String = detail.into();
        // What a parser says may quote the file.
        let detail = Redactor::new().text(&detail).into_owned();
        self.problems.push(Problem { kind, path: path.to_owned(), detail });
    }

    pub(super) fn unreadable(&mut self, error: &Error) {
        self.problem(ProblemKind::Unreadable, error.path(), error.cause().to_string());
    }
}

/// What was found in a root.
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct Health {
    /// The sessions that were checked, oldest first.
    pub sessions: Vec<SessionHealth>,
    /// What is wrong with the root and its days.
    pub problems: Vec<Problem>,
    /// The older logger's `index.json`, if it was repaired.
    pub repaired: Option<PathBuf>,
}
