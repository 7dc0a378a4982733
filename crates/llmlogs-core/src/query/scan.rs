//! Every call of many sessions, on every core.
//!
//! For questions over a whole root: indexes are cut into pieces that fit into memory, and each
//! thread collects what it sees on its own.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

use crate::format::layout::INDEX_FILE;
use crate::read::call::{Call, State};
use crate::read::call_set::CallSet;
use crate::read::entry::Entry;
use crate::read::error::{Error, ErrorKind, Result};
use crate::read::line::IndexLine;
use crate::read::session::Session;
use crate::read::{entries, files, session_file};

/// How much of the indexes has been read: passed to the callback of queries that read a whole root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Bytes of indexes that have been read.
    pub done: u64,
    /// Bytes of all indexes that will be read.
    pub total: u64,
}

/// What is called with the progress, by any of the threads that read.
pub(super) type OnProgress<'p> = &'p (dyn Fn(Progress) + Sync);

/// How many bytes of an index a thread takes at a time: small enough to stay in the processor's cache, since they
/// are read more than once.
const PIECE: u64 = 1 << 16;

/// How many folders a thread takes at a time.
const FOLDERS: usize = 64;

/// What is done with the calls; each thread has one of its own.
pub(crate) trait Visitor: Send {
    /// A finished call.
    fn finished(&mut self, session: &Session, line: &IndexLine<'_>);
    /// A call in flight, or one that was interrupted.
    fn unfinished(&mut self, entry: &Entry);
    /// A folder that no index has, before it is read; returns `true` if nothing more of it is wanted.
    fn folder(&mut self, _call: &Call) -> bool {
        false
    }
    /// Something that could not be read.
    fn failed(&mut self, error: Error);
    /// Returns whether it selects lines by itself, and may be given a line twice that an index has twice.
    fn selects_lines(&self) -> bool {
        false
    }
    /// Returns the lines of a piece to parse, if it [selects lines](Self::selects_lines).
    fn select_lines<'p>(&self, _piece: &'p [u8]) -> Option<Vec<&'p [u8]>> {
        None
    }
}

struct Piece<'s> {
    session: usize,
    of: &'s Session,
    from: u64,
    to: u64,
}

/// What a thread keeps from one piece to the next.
#[derive(Default)]
pub(crate) struct ThreadState {
    buffer: Vec<u8>,
    /// The index read last, by the place of its session.
    file: Option<(usize, File)>,
}

/// Passes every call of the sessions to one of the visitors, in no order, and returns the visitors.
pub(super) fn scan<V: Visitor>(
    sessions: &[Session],
    on_progress: OnProgress<'_>,
    make: impl Fn() -> V,
) -> Vec<V> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let mut visitors: Vec<V> = (0..threads).map(|_| make()).collect();
    let seen: Vec<Mutex<CallSet>> = sessions.iter().map(|_| Mutex::default()).collect();

    let pieces: Vec<Piece<'_>> = sessions.iter().enumerate().flat_map(|(n, of)| cut(n, of)).collect();
    let total = pieces.iter().map(|piece| piece.to - piece.from).sum();
    let done = AtomicU64::new(0);
    share(&mut visitors, pieces.len(), |visitor, state, next| {
        let piece = &pieces[next];
        if let Err(error) = read_piece(piece, &seen[piece.session], state, visitor)
            && error.kind() != ErrorKind::NotFound
        {
            visitor.failed(error);
        }
        let length = piece.to - piece.from;
        on_progress(Progress { done: done.fetch_add(length, Ordering::Relaxed) + length, total });
    });

    // What the indexes lack.
    let missing = Mutex::new(Vec::new());
    share(&mut visitors, sessions.len(), |visitor, _, next| {
        let (of, Ok(mut seen)) = (&sessions[next], seen[next].lock()) else { return };
        if visitor.selects_lines() {
            if has_every_line(of) {
                return;
            }
            add_all(of, &mut seen);
        }
        if seen.is_complete_for(of.dir()) {
            return;
        }
        match (entries::unseen(of.dir(), &seen), missing.lock()) {
            (Ok(names), Ok(mut missing)) => {
                let running = !names.is_empty() && session_file::is_running(of.dir());
                missing.extend(names.into_iter().map(|name| (next, running, name)));
            }
            (Err(error), _) => visitor.failed(error),
            _ => {}
        }
    });
    let missing = missing.into_inner().unwrap_or_default();
    let packs: Vec<_> = missing.chunks(FOLDERS).collect();
    share(&mut visitors, packs.len(), |visitor, _, next| {
        for (session, running, name) in packs[next] {
            let session = &sessions[*session];
            let call = Call::inspect(session.dir().join(name), || *running);
            if visitor.folder(&call) {
                continue;
            }
            match Entry::from_dir(call) {
                Ok(Some(entry)) if entry.call().state() == State::Finished => {
                    visitor.finished(session, &entry.line());
                }
                Ok(Some(entry)) => visitor.unfinished(&entry),
                Ok(None) => {}
                Err(error) => visitor.failed(error),
            }
        }
    });
    visitors
}

/// Lets every visitor take numbers below `count` until none is left, each on a thread of its own.
pub(crate) fn share<V: Send>(
    visitors: &mut [V],
    count: usize,
    work: impl Fn(&mut V, &mut ThreadState, usize) + Sync,
) {
    let next = AtomicUsize::new(0);
    let run = |visitor: &mut V| {
        let mut state = ThreadState::default();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return;
            }
            work(visitor, &mut state, number);
        }
    };
    if let ([visitor, ..], 0..=1) = (&mut *visitors, count) {
        return run(visitor);
    }
    thread::scope(|scope| {
        for visitor in visitors {
            scope.spawn(|| run(visitor));
        }
    });
}

fn cut(session: usize, of: &Session) -> Vec<Piece<'_>> {
    let length = std::fs::symlink_metadata(of.dir().join(INDEX_FILE)).map_or(0, |found| found.len());
    let starts = (0..length).step_by(PIECE as usize);
    starts.map(|from| Piece { session, of, from, to: length.min(from + PIECE) }).collect()
}

/// Reads the lines that start in the piece; the last one may end behind it.
fn read_piece<V: Visitor>(
    piece: &Piece<'_>,
    seen: &Mutex<CallSet>,
    state: &mut ThreadState,
    visitor: &mut V,
) -> Result<()> {
    let path = piece.of.dir().join(INDEX_FILE);
    let ThreadState { buffer, file } = state;
    let file = match file {
        Some((session, file)) if *session == piece.session => file,
        file => &mut file.insert((piece.session, files::open(&path)?)).1,
    };
    fill(file, piece, buffer).map_err(|error| Error::io(&path, error))?;
    let mut lines = Vec::new();
    let mut rest = &buffer[..];
    if piece.from > 0 {
        // A line starts after a newline; the byte before the piece may be one.
        rest = memchr::memchr(b'\n', rest).map_or(&b""[..], |newline| &rest[newline + 1..]);
    }
    if let Some(selected) = visitor.select_lines(rest) {
        for line in selected.into_iter().filter_map(IndexLine::parse) {
            visitor.finished(piece.of, &line);
        }
        return Ok(());
    }
    while let Some(newline) = memchr::memchr(b'\n', rest) {
        lines.extend(IndexLine::parse(&rest[..newline]));
        rest = &rest[newline + 1..];
    }
    if let Ok(mut seen) = seen.lock() {
        lines.retain(|line| seen.insert(line.call_id.0));
    }
    for line in &lines {
        visitor.finished(piece.of, line);
    }
    Ok(())
}

/// Returns whether a session that is over has every call in its index: as many lines as it counted calls.
fn has_every_line(session: &Session) -> bool {
    let Ok(info) = session.info() else { return false };
    let trouble = info.counters.lost + info.counters.write_errors;
    if info.ended_at.is_none() || trouble > 0 {
        return false;
    }
    let Ok(mut file) = files::open(&session.dir().join(INDEX_FILE)) else { return false };
    let mut buffer = vec![0; PIECE as usize];
    let mut lines = 0;
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return lines == info.counters.calls,
            Ok(read) => lines += memchr::memchr_iter(b'\n', &buffer[..read]).count() as u64,
            Err(_) => return false,
        }
    }
}

/// Adds every line of an index of which only some were parsed.
fn add_all(session: &Session, seen: &mut CallSet) {
    // If it cannot be read, that has been reported already.
    let Ok(file) = files::open(&session.dir().join(INDEX_FILE)) else { return };
    let mut lines = BufReader::with_capacity(PIECE as usize, file);
    let mut text = Vec::new();
    loop {
        text.clear();
        if !matches!(lines.read_until(b'\n', &mut text), Ok(1..)) || text.pop() != Some(b'\n') {
            return;
        }
        if let Some(line) = IndexLine::parse(&text) {
            seen.insert(line.call_id.0);
        }
    }
}

/// Reads from the byte before the piece up to the newline that ends its last line.
fn fill(file: &mut File, piece: &Piece<'_>, buffer: &mut Vec<u8>) -> io::Result<()> {
    let from = piece.from.saturating_sub(1);
    let length = (piece.to - from) as usize;
    file.seek(SeekFrom::Start(from))?;
    // The buffer keeps its length from piece to piece, so that it is not cleared for each.
    if buffer.len() < length {
        buffer.resize(length, 0);
    }
    let mut filled = 0;
    while filled < length {
        match file.read(&mut buffer[filled..length])? {
            0 => break,
            read => filled += read,
        }
    }
    buffer.truncate(filled);
    if piece.from > 0 && memchr::memchr(b'\n', buffer).is_none() {
        // No line starts in it: it is the middle of a long one, which another piece reads.
        buffer.clear();
        return Ok(());
    }
    // Lines that begin at the piece's very end belong to the next one.
    while buffer.last().is_some_and(|byte| *byte != b'\n') {
        let known = buffer.len();
        if file.by_ref().take(1 << 12).read_to_end(buffer)? == 0 {
            return Ok(());
        }
        if let Some(newline) = memchr::memchr(b'\n', &buffer[known..]) {
            buffer.truncate(known + newline + 1);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::read::root::Root;

    use super::*;

    #[test]
    fn the_middle_of_a_long_line_is_not_read_to_the_line_s_end_again_and_again() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("20251027/session_20251027_040000");
        std::fs::create_dir_all(&dir).unwrap();
        let long = vec![b'x'; 5 * PIECE as usize + 100];
        let index = [&b"{\"call_id\":\"a\"}\n"[..], &long, b"\n{\"call_id\":\"b\"}\n"].concat();
        std::fs::write(dir.join(INDEX_FILE), index).unwrap();
        let root = Root::open(root.path()).unwrap();
        let session = root.days().unwrap().next().unwrap().sessions().unwrap().next().unwrap();
        let mut file = files::open(&dir.join(INDEX_FILE)).unwrap();
        let mut buffer = Vec::new();
        let pieces = cut(0, &session);
        assert_eq!(pieces.len(), 6);
        let lengths = pieces.iter().map(|piece| {
            fill(&mut file, piece, &mut buffer).unwrap();
            (buffer.len() as u64).div_ceil(PIECE)
        });
        assert_eq!(lengths.collect::<Vec<_>>(), [6, 0, 0, 0, 0, 1]);
    }
}
