//! Rebuilding an index.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::format::layout::{INDEX_FILE, OLDER_INDEX_FILE, temporary_name};
use crate::read::call::State;
use crate::read::call_set::CallSet;
use crate::read::entry::Entry;
use crate::read::error::ErrorKind;
use crate::read::files::{self, is_plain_name};
use crate::read::line::IndexLine;
use crate::read::older;
use crate::read::session::Session;
use crate::store::dir::Dir;
use crate::store::older_index;

use super::report::{ProblemKind, SessionHealth};

/// Rebuilds the session's index if something is wrong with it and nobody writes to it. What could
/// be repaired is no problem any more.
pub(super) fn session(session: &Session, report: &mut SessionHealth) {
    half_packed(session, report);
    let is_repairable =
        |kind| matches!(kind, ProblemKind::TornLine | ProblemKind::DamagedLine | ProblemKind::MissingLine);
    let index = session.dir().join(INDEX_FILE);
    // An older session has no lines of calls that were written since; its calls are read again.
    let wanted = report.problems.iter().any(|problem| is_repairable(problem.kind))
        || !index.exists()
        || older::is_session(session.dir());
    if !wanted || session.is_running() || fs::symlink_metadata(&index).is_ok_and(|found| !found.is_file()) {
        return;
    }
    match rebuild(session, &index) {
        Ok(true) => {
            report.problems.retain(|problem| !is_repairable(problem.kind));
            report.repaired = Some(index);
        }
        Ok(false) => {}
        Err(error) => report.problem(ProblemKind::Unreadable, &index, format!("cannot be rebuilt: {error}")),
    }
}

/// Completes what was interrupted: the folders of packed calls that hold the same go.
#[cfg(feature = "pack")]
fn half_packed(session: &Session, report: &mut SessionHealth) {
    use crate::archive::Packer;
    use crate::format::layout::BODIES_PACK_FILE;

    if !report.problems.iter().any(|problem| problem.kind == ProblemKind::HalfPacked) {
        return;
    }
    match Packer::new().finish(session.dir()) {
        Ok(_) => {
            report
                .problems
                .retain(|problem| problem.kind != ProblemKind::HalfPacked || files::is_folder(&problem.path));
            report.repaired = Some(session.dir().join(BODIES_PACK_FILE));
        }
        Err(error) => {
            let path = session.dir().join(BODIES_PACK_FILE);
            report.problem(ProblemKind::Unreadable, &path, format!("packing cannot be completed: {error}"));
        }
    }
}

#[cfg(not(feature = "pack"))]
fn half_packed(_session: &Session, _report: &mut SessionHealth) {}

/// Takes the calls that are gone out of the older logger's index, and returns its path if there were any.
pub(super) fn older_index(root: &Path, report: &mut SessionHealth) -> Option<PathBuf> {
    if !report.problems.iter().any(|problem| problem.kind == ProblemKind::GoneEntry) {
        return None;
    }
    let path = root.join(OLDER_INDEX_FILE);
    match Dir::open_path(root).and_then(|root| older_index::remove_gone(&root)) {
        Ok(_) => {
            report.problems.retain(|problem| problem.kind != ProblemKind::GoneEntry);
            Some(path)
        }
        Err(error) => {
            report.problem(ProblemKind::Unreadable, &path, format!("cannot be rewritten: {error}"));
            None
        }
    }
}

/// Keeps the whole lines, drops the others, adds the calls that are missing, in the order in which
/// calls ended. The new index takes the place of the old one when it is whole. Returns `false` if there is
/// nothing to write.
fn rebuild(session: &Session, path: &Path) -> io::Result<bool> {
    let is_older = older::is_session(session.dir());
    // An older session's calls are all read again: nobody has added what was written since.
    let known = if is_older { CallSet::default() } else { known(path)? };
    let mut missing = Vec::new();
    for call in session.calls()? {
        let is_finished = call.state() == State::Finished && !call.may_be_being_written();
        if is_finished && !known.contains(call.id().as_bytes()) {
            // One that cannot be read has been reported, and stays out.
            missing.extend(Entry::open(call).ok());
        }
    }
    if missing.is_empty() && known.count() == 0 && !path.exists() {
        return Ok(false);
    }
    missing.sort_by(|a, b| b.line().end().total_cmp(&a.line().end()));
    let temporary = path.with_file_name(temporary_name(&format!("{INDEX_FILE}.{}", std::process::id())));
    let written = write(path, &temporary, missing).and_then(|()| {
        let is_new = !is_older || fs::read(path).ok() != fs::read(&temporary).ok();
        if is_new {
            fs::rename(&temporary, path)?;
        }
        Ok(is_new)
    });
    if !matches!(written, Ok(true)) {
        // The old index stays as it is; the error is what counts.
        let _leftover = fs::remove_file(&temporary);
    }
    written
}

fn known(path: &Path) -> io::Result<CallSet> {
    let mut seen = CallSet::default();
    each_whole_line(path, |line, _| {
        seen.insert(line.call_id.text().as_bytes());
        Ok(())
    })?;
    Ok(seen)
}

fn write(path: &Path, temporary: &Path, mut missing: Vec<Entry>) -> io::Result<()> {
    let renewed: HashSet<String> = missing.iter().map(|entry| entry.call().id().to_owned()).collect();
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut index = BufWriter::with_capacity(1 << 16, options.open(temporary)?);
    let mut seen = CallSet::default();
    each_whole_line(path, |line, text| {
        let id = line.call_id.text();
        if renewed.contains(&*id) || !seen.insert(id.as_bytes()) {
            return Ok(());
        }
        while let Some(next) = missing.pop_if(|next| next.line().end() < line.end()) {
            put(&mut index, next.as_json())?;
        }
        put(&mut index, text)
    })?;
    for entry in missing.into_iter().rev() {
        put(&mut index, entry.as_json())?;
    }
    let file: File = index.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_all()
}

fn put(index: &mut impl Write, line: &[u8]) -> io::Result<()> {
    index.write_all(line)?;
    index.write_all(b"\n")
}

fn each_whole_line(
    path: &Path,
    mut visit: impl FnMut(&IndexLine<'_>, &[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let file = match files::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let mut lines = BufReader::with_capacity(1 << 16, file);
    let mut text = Vec::new();
    loop {
        text.clear();
        if lines.read_until(b'\n', &mut text)? == 0 || text.pop() != Some(b'\n') {
            return Ok(());
        }
        if let Some(line) = IndexLine::parse(&text)
            && is_plain_name(&line.call_id.text())
        {
            visit(&line, &text)?;
        }
    }
}
