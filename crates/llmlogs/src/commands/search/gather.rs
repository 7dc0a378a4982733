//! Matches, gathered by one thread.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Read};
use std::path::Path;

use memchr::memmem::Finder;
use serde_json::{Value, json};

use llmlogs_core::read::line::IndexLine;
use llmlogs_core::read::scan::Gather;
use llmlogs_core::read::{Call, Entry, IndexEntry, Session, files};

use super::Parts;
use super::pattern::Pattern;
use super::strings;
use crate::filter::Filter;
use crate::output::progress::Progress;
use crate::output::row;

/// How much text before and after a match is kept.
const AROUND: usize = 200;

/// How many matches of one call are kept.
const KEPT: usize = 50;

/// So many characters of a message stand in the index.
const INDEXED: usize = 200;

#[derive(Debug)]
pub(crate) struct Match {
    pub(crate) part: &'static str,
    /// Where in the body.
    pub(crate) path: String,
    /// The match and what stands around it.
    pub(crate) text: String,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// A call with matches.
pub(crate) struct Hit {
    pub(crate) entry: Entry,
    pub(crate) matches: Vec<Match>,
}

impl Hit {
    /// Older calls first.
    pub(crate) fn order(&self) -> (u64, &Path) {
        ((self.entry.timestamp().max(0.0) * 1000.0) as u64, self.entry.call().dir())
    }

    pub(crate) fn json(&self) -> Value {
        let mut value = row::json(&self.entry);
        let found = |found: &Match| json!({"in": found.part, "path": found.path, "text": found.text, "start": found.start, "end": found.end});
        if let Some(members) = value.as_object_mut() {
            members.insert("matches".into(), self.matches.iter().map(found).collect());
        }
        value
    }
}

impl Ord for Hit {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order().cmp(&other.order())
    }
}

impl PartialOrd for Hit {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Hit {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Hit {}

pub(crate) struct Hits<'f> {
    filter: &'f Filter,
    pattern: &'f Pattern,
    parts: Parts,
    limit: usize,
    progress: &'f Progress,
    /// The newest so far, the oldest of them on top.
    newest: BinaryHeap<Reverse<Hit>>,
    pub(crate) total: usize,
    pub(crate) broken: Vec<io::Error>,
    buffer: Vec<u8>,
    /// A line shorter than this has no message that was cut.
    cut_from: usize,
    marks: Marks,
}

/// Where the error message of a line begins and ends, as the recorder writes it.
struct Marks {
    error: Finder<'static>,
    finish: Finder<'static>,
}

impl<'f> Hits<'f> {
    pub(crate) fn new(
        filter: &'f Filter,
        pattern: &'f Pattern,
        parts: Parts,
        limit: usize,
        progress: &'f Progress,
    ) -> Self {
        let empty = serde_json::to_vec(&IndexEntry::default()).map_or(0, |line| line.len());
        Hits {
            filter,
            pattern,
            parts,
            limit,
            progress,
            newest: BinaryHeap::new(),
            total: 0,
            broken: Vec::new(),
            buffer: Vec::new(),
            cut_from: empty.saturating_sub(20) + INDEXED,
            marks: Marks {
                error: Finder::new(b",\"error_message\":\""),
                finish: Finder::new(b"\",\"finish_reason\":"),
            },
        }
    }

    pub(crate) fn into_hits(self) -> impl Iterator<Item = Hit> {
        self.newest.into_iter().map(|Reverse(hit)| hit)
    }

    /// Whether a message that is searched fills its room in the index, so that there may be more of it.
    fn may_be_cut(&self, line: &[u8]) -> bool {
        // The message stands before the trace at the end: its quotes are the fourth and fifth from there.
        // A quote inside of either text is escaped, and leads to the folder for nothing at worst.
        let user = || {
            let trace = memchr::memrchr(b'"', line.strip_suffix(b"\"}")?)?;
            let end = trace
                .checked_sub(b"\",\"trace\":".len())
                .filter(|end| line[*end..trace] == *b"\",\"trace\":")?;
            let start = memchr::memrchr(b'"', &line[..end])?;
            (start > 0 && line[start - 1] == b':').then_some(end - start > INDEXED)
        };
        let error = || {
            let at = self.marks.error.find(line)? + 18;
            let end = self.marks.finish.find(line)?;
            Some(end.checked_sub(at)? >= INDEXED)
        };
        (self.parts.user && user().unwrap_or(true)) || (self.parts.error && error().unwrap_or(true))
    }

    fn in_text(&self, part: &'static str, path: &str, text: &str, matches: &mut Vec<Match>) {
        for range in self.pattern.find(text, KEPT.saturating_sub(matches.len())) {
            let mut from = range.start.saturating_sub(AROUND);
            let mut to = (range.end + AROUND).min(text.len());
            while !text.is_char_boundary(from) {
                from -= 1;
            }
            while !text.is_char_boundary(to) {
                to += 1;
            }
            matches.push(Match {
                part,
                path: path.to_owned(),
                text: text[from..to].to_owned(),
                start: range.start - from,
                end: range.end - from,
            });
        }
    }

    fn in_line(&mut self, dir: &Path, line: &IndexLine<'_>, matches: &mut Vec<Match>) {
        let user = line.user_message.text();
        let error = line.error_message.text();
        let is_cut = |text: &str| text.len() >= INDEXED && text.chars().count() >= INDEXED;
        if (self.parts.user && is_cut(&user)) || (self.parts.error && is_cut(&error)) {
            // Its folder has the rest; where that is gone, the index has to do.
            if let Ok(metadata) = Call::open(dir).and_then(|call| call.metadata()) {
                if self.parts.user {
                    self.in_text("user", "", &metadata.context.user_message, matches);
                }
                if self.parts.error {
                    self.in_text("error", "", &metadata.response_info.error_message, matches);
                }
                return;
            }
        }
        if self.parts.user {
            self.in_text("user", "", &user, matches);
        }
        if self.parts.error {
            self.in_text("error", "", &error, matches);
        }
    }

    fn in_body(&mut self, part: &'static str, path: &Path, matches: &mut Vec<Match>) {
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        let read = files::open(path).and_then(|mut file| file.read_to_end(&mut buffer));
        match read {
            Ok(_) if strings::any_matches(&buffer, self.pattern) => {
                let text = String::from_utf8_lossy(&buffer);
                strings::each(&text, |path, text| {
                    if matches.len() < KEPT {
                        self.in_text(part, path, text, matches);
                    }
                });
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => self.broken.push(error),
        }
        self.buffer = buffer;
    }

    fn look(&mut self, dir: &Path, line: &IndexLine<'_>, entry: impl FnOnce() -> Entry) {
        let mut matches = Vec::new();
        if self.parts.user || self.parts.error {
            self.in_line(dir, line, &mut matches);
        }
        if self.parts.input {
            self.in_body("input", &dir.join("input.json"), &mut matches);
        }
        if self.parts.output {
            self.in_body("output", &dir.join("output.json"), &mut matches);
        }
        if matches.is_empty() {
            return;
        }
        self.total += 1;
        let hit = Reverse(Hit { entry: entry(), matches });
        if self.newest.len() < self.limit {
            self.newest.push(hit);
        } else if self.newest.peek().is_some_and(|oldest| hit < *oldest) {
            self.newest.pop();
            self.newest.push(hit);
        }
    }
}

impl Gather for Hits<'_> {
    fn picks(&self) -> bool {
        !self.parts.input && !self.parts.output && self.pattern.stored().is_some()
    }

    fn pick<'p>(&self, piece: &'p [u8]) -> Option<Vec<&'p [u8]>> {
        let stored = self.pattern.stored().filter(|_| self.picks())?;
        let mut picked: Vec<&[u8]> = Vec::new();
        let mut next = stored.find(piece).map(|found| found.start());
        let mut from = 0;
        for newline in memchr::memchr_iter(b'\n', piece) {
            let line = &piece[from..newline];
            let here = next.is_some_and(|at| at < newline);
            if here || (line.len() >= self.cut_from && self.may_be_cut(line)) {
                picked.push(line);
            }
            from = newline + 1;
            if here {
                next = stored.find_at(piece, from).map(|found| found.start());
            }
        }
        Some(picked)
    }

    fn finished(&mut self, session: &Session, line: &IndexLine<'_>) {
        let id = line.call_id.text();
        if !self.filter.passes(line) || !files::is_plain_name(&id) {
            return;
        }
        let dir = session.dir().join(&*id);
        self.look(&dir, line, || Entry::indexed(dir.clone(), line));
    }

    fn unfinished(&mut self, entry: &Entry) {
        if self.filter.passes_entry(entry) {
            self.look(entry.call().dir(), &entry.line(), || entry.clone());
        }
    }

    fn failed(&mut self, error: io::Error) {
        self.broken.push(error);
    }

    fn progress(&mut self, bytes: u64) {
        self.progress.step(bytes);
    }
}
