//! Looking for what is wrong.

use std::fs::{self, DirEntry, File, Metadata};
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use crate::format;
use crate::format::call_id::is_call;
use crate::format::day::{self, is_day};
use crate::format::layout::{
    ALERTS_FILE, BODIES_PACK_FILE, CALL_FILES, CALLS_PACK_FILE, INDEX_FILE, INPUT_FILE, MEDIA_DIR,
    METADATA_FILE, OLDER_INDEX_FILE, OUTPUT_FILE, SESSION_FILE, is_pruned, is_temporary, is_unpacked,
};
use crate::format::session_name::is_session;
use crate::query::filter::Filter;
use crate::read::call::{Call, State};
use crate::read::call_set::CallSet;
use crate::read::error::{Error as ReadError, ErrorKind};
use crate::read::files::{self, is_plain_name};
use crate::read::line::IndexLine;
use crate::read::older;
use crate::read::packed;
use crate::read::session::Session;
use crate::store::dir::Dir;
use crate::store::older_index;

use super::contents;
use super::report::{Problem, ProblemKind, SessionHealth};

/// What is looked for, and what was found.
struct Check<'r> {
    secrets: bool,
    report: &'r mut SessionHealth,
}

/// Looks into the root and its days for what does not belong there.
pub(super) fn strays(root: &Path, filter: &Filter, secrets: bool, report: &mut SessionHealth) {
    let mut check = Check { secrets, report };
    for entry in check.listed(root).unwrap_or_default() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name == OLDER_INDEX_FILE {
            check.older_index(root, &entry);
            continue;
        }
        if name == ALERTS_FILE && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            check.file(&entry.path());
            check.secrets(&entry.path());
            continue;
        }
        if !is_day(&name) {
            check.stray(&entry);
            continue;
        }
        if !check.is_folder(&entry) {
            continue;
        }
        if day::started_at(&name).is_none() {
            check.report.problem(ProblemKind::Stray, &entry.path(), "there is no such date");
        }
        check.permissions(&entry.path());
        if !filter.matches_day(&name) {
            continue;
        }
        for entry in check.listed(&entry.path()).unwrap_or_default() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if is_session(&name) {
                check.is_folder(&entry);
            } else {
                check.stray(&entry);
            }
        }
    }
}

/// Checks one session and its calls.
pub(super) fn session(session: &Session, secrets: bool) -> SessionHealth {
    let dir = session.dir();
    let mut report =
        SessionHealth { dir: dir.to_owned(), day: session.day().to_owned(), ..SessionHealth::default() };
    let mut check = Check { secrets, report: &mut report };
    check.permissions(dir);
    let seen = check.index(session);
    let running = session.is_running();
    match session.info() {
        Ok(info) if info.ended_at.is_none() && !running => check.report.problem(ProblemKind::Died, dir, ""),
        Err(error) if error.kind() != ErrorKind::NotFound => {
            check.report.unreadable(&error);
        }
        _ => {}
    }
    // The calls that the older logger writes after its index was rebuilt are read from their folders.
    let has_index = !older::is_session(dir);
    let mut folders = 0;
    let packed = match packed::of_session(dir) {
        Ok(packed) => packed,
        Err(error) => {
            check.report.unreadable(&error);
            None
        }
    };
    for entry in check.listed(dir).unwrap_or_default() {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if is_call(&name) {
            if check.is_folder(&entry) {
                let is_indexed = seen.contains(name.as_bytes());
                folders += u64::from(is_indexed);
                if packed.as_ref().is_some_and(|packed| packed.contains(&name)) {
                    check.report.problem(ProblemKind::HalfPacked, &path, "");
                }
                check.call(&path, running, is_indexed || running || !has_index);
            }
            continue;
        }
        match entry.file_type() {
            Ok(kind) if kind.is_symlink() => check.report.problem(ProblemKind::Link, &path, ""),
            Ok(kind) if kind.is_dir() && name == MEDIA_DIR => check.media(&path),
            Ok(kind)
                if kind.is_file() && matches!(name.as_str(), SESSION_FILE | INDEX_FILE | ALERTS_FILE) =>
            {
                check.file(&path);
                check.secrets(&path);
            }
            // What is in them is looked at call by call.
            Ok(kind) if kind.is_file() && matches!(name.as_str(), BODIES_PACK_FILE | CALLS_PACK_FILE) => {
                check.file(&path);
            }
            Ok(_) if is_unfinished(&name) => check.unfinished(&path, running),
            _ => check.stray(&entry),
        }
    }
    for id in packed.iter().flat_map(|packed| packed.ids()) {
        let path = dir.join(id);
        if !files::is_folder(&path) {
            let is_indexed = seen.contains(id.as_bytes());
            folders += u64::from(is_indexed);
            check.packed_call(&path, is_indexed);
        }
    }
    report.gone = seen.count() as u64 - folders.min(seen.count() as u64);
    report
}

impl Check<'_> {
    /// Returns the entries of a folder, sorted; `None` if it cannot be listed.
    fn listed(&mut self, dir: &Path) -> Option<Vec<DirEntry>> {
        let listed = fs::read_dir(dir).and_then(|entries| entries.collect::<io::Result<Vec<_>>>());
        match listed {
            Ok(mut entries) => {
                entries.sort_by_key(DirEntry::file_name);
                Some(entries)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Some(Vec::new()),
            Err(error) => {
                self.report.problem(ProblemKind::Unreadable, dir, error.to_string());
                None
            }
        }
    }

    /// Returns whether it is a folder; reports links and files in its place.
    fn is_folder(&mut self, entry: &DirEntry) -> bool {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => true,
            _ => {
                self.stray(entry);
                false
            }
        }
    }

    /// Reports a path that other users may read; returns the path's metadata.
    fn permissions(&mut self, path: &Path) -> Option<Metadata> {
        let found = fs::symlink_metadata(path).ok()?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = found.permissions().mode() & 0o777;
            if !found.is_symlink() && mode & 0o077 != 0 {
                self.report.problem(ProblemKind::Permissions, path, format!("mode {mode:03o}"));
            }
        }
        Some(found)
    }

    /// Adds the size of a file, and reports one that other users may read.
    fn file(&mut self, path: &Path) {
        self.report.bytes += self.permissions(path).map_or(0, |found| found.len());
    }

    /// Reports something that no recorder put there. What is in a folder of somebody else is not looked at.
    fn stray(&mut self, entry: &DirEntry) {
        let path = entry.path();
        if contents::is_secret(&entry.file_name().to_string_lossy()) {
            self.report.problem(ProblemKind::Secret, &path, "in its name");
        }
        match entry.file_type() {
            Ok(kind) if kind.is_symlink() => self.report.problem(ProblemKind::Link, &path, ""),
            Ok(kind) if kind.is_dir() => {
                self.report.problem(ProblemKind::Stray, &path, "a folder, which is not looked into");
            }
            Ok(kind) if kind.is_file() => {
                self.report.problem(ProblemKind::Stray, &path, "a file");
                self.secrets(&path);
            }
            _ => self.report.problem(ProblemKind::Stray, &path, "neither a folder nor a file"),
        }
    }

    /// Reports something half written or half removed by a program that is gone.
    fn unfinished(&mut self, path: &Path, running: bool) {
        if !running {
            self.report.problem(ProblemKind::Leftover, path, "");
            if files::is_file(path) {
                self.secrets(path);
            } else if self.secrets {
                // Half of a call that was being removed.
                for entry in self.listed(path).unwrap_or_default() {
                    if entry.file_type().is_ok_and(|kind| kind.is_file()) {
                        self.secrets(&entry.path());
                    }
                }
            }
        }
    }

    fn media(&mut self, dir: &Path) {
        self.permissions(dir);
        for entry in self.listed(dir).unwrap_or_default() {
            let path = entry.path();
            match entry.file_type() {
                Ok(kind) if kind.is_file() => {
                    self.file(&path);
                    self.secrets(&path);
                    if contents::is_secret(&entry.file_name().to_string_lossy()) {
                        self.report.problem(ProblemKind::Secret, &path, "in its name");
                    }
                }
                _ => self.stray(&entry),
            }
        }
    }

    /// Checks the list of all calls that the older logger keeps.
    fn older_index(&mut self, root: &Path, entry: &DirEntry) {
        let path = entry.path();
        if !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            return self.stray(entry);
        }
        self.file(&path);
        self.secrets(&path);
        match Dir::open_path(root).and_then(|root| older_index::count_gone(&root)) {
            Ok(0) => {}
            Ok(gone) => {
                let calls = if gone == 1 { "call" } else { "calls" };
                self.report.problem(ProblemKind::GoneEntry, &path, format!("{gone} {calls}"));
            }
            Err(error) => self.report.problem(ProblemKind::Unreadable, &path, error.to_string()),
        }
    }

    /// Reads the index; reports what is damaged in it.
    fn index(&mut self, session: &Session) -> CallSet {
        let mut seen = CallSet::default();
        let path = session.dir().join(INDEX_FILE);
        let file = match files::open(&path) {
            Ok(file) => file,
            Err(error) => {
                if error.kind() != ErrorKind::NotFound {
                    self.report.unreadable(&error);
                }
                return seen;
            }
        };
        let mut lines: BufReader<File> = BufReader::with_capacity(1 << 16, file);
        let (mut text, mut number) = (Vec::new(), 0_u64);
        loop {
            text.clear();
            number += 1;
            match lines.read_until(b'\n', &mut text) {
                Ok(0) => return seen,
                Ok(_) if text.last() != Some(&b'\n') => {
                    // A line that is being written looks the same.
                    if !session.is_running() {
                        self.report.problem(ProblemKind::TornLine, &path, format!("line {number}"));
                    }
                    return seen;
                }
                Ok(_) => {}
                Err(error) => {
                    self.report.problem(ProblemKind::Unreadable, &path, error.to_string());
                    return seen;
                }
            }
            text.pop();
            let id = IndexLine::parse(&text).map(|line| line.call_id.text().into_owned());
            match id.filter(|id| is_plain_name(id)) {
                None => self.report.problem(ProblemKind::DamagedLine, &path, format!("line {number}")),
                Some(id) if !seen.insert(id.as_bytes()) => {
                    let what = format!("line {number}: {id} a second time");
                    self.report.problem(ProblemKind::DamagedLine, &path, what);
                }
                Some(_) => {}
            }
        }
    }

    /// Checks a call; `is_indexed` is set if its index has it or need not have it.
    fn call(&mut self, dir: &Path, running: bool, is_indexed: bool) {
        self.report.calls += 1;
        self.permissions(dir);
        let Some(entries) = self.listed(dir) else { return };
        let mut known = Vec::with_capacity(CALL_FILES.len());
        for entry in entries {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            match entry.file_type() {
                Ok(kind) if kind.is_file() && CALL_FILES.contains(&name.as_str()) => {
                    self.file(&path);
                    self.secrets(&path);
                    known.push(name);
                }
                Ok(kind) if !kind.is_symlink() && is_unfinished(&name) => self.unfinished(&path, running),
                _ => self.stray(&entry),
            }
        }
        let Ok(call) = Call::open(dir) else { return };
        match call.state() {
            State::InFlight => {}
            State::Interrupted => self.report.problem(ProblemKind::Interrupted, dir, ""),
            State::NotRecorded => self.report.problem(ProblemKind::NotRecorded, dir, ""),
            State::Finished if call.may_be_being_written() => {}
            State::Finished => {
                match call.metadata() {
                    Err(error) => self.failed(&error),
                    Ok(metadata) => {
                        self.named_files(dir, &metadata, &known);
                        if !is_indexed {
                            self.report.problem(ProblemKind::MissingLine, dir, "");
                        }
                    }
                }
                for body in [INPUT_FILE, OUTPUT_FILE] {
                    self.json(&dir.join(body));
                }
            }
        }
    }

    /// Checks a packed call whose folder would be `dir`, as [`call`](Self::call) checks a folder.
    fn packed_call(&mut self, dir: &Path, is_indexed: bool) {
        self.report.calls += 1;
        let mut known = Vec::with_capacity(CALL_FILES.len());
        for name in CALL_FILES {
            match packed::file(dir, name) {
                Ok(contents) => {
                    let path = dir.join(name);
                    if self.secrets && contents::has_secret_in(&contents) {
                        self.report.problem(ProblemKind::Secret, &path, "");
                    }
                    let is_body = matches!(name, INPUT_FILE | OUTPUT_FILE);
                    if let Some(error) = is_body.then(|| contents::json_error_in(&contents)).flatten() {
                        self.report.problem(ProblemKind::Unreadable, &path, error);
                    }
                    known.push(name.to_owned());
                }
                Err(error) => self.failed(&error),
            }
        }
        match Call::open(dir).and_then(|call| call.metadata()) {
            Err(error) => self.failed(&error),
            Ok(metadata) => {
                for name in metadata.files.names().filter(|name| !known.iter().any(|known| known == name)) {
                    if is_plain_name(name) {
                        self.report.problem(ProblemKind::MissingFile, &dir.join(name), "");
                    }
                }
                if !is_indexed {
                    self.report.problem(ProblemKind::MissingLine, dir, "");
                }
            }
        }
    }

    /// Reports files that a finished call's metadata name, and that are gone; those in `known` are there.
    fn named_files(&mut self, dir: &Path, metadata: &format::Metadata, known: &[String]) {
        let is_unknown = |name: &&str| !known.iter().any(|known| known == name);
        for name in metadata.files.names().filter(is_unknown) {
            // Unless the call has been removed in the meantime.
            if is_plain_name(name)
                && !files::is_file(&dir.join(name))
                && files::is_file(&dir.join(METADATA_FILE))
            {
                self.report.problem(ProblemKind::MissingFile, &dir.join(name), "");
            }
        }
    }

    /// Reports a file that is there and is no JSON.
    fn json(&mut self, path: &Path) {
        match contents::json_error(path) {
            Ok(None) => {}
            Ok(Some(error)) => self.report.problem(ProblemKind::Unreadable, path, error),
            Err(error) => self.failed(&error),
        }
    }

    /// Reports a secret in a file.
    fn secrets(&mut self, path: &Path) {
        if !self.secrets {
            return;
        }
        match contents::has_secret(path) {
            Ok(false) => {}
            Ok(true) => self.report.problem(ProblemKind::Secret, path, ""),
            Err(error) => self.failed(&error),
        }
    }

    /// Reports a file that cannot be read, once; one that has vanished is no fault.
    fn failed(&mut self, error: &ReadError) {
        let known =
            |problem: &Problem| problem.kind == ProblemKind::Unreadable && problem.path == error.path();
        if error.kind() != ErrorKind::NotFound && !self.report.problems.iter().rev().take(8).any(known) {
            self.report.unreadable(error);
        }
    }
}

/// Returns whether it is something half written or half removed.
fn is_unfinished(name: &str) -> bool {
    is_temporary(name) || is_pruned(name) || is_unpacked(name)
}
