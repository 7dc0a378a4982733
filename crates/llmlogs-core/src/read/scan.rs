//! Every call of many sessions, on every core.
//!
//! For questions over a whole root: indexes are cut into pieces that fit into memory, and each
//! thread gathers what it sees on its own.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::call_set::CallSet;
use super::line::IndexLine;
use super::{Call, Entry, Session, State, entries, files, session_file};

/// How much of an index a thread takes at a time: it is read over more than once, so it had better stay
/// in the processor's cache.
const PIECE: u64 = 1 << 16;

/// How many folders a thread takes at a time.
const FOLDERS: usize = 64;

/// What is done with the calls; one for each thread.
pub trait Gather: Send {
    /// A finished call.
    fn finished(&mut self, session: &Session, line: &IndexLine<'_>);
    /// A call in flight, or one that was interrupted.
    fn unfinished(&mut self, entry: &Entry);
    /// A folder that no index has, before it is read; `true` where nothing more of it is wanted.
    fn folder(&mut self, _call: &Call) -> bool {
        false
    }
    /// Something that could not be read.
    fn failed(&mut self, error: io::Error);
    /// Bytes of indexes that were read since the last time.
    fn progress(&mut self, _bytes: u64) {}
    /// Whether it picks lines, and may be shown one twice that stands in an index twice.
    fn picks(&self) -> bool {
        false
    }
    /// The lines of a piece that are worth reading, where it [`picks`](Self::picks).
    fn pick<'p>(&self, _piece: &'p [u8]) -> Option<Vec<&'p [u8]>> {
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
struct Hands {
    buffer: Vec<u8>,
    /// The index read last, by the place of its session.
    file: Option<(usize, File)>,
}

/// Shows every call of the sessions to one of the gatherers, in no order.
pub fn scan<G: Gather>(sessions: &[Session], make: impl Fn() -> G) -> Vec<G> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let mut gatherers: Vec<G> = (0..threads).map(|_| make()).collect();
    let seen: Vec<Mutex<CallSet>> = sessions.iter().map(|_| Mutex::default()).collect();

    let pieces: Vec<Piece<'_>> = sessions.iter().enumerate().flat_map(|(n, of)| cut(n, of)).collect();
    share(&mut gatherers, pieces.len(), |gatherer, hands, next| {
        let piece = &pieces[next];
        if let Err(error) = read_piece(piece, &seen[piece.session], hands, gatherer)
            && error.kind() != io::ErrorKind::NotFound
        {
            gatherer.failed(error);
        }
        gatherer.progress(piece.to - piece.from);
    });

    // What the indexes lack.
    let missing = Mutex::new(Vec::new());
    share(&mut gatherers, sessions.len(), |gatherer, _, next| {
        let (of, Ok(mut seen)) = (&sessions[next], seen[next].lock()) else { return };
        if gatherer.picks() {
            if has_every_line(of) {
                return;
            }
            note_all(of, &mut seen);
        }
        if seen.is_everything(of.dir()) {
            return;
        }
        match (entries::unseen(of.dir(), &seen), missing.lock()) {
            (Ok(names), Ok(mut missing)) => {
                let running = !names.is_empty() && session_file::is_running(of.dir());
                missing.extend(names.into_iter().map(|name| (next, running, name)));
            }
            (Err(error), _) => gatherer.failed(error),
            _ => {}
        }
    });
    let missing = missing.into_inner().unwrap_or_default();
    let packs: Vec<_> = missing.chunks(FOLDERS).collect();
    share(&mut gatherers, packs.len(), |gatherer, _, next| {
        for (session, running, name) in packs[next] {
            let session = &sessions[*session];
            let call = Call::look(session.dir().join(name), || *running);
            if gatherer.folder(&call) {
                continue;
            }
            match Entry::of_folder(call) {
                Ok(Some(entry)) if entry.call().state() == State::Finished => {
                    gatherer.finished(session, &entry.line());
                }
                Ok(Some(entry)) => gatherer.unfinished(&entry),
                Ok(None) => {}
                Err(error) => gatherer.failed(error),
            }
        }
    });
    gatherers
}

/// Lets every gatherer take numbers below `count` until none is left.
fn share<G: Send>(gatherers: &mut [G], count: usize, work: impl Fn(&mut G, &mut Hands, usize) + Sync) {
    let next = AtomicUsize::new(0);
    let run = |gatherer: &mut G| {
        let mut hands = Hands::default();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return;
            }
            work(gatherer, &mut hands, number);
        }
    };
    if let ([gatherer, ..], 0..=1) = (&mut *gatherers, count) {
        return run(gatherer);
    }
    thread::scope(|scope| {
        for gatherer in gatherers {
            scope.spawn(|| run(gatherer));
        }
    });
}

fn cut(session: usize, of: &Session) -> Vec<Piece<'_>> {
    let length = std::fs::symlink_metadata(of.dir().join("index.jsonl")).map_or(0, |found| found.len());
    let starts = (0..length).step_by(PIECE as usize);
    starts.map(|from| Piece { session, of, from, to: length.min(from + PIECE) }).collect()
}

/// Reads the lines that begin in the piece; the last one may end behind it.
fn read_piece<G: Gather>(
    piece: &Piece<'_>,
    seen: &Mutex<CallSet>,
    hands: &mut Hands,
    gatherer: &mut G,
) -> io::Result<()> {
    let path = piece.of.dir().join("index.jsonl");
    let Hands { buffer, file } = hands;
    let file = match file {
        Some((session, file)) if *session == piece.session => file,
        file => &mut file.insert((piece.session, files::open(&path)?)).1,
    };
    fill(file, piece, buffer).map_err(|error| files::named(&error, Path::new(&path)))?;
    let mut lines = Vec::new();
    let mut rest = &buffer[..];
    if piece.from > 0 {
        // Only behind a newline does a line begin; the byte before the piece may be one.
        rest = memchr::memchr(b'\n', rest).map_or(&b""[..], |newline| &rest[newline + 1..]);
    }
    if let Some(picked) = gatherer.pick(rest) {
        for line in picked.into_iter().filter_map(IndexLine::parse) {
            gatherer.finished(piece.of, &line);
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
        gatherer.finished(piece.of, line);
    }
    Ok(())
}

/// Whether a session that is over has every call in its index: as many lines as it counted calls.
fn has_every_line(session: &Session) -> bool {
    let Ok(info) = session.info() else { return false };
    let trouble = info.counters.lost + info.counters.write_errors;
    if info.ended_at.is_none() || trouble > 0 {
        return false;
    }
    let Ok(mut file) = files::open(&session.dir().join("index.jsonl")) else { return false };
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

/// Notes every line of an index that was read for some of them only.
fn note_all(session: &Session, seen: &mut CallSet) {
    // An index that cannot be read has told so before.
    let Ok(file) = files::open(&session.dir().join("index.jsonl")) else { return };
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
