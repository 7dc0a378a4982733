//! Removing what is old: whole calls, the oldest first, then the sessions and days that are empty.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::dir::{Dir, Entry};
use super::older_index;
use super::packed_session::PackedSession;
use crate::format::layout::{
    ALERTS_FILE, BODIES_PACK_FILE, CALLS_PACK_FILE, INDEX_FILE, MEDIA_DIR, METADATA_FILE, OLDER_INDEX_FILE,
    SESSION_FILE, is_pruned, is_unpacked, pruned_name, temporary_name,
};
use crate::format::{call_id, day, lock, session_name};

/// A session without calls that is younger than this may be about to get its first one.
const MIN_EMPTY_AGE: Duration = Duration::from_secs(60);

#[allow(missing_docs, reason = "the library documents it where it re-exports it")]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retention {
    max_age: Option<Duration>,
    max_bytes: Option<u64>,
}

/// What a [`Retention`] removed, or would remove.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct PruneReport {
    /// The directories of the calls, the oldest first.
    pub calls: Vec<PathBuf>,
    /// The directories of the sessions that had no call left.
    pub sessions: Vec<PathBuf>,
    /// How many bytes the removed files had.
    pub bytes: u64,
    /// How many bytes the remaining files have; counted only if there is a limit of bytes.
    pub bytes_left: u64,
    /// What could not be read or removed; each error names its path.
    pub errors: Vec<io::Error>,
}

impl Retention {
    /// Returns a retention without limits, which keeps everything.
    #[must_use]
    pub const fn new() -> Self {
        Retention { max_age: None, max_bytes: None }
    }

    /// Removes calls that started longer ago than `age`. Default: no limit.
    #[must_use]
    pub const fn max_age(mut self, age: Duration) -> Self {
        self.max_age = Some(age);
        self
    }

    /// Removes the oldest calls while all files of the root together have more than `bytes` bytes. Default: no limit.
    #[must_use]
    pub const fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = Some(bytes);
        self
    }

    /// Removes what is beyond the limits from the root at `root`, and entries of calls that are gone from the
    /// `index.json` of the older logger, if it writes there.
    ///
    /// # Errors
    ///
    /// If `root` is not a directory that can be read. Failures below it are listed in [`PruneReport::errors`], and
    /// the rest is still done.
    pub fn prune(&self, root: impl AsRef<Path>) -> io::Result<PruneReport> {
        self.run(root.as_ref(), true, &|| false)
    }

    /// Returns what [`prune`](Self::prune) would remove, and removes nothing.
    ///
    /// # Errors
    ///
    /// As [`prune`](Self::prune).
    pub fn dry_run(&self, root: impl AsRef<Path>) -> io::Result<PruneReport> {
        self.run(root.as_ref(), false, &|| false)
    }

    /// As [`prune`](Self::prune) if `remove` is set, else as [`dry_run`](Self::dry_run). Ends early, between two
    /// calls, once `stop` returns `true`.
    ///
    /// # Errors
    ///
    /// As [`prune`](Self::prune).
    pub fn run(&self, root: &Path, remove: bool, stop: &dyn Fn() -> bool) -> io::Result<PruneReport> {
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", root.display()));
        let dir = Dir::open_path(root).map_err(named)?;
        let mut days: Vec<String> = dir.entries().map_err(named)?.into_iter().filter_map(day_name).collect();
        days.sort_unstable();
        let now = SystemTime::now();
        let mut run = Run {
            keep_from: self.max_age.and_then(|age| now.checked_sub(age)),
            max_bytes: self.max_bytes,
            now,
            remove,
            report: PruneReport::default(),
        };
        if self.max_bytes.is_some() {
            for day in &days {
                run.report.bytes_left += run.or_report(tree_size(&dir, day), root, day).unwrap_or(0);
            }
        }
        for day in &days {
            if stop() {
                break;
            }
            let pruned = run.prune_day(&dir, day, stop);
            run.or_report(pruned, root, day);
        }
        if remove {
            run.update_older_index(&dir);
        }
        Ok(run.report)
    }
}

/// One pass over a root.
struct Run {
    /// Calls that started before it are removed.
    keep_from: Option<SystemTime>,
    max_bytes: Option<u64>,
    now: SystemTime,
    remove: bool,
    report: PruneReport,
}

/// A session's directory within a day.
struct SessionDir {
    name: String,
    dir: Dir,
    is_live: bool,
    remaining_calls: usize,
    removed_a_call: bool,
}

/// What may be removed.
struct Candidate {
    started: SystemTime,
    number: u64,
    /// The call's name; that of the session for its packed calls.
    name: String,
    /// The index of its session.
    session: usize,
    what: What,
}

enum What {
    /// A call's folder.
    Folder { is_finished: bool },
    /// All packed calls of a session.
    Packed(PackedSession),
}

impl Candidate {
    fn is_packed_of(&self, session: usize) -> bool {
        self.session == session && matches!(self.what, What::Packed(_))
    }
}

impl Run {
    /// Lists an error in the report; nothing else stops for it. What has vanished has been removed by somebody else.
    fn or_report<T>(&mut self, result: io::Result<T>, parent: &Path, name: &str) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                let path = parent.join(name);
                self.report.errors.push(io::Error::new(error.kind(), format!("{}: {error}", path.display())));
                None
            }
        }
    }

    /// Takes calls that are gone out of the older logger's index.
    fn update_older_index(&mut self, root: &Dir) {
        if let Err(error) = older_index::remove_gone(root) {
            let path = root.path().join(OLDER_INDEX_FILE);
            let text = format!("entries of removed calls from {}: {error}", path.display());
            self.report.errors.push(io::Error::new(error.kind(), text));
        }
    }

    fn prune_day(&mut self, root: &Dir, name: &str, stop: &dyn Fn() -> bool) -> io::Result<()> {
        if !self.is_beyond_limits(day::started_at(name)) {
            return Ok(());
        }
        let day = root.open_dir(name)?;
        let mut sessions = Vec::new();
        let mut candidates = Vec::new();
        for entry in day.entries()? {
            if entry.is_dir && session_name::is_session(&entry.name) {
                let opened = self.open_session(&day, entry.name, sessions.len(), &mut candidates);
                sessions.extend(opened);
            }
        }
        candidates.sort_by(|a, b| (a.started, a.number, &a.name).cmp(&(b.started, b.number, &b.name)));
        for call in candidates {
            if stop() {
                return Ok(());
            }
            let session = &mut sessions[call.session];
            let is_in_flight = matches!(call.what, What::Folder { is_finished: false }) && session.is_live;
            let is_kept = !self.is_beyond_limits(Some(call.started)) || is_in_flight;
            let is_gone = !is_kept
                && match &call.what {
                    What::Folder { .. } => self.remove_call(session, &call.name),
                    What::Packed(packed) => self.remove_packed(session, packed),
                };
            if !is_gone {
                session.remaining_calls += 1;
            }
        }
        for session in sessions {
            self.remove_session_if_empty(&day, session);
        }
        if self.remove {
            // Whatever else is in it keeps the day's directory.
            let _in_use = root.remove_dir(name);
        }
        Ok(())
    }

    /// Returns whether what started at `started` is beyond the limits.
    fn is_beyond_limits(&self, started: Option<SystemTime>) -> bool {
        let too_old = self.keep_from.is_some_and(|from| started.is_some_and(|started| started < from));
        too_old || self.max_bytes.is_some_and(|most| self.report.bytes_left > most)
    }

    /// Opens a session and adds its calls to `candidates`; `index` is the session's own.
    fn open_session(
        &mut self,
        day: &Dir,
        name: String,
        index: usize,
        candidates: &mut Vec<Candidate>,
    ) -> Option<SessionDir> {
        let opened = day.open_dir(&name);
        let dir = self.or_report(opened, day.path(), &name)?;
        let entries = dir.entries();
        let entries = self.or_report(entries, day.path(), &name)?;
        let is_live = dir.read_file(SESSION_FILE).is_ok_and(|file| lock::is_held(&file));
        let names = entries.iter().filter(|entry| entry.is_dir).map(|entry| &*entry.name);
        let folders: HashSet<&str> = names.filter(|name| call_id::is_call(name)).collect();
        let day_start = day.path().file_name().and_then(|name| day::started_at(name.to_str()?));
        let packed = PackedSession::of(&dir, &folders, day_start.unwrap_or(self.now));
        // What cannot be told is kept.
        let is_packed = !matches!(packed, Ok(None));
        if let Some(Some(packed)) = self.or_report(packed, dir.path(), INDEX_FILE) {
            candidates.push(Candidate {
                started: packed.last_start,
                number: 0,
                name: name.clone(),
                session: index,
                what: What::Packed(packed),
            });
        }
        for entry in entries.into_iter().filter(|entry| entry.is_dir) {
            // Whoever unpacks removes what is packed last.
            let is_leftover = is_pruned(&entry.name) || (is_unpacked(&entry.name) && !is_packed);
            if is_leftover && self.remove {
                let removed = dir.remove_dir_all(&entry.name);
                self.or_report(removed, dir.path(), &entry.name);
            } else if call_id::is_call(&entry.name) {
                let started = call_id::started_at(&entry.name)
                    .or_else(|| day::started_at(day.path().file_name()?.to_str()?));
                let is_finished = dir.open_dir(&entry.name).is_ok_and(|call| call.exists(METADATA_FILE));
                candidates.push(Candidate {
                    started: started.unwrap_or(self.now),
                    number: call_id::number(&entry.name).unwrap_or(0),
                    name: entry.name,
                    session: index,
                    what: What::Folder { is_finished },
                });
            }
        }
        let unknown = usize::from(is_packed && !candidates.iter().any(|call| call.is_packed_of(index)));
        Some(SessionDir { name, dir, is_live, remaining_calls: unknown, removed_a_call: false })
    }

    /// Removes a call; returns whether it is gone.
    fn remove_call(&mut self, session: &mut SessionDir, name: &str) -> bool {
        let dir = &session.dir;
        let size = tree_size(dir, name);
        let Some(size) = self.or_report(size, dir.path(), name) else {
            return false;
        };
        if self.remove {
            let pruned = pruned_name(name);
            let removed = dir.rename(name, &pruned).and_then(|()| dir.remove_dir_all(&pruned));
            if self.or_report(removed, dir.path(), name).is_none() {
                return false;
            }
        }
        session.removed_a_call = true;
        self.report.calls.push(dir.path().join(name));
        self.count_removed(size);
        true
    }

    /// Removes the packed calls of a session; returns whether they are gone.
    fn remove_packed(&mut self, session: &mut SessionDir, packed: &PackedSession) -> bool {
        let dir = &session.dir;
        if self.remove {
            let removed = PackedSession::remove(dir);
            if self.or_report(removed, dir.path(), BODIES_PACK_FILE).is_none() {
                return false;
            }
        }
        session.removed_a_call = true;
        self.report.calls.extend(packed.calls.iter().map(|name| dir.path().join(name)));
        self.count_removed(packed.bytes);
        true
    }

    fn count_removed(&mut self, bytes: u64) {
        self.report.bytes += bytes;
        self.report.bytes_left = self.report.bytes_left.saturating_sub(bytes);
    }

    /// Removes a session that has ended and has no call left.
    fn remove_session_if_empty(&mut self, day: &Dir, session: SessionDir) {
        let SessionDir { name, dir, is_live, remaining_calls, removed_a_call } = session;
        let started = session_name::started_at(&name);
        let age = started.and_then(|started| self.now.duration_since(started).ok());
        let is_new = age.is_some_and(|age| age < MIN_EMPTY_AGE);
        if is_live || remaining_calls > 0 || (is_new && !removed_a_call) {
            return;
        }
        // What a session without calls tells, a silence, is kept as long as its calls would be.
        if !removed_a_call && dir.exists(ALERTS_FILE) && !self.is_beyond_limits(started) {
            return;
        }
        let size = own_files_size(&dir);
        let size = self.or_report(size, day.path(), &name).unwrap_or(0);
        if self.remove {
            let removed = remove_own_files(&dir).and_then(|()| day.remove_dir(&name));
            if self.or_report(removed, day.path(), &name).is_none() {
                return;
            }
        }
        self.report.sessions.push(dir.path().to_owned());
        self.count_removed(size);
    }
}

/// Returns the names of a session's files beside its calls, `session.json` last: without it nobody knows what the
/// directory was.
fn own_files() -> [String; 8] {
    [
        ALERTS_FILE.to_owned(),
        CALLS_PACK_FILE.to_owned(),
        temporary_name(CALLS_PACK_FILE),
        temporary_name(BODIES_PACK_FILE),
        INDEX_FILE.to_owned(),
        temporary_name(INDEX_FILE),
        temporary_name(SESSION_FILE),
        SESSION_FILE.to_owned(),
    ]
}

fn remove_own_files(session: &Dir) -> io::Result<()> {
    let or_gone = |removed: io::Result<()>| match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    };
    or_gone(session.remove_dir_all(MEDIA_DIR))?;
    own_files().iter().try_for_each(|name| or_gone(session.remove_file(name)))
}

fn own_files_size(session: &Dir) -> io::Result<u64> {
    let media = if session.exists(MEDIA_DIR) { tree_size(session, MEDIA_DIR)? } else { 0 };
    Ok(own_files().iter().fold(media, |sum, name| sum + session.size(name).unwrap_or(0)))
}

fn tree_size(parent: &Dir, name: &str) -> io::Result<u64> {
    let dir = parent.open_dir(name)?;
    let mut sum = 0;
    for entry in dir.entries()? {
        let size = if entry.is_dir { tree_size(&dir, &entry.name) } else { dir.size(&entry.name) };
        match size {
            Ok(bytes) => sum += bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(sum)
}

fn day_name(entry: Entry) -> Option<String> {
    (entry.is_dir && day::is_day(&entry.name)).then_some(entry.name)
}
