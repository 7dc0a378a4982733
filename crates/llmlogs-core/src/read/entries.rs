//! A session's calls in the order of its index.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::PathBuf;
use std::vec;

use super::call_set::CallSet;
use super::line::IndexLine;
use super::session::Session;
use super::session_file::{is_call, is_running};
use super::{Call, Entry, files};

/// The index line by line, then the folders that it lacks.
pub(super) struct Entries {
    dir: PathBuf,
    index: Option<BufReader<File>>,
    line: Vec<u8>,
    seen: CallSet,
    folders: Option<vec::IntoIter<String>>,
    running: Option<bool>,
}

impl Entries {
    pub(super) fn new(session: &Session) -> Self {
        let dir = session.dir().to_owned();
        let index =
            files::open(&dir.join("index.jsonl")).ok().map(|file| BufReader::with_capacity(1 << 16, file));
        Entries { dir, index, line: Vec::new(), seen: CallSet::default(), folders: None, running: None }
    }

    fn next_indexed(&mut self) -> Option<Entry> {
        loop {
            self.line.clear();
            let read = self.index.as_mut()?.read_until(b'\n', &mut self.line);
            // What has no newline is a crash's leftover, what cannot be read is looked for in the folders.
            if !matches!(read, Ok(1..)) || self.line.pop() != Some(b'\n') {
                self.index = None;
                return None;
            }
            let Some(line) = IndexLine::parse(&self.line) else { continue };
            let id = line.call_id.text();
            if files::is_plain_name(&id) && self.seen.insert(id.as_bytes()) {
                return Some(Entry::indexed(self.dir.join(&*id), &line));
            }
        }
    }
}

impl Iterator for Entries {
    type Item = io::Result<Entry>;

    fn next(&mut self) -> Option<io::Result<Entry>> {
        if let Some(entry) = self.next_indexed() {
            return Some(Ok(entry));
        }
        loop {
            let folders = match &mut self.folders {
                Some(folders) => folders,
                None if self.seen.is_everything(&self.dir) => self.folders.insert(Vec::new().into_iter()),
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
            let call = Call::look(dir, || *running.get_or_insert_with(|| is_running(&self.dir)));
            match Entry::of_folder(call) {
                Ok(Some(entry)) => return Some(Ok(entry)),
                Ok(None) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// The folders of calls in `dir` that were not seen, sorted by name.
pub(super) fn unseen(dir: &std::path::Path, seen: &CallSet) -> io::Result<Vec<String>> {
    files::folders(dir, |name| is_call(name) && !seen.contains(name.as_bytes()))
}
