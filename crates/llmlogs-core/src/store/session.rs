//! The session's folders, one a day, with their `session.json` and `index.jsonl`.

use std::fmt;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

use serde::Serialize;

use crate::format::SCHEMA_VERSION;

use super::folder::{self, Folder};
use super::stats::{Fault, Stats};
use crate::format::time::{Date, LocalTime};

/// How many programs may start a session in one second.
const SUFFIXES: u32 = 10_000;

const INDEX: &str = "index.jsonl";

/// How many days stay open beside those with calls in flight: calls that began before midnight may come
/// after those that began later.
const DAYS_OPEN: usize = 2;

/// How often it is looked whether the folders are still where they were opened, in milliseconds.
const LOOK_MS: u128 = 500;

#[derive(Serialize)]
struct SessionFile<'a> {
    schema_version: u32,
    session_id: &'a str,
    started_at: &'a str,
    ended_at: Option<String>,
    pid: u32,
    hostname: &'a str,
    program: &'a str,
    recorder_version: &'static str,
    counters: Stats,
}

/// Where a call's files go.
#[derive(Debug)]
pub struct CallDir {
    date: Date,
    pub name: String,
}

/// A call's folder, looked up again.
pub enum Opened {
    Existing(Folder),
    /// It was gone, and is empty.
    Recreated(Folder),
    /// Something else stands in its place.
    Obstructed(io::Error),
}

/// The session's folder of one day.
struct Day {
    date: Date,
    folder: Folder,
    /// Held under an exclusive lock while the process lives.
    session_file: File,
    index: Option<Index>,
}

struct Index {
    file: File,
    /// A line was torn and could not be taken back.
    torn: bool,
}

/// A day that the session has a folder for.
struct Known {
    date: Date,
    /// How many calls are in flight there.
    open: usize,
    /// Whether a call was put there.
    used: bool,
}

pub struct Session {
    root_path: PathBuf,
    /// `None` after a fault, until it is needed.
    root: Option<Folder>,
    /// `session_20251027_040210`
    name: String,
    started_at: String,
    hostname: String,
    program: String,
    sync: bool,
    /// All days of the session, the one that was opened last at the end.
    known: Vec<Known>,
    /// Those of them that are open.
    days: Vec<Day>,
    /// The folder of the call that was begun last: its end often comes next.
    last: Option<(String, Folder)>,
    looked: Instant,
    calls: u64,
}

impl Session {
    /// Makes the session's folder for the day of `now`.
    pub fn create(root: &Path, now: SystemTime, sync: bool, counters: Stats) -> io::Result<Self> {
        let time = LocalTime::of(now);
        let existing = sync.then(|| root.ancestors().find(|folder| folder.exists())).flatten();
        let opened = Folder::open_root(root)?;
        if let Some(existing) = existing {
            folder::sync_down(existing, root)?;
        }
        let mut session = Session {
            root_path: root.to_owned(),
            root: Some(opened),
            name: format!("session_{}", time.stamp()),
            started_at: time.rfc3339(),
            hostname: hostname(),
            program: program(),
            sync,
            known: Vec::new(),
            days: Vec::new(),
            last: None,
            looked: Instant::now(),
            calls: 0,
        };
        let base = session.name.clone();
        let mut suffix = 1;
        loop {
            match session.open_day(time.date(), counters) {
                Ok(()) => return Ok(session),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && suffix < SUFFIXES => {
                    suffix += 1;
                    session.name = format!("{base}_{suffix}");
                }
                Err(error) => return Err(error),
            }
        }
    }

    pub fn id(&self) -> &str {
        self.name.strip_prefix("session_").unwrap_or(&self.name)
    }

    /// Whether other users can write to the root.
    pub fn is_open_to_others(&self) -> bool {
        self.root.as_ref().is_some_and(Folder::is_open_to_others)
    }

    /// The folder of the day that was opened last.
    pub fn dir(&self) -> PathBuf {
        match self.known.last() {
            Some(day) => self.root_path.join(day.date.to_string()).join(&self.name),
            None => PathBuf::new(),
        }
    }

    /// Opens the session's folder of a day, made if it is missing.
    fn open_day(&mut self, date: Date, counters: Stats) -> io::Result<()> {
        let root = match self.root.take() {
            Some(root) => root,
            None => Folder::open_root(&self.root_path)?,
        };
        // The session's very first folder makes its name unique.
        let first = self.known.is_empty();
        let mut tries = 0;
        let folder = loop {
            let day = root.open_or_create(&date.to_string())?;
            let made = if first { day.create(&self.name) } else { day.open_or_create(&self.name) };
            match made {
                Ok(folder) => {
                    if self.sync {
                        day.sync()?;
                        root.sync()?;
                    }
                    break folder;
                }
                // Another program has just removed the day's folder, because it was empty.
                Err(error) if error.kind() == io::ErrorKind::NotFound && tries < 8 => tries += 1,
                Err(error) => {
                    self.root = Some(root);
                    return Err(error);
                }
            }
        };
        self.root = Some(root);
        let session_file = self.write_session_file(&folder, None, counters)?;
        self.days.push(Day { date, folder, session_file, index: None });
        if !self.known.iter().any(|known| known.date == date) {
            self.known.push(Known { date, open: 0, used: false });
        }
        self.close_old_days(counters);
        Ok(())
    }

    /// A program that runs for a year does not hold a year's files open.
    fn close_old_days(&mut self, counters: Stats) {
        let mut surplus = self.days.len().saturating_sub(DAYS_OPEN);
        let mut kept = Vec::with_capacity(self.days.len());
        for day in std::mem::take(&mut self.days) {
            let idle = self.known.iter().any(|known| known.date == day.date && known.open == 0);
            if surplus > 0 && idle {
                surplus -= 1;
                // Its calls are all there; what is lost with a failure here are a day's last counters.
                let _written = self.write_session_file(&day.folder, Some(now()), counters);
            } else {
                kept.push(day);
            }
        }
        self.days = kept;
    }

    fn write_session_file(
        &self,
        folder: &Folder,
        ended_at: Option<String>,
        counters: Stats,
    ) -> io::Result<File> {
        let running = ended_at.is_none();
        let contents = SessionFile {
            schema_version: SCHEMA_VERSION,
            session_id: self.id(),
            started_at: &self.started_at,
            ended_at,
            pid: std::process::id(),
            hostname: &self.hostname,
            program: &self.program,
            recorder_version: env!("CARGO_PKG_VERSION"),
            counters,
        };
        let contents = serde_json::to_vec_pretty(&contents)?;
        let file = folder.write_into_place("session.json", &contents, self.sync, |file| {
            if running {
                // A file system without locks is no reason not to record.
                let _unlocked = file.try_lock();
            }
            Ok(())
        })?;
        if self.sync {
            folder.sync()?;
        }
        Ok(file)
    }

    /// The open folder of `date`.
    fn day(&mut self, date: Date, counters: Stats) -> io::Result<usize> {
        if let Some(place) = self.days.iter().position(|day| day.date == date) {
            return Ok(place);
        }
        self.open_day(date, counters)?;
        self.days.iter().position(|day| day.date == date).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn known(&mut self, date: Date) -> Option<&mut Known> {
        self.known.iter_mut().find(|known| known.date == date)
    }

    /// Lets go of everything that is open: after a fault, nothing is taken for granted.
    pub fn reset(&mut self) {
        self.root = None;
        self.last = None;
        self.days.clear();
    }

    /// Finds out, once in a while, whether somebody has moved the folders away.
    pub fn check_moved(&mut self) {
        if self.looked.elapsed().as_millis() < LOOK_MS {
            return;
        }
        self.looked = Instant::now();
        if self.days.iter().any(|day| !day.folder.is_in_place()) {
            self.reset();
        }
    }

    /// Makes the folder of the session's next call, which started at `time`.
    pub fn begin(&mut self, time: &LocalTime, counters: Stats) -> io::Result<CallDir> {
        let date = time.date();
        let name = format!("call_{}_{:03}", time.stamp(), self.calls + 1);
        let day = self.day(date, counters)?;
        let made = match self.days[day].folder.create(&name) {
            // The day's folder has been removed while the program was running.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.reset();
                let day = self.day(date, counters)?;
                self.days[day].folder.create(&name)
            }
            made => made,
        };
        // A name that is taken, by whatever, stays so.
        if made.as_ref().is_ok() || made.as_ref().is_err_and(|e| e.kind() == io::ErrorKind::AlreadyExists) {
            self.calls += 1;
        }
        let folder = made?;
        if let Some(known) = self.known(date) {
            known.open += 1;
            known.used = true;
        }
        self.last = Some((name.clone(), folder));
        Ok(CallDir { date, name })
    }

    /// Opens a call's folder.
    pub fn open(&mut self, place: &CallDir, counters: Stats) -> io::Result<Opened> {
        if let Some((name, folder)) = self.last.take()
            && name == place.name
        {
            return Ok(Opened::Existing(folder));
        }
        let day = self.day(place.date, counters)?;
        match self.days[day].folder.open(&place.name) {
            Ok(folder) => Ok(Opened::Existing(folder)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.reset();
                let day = self.day(place.date, counters)?;
                // The session may have come back in the meantime, and the call with it.
                match self.days[day].folder.open(&place.name) {
                    Ok(folder) => Ok(Opened::Existing(folder)),
                    Err(_gone) => Ok(Opened::Recreated(self.days[day].folder.create(&place.name)?)),
                }
            }
            Err(error) if Fault::of(&error) == Fault::Obstructed => Ok(Opened::Obstructed(error)),
            Err(error) => Err(error),
        }
    }

    /// Keeps a folder open that will soon be asked for again.
    pub fn put_back(&mut self, place: &CallDir, folder: Folder) {
        self.last = Some((place.name.clone(), folder));
    }

    /// The folder in which the folder of the call at `place` lies.
    pub fn folder(&mut self, place: &CallDir, counters: Stats) -> io::Result<&Folder> {
        let day = self.day(place.date, counters)?;
        Ok(&self.days[day].folder)
    }

    /// Appends a line, newline included, to the index beside the call at `place`.
    pub fn append_index(&mut self, place: &CallDir, line: &[u8], counters: Stats) -> io::Result<()> {
        let sync = self.sync;
        let day = self.day(place.date, counters)?;
        let day = &mut self.days[day];
        let index = match &mut day.index {
            Some(index) => index,
            None => {
                let file = day.folder.append_file(INDEX)?;
                day.index.insert(Index { torn: ends_torn(&day.folder, &file), file })
            }
        };
        if index.torn {
            // What stands before it is a crash's leftover; the line must not be glued to it.
            index.file.write_all(b"\n")?;
            index.torn = false;
        }
        if let Err(error) = day.folder.append(&mut index.file, INDEX, line) {
            day.index = None;
            return Err(error);
        }
        if sync {
            day.folder.sync_file(&index.file, INDEX)?;
            day.folder.sync()?;
        }
        Ok(())
    }

    /// The call at `place` is over.
    pub fn end_call(&mut self, place: &CallDir) {
        if let Some(known) = self.known(place.date) {
            known.open = known.open.saturating_sub(1);
        }
    }

    /// Tells the counters while the session goes on.
    pub fn write_counters(&mut self, counters: Stats) -> io::Result<()> {
        for place in 0..self.days.len() {
            let file = self.write_session_file(&self.days[place].folder, None, counters)?;
            self.days[place].session_file = file;
        }
        Ok(())
    }

    /// Ends the session: the last counters are written, days without a call are removed.
    pub fn end(mut self, counters: Stats) -> io::Result<()> {
        let ended_at = now();
        let mut result = Ok(());
        for known in std::mem::take(&mut self.known) {
            let open = self.days.iter().position(|day| day.date == known.date);
            let ended = match open.map(|place| self.days.swap_remove(place)) {
                Some(day) if known.used => {
                    let written =
                        self.write_session_file(&day.folder, Some(ended_at.clone()), counters).map(drop);
                    // A reader sees either the lock or the end, never neither.
                    drop(day.session_file);
                    written
                }
                Some(day) => self.remove_unused(day),
                None => Ok(()),
            };
            result = result.and(ended);
        }
        result
    }

    /// Removes a session's folder without calls, and its day's folder when nothing else is in it.
    fn remove_unused(&self, day: Day) -> io::Result<()> {
        let Some(root) = &self.root else {
            return Ok(());
        };
        day.folder.remove_file("session.json")?;
        let date = day.date.to_string();
        root.open(&date)?.remove_folder(&self.name)?;
        // Another session's folder is there: that is as it should be.
        let _in_use = root.remove_folder(&date);
        Ok(())
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Whether the index ends in the middle of a line.
fn ends_torn(folder: &Folder, appended: &File) -> bool {
    use std::io::{Read, Seek, SeekFrom};
    if appended.metadata().is_ok_and(|metadata| metadata.len() == 0) {
        return false;
    }
    let mut last = [0];
    let read = folder.read_file(INDEX).and_then(|mut file| {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)
    });
    read.is_ok() && last != *b"\n"
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
