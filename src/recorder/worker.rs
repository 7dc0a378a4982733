//! The recorder thread.

use std::collections::{HashMap, HashSet};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant, SystemTime};

use crate::sink::{CountGuard, Sink};
use crate::warn::warn_stderr;
use llmlogs_core::capture::{Body, CallKey, CallRecord, CapturePolicy, CapturedRequest};
use llmlogs_core::format::Status;

use super::guard::{LlmLogGuard, Running};
use super::janitor::Janitor;
use super::queue::{Message, Messages, Queue};
use llmlogs_core::compose::Media;
use llmlogs_core::compose::{self, Composed, Composer};
use llmlogs_core::format::layout;
use llmlogs_core::format::time::LocalTime;
use llmlogs_core::store::folder::Folder;

use super::settings::{Durability, Overflow, Settings};
use llmlogs_core::store::{CallDir, Fault, Loss, Opened, Session, Stats};

/// How long a failing disk is left alone: at first, and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// From so many calls on that wait, a second thread shares the work. It hands on as many at a time, or as many bytes,
/// for each time costs a switch of threads.
const WORTH_A_THREAD: usize = 32;
const PARCEL: usize = 16;
const HEAVY_PARCEL: usize = 1 << 20;

/// A disk that fails now and then is not worth a line each time.
const BETWEEN_WARNINGS: Duration = Duration::from_secs(60);

/// Makes the session's folder and starts the thread.
pub(crate) fn start(settings: Settings) -> io::Result<(Arc<dyn Sink>, LlmLogGuard)> {
    // Without its body nothing is known of a call, whether or not the body itself is kept.
    let budget = match settings.overflow {
        Overflow::Degrade => settings.max_queue_bytes,
        Overflow::Block => usize::MAX,
    };
    let policy = CapturePolicy {
        bodies: true,
        max_body_bytes: settings.compose.max_body_bytes,
        max_bytes_in_flight: budget,
    };
    let queue = Arc::new(Queue::new(settings.max_queue_bytes, settings.overflow, policy));
    let sync = settings.durability == Durability::Call;
    // A program that changes its folder later must not scatter its calls.
    let root = std::path::absolute(settings.root.unwrap_or_else(layout::default_root))?;
    let session = Session::create(&root, SystemTime::now(), sync, queue.stats())
        .map_err(|error| named(&error, "cannot make a session folder in", &root))?;
    if session.is_open_to_others() {
        warn_stderr(format_args!(
            "other users can write to {}; take that right from them with `chmod go-w`",
            root.display()
        ));
    }
    let session_id = session.id().to_owned();
    let session_dir = Arc::new(Mutex::new(session.dir()));
    let janitor = settings.retention.map(|retention| Janitor::start(root, retention)).transpose()?;
    let worker = Worker {
        queue: Arc::clone(&queue),
        session,
        session_dir: Arc::clone(&session_dir),
        silenced: settings.compose.redact.runs_user_code(),
        text_files: settings.compose.text_files,
        bodies: settings.compose.bodies,
        composer: Arc::new(Composer::new(settings.compose)),
        sync,
        keep_media: settings.keep_media,
        open: HashMap::new(),
        failing: false,
        warned: None,
        _janitor: janitor,
        _running: CountGuard::running(),
    };
    // Not under `NoSubscriber`: one scoped subscriber anywhere takes every thread of the program off
    // tracing's fast path. Nothing on this thread emits spans or events.
    let thread = std::thread::Builder::new().name("llmlogs".to_owned()).spawn(move || worker.run())?;
    let guard = LlmLogGuard::new(Running {
        queue: Arc::clone(&queue),
        session_id,
        session_dir,
        thread: Some(thread),
    });
    Ok((queue, guard))
}

fn named(error: &io::Error, what: &str, path: &Path) -> io::Error {
    io::Error::new(error.kind(), format!("{what} {}: {error}", path.display()))
}

/// Runs `compose`; where it runs code of the user's, out of reach of every subscriber, so that nothing which that code
/// emits is recorded.
fn silently<T>(silenced: bool, compose: impl FnOnce() -> T) -> T {
    if silenced {
        tracing::subscriber::with_default(tracing::subscriber::NoSubscriber::default(), compose)
    } else {
        compose()
    }
}

/// A call whose folder is there.
struct Open {
    place: CallDir,
    /// Whether the request's files are there.
    input: bool,
    /// Its line in the index and how it went, once everything else is written.
    written: Option<(Vec<u8>, Status)>,
}

/// Why a step failed.
enum Failed {
    Disk,
    /// A panic: nothing that a second look at the disk would help.
    Bug,
}

struct Worker {
    queue: Arc<Queue>,
    session: Session,
    /// Where the guard reads the session's folder.
    session_dir: Arc<Mutex<PathBuf>>,
    composer: Arc<Composer>,
    /// Composing runs code of the user's, whose spans and events must not be recorded.
    silenced: bool,
    sync: bool,
    text_files: bool,
    bodies: bool,
    keep_media: bool,
    open: HashMap<CallKey, Open>,
    /// The last write failed.
    failing: bool,
    warned: Option<Instant>,
    _janitor: Option<Janitor>,
    _running: CountGuard,
}

impl Worker {
    fn run(mut self) {
        let mut messages = Messages::new();
        let mut stop = false;
        while !stop {
            self.queue.take(&mut messages);
            let finished: HashSet<_> =
                messages.iter().filter_map(|(message, _)| message.finished_key()).collect();
            stop = match finished.len() < WORTH_A_THREAD {
                true => messages
                    .drain(..)
                    .any(|(message, weight)| self.handle_message(message, weight, None, &finished)),
                false => self.handle_batch_parallel(std::mem::take(&mut messages), &finished),
            };
        }
        let Worker { queue, session, .. } = self;
        if let Err(error) = session.end(queue.stats()) {
            queue.counts.write_failed(Fault::of(&error));
        }
        queue.ended();
    }

    /// Deals with a message of a batch in which the calls `finished` end; says whether it is the last one.
    fn handle_message(
        &mut self,
        message: Message,
        weight: usize,
        composed: Option<Composed>,
        finished: &HashSet<CallKey>,
    ) -> bool {
        match message {
            Message::Started { key, at, request } => {
                // One that is over by now is written whole, in the folder that is its by its beginning.
                let request = Some(request).filter(|_| !finished.contains(&key));
                self.on_started(key, at, request.as_deref());
                drop(request);
                self.queue.done(weight, false);
            }
            Message::Finished(record) => {
                self.on_finished(record, composed);
                self.queue.done(weight, true);
            }
            Message::Degraded(packed) => {
                let record = self.queue.unpack(*packed);
                self.on_finished(record, None);
                self.queue.done(weight, true);
            }
            Message::Flush(ticket) => self.queue.flushed(ticket),
            Message::Shutdown => return true,
        }
        false
    }

    /// Deals with a large batch while another thread composes ahead what is to be written.
    fn handle_batch_parallel(&mut self, messages: Messages, finished: &HashSet<CallKey>) -> bool {
        let messages = Mutex::new(messages);
        let all = || std::mem::take(&mut *messages.lock().unwrap_or_else(PoisonError::into_inner));
        let with_input: HashSet<_> = finished
            .iter()
            .copied()
            .filter(|key| !self.open.get(key).is_some_and(|open| open.input))
            .collect();
        let (composer, session_id) = (Arc::clone(&self.composer), self.session.id().to_owned());
        let silenced = self.silenced;
        let queue = Arc::clone(&self.queue);
        let (sender, receiver) = mpsc::sync_channel(1);
        std::thread::scope(|scope| {
            let compose = || {
                let sender = sender;
                let mut parcel = Vec::with_capacity(PARCEL);
                let mut heavy = 0;
                for (message, weight) in all() {
                    let composed = match &message {
                        Message::Finished(record) if !queue.has_given_up() => {
                            let compose =
                                || composer.compose(record, &session_id, with_input.contains(&record.key));
                            // What fails here is told where it fails again.
                            catch_unwind(AssertUnwindSafe(|| silently(silenced, compose))).ok()
                        }
                        _ => None,
                    };
                    heavy += weight;
                    parcel.push((message, weight, composed));
                    if parcel.len() < PARCEL && heavy < HEAVY_PARCEL {
                        continue;
                    }
                    heavy = 0;
                    if sender.send(std::mem::replace(&mut parcel, Vec::with_capacity(PARCEL))).is_err() {
                        return;
                    }
                }
                // Nobody takes it where the thread below has been stopped.
                let _taken = sender.send(parcel);
            };
            let helper = std::thread::Builder::new().name("llmlogs-compose".to_owned());
            let _joined_by_the_scope = helper.spawn_scoped(scope, compose);
            let mut composed = receiver.into_iter().flatten();
            composed.any(|(message, weight, composed)| self.handle_message(message, weight, composed, finished))
                // All that is left where no thread could be started.
                || all().into_iter().any(|(message, weight)| self.handle_message(message, weight, None, finished))
        })
    }

    fn stats(&self) -> Stats {
        self.queue.counts.stats(0)
    }

    /// Runs one step and takes down how it went.
    fn run_step(&mut self, step: impl FnOnce(&mut Self) -> io::Result<()>) -> Result<(), Failed> {
        match catch_unwind(AssertUnwindSafe(|| step(self))) {
            Ok(Ok(())) => {
                if self.failing {
                    self.failing = false;
                    self.queue.clear_give_up();
                    // Readers see what the fault has cost; the next fault would be the next one's to tell.
                    if let Err(error) = self.session.write_counters(self.stats()) {
                        self.queue.counts.write_failed(Fault::of(&error));
                    }
                }
                Ok(())
            }
            Ok(Err(error)) => {
                self.failed(&error);
                Err(Failed::Disk)
            }
            Err(_panic) => {
                self.session.reset();
                Err(Failed::Bug)
            }
        }
    }

    fn failed(&mut self, error: &io::Error) {
        self.queue.counts.write_failed(Fault::of(error));
        self.session.reset();
        if !self.failing && self.warned.is_none_or(|when| when.elapsed() >= BETWEEN_WARNINGS) {
            self.warned = Some(Instant::now());
            let dir = self.session.dir();
            warn_stderr(format_args!(
                "cannot write below {}: {error}; calls wait in memory until it can be written again",
                dir.display()
            ));
        }
        self.failing = true;
    }

    /// A call has begun: its folder is made, its request goes to disk.
    fn on_started(&mut self, key: CallKey, at: SystemTime, request: Option<&CapturedRequest>) {
        if self.queue.has_given_up() {
            return;
        }
        // Without it the call is written whole at its end; nothing waits for it.
        let _told = self.run_step(|worker| {
            worker.session.check_moved();
            let mut open = Some(worker.begin(at)?);
            let written = request.map_or(Ok(()), |request| worker.write_request(&mut open, request));
            worker.open.extend(open.map(|open| (key, open)));
            written
        });
    }

    /// Makes a call's folder.
    fn begin(&mut self, at: SystemTime) -> io::Result<Open> {
        let stats = self.stats();
        let place = self.session.begin(&LocalTime::of(at), stats)?;
        let today = self.session.dir();
        let mut shown = self.session_dir.lock().unwrap_or_else(PoisonError::into_inner);
        if *shown != today {
            *shown = today;
        }
        Ok(Open { place, input: false, written: None })
    }

    fn write_request(&mut self, open: &mut Option<Open>, request: &CapturedRequest) -> io::Result<()> {
        let Some(open) =
            open.as_mut().filter(|_| self.bodies && !matches!(request.body, Body::GivenUp { .. }))
        else {
            return Ok(());
        };
        let input = silently(self.silenced, || self.composer.request(request));
        let stats = self.stats();
        let folder = match self.session.open(&open.place, stats)? {
            Opened::Existing(folder) | Opened::Recreated(folder) => folder,
            Opened::Obstructed(error) => return Err(error),
        };
        self.write_input(&folder, &input)?;
        open.input = true;
        self.session.put_back(&open.place, folder);
        self.keep(&open.place, &input.media)
    }

    fn write_input(&self, folder: &Folder, input: &compose::Input) -> io::Result<()> {
        folder.write("input.json", &input.json, self.sync)?;
        if self.text_files {
            folder.write("input.txt", input.text.as_bytes(), self.sync)?;
        }
        Ok(())
    }

    /// Puts media beside the call's folder, each once a session.
    fn keep(&mut self, place: &CallDir, media: &[Media]) -> io::Result<()> {
        if !self.keep_media || media.is_empty() {
            return Ok(());
        }
        let stats = self.stats();
        let folder = self.session.folder(place, stats)?.open_or_create("media")?;
        for one in media {
            if !folder.exists(&one.name) {
                folder.write_into_place(&one.name, &one.bytes, self.sync, |_| Ok(()))?;
            }
        }
        if self.sync { folder.sync() } else { Ok(()) }
    }

    /// A call is over: it is written, and while the disk fails it waits in memory and everything behind it.
    fn on_finished(&mut self, mut record: Box<CallRecord>, mut composed: Option<Composed>) {
        let mut open = self.open.remove(&record.key);
        let mut pause = FIRST_PAUSE;
        // On a disk that is given up each call costs little, so that all of them can be counted in time.
        let mut last_try = self.queue.has_given_up();
        if last_try {
            record.drop_bodies();
            composed = None;
        }
        loop {
            let failed = match self.run_step(|worker| worker.write(&mut open, &record, &mut composed)) {
                Ok(()) => return,
                Err(failed) => failed,
            };
            if matches!(failed, Failed::Disk) && self.queue.hold(pause) {
                pause = (pause * 2).min(LONGEST_PAUSE);
                continue;
            }
            if last_try {
                self.give_up(open, record.is_degraded(), &failed);
                return;
            }
            // Without its bodies it may yet fit.
            record.drop_bodies();
            composed = None;
            last_try = true;
        }
    }

    /// No try is left.
    fn give_up(&mut self, open: Option<Open>, degraded: bool, failed: &Failed) {
        match open.and_then(|open| open.written) {
            // Only its line in the index is missing; readers find it by its folder.
            Some((_line, status)) => self.queue.counts.written(status, degraded),
            None => self.queue.counts.lost(match failed {
                Failed::Disk => Loss::Disk,
                Failed::Bug => Loss::Bug,
            }),
        }
    }

    /// Writes what is still to be written of a call: its files, `metadata.json` last, then its line in the
    /// index.
    fn write(
        &mut self,
        open: &mut Option<Open>,
        record: &CallRecord,
        composed: &mut Option<Composed>,
    ) -> io::Result<()> {
        self.session.check_moved();
        let stats = self.stats();
        let mut call = match open.take() {
            Some(open) => open,
            None => self.begin(record.own.started.wall)?,
        };
        let (line, status) = match call.written.take() {
            Some(written) => written,
            None => match self.write_call(&mut call, record, composed, stats) {
                Ok(Some(written)) => written,
                Ok(None) => {
                    // Something else has taken the folder's place: the next number will do.
                    self.session.end_call(&call.place);
                    return Err(io::ErrorKind::AlreadyExists.into());
                }
                Err(error) => {
                    *open = Some(call);
                    return Err(error);
                }
            },
        };
        if let Err(error) = self.session.append_index(&call.place, &line, stats) {
            call.written = Some((line, status));
            *open = Some(call);
            return Err(error);
        }
        self.session.end_call(&call.place);
        self.queue.counts.written(status, record.is_degraded());
        #[cfg(test)]
        use llmlogs_core::store::folder::journal;
        #[cfg(test)]
        if let Ok(folder) = self.session.folder(&call.place, stats) {
            let path = folder.path().join(&call.place.name);
            journal::note(journal::Step::Counted(path));
        }
        Ok(())
    }

    /// Writes a call's files; `None` where its folder's place is taken.
    fn write_call(
        &mut self,
        call: &mut Open,
        record: &CallRecord,
        composed: &mut Option<Composed>,
        stats: Stats,
    ) -> io::Result<Option<(Vec<u8>, Status)>> {
        let folder = match self.session.open(&call.place, stats)? {
            Opened::Existing(folder) => folder,
            Opened::Recreated(folder) => {
                call.input = false;
                folder
            }
            Opened::Obstructed(_by_something) => return Ok(None),
        };
        self.write_files(&folder, call, record, composed).map(Some)
    }

    fn write_files(
        &mut self,
        folder: &Folder,
        open: &mut Open,
        record: &CallRecord,
        composed: &mut Option<Composed>,
    ) -> io::Result<(Vec<u8>, Status)> {
        let with_input = self.bodies && !open.input;
        let call = match composed.take().filter(|call| !with_input || call.input.is_some()) {
            Some(call) => call,
            None => silently(self.silenced, || self.composer.compose(record, self.session.id(), with_input)),
        };
        // It is there for the next try too.
        let call = composed.insert(call);
        if self.bodies {
            if let Some(input) = call.input.as_ref().filter(|_| with_input) {
                self.write_input(folder, input)?;
                self.keep(&open.place, &input.media)?;
                open.input = true;
            }
            self.keep(&open.place, &call.media)?;
            folder.write("output.json", &call.output_json, self.sync)?;
            if self.text_files {
                folder.write("output.txt", call.output_text.as_bytes(), self.sync)?;
            }
        }
        let (metadata, line) = call.named(&open.place.name)?;
        folder.write_into_place("metadata.json", &metadata, self.sync, |_| Ok(()))?;
        if self.sync {
            folder.sync()?;
        }
        Ok((line, call.status()))
    }
}
