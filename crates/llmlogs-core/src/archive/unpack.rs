//! Unpacking a session: the rows become folders again, and go once every folder has been compared with its row.
//!
//! Killed at any moment nothing is lost: `bodies.parquet` stays until all folders are on disk.

use std::io;
use std::path::Path;

use crate::format::layout::{BODIES_PACK_FILE, CALLS_PACK_FILE, unpacked_name};
use crate::store::dir::Dir;

use super::call_files::CallFiles;
use super::pack::{differs, or_gone, proceed, remove_leftovers, session_info};
use super::packed::PackedCalls;
use super::report::{Kept, SessionReport, Skipped, Weight};
use super::session_lock::SessionLock;

/// Unpacks sessions.
#[derive(Debug, Clone, Default)]
pub struct Unpacker {
    dry_run: bool,
}

impl Unpacker {
    /// Returns an unpacker.
    #[must_use]
    pub fn new() -> Self {
        Unpacker::default()
    }

    /// With `true`, only reports what would be unpacked.
    #[must_use]
    pub fn dry_run(mut self, dry_run: bool) -> Self {
        self.dry_run = dry_run;
        self
    }

    /// Unpacks the session in the folder `session`; without effect if it is not packed. A call that has a folder, too, has
    /// what is in its folder.
    ///
    /// `go_on` is as for [`Packer::pack`](super::Packer::pack).
    ///
    /// # Errors
    ///
    /// As [`Packer::pack`](super::Packer::pack).
    pub fn unpack(&self, session: &Path, go_on: &dyn Fn() -> bool) -> io::Result<SessionReport> {
        let dir = Dir::open_path(session)?;
        let mut report = SessionReport { session: session.to_owned(), ..SessionReport::default() };
        if !dir.exists(BODIES_PACK_FILE) {
            return Ok(report);
        }
        if let Err(skipped @ Skipped::Running) = session_info(&dir)? {
            report.skipped = Some(skipped);
            return Ok(report);
        }
        for name in [BODIES_PACK_FILE, CALLS_PACK_FILE] {
            report.before += Weight { bytes: dir.size(name).unwrap_or(0), inodes: 1 };
        }
        if self.dry_run {
            let Some(packed) = PackedCalls::of(session)? else { return Ok(report) };
            for id in packed.ids() {
                proceed(go_on)?;
                count(&mut report, &files_of(&packed, id)?);
            }
            return Ok(report);
        }
        let Some(lock) = SessionLock::take(&dir)? else {
            report.skipped = Some(Skipped::Busy);
            return Ok(report);
        };
        let Some(packed) = lock.packed().map(|file| PackedCalls::open(file.try_clone()?)).transpose()? else {
            return Ok(report);
        };
        remove_leftovers(&dir)?;
        let mut written = Vec::new();
        for id in packed.ids() {
            proceed(go_on)?;
            let files = files_of(&packed, id)?;
            if !dir.exists(id) {
                files.write(&dir, id)?;
                written.push(id);
            } else if CallFiles::read(&dir, id).as_ref() != Ok(&files) {
                let why = "it has a folder with something else in it: remove one of the two".to_owned();
                report.kept.push(Kept { call: session.join(id), why });
                continue;
            }
            count(&mut report, &files);
        }
        // A folder has its name only once its contents survive a power failure: whoever finds it takes it for whole.
        dir.sync_file_system()?;
        for id in written {
            proceed(go_on)?;
            let temporary = unpacked_name(id);
            if CallFiles::read(&dir, &temporary).map_err(io::Error::other)? != files_of(&packed, id)? {
                return Err(differs(id));
            }
            dir.rename(&temporary, id)?;
        }
        dir.sync()?;
        if report.kept.is_empty() {
            // The table of the columns goes last: by itself it is nothing that a reader goes by.
            or_gone(dir.remove_file(BODIES_PACK_FILE))?;
            or_gone(dir.remove_file(CALLS_PACK_FILE))?;
            dir.sync()?;
        }
        Ok(report)
    }
}

fn files_of(packed: &PackedCalls, id: &str) -> io::Result<CallFiles> {
    packed.row(id)?.ok_or_else(|| differs(id))?.files()
}

fn count(report: &mut SessionReport, files: &CallFiles) {
    let (bytes, inodes) = files.weight();
    report.after += Weight { bytes, inodes: inodes + 1 };
    report.calls += 1;
}
