//! Looking for what is wrong.

use std::fs::{self, DirEntry, File, Metadata};
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use crate::format::call_id::is_call;
use crate::format::day::is_day;
use crate::format::layout::{
    ALERTS_FILE, INDEX_FILE, INPUT_FILE, INPUT_TEXT_FILE, MEDIA_DIR, METADATA_FILE, OUTPUT_FILE,
    OUTPUT_TEXT_FILE, SESSION_FILE, is_pruned, is_temporary,
};
use crate::format::session_name::is_session;
use crate::json;
use crate::query::filter::Filter;
use crate::read::call::{Call, State};
use crate::read::call_set::CallSet;
use crate::read::error::ErrorKind;
use crate::read::files::{self, is_plain_name};
use crate::read::line::IndexLine;
use crate::read::session::Session;
use crate::redact::Redactor;

use super::report::{ProblemKind, SessionHealth};

/// The files of a call.
const FILES: [&str; 5] = [INPUT_FILE, INPUT_TEXT_FILE, OUTPUT_FILE, OUTPUT_TEXT_FILE, METADATA_FILE];

/// Looks into the root and its days for what does not belong there.
pub(super) fn strays(root: &Path, filter: &Filter, report: &mut SessionHealth) {
    for entry in listed(root, report) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_day = is_day(&name);
        if !is_day || !is_folder(&entry, report) {
            if name == ALERTS_FILE && entry.file_type().is_ok_and(|kind| kind.is_file()) {
                file(&entry.path(), report);
            } else if !is_day {
                report.problem(ProblemKind::Stray, &entry.path(), "");
            }
            continue;
        }
        permissions(&entry.path(), report);
        if !filter.matches_day(&name) {
            continue;
        }
        for entry in listed(&entry.path(), report) {
            let name = entry.file_name().to_string_lossy().into_owned();
            if !is_session(&name) {
                report.problem(ProblemKind::Stray, &entry.path(), "");
            } else {
                is_folder(&entry, report);
            }
        }
    }
}

fn listed(dir: &Path, report: &mut SessionHealth) -> Vec<DirEntry> {
    match fs::read_dir(dir) {
        Ok(entries) => {
            let mut entries: Vec<_> = entries.filter_map(Result::ok).collect();
            entries.sort_by_key(DirEntry::file_name);
            entries
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => {
            report.problem(ProblemKind::Unreadable, dir, error.to_string());
            Vec::new()
        }
    }
}

/// Returns whether it is a folder; reports links and files in its place.
fn is_folder(entry: &DirEntry, report: &mut SessionHealth) -> bool {
    match entry.file_type() {
        Ok(kind) if kind.is_symlink() => {
            report.problem(ProblemKind::Link, &entry.path(), "");
            false
        }
        Ok(kind) if !kind.is_dir() => {
            report.problem(ProblemKind::Stray, &entry.path(), "no folder");
            false
        }
        kind => kind.is_ok(),
    }
}

/// Reports a path that other users may read; returns the path's metadata.
fn permissions(path: &Path, report: &mut SessionHealth) -> Option<Metadata> {
    let found = fs::symlink_metadata(path).ok()?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = found.permissions().mode() & 0o777;
        if !found.is_symlink() && mode & 0o077 != 0 {
            report.problem(ProblemKind::Permissions, path, format!("mode {mode:03o}"));
        }
    }
    Some(found)
}

/// Checks one session and its calls.
pub(super) fn session(session: &Session, secrets: bool) -> SessionHealth {
    let dir = session.dir();
    let mut report =
        SessionHealth { dir: dir.to_owned(), day: session.day().to_owned(), ..SessionHealth::default() };
    permissions(dir, &mut report);
    let seen = index(session, &mut report);
    let running = session.is_running();
    match session.info() {
        Ok(info) if info.ended_at.is_none() && !running => report.problem(ProblemKind::Died, dir, ""),
        Err(error) if error.kind() != ErrorKind::NotFound => {
            report.unreadable(&error);
        }
        _ => {}
    }
    let mut folders = 0;
    for entry in listed(dir, &mut report) {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if is_call(&name) {
            if is_folder(&entry, &mut report) {
                folders += u64::from(seen.contains(name.as_bytes()));
                call(session, &path, &name, running, &seen, secrets, &mut report);
            }
            continue;
        }
        match entry.file_type() {
            Ok(kind) if kind.is_symlink() => report.problem(ProblemKind::Link, &path, ""),
            Ok(kind) if kind.is_dir() && name == MEDIA_DIR => media(&path, &mut report),
            Ok(_) if matches!(name.as_str(), SESSION_FILE | INDEX_FILE | ALERTS_FILE) => {
                file(&path, &mut report)
            }
            Ok(_) if is_unfinished(&name) && !running => report.problem(ProblemKind::Leftover, &path, ""),
            Ok(_) if is_unfinished(&name) => {}
            _ => report.problem(ProblemKind::Stray, &path, ""),
        }
    }
    report.gone = seen.count() as u64 - folders.min(seen.count() as u64);
    report
}

fn file(path: &Path, report: &mut SessionHealth) {
    report.bytes += permissions(path, report).map_or(0, |found| found.len());
}

fn media(dir: &Path, report: &mut SessionHealth) {
    permissions(dir, report);
    for entry in listed(dir, report) {
        file(&entry.path(), report);
    }
}

/// Reads the index; reports what is damaged in it.
fn index(session: &Session, report: &mut SessionHealth) -> CallSet {
    let mut seen = CallSet::default();
    let path = session.dir().join(INDEX_FILE);
    let Ok(file) = files::open(&path) else { return seen };
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
                    report.problem(ProblemKind::TornLine, &path, format!("line {number}"));
                }
                return seen;
            }
            Ok(_) => {}
            Err(error) => {
                report.problem(ProblemKind::Unreadable, &path, error.to_string());
                return seen;
            }
        }
        text.pop();
        let id = IndexLine::parse(&text).map(|line| line.call_id.text().into_owned());
        match id.filter(|id| is_plain_name(id)) {
            None => report.problem(ProblemKind::DamagedLine, &path, format!("line {number}")),
            Some(id) if !seen.insert(id.as_bytes()) => {
                report.problem(ProblemKind::DamagedLine, &path, format!("line {number}: {id} a second time"));
            }
            Some(_) => {}
        }
    }
}

fn call(
    session: &Session,
    dir: &Path,
    name: &str,
    running: bool,
    seen: &CallSet,
    secrets: bool,
    report: &mut SessionHealth,
) {
    report.calls += 1;
    permissions(dir, report);
    for entry in listed(dir, report) {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        match entry.file_type() {
            Ok(kind) if kind.is_symlink() => report.problem(ProblemKind::Link, &path, ""),
            Ok(_) if FILES.contains(&name.as_str()) => file(&path, report),
            Ok(_) if is_unfinished(&name) && !running => report.problem(ProblemKind::Leftover, &path, ""),
            Ok(_) if is_unfinished(&name) => {}
            _ => report.problem(ProblemKind::Stray, &path, ""),
        }
    }
    let Ok(call) = Call::open(dir) else { return };
    match call.state() {
        State::InFlight => {}
        State::Interrupted => report.problem(ProblemKind::Interrupted, dir, ""),
        State::Finished => {
            match call.metadata() {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    report.unreadable(&error);
                }
                Ok(_) if !seen.contains(name.as_bytes()) && !running && has_index(session) => {
                    report.problem(ProblemKind::MissingLine, dir, "");
                }
                _ => {}
            }
            for body in [INPUT_FILE, OUTPUT_FILE] {
                check_body(&dir.join(body), secrets, report);
            }
        }
    }
}

/// An older logger writes no index, which is no problem.
fn has_index(session: &Session) -> bool {
    session.dir().join(INDEX_FILE).exists() || session.dir().join(SESSION_FILE).exists()
}

fn check_body(path: &Path, secrets: bool, report: &mut SessionHealth) {
    let Some(contents) = contents(path, report) else { return };
    let text = String::from_utf8_lossy(&contents);
    let mut unused = Vec::new();
    if let Err(error) = json::reformat(&text, &mut unused) {
        report.problem(ProblemKind::Unreadable, path, error.to_string());
    }
    if secrets && let std::borrow::Cow::Owned(_) = Redactor::new().text(&text) {
        report.problem(ProblemKind::Secret, path, "");
    }
}

/// Returns whether it is something half written or half removed.
fn is_unfinished(name: &str) -> bool {
    is_temporary(name) || is_pruned(name)
}

/// Returns the contents of a file that can be read.
fn contents(path: &Path, report: &mut SessionHealth) -> Option<Vec<u8>> {
    match files::read(path) {
        Ok(contents) => Some(contents),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => {
            report.unreadable(&error);
            None
        }
    }
}
