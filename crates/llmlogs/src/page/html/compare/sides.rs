//! From a path in the address to a call, or to why there is none.

use std::fmt;

use llmlogs_core::query::CallContents;
use llmlogs_core::read::Root;

use crate::page::answer::ApiError;
use crate::page::call_dir::CallDir;
use crate::page::roots::Roots;
use crate::page::session_dir;

/// A call that is compared.
pub(super) struct Side {
    /// `DAY/SESSION/CALL`
    pub(super) path: String,
    pub(super) dir: CallDir,
}

impl Side {
    /// Reads what is compared, without the bodies unless `with_bodies`.
    pub(super) fn contents(&self, with_bodies: bool) -> CallContents {
        let dir = &self.dir;
        let metadata = dir.metadata().map(|(_, metadata)| metadata).unwrap_or_default();
        CallContents {
            dir: dir.path().to_owned(),
            session_id: dir.session_id().to_owned(),
            state: dir.state(),
            conversation: with_bodies.then(|| dir.conversation(&metadata).unwrap_or_default()),
            metadata,
        }
    }
}

/// Why there is no call at a path.
#[derive(Debug)]
pub(super) enum Missing {
    NoPath(String),
    NotThere(String),
    /// The index of its session has it still.
    Removed(String),
    /// It is in another root, this one.
    OtherRoot(String, String),
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Missing::NoPath(path) => write!(f, "{path} is no path of a call: DAY/SESSION/CALL"),
            Missing::NotThere(path) => write!(f, "there is no call {path}"),
            Missing::Removed(path) => {
                write!(f, "{path} has been removed; the index still has a line of it, but nothing to compare")
            }
            Missing::OtherRoot(path, root) => {
                write!(f, "{path} is in another root, {root}; calls of two roots are not compared")
            }
        }
    }
}

/// Opens the call at `path` in root number `root`.
pub(super) fn open(roots: &Roots, root: usize, path: &str) -> Result<Result<Side, Missing>, ApiError> {
    let names: Vec<&str> = path.split('/').collect();
    let [day, session, call] = names[..] else { return Ok(Err(Missing::NoPath(path.to_owned()))) };
    let opened = roots.open(root)?;
    if let Some(opened) = &opened {
        match CallDir::open(opened.path(), day, session, call) {
            Ok(dir) => return Ok(Ok(Side { path: path.to_owned(), dir })),
            Err(ApiError::NotFound) => {}
            Err(error) => return Err(error),
        }
    }
    let others = (0..roots.paths().len()).filter(|other| *other != root);
    for other in others {
        if roots.open(other)?.is_some_and(|opened| CallDir::open(opened.path(), day, session, call).is_ok()) {
            let name = roots.names().get(other).cloned().unwrap_or_default();
            return Ok(Err(Missing::OtherRoot(path.to_owned(), name)));
        }
    }
    let is_removed = opened.is_some_and(|opened| is_in_index(&opened, day, session, call));
    let missing = if is_removed { Missing::Removed } else { Missing::NotThere };
    Ok(Err(missing(path.to_owned())))
}

fn is_in_index(root: &Root, day: &str, session: &str, call: &str) -> bool {
    let Ok(session) = session_dir::session(root, day, session) else { return false };
    session.entries().flatten().any(|entry| entry.call().id() == call)
}
