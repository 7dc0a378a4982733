//! What is looked at.

use std::fs::{self, DirEntry, File, Metadata};
use std::io::{BufRead, BufReader};
use std::path::Path;

use llmlogs_core::json;
use llmlogs_core::read::call_set::CallSet;
use llmlogs_core::read::files::{self, is_plain_name};
use llmlogs_core::read::line::IndexLine;
use llmlogs_core::read::{Call, Session, State};
use llmlogs_core::redact::Redactor;

use super::{Kind, Report, contents, is_temporary};
use crate::filter::Filter;

/// The files of a call, as far as the format knows them.
const FILES: [&str; 5] = ["input.json", "input.txt", "output.json", "output.txt", "metadata.json"];

/// Looks at the root and its days for what does not belong there.
pub(crate) fn strays(root: &Path, filter: &Filter, report: &mut Report) {
    for entry in listed(root, report) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_day = name.len() == 8 && name.bytes().all(|byte| byte.is_ascii_digit());
        if !is_day || !is_folder(&entry, report) {
            if !is_day {
                report.fault(Kind::Stray, &entry.path(), "");
            }
            continue;
        }
        permissions(&entry.path(), report);
        if !filter.wants_day(&name) {
            continue;
        }
        for entry in listed(&entry.path(), report) {
            let name = entry.file_name().to_string_lossy().into_owned();
            if !name.starts_with("session_") {
                report.fault(Kind::Stray, &entry.path(), "");
            } else {
                is_folder(&entry, report);
            }
        }
    }
}

fn listed(dir: &Path, report: &mut Report) -> Vec<DirEntry> {
    match fs::read_dir(dir) {
        Ok(entries) => {
            let mut entries: Vec<_> = entries.filter_map(Result::ok).collect();
            entries.sort_by_key(DirEntry::file_name);
            entries
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => {
            report.fault(Kind::Unreadable, dir, error.to_string());
            Vec::new()
        }
    }
}

/// Tells links and files from folders; says so where a folder should be.
fn is_folder(entry: &DirEntry, report: &mut Report) -> bool {
    match entry.file_type() {
        Ok(kind) if kind.is_symlink() => {
            report.fault(Kind::Link, &entry.path(), "");
            false
        }
        Ok(kind) if !kind.is_dir() => {
            report.fault(Kind::Stray, &entry.path(), "no folder");
            false
        }
        kind => kind.is_ok(),
    }
}

/// Says so when others may look in; gives what is known of the file.
fn permissions(path: &Path, report: &mut Report) -> Option<Metadata> {
    let found = fs::symlink_metadata(path).ok()?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = found.permissions().mode() & 0o777;
        if !found.is_symlink() && mode & 0o077 != 0 {
            report.fault(Kind::Permissions, path, format!("mode {mode:03o}"));
        }
    }
    Some(found)
}

/// Looks at one session and its calls.
pub(crate) fn session(session: &Session, secrets: bool) -> Report {
    let mut report = Report::default();
    let dir = session.dir();
    permissions(dir, &mut report);
    let seen = index(session, &mut report);
    let running = session.is_running();
    match session.info() {
        Ok(info) if info.ended_at.is_none() && !running => report.fault(Kind::Died, dir, ""),
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            report.fault(Kind::Unreadable, &dir.join("session.json"), error.to_string());
        }
        _ => {}
    }
    let mut folders = 0;
    for entry in listed(dir, &mut report) {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if name.starts_with("call_") {
            if is_folder(&entry, &mut report) {
                folders += u64::from(seen.contains(name.as_bytes()));
                call(session, &path, &name, running, &seen, secrets, &mut report);
            }
            continue;
        }
        match entry.file_type() {
            Ok(kind) if kind.is_symlink() => report.fault(Kind::Link, &path, ""),
            Ok(kind) if kind.is_dir() && name == "media" => media(&path, &mut report),
            Ok(_) if matches!(name.as_str(), "session.json" | "index.jsonl") => file(&path, &mut report),
            Ok(_) if is_temporary(&name) && !running => report.fault(Kind::Leftover, &path, ""),
            Ok(_) if is_temporary(&name) => {}
            _ => report.fault(Kind::Stray, &path, ""),
        }
    }
    report.gone = seen.count() as u64 - folders.min(seen.count() as u64);
    report
}

fn file(path: &Path, report: &mut Report) {
    report.bytes += permissions(path, report).map_or(0, |found| found.len());
}

fn media(dir: &Path, report: &mut Report) {
    permissions(dir, report);
    for entry in listed(dir, report) {
        file(&entry.path(), report);
    }
}

/// Reads the index; says what is damaged in it.
fn index(session: &Session, report: &mut Report) -> CallSet {
    let mut seen = CallSet::default();
    let path = session.dir().join("index.jsonl");
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
                    report.fault(Kind::TornLine, &path, format!("line {number}"));
                }
                return seen;
            }
            Ok(_) => {}
            Err(error) => {
                report.fault(Kind::Unreadable, &path, error.to_string());
                return seen;
            }
        }
        text.pop();
        let id = IndexLine::parse(&text).map(|line| line.call_id.text().into_owned());
        match id.filter(|id| is_plain_name(id)) {
            None => report.fault(Kind::DamagedLine, &path, format!("line {number}")),
            Some(id) if !seen.insert(id.as_bytes()) => {
                report.fault(Kind::DamagedLine, &path, format!("line {number}: {id} a second time"));
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
    report: &mut Report,
) {
    report.calls += 1;
    permissions(dir, report);
    for entry in listed(dir, report) {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        match entry.file_type() {
            Ok(kind) if kind.is_symlink() => report.fault(Kind::Link, &path, ""),
            Ok(_) if FILES.contains(&name.as_str()) => file(&path, report),
            Ok(_) if is_temporary(&name) && !running => report.fault(Kind::Leftover, &path, ""),
            Ok(_) if is_temporary(&name) => {}
            _ => report.fault(Kind::Stray, &path, ""),
        }
    }
    let Ok(call) = Call::open(dir) else { return };
    match call.state() {
        State::InFlight => {}
        State::Interrupted => report.fault(Kind::Interrupted, dir, ""),
        State::Finished => {
            match call.metadata() {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    report.fault(Kind::Unreadable, &dir.join("metadata.json"), error.to_string());
                }
                Ok(_) if !seen.contains(name.as_bytes()) && !running && has_index(session) => {
                    report.fault(Kind::MissingLine, dir, "");
                }
                _ => {}
            }
            for body in ["input.json", "output.json"] {
                check_body(&dir.join(body), secrets, report);
            }
        }
    }
}

/// An older logger writes none, which is nothing wrong.
fn has_index(session: &Session) -> bool {
    session.dir().join("index.jsonl").exists() || session.dir().join("session.json").exists()
}

fn check_body(path: &Path, secrets: bool, report: &mut Report) {
    let Some(contents) = contents(path, report) else { return };
    let text = String::from_utf8_lossy(&contents);
    let mut unused = Vec::new();
    if let Err(error) = json::reformat(&text, &mut unused) {
        report.fault(Kind::Unreadable, path, error.to_string());
    }
    if secrets && let std::borrow::Cow::Owned(_) = Redactor::new().text(&text) {
        report.fault(Kind::Secret, path, "");
    }
}
