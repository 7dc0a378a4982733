//! Watching a root for calls that start and end.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crate::format::call_id::CallId;
use crate::format::day::is_day;
use crate::format::layout::INDEX_FILE;
use crate::format::session_name::is_session;

use super::call::{Call, State};
use super::call_set::CallSet;
use super::entries::unseen;
use super::entry::Entry;
use super::error::Result;
use super::files;
use super::index_tail::{Appended, IndexTail};
use super::listing::{Listing, is_recent, may_have_changed, modified};
use super::older;
use super::root::Root;
use super::session_file::is_running;

/// How many days are watched, the newest ones: a session goes on in a folder of the new day, so older days do not
/// change.
const DAYS: usize = 2;

/// After listing a session's folder, at least this many times the duration of the listing passes before the next one.
const LISTING_SHARE: u32 = 20;

/// The time between two polls of [`Watch::next_timeout`].
const PAUSE: Duration = Duration::from_millis(100);

/// Something that happened to a call.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// It started, and is in flight.
    Started(Entry),
    /// It ended.
    Finished(Entry),
    /// Its program ended before the call did. Where files cannot be locked, a call in flight looks like that, and may be
    /// finished later.
    Interrupted(Entry),
}

impl Event {
    /// Returns the call.
    #[must_use]
    pub fn entry(&self) -> &Entry {
        match self {
            Event::Started(entry) | Event::Finished(entry) | Event::Interrupted(entry) => entry,
        }
    }
}

/// Reports what happens to the calls below a root. See [`Root::watch`].
///
/// New lines of the indexes are read from where the last poll ended. A session's folder is listed only after it has
/// changed, and at intervals that grow with the duration of a listing; most new calls are found without listing, by the
/// number that follows the last one. A poll without changes takes two system calls for each session of the two newest
/// days, and opens no file.
#[derive(Debug)]
pub struct Watch {
    root: PathBuf,
    days: Listing,
    sessions_of: BTreeMap<PathBuf, Listing>,
    sessions: BTreeMap<PathBuf, WatchedSession>,
    /// Events that [`Watch::next_timeout`] has not returned yet, the next one last.
    pending: Vec<Event>,
}

impl Root {
    /// Starts to report what happens to the root's calls from now on.
    ///
    /// # Errors
    ///
    /// If the root or a day cannot be listed.
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use tracing_llmlogs::read::{Event, Root};
    ///
    /// let mut watch = Root::open("llmlogs/apiCall")?.watch()?;
    /// while let Some(event) = watch.next_timeout(Duration::from_secs(60))? {
    ///     if let Event::Finished(entry) = event {
    ///         println!("{} took {} ms", entry.call().id(), entry.line().latency_ms);
    ///     }
    /// }
    /// # Ok::<(), tracing_llmlogs::read::Error>(())
    /// ```
    pub fn watch(&self) -> Result<Watch> {
        Watch::new(self.path())
    }
}

impl Watch {
    /// As [`Root::watch`], for a root that need not exist yet.
    ///
    /// # Errors
    ///
    /// If the root exists and cannot be listed, or one of its days.
    pub fn new(root: impl Into<PathBuf>) -> Result<Self> {
        let mut watch = Watch {
            root: root.into(),
            days: Listing::default(),
            sessions_of: BTreeMap::new(),
            sessions: BTreeMap::new(),
            pending: Vec::new(),
        };
        watch.find_sessions()?;
        let mut unreported = Vec::new();
        for (dir, session) in &mut watch.sessions {
            session.start(dir, &mut unreported);
        }
        Ok(watch)
    }

    /// Returns what has happened since the last poll, in the order of time. Does not block.
    ///
    /// Sessions and days that have appeared are watched from now on, removed ones no longer.
    ///
    /// # Errors
    ///
    /// If the root or a day cannot be listed. The next poll tries again, and reports what this one would have.
    pub fn poll(&mut self) -> Result<Vec<Event>> {
        self.find_sessions()?;
        let mut events = Vec::new();
        for (dir, session) in &mut self.sessions {
            session.poll(dir, &mut events);
        }
        events.sort_by(|a: &Event, b: &Event| a.entry().line().end().total_cmp(&b.entry().line().end()));
        Ok(events)
    }

    /// Returns the next event; waits for it as long as `timeout`, and returns `None` if there is none until then.
    ///
    /// # Errors
    ///
    /// As [`poll`](Self::poll).
    pub fn next_timeout(&mut self, timeout: Duration) -> Result<Option<Event>> {
        let start = Instant::now();
        loop {
            if let Some(event) = self.pending.pop() {
                return Ok(Some(event));
            }
            self.pending = self.poll()?;
            self.pending.reverse();
            if !self.pending.is_empty() {
                continue;
            }
            let left = timeout.saturating_sub(start.elapsed());
            if left.is_zero() {
                return Ok(None);
            }
            thread::sleep(left.min(PAUSE));
        }
    }

    /// Returns the calls that were in flight at the last poll.
    pub fn in_flight(&self) -> impl Iterator<Item = &Entry> {
        self.sessions.values().flat_map(|session| session.in_flight.values())
    }

    /// Updates the list of watched sessions.
    fn find_sessions(&mut self) -> Result<()> {
        self.days.refresh(&self.root, is_day)?;
        let newest = self.days.names.iter().rev().take(DAYS);
        let days: Vec<PathBuf> = newest.map(|name| self.root.join(name)).collect();
        self.sessions_of.retain(|day, _| days.contains(day));
        let mut changed = false;
        for day in days {
            let listing = self.sessions_of.entry(day.clone()).or_default();
            changed |= listing.refresh(&day, is_session)?;
        }
        if changed || self.sessions.keys().any(|dir| !self.is_listed(dir)) {
            let listed: Vec<PathBuf> = self
                .sessions_of
                .iter()
                .flat_map(|(day, listing)| listing.names.iter().map(|name| day.join(name)))
                .collect();
            self.sessions.retain(|dir, _| listed.binary_search(dir).is_ok());
            for dir in listed {
                self.sessions.entry(dir).or_default();
            }
        }
        Ok(())
    }

    fn is_listed(&self, session: &Path) -> bool {
        session.parent().is_some_and(|day| self.sessions_of.contains_key(day))
    }
}

/// The state of one watched session.
#[derive(Debug, Default)]
struct WatchedSession {
    index: IndexTail,
    /// Every call that was reported, or was there when the watch started.
    known: CallSet,
    /// The known call with the highest number.
    last: CallId,
    in_flight: BTreeMap<String, Entry>,
    /// Calls that were reported as interrupted. Where files cannot be locked, a call in flight looks like one until its
    /// line is in the index.
    interrupted: BTreeSet<String>,
    /// Calls that the older logger has begun to write, which have ended: when they were found.
    being_written: BTreeMap<String, Instant>,
    /// The folder's modification time when it was listed last.
    modified: Option<SystemTime>,
    /// When the folder was listed last, or was known to have no other calls.
    listed_at: Option<SystemTime>,
    /// The folder's modification time when it was searched for new calls last.
    searched: Option<SystemTime>,
    /// When the folder may be listed again.
    list_after: Option<Instant>,
}

impl WatchedSession {
    /// Marks all existing calls as known, and follows those in flight.
    fn start(&mut self, dir: &Path, unreported: &mut Vec<Event>) {
        self.read_index(dir, unreported);
        unreported.clear();
        self.modified = modified(dir);
        // A call that starts from now on may leave the folder with the same modification time.
        self.listed_at = Some(SystemTime::now());
        if !self.known.is_complete_for(dir) {
            let running = is_running(dir);
            let may_be_writing =
                !running && is_recent(self.modified, SystemTime::now()) && older::is_session(dir);
            self.list(dir, |session, name| {
                session.add(name.as_bytes());
                if may_be_writing && !Call::inspect(dir.join(name), || false).is_whole() {
                    session.being_written.insert(name.to_owned(), Instant::now());
                }
                if !running {
                    return;
                }
                let call = Call::inspect(dir.join(name), || running);
                if call.state() == State::InFlight
                    && let Ok(entry) = Entry::open(call)
                {
                    session.in_flight.insert(name.to_owned(), entry);
                }
            });
        }
    }

    fn poll(&mut self, dir: &Path, events: &mut Vec<Event>) {
        self.read_index(dir, events);
        self.check_in_flight(dir, events);
        self.check_being_written(dir, events);
        let modified = modified(dir);
        let now = SystemTime::now();
        let changed = modified != self.modified;
        if !changed && !may_have_changed(modified, self.listed_at, now) {
            return;
        }
        if is_recent(modified, now) || self.searched != modified {
            self.searched = modified;
            self.find_successors(dir, events);
        }
        if self.list_after.is_some_and(|after| Instant::now() < after) {
            return;
        }
        self.modified = modified;
        self.list(dir, |session, name| session.found(dir, name, events));
    }

    fn add(&mut self, id: &[u8]) -> bool {
        self.last = higher(self.last, CallId::of(id));
        self.known.insert(id)
    }

    /// Reads the new lines of the index.
    fn read_index(&mut self, dir: &Path, events: &mut Vec<Event>) {
        let WatchedSession { index, known, last, in_flight, interrupted, .. } = self;
        index.read(&dir.join(INDEX_FILE), |appended| {
            let Appended::Line(_, line) = appended else { return };
            let id = line.call_id.text();
            if !files::is_plain_name(&id) {
                return;
            }
            *last = higher(*last, CallId::of(id.as_bytes()));
            if known.insert(id.as_bytes()) | in_flight.remove(&*id).is_some() | interrupted.remove(&*id) {
                events.push(Event::Finished(Entry::from_line(dir.join(&*id), line)));
            }
        });
    }

    /// Reports calls that ended without a line in the index, or whose program ended.
    fn check_in_flight(&mut self, dir: &Path, events: &mut Vec<Event>) {
        if self.in_flight.is_empty() {
            return;
        }
        let running = is_running(dir);
        let interrupted = &mut self.interrupted;
        self.in_flight.retain(|name, _| {
            let call = Call::inspect(dir.join(name), || running);
            match (call.state(), Entry::open(call)) {
                (State::InFlight, Ok(_)) => return true,
                (State::Finished, Ok(entry)) => events.push(Event::Finished(entry)),
                (State::Interrupted | State::NotRecorded, Ok(entry)) => {
                    interrupted.insert(name.clone());
                    events.push(Event::Interrupted(entry));
                }
                // A call whose folder has vanished, or whose metadata is damaged, is no longer followed.
                (_, Err(_)) => {}
            }
            false
        });
    }

    /// Reports calls of the older logger as soon as all their files are written.
    fn check_being_written(&mut self, dir: &Path, events: &mut Vec<Event>) {
        self.being_written.retain(|name, found| {
            let call = Call::inspect(dir.join(name), || false);
            if !call.is_whole() && found.elapsed() < older::WRITES {
                return true;
            }
            let state = call.state();
            match (state, Entry::open(call)) {
                (State::Finished, Ok(entry)) => events.push(Event::Finished(entry)),
                (State::Interrupted, Ok(entry)) => events.push(Event::Interrupted(entry)),
                // Of one that could not be written there is nothing to report.
                _ => {}
            }
            false
        });
    }

    /// Finds calls whose numbers follow the latest one, without listing the folder.
    fn find_successors(&mut self, dir: &Path, events: &mut Vec<Event>) {
        while self.last.stamp_nonzero().is_some() {
            let next = self.last.successors().find(|name| files::is_folder(&dir.join(name)));
            let Some(name) = next.filter(|name| !self.known.contains(name.as_bytes())) else { return };
            self.found(dir, &name, events);
        }
    }

    /// Calls `visit` with the name of every call's folder that is not known.
    fn list(&mut self, dir: &Path, mut visit: impl FnMut(&mut Self, &str)) {
        let start = Instant::now();
        self.listed_at = Some(SystemTime::now());
        // A folder that cannot be listed is tried again when it changes; calls in the index are reported anyway.
        for name in unseen(dir, &self.known).unwrap_or_default() {
            visit(self, &name);
        }
        self.list_after = Some(Instant::now() + start.elapsed() * LISTING_SHARE);
    }

    /// Reports a call that was not known.
    fn found(&mut self, dir: &Path, name: &str, events: &mut Vec<Event>) {
        let call = Call::inspect(dir.join(name), || is_running(dir));
        let state = call.state();
        self.add(name.as_bytes());
        // Whatever the order is in which it writes the files.
        if state != State::InFlight && older::is_session(dir) && !call.is_whole() {
            self.being_written.insert(name.to_owned(), Instant::now());
            return;
        }
        if matches!(state, State::Interrupted | State::NotRecorded) {
            self.interrupted.insert(name.to_owned());
        }
        let Ok(entry) = Entry::open(call) else { return };
        match state {
            State::InFlight => {
                self.in_flight.insert(name.to_owned(), entry.clone());
                events.push(Event::Started(entry));
            }
            State::Finished => events.push(Event::Finished(entry)),
            State::Interrupted | State::NotRecorded => events.push(Event::Interrupted(entry)),
        }
    }
}

/// Returns the id with the higher number; one that is not of the format's shape has none.
fn higher(last: CallId, id: CallId) -> CallId {
    if id.stamp_nonzero().is_some() && id.number > last.number { id } else { last }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::Write;

    use crate::read::listing::CLOCK_TICK;

    use super::*;

    const SESSION: &str = "20251027/session_20251027_040000";

    struct Tree {
        root: tempfile::TempDir,
        alive: Option<File>,
    }

    impl Tree {
        fn new() -> Self {
            Tree { root: tempfile::tempdir().unwrap(), alive: None }
        }

        fn session(&self) -> PathBuf {
            self.root.path().join(SESSION)
        }

        /// A session whose program runs.
        fn start(&mut self) {
            fs::create_dir_all(self.session()).unwrap();
            fs::write(self.session().join("session.json"), "{}").unwrap();
            let file = File::open(self.session().join("session.json")).unwrap();
            file.lock().unwrap();
            self.alive = Some(file);
        }

        fn id(number: u64) -> String {
            format!("call_20251027_0400{:02}_{number:03}", number % 60)
        }

        fn begin(&self, number: u64) {
            fs::create_dir_all(self.session().join(Self::id(number))).unwrap();
        }

        fn line(number: u64) -> String {
            format!("{{\"call_id\":\"{}\",\"timestamp\":{}}}\n", Self::id(number), 1_761_537_600 + number)
        }

        fn append(&self, text: &str) {
            let path = self.session().join(INDEX_FILE);
            let mut index = fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
            index.write_all(text.as_bytes()).unwrap();
        }

        fn end(&self, number: u64) {
            fs::write(self.session().join(Self::id(number)).join("metadata.json"), "{}").unwrap();
            self.append(&Self::line(number));
        }
    }

    fn seen(watch: &mut Watch) -> Vec<String> {
        let word = |event: &Event| match event {
            Event::Started(_) => "started",
            Event::Finished(_) => "finished",
            Event::Interrupted(_) => "interrupted",
        };
        let events = watch.poll().unwrap();
        let number = |event: &Event| CallId::of(event.entry().call().id().as_bytes()).number;
        events.iter().map(|event| format!("{} {}", word(event), number(event))).collect()
    }

    #[test]
    fn a_call_in_flight_where_files_cannot_be_locked_never_ended() {
        let mut tree = Tree::new();
        let mut watch = Watch::new(tree.root.path()).unwrap();
        tree.start();
        tree.alive = None;
        tree.begin(1);
        fs::write(tree.session().join(Tree::id(1)).join("input.json"), "{}").unwrap();
        tree.begin(2);
        assert_eq!(seen(&mut watch), ["interrupted 1", "interrupted 2"]);
        tree.end(1);
        tree.end(2);
        assert_eq!(seen(&mut watch), ["finished 1", "finished 2"]);
        assert_eq!(seen(&mut watch), [""; 0]);
    }

    #[test]
    fn a_root_that_is_not_there_yet_is_waited_for() {
        let mut tree = Tree::new();
        let root = tree.root.path().join("later");
        let mut watch = Watch::new(&root).unwrap();
        assert_eq!(seen(&mut watch), [""; 0]);
        tree.start();
        tree.begin(1);
        fs::create_dir(&root).unwrap();
        fs::rename(tree.root.path().join("20251027"), root.join("20251027")).unwrap();
        assert_eq!(seen(&mut watch), ["started 1"]);
        fs::remove_dir_all(&root).unwrap();
        assert_eq!(seen(&mut watch), [""; 0]);
        assert_eq!(watch.in_flight().count(), 0);
    }

    #[test]
    fn a_call_that_starts_in_the_clock_tick_of_the_watch_s_start_is_reported() {
        let mut tree = Tree::new();
        tree.start();
        tree.begin(1);
        tree.end(1);
        fs::write(tree.session().join(Tree::id(1)).join("input.json"), "{}").unwrap();
        let folder = File::open(tree.session()).unwrap();
        let tick = SystemTime::now() - CLOCK_TICK + Duration::from_millis(500);
        folder.set_modified(tick).unwrap();
        // The index has every call, so nothing is listed.
        let mut watch = Watch::new(tree.root.path()).unwrap();
        tree.begin(2);
        folder.set_modified(tick).unwrap();
        std::thread::sleep(Duration::from_millis(600));
        assert_eq!(seen(&mut watch), ["started 2"]);
        assert_eq!(seen(&mut watch), [""; 0]);
    }

    #[test]
    #[cfg(unix)]
    fn a_modification_time_at_the_end_of_time_does_not_overflow() {
        let last = SystemTime::UNIX_EPOCH + Duration::from_secs(i64::MAX as u64);
        let now = SystemTime::now();
        assert!(!may_have_changed(Some(last), Some(now), now));
        assert!(is_recent(Some(last), now));
    }

    #[test]
    fn a_call_is_reported_when_it_starts_and_when_it_ends() {
        let mut tree = Tree::new();
        tree.start();
        tree.begin(1);
        tree.begin(2);
        tree.end(2);
        let mut watch = Watch::new(tree.root.path()).unwrap();
        assert_eq!(watch.in_flight().count(), 1);
        assert_eq!(seen(&mut watch), [""; 0]);
        tree.begin(3);
        tree.begin(4);
        std::thread::sleep(Duration::from_millis(20));
        tree.begin(5);
        assert_eq!(seen(&mut watch), ["started 3", "started 4", "started 5"]);
        tree.end(3);
        tree.end(1);
        assert_eq!(seen(&mut watch), ["finished 1", "finished 3"]);
        assert_eq!(seen(&mut watch), [""; 0]);
        // Finished, without a line.
        fs::write(tree.session().join(Tree::id(4)).join("metadata.json"), "{}").unwrap();
        assert_eq!(seen(&mut watch), ["finished 4"]);
        tree.append(&Tree::line(4));
        assert_eq!(seen(&mut watch), [""; 0]);
        tree.alive = None;
        assert_eq!(seen(&mut watch), ["interrupted 5"]);
        assert_eq!(watch.in_flight().count(), 0);
    }

    #[test]
    fn a_call_without_an_index_whose_request_was_written_first_was_reported_as_interrupted() {
        let tree = Tree::new();
        fs::create_dir_all(tree.session()).unwrap();
        let mut watch = Watch::new(tree.root.path()).unwrap();
        tree.begin(1);
        // Listings of a folder keep some distance from each other.
        let later = |watch: &mut Watch| {
            thread::sleep(Duration::from_millis(20));
            seen(watch)
        };
        let file = |name: &str| tree.session().join(Tree::id(1)).join(name);
        fs::write(file("input.json"), "{}").unwrap();
        assert_eq!(later(&mut watch), [""; 0]);
        fs::write(file("output.json"), "{}").unwrap();
        assert_eq!(later(&mut watch), [""; 0]);
        let metadata = r#"{"timestamp":1761537600.5,"files":{"input":"input.json","output":"output.json"}}"#;
        fs::write(file("metadata.json"), metadata).unwrap();
        assert_eq!(later(&mut watch), ["finished 1"]);
    }

    #[test]
    fn a_call_that_the_older_logger_was_writing_was_reported_as_interrupted() {
        let tree = Tree::new();
        fs::create_dir_all(tree.session()).unwrap();
        let mut watch = Watch::new(tree.root.path()).unwrap();
        tree.begin(1);
        assert_eq!(seen(&mut watch), [""; 0]);
        let file = |name: &str| tree.session().join(Tree::id(1)).join(name);
        let metadata = r#"{"timestamp":1761537600.5,"files":{"input":"input.json","output":"output.json"}}"#;
        fs::write(file("metadata.json"), &metadata[..40]).unwrap();
        assert_eq!(seen(&mut watch), [""; 0]);
        fs::write(file("metadata.json"), metadata).unwrap();
        fs::write(file("input.json"), "{}").unwrap();
        assert_eq!(seen(&mut watch), [""; 0]);
        fs::write(file("output.json"), "{}").unwrap();
        // Within one tick of the clock the folder looks as it did before.
        let look = |_| {
            Some(seen(&mut watch)).filter(|events| !events.is_empty()).or_else(|| {
                std::thread::sleep(CLOCK_TICK / 10);
                None
            })
        };
        assert_eq!((0..100).find_map(look).unwrap(), ["finished 1"]);
        assert_eq!(seen(&mut watch), [""; 0]);
    }

    #[test]
    fn half_a_line_is_waited_for_and_a_new_index_is_read_anew() {
        let mut tree = Tree::new();
        tree.start();
        tree.append(&Tree::line(1));
        let mut watch = Watch::new(tree.root.path()).unwrap();
        let line = Tree::line(2);
        tree.append(&line[..30]);
        assert_eq!(seen(&mut watch), [""; 0]);
        tree.append(&line[30..]);
        assert_eq!(seen(&mut watch), ["finished 2"]);
        let rebuilt = tree.session().join("index.jsonl.tmp");
        fs::write(&rebuilt, [Tree::line(1), Tree::line(2), Tree::line(3)].concat()).unwrap();
        fs::rename(rebuilt, tree.session().join(INDEX_FILE)).unwrap();
        assert_eq!(seen(&mut watch), ["finished 3"]);
        // Cut, and written on.
        fs::write(tree.session().join(INDEX_FILE), Tree::line(1)).unwrap();
        tree.append(&Tree::line(4));
        assert_eq!(seen(&mut watch), ["finished 4"]);
    }

    #[test]
    fn new_days_and_sessions_appear_and_next_timeout_waits_for_them() {
        let mut tree = Tree::new();
        let mut watch = Watch::new(tree.root.path()).unwrap();
        assert!(watch.next_timeout(Duration::ZERO).unwrap().is_none());
        tree.start();
        tree.begin(1);
        let event = watch.next_timeout(Duration::from_secs(20)).unwrap().unwrap();
        assert!(matches!(&event, Event::Started(entry) if entry.call().id() == Tree::id(1)), "{event:?}");
        assert!(watch.next_timeout(Duration::ZERO).unwrap().is_none());
    }

    /// A poll without news of a session with 100,000 calls: `cargo test --release -p llmlogs-core --lib -- --ignored
    /// --nocapture polls_cost`.
    #[test]
    #[ignore = "takes half a minute, and asserts no time"]
    fn polls_cost_little_however_many_calls_there_are() {
        let mut tree = Tree::new();
        tree.start();
        for number in 1..=100_000 {
            tree.begin(number);
        }
        let lines: String = (1..=99_990).map(Tree::line).collect();
        tree.append(&lines);
        let timed = |what: &str, work: &mut dyn FnMut() -> usize| {
            let start = Instant::now();
            let events = work();
            eprintln!("{what}: {:?}, {events} events", start.elapsed());
        };
        let mut watch = None;
        timed("start", &mut || {
            let new = watch.insert(Watch::new(tree.root.path()).unwrap());
            new.in_flight().count()
        });
        let watch = watch.as_mut().unwrap();
        std::thread::sleep(CLOCK_TICK);
        timed("first poll, which lists once more", &mut || watch.poll().unwrap().len());
        timed("poll without news, ten calls in flight", &mut || watch.poll().unwrap().len());
        for number in 99_991..=100_000 {
            tree.end(number);
        }
        timed("poll with ten calls that ended", &mut || watch.poll().unwrap().len());
        timed("poll without news", &mut || watch.poll().unwrap().len());
        tree.begin(100_001);
        timed("poll with a call that started", &mut || watch.poll().unwrap().len());
        timed("poll after it", &mut || watch.poll().unwrap().len());
    }
}
