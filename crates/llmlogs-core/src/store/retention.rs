//! Removing what is old: whole calls, the oldest first, then the sessions and days that are empty.

use std::fs::TryLockError;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::folder::Folder;
use crate::format::time;

/// What a call's folder is called while it is being removed. Readers do not see it; what an interrupted
/// removal leaves under such a name goes with the next one.
const GOING: &str = ".pruned_";

/// A session's folder that is empty may be one that is just being made.
const JUST_MADE: Duration = Duration::from_secs(60);

// Its documentation stands where the library re-exports it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retention {
    max_age: Option<Duration>,
    max_bytes: Option<u64>,
}

/// What a [`Retention`] removed, or would remove.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct PruneReport {
    /// The folders of the calls, the oldest first.
    pub calls: Vec<PathBuf>,
    /// The folders of the sessions that had no call left.
    pub sessions: Vec<PathBuf>,
    /// How many bytes the files had.
    pub bytes: u64,
    /// How many bytes the files have that are still there.
    pub bytes_left: u64,
    /// What could not be read or removed; each error names its folder.
    pub errors: Vec<io::Error>,
}

impl Retention {
    /// Keeps everything.
    #[must_use]
    pub const fn new() -> Self {
        Retention { max_age: None, max_bytes: None }
    }

    /// Removes calls that started longer ago than this.
    #[must_use]
    pub const fn max_age(mut self, age: Duration) -> Self {
        self.max_age = Some(age);
        self
    }

    /// Removes the oldest calls while all files of the root together have more bytes than this.
    #[must_use]
    pub const fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = Some(bytes);
        self
    }

    /// Removes what is beyond the limits from the root at `root`.
    ///
    /// # Errors
    ///
    /// When `root` is no folder that can be read. What fails below it is told in [`PruneReport::errors`], and the
    /// rest is still done.
    pub fn prune(&self, root: impl AsRef<Path>) -> io::Result<PruneReport> {
        self.run(root.as_ref(), true, &|| false)
    }

    /// Tells what [`prune`](Self::prune) would remove and removes nothing.
    ///
    /// # Errors
    ///
    /// As [`prune`](Self::prune).
    pub fn dry_run(&self, root: impl AsRef<Path>) -> io::Result<PruneReport> {
        self.run(root.as_ref(), false, &|| false)
    }

    pub fn run(&self, root: &Path, remove: bool, stop: &dyn Fn() -> bool) -> io::Result<PruneReport> {
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", root.display()));
        let folder = Folder::open_path(root).map_err(named)?;
        let mut days: Vec<String> =
            folder.entries().map_err(named)?.into_iter().filter_map(day_name).collect();
        days.sort_unstable();
        let now = SystemTime::now();
        let mut run = Run {
            keep_from: self.max_age.and_then(|age| now.checked_sub(age)),
            max_bytes: self.max_bytes,
            now,
            remove,
            pruned: PruneReport::default(),
        };
        if self.max_bytes.is_some() {
            for day in &days {
                run.pruned.bytes_left += run.noted(size_of_tree(&folder, day), root, day).unwrap_or(0);
            }
        }
        for day in &days {
            if stop() {
                break;
            }
            let done = run.day(&folder, day, stop);
            run.noted(done, root, day);
        }
        Ok(run.pruned)
    }
}

struct Run {
    /// Calls that started before go.
    keep_from: Option<SystemTime>,
    max_bytes: Option<u64>,
    now: SystemTime,
    remove: bool,
    pruned: PruneReport,
}

/// A session's folder within a day.
struct Session {
    name: String,
    folder: Folder,
    is_live: bool,
    /// Calls that stay.
    calls: usize,
    /// Whether a call went.
    touched: bool,
}

/// A call that may go.
struct Candidate {
    started: SystemTime,
    number: u64,
    name: String,
    /// Its session's place.
    session: usize,
    is_finished: bool,
}

impl Run {
    /// Takes an error down; nothing else stops for it. What has vanished has been removed by somebody else.
    fn noted<T>(&mut self, done: io::Result<T>, parent: &Path, name: &str) -> Option<T> {
        match done {
            Ok(done) => Some(done),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                let path = parent.join(name);
                self.pruned.errors.push(io::Error::new(error.kind(), format!("{}: {error}", path.display())));
                None
            }
        }
    }

    fn day(&mut self, root: &Folder, name: &str, stop: &dyn Fn() -> bool) -> io::Result<()> {
        if !self.may_go(time::start_of_day(name)) {
            return Ok(());
        }
        let day = root.open(name)?;
        let mut sessions = Vec::new();
        let mut candidates = Vec::new();
        for entry in day.entries()? {
            if entry.is_folder && entry.name.starts_with("session_") {
                let opened = self.session(&day, entry.name, sessions.len(), &mut candidates);
                sessions.extend(opened);
            }
        }
        candidates.sort_by(|a, b| (a.started, a.number, &a.name).cmp(&(b.started, b.number, &b.name)));
        for call in candidates {
            if stop() {
                return Ok(());
            }
            let session = &mut sessions[call.session];
            let stays = !self.may_go(Some(call.started)) || (!call.is_finished && session.is_live);
            if stays || !self.call(session, &call) {
                session.calls += 1;
            }
        }
        for session in sessions {
            self.close(&day, session);
        }
        if self.remove {
            // Whatever else is there keeps the day's folder.
            let _in_use = root.remove_folder(name);
        }
        Ok(())
    }

    /// Whether what started then is beyond the limits.
    fn may_go(&self, started: Option<SystemTime>) -> bool {
        let too_old = self.keep_from.is_some_and(|from| started.is_some_and(|started| started < from));
        too_old || self.max_bytes.is_some_and(|most| self.pruned.bytes_left > most)
    }

    fn session(
        &mut self,
        day: &Folder,
        name: String,
        place: usize,
        candidates: &mut Vec<Candidate>,
    ) -> Option<Session> {
        let opened = day.open(&name);
        let folder = self.noted(opened, day.path(), &name)?;
        let entries = folder.entries();
        let entries = self.noted(entries, day.path(), &name)?;
        let is_live = is_live(&folder);
        for entry in entries.into_iter().filter(|entry| entry.is_folder) {
            if entry.name.starts_with(GOING) && self.remove {
                let gone = folder.remove_tree(&entry.name);
                self.noted(gone, folder.path(), &entry.name);
            } else if entry.name.starts_with("call_") {
                let started = time::of_stamp(entry.name.trim_start_matches("call_"))
                    .or_else(|| time::start_of_day(day.path().file_name()?.to_str()?));
                let number = entry.name.rsplit('_').next().and_then(|number| number.parse().ok());
                let is_finished = folder.open(&entry.name).is_ok_and(|call| call.exists("metadata.json"));
                candidates.push(Candidate {
                    started: started.unwrap_or(self.now),
                    number: number.unwrap_or(0),
                    name: entry.name,
                    session: place,
                    is_finished,
                });
            }
        }
        Some(Session { name, folder, is_live, calls: 0, touched: false })
    }

    /// Removes a call; says whether it is gone.
    fn call(&mut self, session: &mut Session, call: &Candidate) -> bool {
        let folder = &session.folder;
        let size = size_of_tree(folder, &call.name);
        let Some(size) = self.noted(size, folder.path(), &call.name) else {
            return false;
        };
        if self.remove {
            let going = format!("{GOING}{}", call.name);
            let gone = folder.rename(&call.name, &going).and_then(|()| folder.remove_tree(&going));
            if self.noted(gone, folder.path(), &call.name).is_none() {
                return false;
            }
        }
        session.touched = true;
        self.pruned.calls.push(folder.path().join(&call.name));
        self.freed(size);
        true
    }

    fn freed(&mut self, bytes: u64) {
        self.pruned.bytes += bytes;
        self.pruned.bytes_left = self.pruned.bytes_left.saturating_sub(bytes);
    }

    /// Removes a session that has ended and has no call left.
    fn close(&mut self, day: &Folder, session: Session) {
        let Session { name, folder, is_live, calls, touched } = session;
        let started = time::of_stamp(name.trim_start_matches("session_"));
        let just_made =
            started.is_some_and(|started| self.now.duration_since(started).is_ok_and(|age| age < JUST_MADE));
        if is_live || calls > 0 || (just_made && !touched) {
            return;
        }
        let own = own_files_size(&folder);
        let own = self.noted(own, day.path(), &name).unwrap_or(0);
        if self.remove {
            let removed = remove_own_files(&folder).and_then(|()| day.remove_folder(&name));
            if self.noted(removed, day.path(), &name).is_none() {
                return;
            }
        }
        self.pruned.sessions.push(folder.path().to_owned());
        self.freed(own);
    }
}

/// The files of a session beside its calls, `session.json` last: without it nobody knows what it was.
const OWN_FILES: [&str; 4] = ["index.jsonl", "index.jsonl.tmp", "session.json.tmp", "session.json"];

fn remove_own_files(session: &Folder) -> io::Result<()> {
    let gone = |done: io::Result<()>| match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    };
    gone(session.remove_tree("media"))?;
    OWN_FILES.iter().try_for_each(|name| gone(session.remove_file(name)))
}

fn own_files_size(session: &Folder) -> io::Result<u64> {
    let media = if session.exists("media") { size_of_tree(session, "media")? } else { 0 };
    Ok(OWN_FILES.iter().fold(media, |sum, name| sum + session.size(name).unwrap_or(0)))
}

fn size_of_tree(parent: &Folder, name: &str) -> io::Result<u64> {
    let folder = parent.open(name)?;
    let mut size = 0;
    for entry in folder.entries()? {
        let one = match entry.is_folder {
            true => size_of_tree(&folder, &entry.name),
            false => folder.size(&entry.name),
        };
        match one {
            Ok(bytes) => size += bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(size)
}

/// Whether the recorder of the session still runs: it holds `session.json` locked.
fn is_live(session: &Folder) -> bool {
    session
        .read_file("session.json")
        .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

fn day_name(entry: super::folder::Entry) -> Option<String> {
    let is_date = entry.name.len() == 8 && entry.name.bytes().all(|byte| byte.is_ascii_digit());
    (entry.is_folder && is_date).then_some(entry.name)
}
