//! The session's folders, one a day, with their `session.json` and `index.jsonl`.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use chrono::{DateTime, Local, SecondsFormat};
use serde::Serialize;

use crate::record::SCHEMA_VERSION;

use super::files;
use super::stats::Counters;

/// How many programs may start a session in one second.
const SUFFIXES: u32 = 10_000;

/// A moment in local time, as the format writes it in various places.
pub(super) struct LocalTime(DateTime<Local>);

impl LocalTime {
    pub(super) fn of(time: SystemTime) -> Self {
        LocalTime(time.into())
    }

    /// `20251027`
    pub(super) fn date(&self) -> String {
        self.0.format("%Y%m%d").to_string()
    }

    /// `20251027_040210`
    pub(super) fn stamp(&self) -> String {
        self.0.format("%Y%m%d_%H%M%S").to_string()
    }

    /// `2025-10-27 04:02:10`
    pub(super) fn readable(&self) -> String {
        self.0.format("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// `2025-10-27T04:02:10.123+08:00`
    pub(super) fn rfc3339(&self) -> String {
        self.0.to_rfc3339_opts(SecondsFormat::Millis, false)
    }

    /// Unix seconds with milliseconds.
    pub(super) fn unix(&self) -> f64 {
        self.0.timestamp_millis() as f64 / 1000.0
    }

    pub(super) fn unix_seconds(&self) -> i64 {
        self.0.timestamp()
    }
}

#[derive(Serialize)]
struct SessionFile<'a> {
    schema_version: u32,
    session_id: &'a str,
    started_at: &'a str,
    ended_at: Option<String>,
    pid: u32,
    hostname: String,
    program: String,
    recorder_version: &'static str,
    counters: Counters,
}

/// A session's folder of one day.
struct Day {
    date: String,
    dir: PathBuf,
    /// Held under an exclusive lock while the process lives.
    session_file: File,
    index: Option<File>,
    /// Whether a call was put here.
    used: bool,
}

pub(super) struct Session {
    root: PathBuf,
    /// `session_20251027_040210`
    name: String,
    started_at: String,
    days: Vec<Day>,
    calls: u64,
}

impl Session {
    /// Makes the session's folder for the day of `now`.
    pub(super) fn create(root: &Path, now: SystemTime, counters: Counters) -> io::Result<Self> {
        let time = LocalTime::of(now);
        let mut session = Session {
            root: root.to_owned(),
            name: format!("session_{}", time.stamp()),
            started_at: time.rfc3339(),
            days: Vec::new(),
            calls: 0,
        };
        let base = session.name.clone();
        let mut suffix = 1;
        loop {
            match session.open_day(&time.date(), counters) {
                Ok(()) => return Ok(session),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && suffix < SUFFIXES => {
                    suffix += 1;
                    session.name = format!("{base}_{suffix}");
                }
                Err(error) => return Err(error),
            }
        }
    }

    pub(super) fn id(&self) -> &str {
        self.name.strip_prefix("session_").unwrap_or(&self.name)
    }

    /// The folder of the day that was opened last.
    pub(super) fn dir(&self) -> PathBuf {
        self.days.last().map(|day| day.dir.clone()).unwrap_or_default()
    }

    fn open_day(&mut self, date: &str, counters: Counters) -> io::Result<()> {
        let parent = self.root.join(date);
        let dir = parent.join(&self.name);
        let mut tries = 0;
        loop {
            files::create_folders(&parent)?;
            match files::create_folder(&dir) {
                Ok(()) => break,
                // Another program has just removed the day's folder, because it was empty.
                Err(error) if error.kind() == io::ErrorKind::NotFound && tries < 8 => tries += 1,
                Err(error) => return Err(error),
            }
        }
        let session_file = self.write_session_file(&dir, None, counters)?;
        self.days.push(Day { date: date.to_owned(), dir, session_file, index: None, used: false });
        Ok(())
    }

    fn write_session_file(
        &self,
        dir: &Path,
        ended_at: Option<String>,
        counters: Counters,
    ) -> io::Result<File> {
        let running = ended_at.is_none();
        let contents = SessionFile {
            schema_version: SCHEMA_VERSION,
            session_id: self.id(),
            started_at: &self.started_at,
            ended_at,
            pid: std::process::id(),
            hostname: hostname(),
            program: program(),
            recorder_version: env!("CARGO_PKG_VERSION"),
            counters,
        };
        let contents = serde_json::to_vec_pretty(&contents)?;
        files::write_into_place(&dir.join("session.json"), &contents, false, |file| {
            if running {
                // A file system without locks is no reason not to record.
                let _unlocked = file.try_lock();
            }
            Ok(())
        })
    }

    /// Makes the folder of the session's next call, which started at `time`; gives its path.
    pub(super) fn next_call(&mut self, time: &LocalTime, counters: Counters) -> io::Result<PathBuf> {
        let number = self.calls + 1;
        let name = format!("call_{}_{number:03}", time.stamp());
        let made = self.make_call_folder(&time.date(), &name, counters);
        let dir = match made {
            // The day's folder has been removed while the program was running.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.days.retain(|day| day.date != time.date());
                self.make_call_folder(&time.date(), &name, counters)?
            }
            made => made?,
        };
        self.calls = number;
        Ok(dir)
    }

    fn make_call_folder(&mut self, date: &str, name: &str, counters: Counters) -> io::Result<PathBuf> {
        if !self.days.iter().any(|day| day.date == date) {
            self.open_day(date, counters)?;
        }
        let Some(day) = self.days.iter_mut().find(|day| day.date == date) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let dir = day.dir.join(name);
        files::create_folder(&dir)?;
        day.used = true;
        Ok(dir)
    }

    /// Appends a line, newline included, to the index beside the call folder `call`.
    pub(super) fn append_index(&mut self, call: &Path, line: &[u8], sync: bool) -> io::Result<()> {
        let Some(day) = self.days.iter_mut().find(|day| call.parent() == Some(&day.dir)) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let mut index = match &day.index {
            Some(index) => index,
            None => day.index.insert(files::open_append(&day.dir.join("index.jsonl"))?),
        };
        index.write_all(line)?;
        if sync { index.sync_data() } else { Ok(()) }
    }

    /// Ends the session: the last counters are written, days without a call are removed.
    pub(super) fn end(mut self, now: SystemTime, counters: Counters) -> io::Result<()> {
        let ended_at = LocalTime::of(now).rfc3339();
        let mut result = Ok(());
        for day in std::mem::take(&mut self.days) {
            let ended = if day.used {
                self.write_session_file(&day.dir, Some(ended_at.clone()), counters).map(drop)
            } else {
                remove_unused(&day.dir)
            };
            // A reader sees either the lock or the end, never neither.
            drop(day.session_file);
            result = result.and(ended);
        }
        result
    }
}

/// Removes a session's folder without calls, and its day's folder when nothing else is in it.
fn remove_unused(dir: &Path) -> io::Result<()> {
    std::fs::remove_file(dir.join("session.json"))?;
    std::fs::remove_dir(dir)?;
    if let Some(date) = dir.parent() {
        // Another session's folder is there: that is as it should be.
        let _in_use = std::fs::remove_dir(date);
    }
    Ok(())
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
