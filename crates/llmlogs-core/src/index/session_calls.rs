//! One session of a snapshot, for whoever counts by himself and keeps his counts while nothing changes.

use std::path::Path;
use std::sync::{Arc, Weak};

use crate::read::entry::Entry;
use crate::read::error::Error;
use crate::read::line::IndexLine;

use super::session_rows::SessionRows;
use super::snapshot::Snapshot;

/// The calls of one session at one time.
#[derive(Debug, Clone, Copy)]
pub struct SessionCalls<'s>(&'s Arc<SessionRows>);

/// What a session was at one time, without its calls.
#[derive(Debug, Clone, Default)]
pub struct Version(Weak<SessionRows>);

impl Snapshot {
    /// Returns the sessions, those of the oldest day first.
    pub fn session_calls(&self) -> impl Iterator<Item = SessionCalls<'_>> {
        self.days.iter().flat_map(|(_, sessions)| sessions).map(SessionCalls)
    }

    /// Returns what could not be listed: days, and sessions in them.
    #[must_use]
    pub fn unlisted(&self) -> &[Error] {
        &self.unlisted
    }
}

impl<'s> SessionCalls<'s> {
    /// Returns the session's folder.
    #[must_use]
    pub fn dir(&self) -> &'s Path {
        self.0.dir()
    }

    /// Calls `visit` with each finished call, without user message, trace and context.
    pub fn each_finished(&self, mut visit: impl FnMut(&IndexLine<'_>)) {
        let mut name = Vec::new();
        for place in 0..self.0.columns.len() {
            visit(&self.0.columns.line(place, &mut name));
        }
    }

    /// Returns the calls that have not ended.
    #[must_use]
    pub fn unfinished(&self) -> &'s [Entry] {
        &self.0.unfinished
    }

    /// Returns what could not be read.
    #[must_use]
    pub fn unreadable(&self) -> &'s [Error] {
        &self.0.broken
    }

    /// Returns by what a later snapshot's session can be compared with this one.
    #[must_use]
    pub fn version(&self) -> Version {
        Version(Arc::downgrade(self.0))
    }
}

impl Version {
    /// Returns whether the session has not changed since.
    #[must_use]
    pub fn is_of(&self, session: SessionCalls<'_>) -> bool {
        // No other has its address while this one points to it.
        std::ptr::eq(self.0.as_ptr(), Arc::as_ptr(session.0))
    }
}
