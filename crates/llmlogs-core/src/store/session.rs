//! The session as its recorder writes it: one directory a day, each with `session.json`, `index.jsonl` and the calls.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::dir::{self, Dir};
use super::fault::Fault;
use super::line_file::LineFile;
use super::session_uid;
use super::stats::AtomicCounters;
use crate::format::call_id::call_name;
use crate::format::day::Day;
use crate::format::layout::{ALERTS_FILE, INDEX_FILE, SESSION_FILE};
use crate::format::session_name::SessionName;
use crate::format::time::LocalTime;
use crate::format::{SCHEMA_VERSION, SessionInfo, lock};

/// How many programs may start a session in one second.
const MAX_SESSIONS_PER_SECOND: u32 = 10_000;

/// How many days stay open beside those with calls in flight: calls that started before midnight may end after those
/// that started later.
const MAX_OPEN_DAYS: usize = 2;

/// How often [`Session::check_moved`] looks.
const CHECK_INTERVAL: Duration = Duration::from_millis(500);

/// How often the directory of a day is created anew while other programs remove it.
const MAX_DAY_RETRIES: u32 = 8;

/// The directory of a call, by its names.
#[derive(Debug)]
pub struct CallDir {
    day: Day,
    name: String,
}

impl CallDir {
    /// Returns the name of the directory, which is the call's id.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// A call's directory, opened again.
#[derive(Debug)]
pub enum Opened {
    /// The directory as it was left.
    Existing(Dir),
    /// It had vanished and has been created anew, empty.
    Recreated(Dir),
    /// Something else has its name.
    Obstructed(io::Error),
}

/// The open directory of one day.
struct OpenDay {
    day: Day,
    dir: Dir,
    /// Held under the liveness lock while it is open.
    session_file: File,
    index: Option<LineFile>,
}

/// A day for which the session has a directory.
struct UsedDay {
    day: Day,
    in_flight: usize,
    has_calls: bool,
    has_alerts: bool,
}

/// A session of a running recorder.
pub struct Session {
    root_path: PathBuf,
    /// `None` after a fault, until it is needed.
    root: Option<Dir>,
    name: SessionName,
    uid: String,
    started_at: String,
    hostname: String,
    program: String,
    sync: bool,
    counters: Arc<AtomicCounters>,
    /// All days of the session; the one that was opened last is at the end.
    used_days: Vec<UsedDay>,
    /// Those of them that are open.
    open_days: Vec<OpenDay>,
    /// The directory of the call that started last: its end often comes next.
    last_call: Option<(String, Dir)>,
    checked_at: Instant,
    calls: u64,
}

impl Session {
    /// Creates the session's directory for the day of `now` below `root`, which is created if it is missing.
    ///
    /// With `sync` everything that is written is synced. `counters` are written into `session.json`.
    ///
    /// # Errors
    ///
    /// If the directory or its `session.json` cannot be created.
    pub fn create(
        root: &Path,
        now: SystemTime,
        sync: bool,
        counters: Arc<AtomicCounters>,
    ) -> io::Result<Self> {
        let time = LocalTime::of(now);
        let existing = sync.then(|| root.ancestors().find(|ancestor| ancestor.exists())).flatten();
        let opened = Dir::open_root(root)?;
        if let Some(existing) = existing {
            dir::sync_ancestors(existing, root)?;
        }
        let mut session = Session {
            root_path: root.to_owned(),
            root: Some(opened),
            name: SessionName::new(&time, 1),
            uid: session_uid::random(),
            started_at: time.rfc3339(),
            hostname: hostname(),
            program: program(),
            sync,
            counters,
            used_days: Vec::new(),
            open_days: Vec::new(),
            last_call: None,
            checked_at: Instant::now(),
            calls: 0,
        };
        let mut ordinal = 1;
        loop {
            match session.open_day(Day::of(&time)) {
                Ok(()) => return Ok(session),
                Err(error)
                    if error.kind() == io::ErrorKind::AlreadyExists && ordinal < MAX_SESSIONS_PER_SECOND =>
                {
                    ordinal += 1;
                    session.name = SessionName::new(&time, ordinal);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Returns the session's id: the name of its directories without `session_`.
    #[must_use]
    pub fn id(&self) -> &str {
        self.name.id()
    }

    /// Returns the session's unique id: 128 random bits in hexadecimal digits.
    #[must_use]
    pub fn uid(&self) -> &str {
        &self.uid
    }

    /// Returns whether everything that is written is synced.
    #[must_use]
    pub fn syncs(&self) -> bool {
        self.sync
    }

    /// Returns the recorder's counters.
    #[must_use]
    pub fn counters(&self) -> &AtomicCounters {
        &self.counters
    }

    /// Returns whether other users can create entries in the root.
    #[must_use]
    pub fn is_writable_by_others(&self) -> bool {
        self.root.as_ref().is_some_and(Dir::is_writable_by_others)
    }

    /// Returns the path of the session's directory of the day that was opened last.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        match self.used_days.last() {
            Some(used) => self.root_path.join(used.day.to_string()).join(self.name.as_str()),
            None => PathBuf::new(),
        }
    }

    /// Opens the session's directory of a day, creating it if it is missing.
    fn open_day(&mut self, day: Day) -> io::Result<()> {
        let root = match self.root.take() {
            Some(root) => root,
            None => Dir::open_root(&self.root_path)?,
        };
        let created = self.create_session_dir(&root, day);
        self.root = Some(root);
        let dir = created?;
        let session_file = self.write_session_file(&dir, None)?;
        self.open_days.push(OpenDay { day, dir, session_file, index: None });
        if !self.used_days.iter().any(|used| used.day == day) {
            self.used_days.push(UsedDay { day, in_flight: 0, has_calls: false, has_alerts: false });
        }
        self.close_old_days();
        Ok(())
    }

    fn create_session_dir(&self, root: &Dir, day: Day) -> io::Result<Dir> {
        // The session's very first directory makes its name unique.
        let is_first = self.used_days.is_empty();
        let mut retries = 0;
        loop {
            let day_dir = root.open_or_create_dir(&day.to_string())?;
            let created = if is_first {
                day_dir.create_dir(self.name.as_str())
            } else {
                day_dir.open_or_create_dir(self.name.as_str())
            };
            match created {
                Ok(dir) => {
                    if self.sync {
                        day_dir.sync()?;
                        root.sync()?;
                    }
                    return Ok(dir);
                }
                // Another program has just removed the day's directory, because it was empty.
                Err(error) if error.kind() == io::ErrorKind::NotFound && retries < MAX_DAY_RETRIES => {
                    retries += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Closes days without calls in flight: a program that runs for a year does not hold a year's files open.
    fn close_old_days(&mut self) {
        let mut surplus = self.open_days.len().saturating_sub(MAX_OPEN_DAYS);
        let mut kept = Vec::with_capacity(self.open_days.len());
        for open in std::mem::take(&mut self.open_days) {
            let idle = self.used_days.iter().any(|used| used.day == open.day && used.in_flight == 0);
            if surplus > 0 && idle {
                surplus -= 1;
                // Its calls are all there; what a failure costs here are a day's last counters.
                let _written = self.write_session_file(&open.dir, Some(now()));
            } else {
                kept.push(open);
            }
        }
        self.open_days = kept;
    }

    fn write_session_file(&self, dir: &Dir, ended_at: Option<String>) -> io::Result<File> {
        let is_running = ended_at.is_none();
        let contents = serde_json::to_vec_pretty(&self.info(ended_at))?;
        let file = dir.write_into_place(SESSION_FILE, &contents, self.sync, |file| {
            if is_running {
                lock::hold(file);
            }
        })?;
        if self.sync {
            dir.sync()?;
        }
        Ok(file)
    }

    /// Returns the contents of `session.json`.
    fn info(&self, ended_at: Option<String>) -> SessionInfo {
        SessionInfo {
            schema_version: SCHEMA_VERSION,
            session_id: self.id().to_owned(),
            session_uid: self.uid.clone(),
            started_at: self.started_at.clone(),
            ended_at,
            pid: std::process::id(),
            hostname: self.hostname.clone(),
            program: self.program.clone(),
            recorder_version: env!("CARGO_PKG_VERSION").to_owned(),
            counters: self.counters.now(),
        }
    }

    /// Returns the open directory of `day`.
    fn day(&mut self, day: Day) -> io::Result<&mut OpenDay> {
        let position = |days: &[OpenDay]| days.iter().position(|open| open.day == day);
        if position(&self.open_days).is_none() {
            self.open_day(day)?;
        }
        let position = position(&self.open_days).ok_or(io::ErrorKind::NotFound)?;
        Ok(&mut self.open_days[position])
    }

    fn used_day(&mut self, day: Day) -> Option<&mut UsedDay> {
        self.used_days.iter_mut().find(|used| used.day == day)
    }

    /// Closes everything that is open: after a fault, nothing is taken for granted.
    pub fn reset(&mut self) {
        self.root = None;
        self.last_call = None;
        self.open_days.clear();
    }

    /// Finds out, at most twice a second, whether somebody has moved the directories away, and then opens them anew.
    pub fn check_moved(&mut self) {
        if self.checked_at.elapsed() < CHECK_INTERVAL {
            return;
        }
        self.checked_at = Instant::now();
        if self.open_days.iter().any(|open| !open.dir.is_in_place()) {
            self.reset();
        }
    }

    /// Creates the directory of the session's next call, which started at `started`.
    ///
    /// # Errors
    ///
    /// If it cannot be created; where its name is taken, the next try has the next number.
    pub fn begin_call(&mut self, started: &LocalTime) -> io::Result<CallDir> {
        let day = Day::of(started);
        let name = call_name(started, self.calls + 1);
        let created = match self.day(day)?.dir.create_dir(&name) {
            // The day's directory has been removed while the program was running.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.reset();
                self.day(day)?.dir.create_dir(&name)
            }
            created => created,
        };
        let is_taken = |error: &io::Error| error.kind() == io::ErrorKind::AlreadyExists;
        // A number is never used again, whatever it is that has the name.
        if created.as_ref().err().is_none_or(is_taken) {
            self.calls += 1;
        }
        let dir = created?;
        if let Some(used) = self.used_day(day) {
            used.in_flight += 1;
            used.has_calls = true;
        }
        self.last_call = Some((name.clone(), dir));
        Ok(CallDir { day, name })
    }

    /// Opens a call's directory.
    ///
    /// # Errors
    ///
    /// If it can be neither opened nor created.
    pub fn open_call(&mut self, call: &CallDir) -> io::Result<Opened> {
        if let Some((name, dir)) = self.last_call.take()
            && name == call.name
        {
            return Ok(Opened::Existing(dir));
        }
        match self.day(call.day)?.dir.open_dir(&call.name) {
            Ok(dir) => Ok(Opened::Existing(dir)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.reset();
                let session = &self.day(call.day)?.dir;
                // The session may have come back in the meantime, and the call with it.
                match session.open_dir(&call.name) {
                    Ok(dir) => Ok(Opened::Existing(dir)),
                    Err(_gone) => Ok(Opened::Recreated(session.create_dir(&call.name)?)),
                }
            }
            Err(error) if Fault::of(&error) == Fault::Obstructed => Ok(Opened::Obstructed(error)),
            Err(error) => Err(error),
        }
    }

    /// Keeps the directory of a call open that will soon be asked for again.
    pub fn keep_open(&mut self, call: &CallDir, dir: Dir) {
        self.last_call = Some((call.name.clone(), dir));
    }

    /// Returns the session's directory in which the directory of `call` is.
    ///
    /// # Errors
    ///
    /// If it can be neither opened nor created.
    pub fn dir_of(&mut self, call: &CallDir) -> io::Result<&Dir> {
        Ok(&self.day(call.day)?.dir)
    }

    /// Appends a line, newline included, to the index beside `call`.
    ///
    /// # Errors
    ///
    /// If the line is not written whole, or not synced.
    pub fn append_index(&mut self, call: &CallDir, line: &[u8]) -> io::Result<()> {
        let sync = self.sync;
        let OpenDay { dir, index, .. } = self.day(call.day)?;
        let open = match index {
            Some(open) => open,
            None => index.insert(LineFile::open(dir, INDEX_FILE)?),
        };
        if let Err(error) = open.append(dir, line) {
            // Opened anew, it tells whether it ends in the middle of a line.
            *index = None;
            return Err(error);
        }
        if sync { open.sync(dir) } else { Ok(()) }
    }

    /// Appends a line, newline included, to `alerts.jsonl` of the day that was opened last.
    ///
    /// # Errors
    ///
    /// If the line is not written whole, or not synced.
    pub fn append_alert(&mut self, line: &[u8]) -> io::Result<()> {
        let sync = self.sync;
        let day = self.used_days.last().map(|used| used.day).ok_or(io::ErrorKind::NotFound)?;
        let dir = &self.day(day)?.dir;
        let mut alerts = LineFile::open(dir, ALERTS_FILE)?;
        alerts.append(dir, line)?;
        if sync {
            alerts.sync(dir)?;
        }
        if let Some(used) = self.used_day(day) {
            used.has_alerts = true;
        }
        Ok(())
    }

    /// Notes that nothing more will be written of `call`.
    pub fn end_call(&mut self, call: &CallDir) {
        if let Some(used) = self.used_day(call.day) {
            used.in_flight = used.in_flight.saturating_sub(1);
        }
    }

    /// Writes the counters while the session goes on.
    ///
    /// # Errors
    ///
    /// If `session.json` cannot be written.
    pub fn write_counters(&mut self) -> io::Result<()> {
        for position in 0..self.open_days.len() {
            let file = self.write_session_file(&self.open_days[position].dir, None)?;
            self.open_days[position].session_file = file;
        }
        Ok(())
    }

    /// Ends the session: writes the last counters and removes days with neither a call nor an alert.
    ///
    /// # Errors
    ///
    /// The first failure; the other days are still ended.
    pub fn end(mut self) -> io::Result<()> {
        let ended_at = now();
        let mut result = Ok(());
        for used in std::mem::take(&mut self.used_days) {
            let open = self.open_days.iter().position(|open| open.day == used.day);
            let ended = match open.map(|position| self.open_days.swap_remove(position)) {
                Some(open) if used.has_calls || used.has_alerts => {
                    let written = self.write_session_file(&open.dir, Some(ended_at.clone())).map(drop);
                    // A reader sees the lock or the end, never neither.
                    drop(open.session_file);
                    written
                }
                Some(open) => self.remove_unused(&open),
                None => Ok(()),
            };
            result = result.and(ended);
        }
        result
    }

    /// Removes a directory of the session that has no calls, and the day's directory if nothing else is in it.
    fn remove_unused(&self, open: &OpenDay) -> io::Result<()> {
        let Some(root) = &self.root else {
            return Ok(());
        };
        open.dir.remove_file(SESSION_FILE)?;
        let day = open.day.to_string();
        root.open_dir(&day)?.remove_dir(self.name.as_str())?;
        // Where another session has a directory, this fails, as it should.
        let _in_use = root.remove_dir(&day);
        Ok(())
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("name", &self.name).finish_non_exhaustive()
    }
}

fn now() -> String {
    LocalTime::of(SystemTime::now()).rfc3339()
}

fn hostname() -> String {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/hostname");
    kernel
        .or_else(|_| std::fs::read_to_string("/etc/hostname"))
        .map(|name| name.trim().to_owned())
        .or_else(|_| std::env::var("HOSTNAME"))
        .or_else(|_| std::env::var("COMPUTERNAME"))
        .unwrap_or_default()
}

fn program() -> String {
    let path = std::env::current_exe().unwrap_or_default();
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use chrono::{Local, TimeZone};

    use super::*;

    fn local(day: u32, hour: u32, minute: u32, second: u32) -> SystemTime {
        Local.with_ymd_and_hms(2025, 10, day, hour, minute, second).unwrap().into()
    }

    fn create(root: &Path, now: SystemTime) -> Session {
        Session::create(root, now, false, Arc::default()).unwrap()
    }

    #[test]
    fn two_sessions_of_one_second_have_directories_of_their_own() {
        let root = tempfile::tempdir().unwrap();
        let sessions = [(); 3].map(|()| create(root.path(), local(27, 4, 2, 10)));
        let ids = sessions.each_ref().map(|session| session.id().to_owned());
        assert_eq!(ids, ["20251027_040210", "20251027_040210_2", "20251027_040210_3"]);
        assert_eq!(fs::read_dir(root.path().join("20251027")).unwrap().count(), 3);
        assert_ne!(sessions[0].uid(), sessions[1].uid());
    }

    #[test]
    fn a_session_without_a_call_that_told_of_a_silence_was_removed() {
        let root = tempfile::tempdir().unwrap();
        let mut session = create(root.path(), local(27, 4, 2, 10));
        session.append_alert(b"{}\n").unwrap();
        session.append_alert(b"{}\n").unwrap();
        session.end().unwrap();
        let dir = root.path().join("20251027/session_20251027_040210");
        assert_eq!(fs::read_to_string(dir.join("alerts.jsonl")).unwrap(), "{}\n{}\n");
        assert!(dir.join("session.json").exists());
    }

    #[test]
    fn a_session_goes_on_under_its_name_after_midnight() {
        let root = tempfile::tempdir().unwrap();
        let mut session = create(root.path(), local(27, 23, 59, 59));
        let mut call = |started| {
            let call = session.begin_call(&LocalTime::of(started)).unwrap();
            session.append_index(&call, b"{}\n").unwrap();
            session.end_call(&call);
            let dir = session.dir_of(&call).unwrap().path();
            dir.join(call.name()).strip_prefix(root.path()).unwrap().to_str().unwrap().to_owned()
        };
        let before = call(local(27, 23, 59, 59));
        let after = call(local(28, 0, 0, 1));
        // A call that started before midnight may come to the recorder after one that started later.
        let late = call(local(27, 23, 59, 59));
        assert_eq!(
            [before, after, late],
            [
                "20251027/session_20251027_235959/call_20251027_235959_001",
                "20251028/session_20251027_235959/call_20251028_000001_002",
                "20251027/session_20251027_235959/call_20251027_235959_003",
            ]
        );
        let uid = session.uid().to_owned();
        session.end().unwrap();
        for (day, lines) in [("20251027", 2), ("20251028", 1)] {
            let dir = root.path().join(day).join("session_20251027_235959");
            let file = fs::read(dir.join("session.json")).unwrap();
            let info: SessionInfo = serde_json::from_slice(&file).unwrap();
            assert_eq!((info.session_id.as_str(), &info.session_uid), ("20251027_235959", &uid));
            assert!(info.ended_at.is_some());
            assert_eq!(fs::read_to_string(dir.join("index.jsonl")).unwrap().lines().count(), lines);
        }
    }
}
