//! A session's calls in the order of its index.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::vec;

use crate::format::layout::INDEX_FILE;

use super::call::Call;
use super::call_set::CallSet;
use super::entry::Entry;
use super::error::Result;
use super::files;
use super::line::IndexLine;
use super::packed;
use super::session_file::is_running;

/// The calls of a session: its index line by line, then the folders that the index lacks.
pub(super) struct Entries {
    dir: PathBuf,
    index: Option<BufReader<File>>,
    line: Vec<u8>,
    seen: CallSet,
    folders: Option<vec::IntoIter<String>>,
    running: Option<bool>,
}

impl Entries {
    pub(super) fn new(dir: &Path) -> Self {
        let dir = dir.to_owned();
        let index =
            files::open(&dir.join(INDEX_FILE)).ok().map(|file| BufReader::with_capacity(1 << 16, file));
        Entries { dir, index, line: Vec::new(), seen: CallSet::default(), folders: None, running: None }
    }

    fn next_indexed(&mut self) -> Option<Entry> {
        loop {
            self.line.clear();
            let read = self.index.as_mut()?.read_until(b'\n', &mut self.line);
            // A line without a newline is left over from a crash; calls of lines that cannot be read are found in the
            // folders.
            if !matches!(read, Ok(1..)) || self.line.pop() != Some(b'\n') {
                self.index = None;
                return None;
            }
            let Some(line) = IndexLine::parse(&self.line) else { continue };
            let id = line.call_id.text();
            if files::is_plain_name(&id) && self.seen.insert(id.as_bytes()) {
                return Some(Entry::from_line(self.dir.join(&*id), &line));
            }
        }
    }
}

impl Iterator for Entries {
    type Item = Result<Entry>;

    fn next(&mut self) -> Option<Result<Entry>> {
        if let Some(entry) = self.next_indexed() {
            return Some(Ok(entry));
        }
        loop {
            let folders = match &mut self.folders {
                Some(folders) => folders,
                None if self.seen.is_complete_for(&self.dir) => self.folders.insert(Vec::new().into_iter()),
                None => match unseen(&self.dir, &self.seen) {
                    Ok(names) => self.folders.insert(names.into_iter()),
                    Err(error) => {
                        self.folders = Some(Vec::new().into_iter());
                        return Some(Err(error));
                    }
                },
            };
            let dir = self.dir.join(folders.next()?);
            let running = &mut self.running;
            let call = Call::inspect(dir, || *running.get_or_insert_with(|| is_running(&self.dir)));
            match Entry::from_dir(call) {
                Ok(Some(entry)) => return Some(Ok(entry)),
                Ok(None) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// Returns the calls of the session in `dir` that are not in `seen`, sorted by name.
pub(crate) fn unseen(dir: &Path, seen: &CallSet) -> Result<Vec<String>> {
    packed::call_names(dir, |name| !seen.contains(name.as_bytes()))
}
