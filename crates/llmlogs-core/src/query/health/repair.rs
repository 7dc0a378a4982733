//! Rebuilding an index.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use crate::format::layout::{INDEX_FILE, temporary_name};
use crate::read::call::State;
use crate::read::call_set::CallSet;
use crate::read::entry::Entry;
use crate::read::error::ErrorKind;
use crate::read::files::{self, is_plain_name};
use crate::read::line::IndexLine;
use crate::read::session::Session;

use super::report::{ProblemKind, SessionHealth};

/// Rebuilds the session's index if something is wrong with it and nobody writes to it. What could
/// be repaired is no problem any more.
pub(super) fn session(session: &Session, report: &mut SessionHealth) {
    let is_repairable =
        |kind| matches!(kind, ProblemKind::TornLine | ProblemKind::DamagedLine | ProblemKind::MissingLine);
    let index = session.dir().join(INDEX_FILE);
    let wanted = report.problems.iter().any(|problem| is_repairable(problem.kind)) || !index.exists();
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

/// Keeps the whole lines, drops the others, adds the calls that are missing, in the order in which
/// calls ended. The new index takes the place of the old one when it is whole. Returns `false` if there is
/// nothing to write.
fn rebuild(session: &Session, path: &Path) -> io::Result<bool> {
    let known = known(path)?;
    let mut missing = Vec::new();
    for call in session.calls()? {
        if call.state() == State::Finished && !known.contains(call.id().as_bytes()) {
            // One that cannot be read has been reported, and stays out.
            missing.extend(Entry::open(call).ok());
        }
    }
    if missing.is_empty() && known.count() == 0 && !path.exists() {
        return Ok(false);
    }
    missing.sort_by(|a, b| b.line().end().total_cmp(&a.line().end()));
    let temporary = path.with_file_name(temporary_name(&format!("{INDEX_FILE}.{}", std::process::id())));
    let written = write(path, &temporary, missing);
    if written.is_err() {
        // The old index stays as it is; the error is what counts.
        let _leftover = fs::remove_file(&temporary);
    }
    written.map(|()| true)
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
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut index = BufWriter::with_capacity(1 << 16, options.open(temporary)?);
    let mut seen = CallSet::default();
    each_whole_line(path, |line, text| {
        if !seen.insert(line.call_id.text().as_bytes()) {
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
    file.sync_all()?;
    fs::rename(temporary, path)
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
