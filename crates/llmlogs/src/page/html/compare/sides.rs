//! From a path in the address to a call, or to why there is none.

use std::fmt;

use llmlogs_core::read::{Call, Root};

use crate::page::answer::ApiError;
use crate::page::call_dir::call_dir;
use crate::page::roots::Roots;
use crate::page::session_dir;

/// A call that is compared.
pub(super) struct Side {
    /// `DAY/SESSION/CALL`
    pub(super) path: String,
    pub(super) call: Call,
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
        match call_in(opened, day, session, call) {
            Ok(call) => return Ok(Ok(Side { path: path.to_owned(), call })),
            Err(ApiError::NotFound) => {}
            Err(error) => return Err(error),
        }
    }
    let others = (0..roots.paths().len()).filter(|other| *other != root);
    for other in others {
        if roots.open(other)?.is_some_and(|opened| call_in(&opened, day, session, call).is_ok()) {
            let name = roots.names().get(other).cloned().unwrap_or_default();
            return Ok(Err(Missing::OtherRoot(path.to_owned(), name)));
        }
    }
    let is_removed = opened.is_some_and(|opened| is_in_index(&opened, day, session, call));
    let missing = if is_removed { Missing::Removed } else { Missing::NotThere };
    Ok(Err(missing(path.to_owned())))
}

fn call_in(root: &Root, day: &str, session: &str, call: &str) -> Result<Call, ApiError> {
    Ok(Call::open(call_dir(root.path(), day, session, call)?)?)
}

fn is_in_index(root: &Root, day: &str, session: &str, call: &str) -> bool {
    let Ok(session) = session_dir::session(root, day, session) else { return false };
    session.entries().flatten().any(|entry| entry.call().id() == call)
}

/// Returns the path of the call before this one in its session, of those that are there.
pub(super) fn previous(roots: &Roots, root: usize, side: &Side) -> Result<Option<String>, ApiError> {
    let root = roots.open(root)?.ok_or(ApiError::NotFound)?;
    let (of_session, id) = side.path.rsplit_once('/').ok_or(ApiError::NotFound)?;
    let (day, session) = of_session.split_once('/').ok_or(ApiError::NotFound)?;
    let calls = session_dir::session(&root, day, session)?.calls()?;
    let before = calls.take_while(|call| call.id() != id).last();
    Ok(before.map(|call| format!("{of_session}/{}", call.id())))
}
