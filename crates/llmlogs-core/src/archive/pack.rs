//! Packing a session: the folders of its finished calls become rows, and go once every row has been compared with what
//! it came from.
//!
//! Killed at any moment, nothing is lost: until `bodies.parquet` has its name the folders are all there, and from then on
//! a call is in its row, in its folder, or in both, which readers take for one. The next run goes on where this one ended.

use std::collections::HashSet;
use std::io::{self, BufReader};
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::format::call_id::{CallId, is_call};
use crate::format::layout::{
    BODIES_PACK_FILE, CALLS_PACK_FILE, INDEX_FILE, SESSION_FILE, is_pruned, is_unpacked, pruned_name,
    temporary_name,
};
use crate::format::{IndexEntry, Metadata, SessionInfo, call_uid, lock, session_uid};
use crate::store::dir::Dir;
use crate::store::line_file::LineFile;
use crate::store::packed_session::indexed;

use super::bodies_table;
use super::call_files::{BodiesRow, CallFiles};
use super::calls_table::{self, SessionColumns};
use super::packed::PackedCalls;
use super::report::{Kept, SessionReport, Skipped, Weight};
use super::session_lock::SessionLock;
use super::table_reader::TableReader;
use super::table_writer::TableWriter;

/// Packs sessions.
#[derive(Debug, Clone, Default)]
pub struct Packer {
    older_than: Option<Duration>,
    dry_run: bool,
    finish_only: bool,
}

/// What a procedure asks before each call: returns `false` if it is to end. Ending early loses nothing.
pub(super) type GoOn<'g> = &'g dyn Fn() -> bool;

impl Packer {
    /// Returns a packer for every session that has ended.
    #[must_use]
    pub fn new() -> Self {
        Packer::default()
    }

    /// Leaves sessions alone that ended less than `age` ago. Default: none.
    #[must_use]
    pub fn older_than(mut self, age: Duration) -> Self {
        self.older_than = Some(age);
        self
    }

    /// With `true`, only reports what would be packed.
    #[must_use]
    pub fn dry_run(mut self, dry_run: bool) -> Self {
        self.dry_run = dry_run;
        self
    }

    /// Packs the session in the folder `session`. Calls that are not finished, damaged ones, and folders with anything
    /// else in them stay as they are and are reported.
    ///
    /// `go_on` is called before each step, several times a call; once it returns `false`, the session is left as it is, or
    /// half packed, which the next run completes.
    ///
    /// # Errors
    ///
    /// If a file cannot be read or written, a row is not what it came from ([`io::ErrorKind::InvalidData`]), or `go_on`
    /// returned `false` ([`io::ErrorKind::Interrupted`]). No call is lost.
    pub fn pack(&self, session: &Path, go_on: &dyn Fn() -> bool) -> io::Result<SessionReport> {
        let dir = Dir::open_path(session)?;
        let mut report = SessionReport { session: session.to_owned(), ..SessionReport::default() };
        let info = match session_info(&dir)? {
            Ok(info) => info,
            Err(skipped) => {
                report.skipped = Some(skipped);
                return Ok(report);
            }
        };
        if self.older_than.is_some_and(|age| !is_older(&dir, &info, age)) {
            report.skipped = Some(Skipped::Young);
            return Ok(report);
        }
        let names = call_names(&dir)?;
        if self.dry_run {
            for name in &names {
                proceed(go_on)?;
                match CallFiles::read(&dir, name).and_then(|files| {
                    let weight = folder_weight(&files);
                    BodiesRow::new(String::new(), name, files).map(|_| weight)
                }) {
                    Ok(weight) => {
                        report.calls += 1;
                        report.before += weight;
                    }
                    Err(why) => report.kept.push(Kept { call: session.join(name), why }),
                }
            }
            return Ok(report);
        }
        if names.is_empty() {
            return Ok(report);
        }
        let Some(lock) = SessionLock::take(&dir)? else {
            report.skipped = Some(Skipped::Busy);
            return Ok(report);
        };
        let session = SessionColumns { uid: session_uid(&info), info };
        let mut run = Run { dir: &dir, session: &session, go_on, report };
        run.pack(&lock, names, self.finish_only)?;
        Ok(run.report)
    }
}

impl Packer {
    /// Completes a packing that was interrupted: removes the folders of calls whose rows hold the same, and packs nothing
    /// else.
    ///
    /// # Errors
    ///
    /// As [`pack`](Self::pack).
    pub fn finish(&self, session: &Path) -> io::Result<SessionReport> {
        Packer { finish_only: true, ..self.clone() }.pack(session, &|| true)
    }
}

/// One session that is being packed.
struct Run<'r> {
    dir: &'r Dir,
    session: &'r SessionColumns,
    go_on: GoOn<'r>,
    report: SessionReport,
}

/// Where a row comes from.
#[derive(PartialEq, Eq)]
enum Source {
    Folder,
    Row,
}

impl Run<'_> {
    fn pack(&mut self, lock: &SessionLock<'_>, names: Vec<String>, finish_only: bool) -> io::Result<()> {
        remove_leftovers(self.dir)?;
        let packed = lock.packed().map(|file| PackedCalls::open(file.try_clone()?)).transpose()?;
        let (done, new) = self.sort_out(packed.as_ref(), names)?;
        let rows =
            if new.is_empty() || finish_only { Vec::new() } else { self.write(lock, packed.as_ref(), new)? };
        if rows.iter().any(|(_, source)| *source == Source::Folder) {
            self.verify(packed.as_ref(), &rows)?;
            self.complete_index(&rows)?;
            self.dir.rename(&temporary_name(CALLS_PACK_FILE), CALLS_PACK_FILE)?;
            lock.put_in_place()?;
            self.dir.sync()?;
            let new = rows.into_iter().filter(|(_, source)| *source == Source::Folder).map(|(id, _)| id);
            self.remove(new)?;
        } else {
            or_gone(self.dir.remove_file(&temporary_name(CALLS_PACK_FILE)))?;
        }
        self.remove(done)?;
        for name in [BODIES_PACK_FILE, CALLS_PACK_FILE] {
            self.report.after += Weight { bytes: self.dir.size(name).unwrap_or(0), inodes: 1 };
        }
        Ok(())
    }

    /// Returns the calls whose rows are there already, and those that need one. The rest is reported.
    fn sort_out(
        &mut self,
        packed: Option<&PackedCalls>,
        names: Vec<String>,
    ) -> io::Result<(Vec<String>, Vec<String>)> {
        let (mut done, mut new) = (Vec::new(), Vec::new());
        for name in names {
            if !CallFiles::are_finished(self.dir, &name) {
                let why = "it is not finished".to_owned();
                self.report.kept.push(Kept { call: self.dir.path().join(&name), why });
                continue;
            }
            let Some(packed) = packed else {
                new.push(name);
                continue;
            };
            proceed(self.go_on)?;
            match packed.row(&name)? {
                Some(row)
                    if CallFiles::read(self.dir, &name)
                        .is_ok_and(|files| row.files().is_ok_and(|same| same == files)) =>
                {
                    done.push(name);
                }
                _ => new.push(name),
            }
        }
        Ok((done, new))
    }

    /// Writes the rows of the packed calls and of `new` ones in the order of their starts; returns them.
    fn write(
        &mut self,
        lock: &SessionLock<'_>,
        packed: Option<&PackedCalls>,
        new: Vec<String>,
    ) -> io::Result<Vec<(String, Source)>> {
        let is_new: HashSet<&str> = new.iter().map(String::as_str).collect();
        let kept = packed.iter().flat_map(|packed| packed.ids()).filter(|id| !is_new.contains(id));
        let mut all: Vec<(String, Source)> = kept.map(|id| (id.to_owned(), Source::Row)).collect();
        all.extend(new.iter().map(|id| (id.clone(), Source::Folder)));
        all.sort_by_cached_key(|(id, _)| (CallId::of(id.as_bytes()), id.clone()));

        let temporary = temporary_name(CALLS_PACK_FILE);
        let calls_file = self.dir.write(&temporary, b"", false)?;
        let properties =
            [("llmlogs.schema", "1".to_owned()), ("llmlogs.attributes", calls_table::attributes())];
        let mut calls = TableWriter::new(calls_file, calls_table::NAME, &calls_table::COLUMNS, &properties)?;
        let bodies_file = lock.file()?.try_clone()?;
        let mut bodies =
            TableWriter::new(bodies_file, bodies_table::NAME, &bodies_table::COLUMNS, &properties[..1])?;
        let mut written = Vec::with_capacity(all.len());
        for (id, source) in all {
            proceed(self.go_on)?;
            let from_folder = (source == Source::Folder).then(|| self.row_of_folder(&id));
            let (row, metadata, source) =
                match (from_folder, packed.map(|packed| packed.row(&id)).transpose()?) {
                    (Some(Ok((row, metadata))), _) => (row, metadata, Source::Folder),
                    (failed, Some(Some(row))) => {
                        self.keep(&id, failed);
                        let metadata = row.parsed_metadata()?;
                        (row, metadata, Source::Row)
                    }
                    (failed, _) => {
                        self.keep(&id, failed);
                        continue;
                    }
                };
            calls.push(calls_table::values(self.session, &row.call_uid, &id, &metadata))?;
            bodies.push(bodies_table::values(row))?;
            written.push((id, source));
        }
        calls.finish()?.sync_all()?;
        bodies.finish()?.sync_all()?;
        Ok(written)
    }

    /// Reports a folder that has no row.
    fn keep<T>(&mut self, id: &str, failed: Option<Result<T, String>>) {
        if let Some(Err(why)) = failed {
            self.report.kept.push(Kept { call: self.dir.path().join(id), why });
        }
    }

    fn row_of_folder(&self, id: &str) -> Result<(BodiesRow, Metadata), String> {
        let files = CallFiles::read(self.dir, id)?;
        BodiesRow::new(call_uid(&self.session.uid, id), id, files)
    }

    /// Reads what was written and compares it, row by row, with what it came from, which is read again.
    fn verify(&mut self, packed: Option<&PackedCalls>, rows: &[(String, Source)]) -> io::Result<()> {
        let read_back = |name: &str| self.dir.read_file(&temporary_name(name));
        let written = PackedCalls::open(read_back(BODIES_PACK_FILE)?)?;
        let calls = TableReader::open(read_back(CALLS_PACK_FILE)?)?;
        let uids = match calls.column("call_uid") {
            Some(column) => calls.texts(column)?,
            None => Vec::new(),
        };
        if written.rows() != rows.len() as u64 || uids.len() != rows.len() {
            return Err(differs(BODIES_PACK_FILE));
        }
        for ((id, source), uid) in rows.iter().zip(uids) {
            proceed(self.go_on)?;
            let row = written.row(id)?.ok_or_else(|| differs(id))?;
            let is_same = match (source, packed) {
                (Source::Row, Some(packed)) => packed.row(id)?.as_ref() == Some(&row),
                _ => {
                    let files = CallFiles::read(self.dir, id).map_err(io::Error::other)?;
                    self.report.before += folder_weight(&files);
                    self.report.calls += 1;
                    row.files()? == files
                }
            };
            if !is_same || row.call_id != *id || uid.as_deref() != Some(row.call_uid.as_bytes()) {
                return Err(differs(id));
            }
        }
        Ok(())
    }

    /// Adds the lines of calls that the index lacks.
    fn complete_index(&mut self, rows: &[(String, Source)]) -> io::Result<()> {
        let known: HashSet<String> = indexed(self.dir)?.into_iter().collect();
        let mut index: Option<LineFile> = None;
        for (id, _) in rows.iter().filter(|(id, source)| *source == Source::Folder && !known.contains(id)) {
            // It could be read a moment ago; if that is over, readers find the call by its row.
            let Ok((_, metadata)) = self.row_of_folder(id) else { continue };
            let entry = IndexEntry { call_id: id.clone(), ..IndexEntry::from(&metadata) };
            let mut line = entry.to_line()?;
            line.push(b'\n');
            let file = match &mut index {
                Some(file) => file,
                index => index.insert(LineFile::open(self.dir, INDEX_FILE)?),
            };
            file.append(self.dir, &line)?;
        }
        index.map_or(Ok(()), |index| index.sync(self.dir))
    }

    /// Removes the folders of calls whose rows are in place.
    fn remove(&mut self, calls: impl IntoIterator<Item = String>) -> io::Result<()> {
        for name in calls {
            proceed(self.go_on)?;
            let pruned = pruned_name(&name);
            or_gone(self.dir.rename(&name, &pruned).and_then(|()| self.dir.remove_dir_all(&pruned)))?;
        }
        Ok(())
    }
}

/// Returns what `session.json` says, or why the session is not packed.
pub(super) fn session_info(dir: &Dir) -> io::Result<Result<SessionInfo, Skipped>> {
    let file = match dir.read_file(SESSION_FILE) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Err(Skipped::Older)),
        Err(error) => return Err(error),
    };
    if lock::is_held(&file) {
        return Ok(Err(Skipped::Running));
    }
    Ok(Ok(serde_json::from_reader(BufReader::new(file))?))
}

/// Returns whether the session ended at least `age` ago. Where its program did not say when, its newest file tells.
fn is_older(dir: &Dir, info: &SessionInfo, age: Duration) -> bool {
    let told = info.ended_at.as_deref().and_then(|ended| chrono::DateTime::parse_from_rfc3339(ended).ok());
    let modified = |name: &str| dir.read_file(name).and_then(|file| file.metadata()?.modified()).ok();
    let ended = told
        .map(SystemTime::from)
        .or_else(|| [SESSION_FILE, INDEX_FILE].into_iter().filter_map(modified).max());
    let ended_for = ended.and_then(|ended| SystemTime::now().duration_since(ended).ok());
    ended_for.is_some_and(|ended_for| ended_for >= age)
}

/// Returns the names of the calls' folders, in the order of their starts.
fn call_names(dir: &Dir) -> io::Result<Vec<String>> {
    let folders = dir.entries()?.into_iter().filter(|entry| entry.is_dir && is_call(&entry.name));
    let mut names: Vec<String> = folders.map(|entry| entry.name).collect();
    names.sort_by_cached_key(|name| (CallId::of(name.as_bytes()), name.clone()));
    Ok(names)
}

/// Removes folders that an earlier run, which was killed, had begun to remove or to write.
pub(super) fn remove_leftovers(dir: &Dir) -> io::Result<()> {
    for entry in dir.entries()? {
        if entry.is_dir && (is_pruned(&entry.name) || is_unpacked(&entry.name)) {
            or_gone(dir.remove_dir_all(&entry.name))?;
        }
    }
    or_gone(dir.remove_file(&temporary_name(CALLS_PACK_FILE)))
}

fn folder_weight(files: &CallFiles) -> Weight {
    let (bytes, files) = files.weight();
    Weight { bytes, inodes: files + 1 }
}

/// What somebody else has removed is gone, too.
pub(super) fn or_gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

pub(super) fn proceed(go_on: GoOn<'_>) -> io::Result<()> {
    if go_on() { Ok(()) } else { Err(io::ErrorKind::Interrupted.into()) }
}

/// Returns the error of a row that is not what it came from.
pub(super) fn differs(what: &str) -> io::Error {
    let text = format!("{what}: what was read back is not what was written; nothing was removed");
    io::Error::new(io::ErrorKind::InvalidData, text)
}
