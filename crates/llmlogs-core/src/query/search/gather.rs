//! The matches that one thread finds.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::Path;

use memchr::memmem::Finder;

use crate::format::IndexEntry;
use crate::query::call_text::{CallText, INDEXED, Parts, Pattern};
use crate::query::filter::{Filter, call_dir};
use crate::query::scan::Visitor;
use crate::read::entry::Entry;
use crate::read::error::Error;
use crate::read::line::IndexLine;
use crate::read::session::Session;

use super::hit::SearchHit;

/// How many matches of one call are kept.
const KEPT: usize = 50;

/// How the recorder ends a line of a call whose user message is the request's.
const PROMPT_IS_INDEXED: &[u8] = b",\"prompt_differs\":false}";

pub(super) struct Gatherer<'f> {
    filter: &'f Filter,
    pattern: &'f Pattern,
    parts: Parts,
    text: CallText<'f>,
    limit: usize,
    /// The newest so far, the oldest of them on top.
    newest: BinaryHeap<Reverse<SearchHit>>,
    pub(super) total: usize,
    /// A line shorter than this has no message that was cut.
    cut_from: usize,
    marks: Marks,
}

/// What stands before and after the error message of a line, as the recorder writes it.
struct Marks {
    error: Finder<'static>,
    finish: Finder<'static>,
    /// What stands after the user message.
    trace: Finder<'static>,
}

impl<'f> Gatherer<'f> {
    pub(super) fn new(filter: &'f Filter, pattern: &'f Pattern, parts: Parts, limit: usize) -> Self {
        let empty = serde_json::to_vec(&IndexEntry::default()).map_or(0, |line| line.len());
        Gatherer {
            filter,
            pattern,
            parts,
            text: CallText::new(pattern, parts, KEPT),
            limit,
            newest: BinaryHeap::new(),
            total: 0,
            // An older recorder's lines lack `span_ids` and what follows.
            cut_from: empty.saturating_sub(110) + INDEXED,
            marks: Marks {
                error: Finder::new(b",\"error_message\":\""),
                finish: Finder::new(b"\",\"finish_reason\":"),
                trace: Finder::new(b"\",\"trace\":"),
            },
        }
    }

    /// Returns what could not be read.
    pub(super) fn unreadable(&self) -> &[Error] {
        &self.text.unreadable
    }

    pub(super) fn into_hits(self) -> impl Iterator<Item = SearchHit> {
        self.newest.into_iter().map(|Reverse(hit)| hit)
    }

    /// Returns whether a message that is searched has its full length in the index, so that there may be more of it.
    fn may_be_cut(&self, line: &[u8]) -> bool {
        // A quote inside of the message is escaped, and leads to the folder for nothing at worst.
        let user = || {
            let end = self.marks.trace.find(line)?;
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

    fn search(&mut self, dir: &Path, line: &IndexLine<'_>, entry: impl FnOnce() -> Entry) {
        let matches = self.text.matches(dir, line);
        if matches.is_empty() {
            return;
        }
        self.total += 1;
        let hit = Reverse(SearchHit { entry: entry(), matches });
        if self.newest.len() < self.limit {
            self.newest.push(hit);
        } else if self.newest.peek().is_some_and(|oldest| hit < *oldest) {
            self.newest.pop();
            self.newest.push(hit);
        }
    }
}

impl Visitor for Gatherer<'_> {
    fn selects_lines(&self) -> bool {
        !self.parts.input && !self.parts.output && self.pattern.stored().is_some()
    }

    fn select_lines<'p>(&self, piece: &'p [u8]) -> Option<Vec<&'p [u8]>> {
        let stored = self.pattern.stored().filter(|_| self.selects_lines())?;
        let mut selected: Vec<&[u8]> = Vec::new();
        let mut next = stored.find(piece).map(|found| found.start());
        let mut from = 0;
        for newline in memchr::memchr_iter(b'\n', piece) {
            let line = &piece[from..newline];
            let here = next.is_some_and(|at| at < newline);
            let elsewhere = self.parts.user && !line.ends_with(PROMPT_IS_INDEXED);
            if here || elsewhere || (line.len() >= self.cut_from && self.may_be_cut(line)) {
                selected.push(line);
            }
            from = newline + 1;
            if here {
                next = stored.find_at(piece, from).map(|found| found.start());
            }
        }
        Some(selected)
    }

    fn finished(&mut self, session: &Session, line: &IndexLine<'_>) {
        let Some(dir) = call_dir(session.dir(), line) else { return };
        match self.filter.matches_line(session.dir(), line) {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => return self.failed(error),
        }
        self.search(&dir, line, || Entry::from_line(dir.clone(), line));
    }

    fn unfinished(&mut self, entry: &Entry) {
        match self.filter.matches_entry(entry) {
            Ok(true) => self.search(entry.call().dir(), &entry.line(), || entry.clone()),
            Ok(false) => {}
            Err(error) => self.failed(error),
        }
    }

    fn failed(&mut self, error: Error) {
        self.text.unreadable.push(error);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selects(line: &IndexEntry) -> bool {
        let (filter, pattern) = (Filter::new(), Pattern::new("needle", false, false).unwrap());
        let gatherer = Gatherer::new(&filter, &pattern, Parts { user: true, ..Parts::default() }, 1);
        let line = [line.to_line().unwrap(), b"\n".to_vec()].concat();
        !gatherer.select_lines(&line).unwrap().is_empty()
    }

    #[test]
    fn only_lines_that_may_have_more_than_they_show_are_parsed() {
        let mut line = IndexEntry { prompt_differs: Some(false), ..IndexEntry::default() };
        line.user_message = "x".repeat(INDEXED - 1);
        assert!(!selects(&line));
        line.user_message.push('x');
        assert!(selects(&line), "its message may have been cut");
        for prompt_differs in [Some(true), None] {
            assert!(selects(&IndexEntry { prompt_differs, ..IndexEntry::default() }));
        }
        assert!(selects(&IndexEntry {
            user_message: "a needle".into(),
            prompt_differs: Some(false),
            ..IndexEntry::default()
        }));
    }
}
