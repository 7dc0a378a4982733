//! The recorder thread.

use std::collections::HashMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use crate::record::{
    Body, CallKey, CallRecord, IndexEntry, Moment, RunningRecorder, SentRequest, Sink, Status, Wanted,
};

use super::compose::{self, Composer};
use super::files;
use super::guard::{LlmLogGuard, Running};
use super::media::Media;
use super::queue::{Message, Queue};
use super::session::{LocalTime, Session};
use super::settings::{Durability, Settings};
use super::stats::add_one;

/// Makes the session's folder and starts the thread.
pub(crate) fn start(settings: Settings) -> io::Result<(Arc<dyn Sink>, LlmLogGuard)> {
    let wanted = Wanted { bodies: settings.bodies, body_limit: settings.body_limit };
    let queue = Arc::new(Queue::new(settings.queue_bytes, settings.overflow, wanted));
    let session = Session::create(&settings.root, SystemTime::now(), queue.counts.counters())
        .map_err(|error| named(&error, "cannot make a session folder in", &settings.root))?;
    let session_id = session.id().to_owned();
    let session_dir = Arc::new(Mutex::new(session.dir()));
    let worker = Worker {
        queue: Arc::clone(&queue),
        session,
        session_dir: Arc::clone(&session_dir),
        composer: Composer::new(&settings),
        sync: settings.durability == Durability::Call,
        text_files: settings.text_files,
        bodies: settings.bodies,
        keep_media: settings.keep_media,
        open: HashMap::new(),
        warned: false,
        _running: RunningRecorder::new(),
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

/// A call whose folder is there and whose end is not.
struct Open {
    dir: PathBuf,
    /// Whether the request's files are there.
    input: bool,
}

struct Worker {
    queue: Arc<Queue>,
    session: Session,
    /// Where the guard reads the session's folder.
    session_dir: Arc<Mutex<PathBuf>>,
    composer: Composer,
    sync: bool,
    text_files: bool,
    bodies: bool,
    keep_media: bool,
    open: HashMap<CallKey, Open>,
    warned: bool,
    _running: RunningRecorder,
}

impl Worker {
    fn run(mut self) {
        loop {
            let (message, weight) = self.queue.pop();
            match message {
                Message::Started { key, at, request } => {
                    self.guarded(|worker| worker.started(key, at, &request));
                    self.queue.done(weight, false);
                }
                Message::Finished(record) => {
                    self.guarded(|worker| worker.finished(&record));
                    drop(record);
                    self.queue.done(weight, true);
                }
                Message::Flush(ticket) => self.queue.flushed(ticket),
                Message::Shutdown => break,
            }
        }
        let Worker { queue, session, .. } = self;
        if session.end(SystemTime::now(), queue.counts.counters()).is_err() {
            add_one(&queue.counts.write_errors);
        }
        queue.ended();
    }

    /// Runs one step; a failure is counted, and so is a bug.
    fn guarded(&mut self, step: impl FnOnce(&mut Self) -> Result<(), Loss>) {
        let loss = match catch_unwind(AssertUnwindSafe(|| step(self))) {
            Ok(Ok(())) => return,
            Ok(Err(loss)) => loss,
            Err(_panic) => Loss::Call(io::Error::other("a bug in the recorder")),
        };
        let counts = &self.queue.counts;
        add_one(&counts.write_errors);
        let (Loss::Call(error) | Loss::Request(error)) = &loss;
        if matches!(loss, Loss::Call(_)) {
            add_one(&counts.lost);
        }
        if !self.warned {
            self.warned = true;
            let dir = self.session.dir();
            eprintln!("tracing-llmlogs: cannot write below {}: {error}", dir.display());
        }
    }

    fn folder(&mut self, key: CallKey, at: Moment) -> io::Result<Open> {
        if let Some(open) = self.open.remove(&key) {
            return Ok(open);
        }
        let time = LocalTime::of(at.wall);
        let dir = self.session.next_call(&time, self.queue.counts.counters())?;
        let today = self.session.dir();
        let mut shown = self.session_dir.lock().unwrap_or_else(PoisonError::into_inner);
        if *shown != today {
            *shown = today;
        }
        Ok(Open { dir, input: false })
    }

    /// A call has begun: its request goes to disk.
    fn started(&mut self, key: CallKey, at: Moment, request: &SentRequest) -> Result<(), Loss> {
        let mut open = self.folder(key, at).map_err(Loss::Request)?;
        let written = if self.bodies && !matches!(request.body, Body::GivenUp { .. }) {
            let input = self.composer.request(request);
            self.write_input(&open.dir, &input).and_then(|()| self.keep(&open.dir, &input.media))
        } else {
            Ok(())
        };
        open.input = written.is_ok() && self.bodies;
        self.open.insert(key, open);
        written.map_err(Loss::Request)
    }

    fn write_input(&self, dir: &Path, input: &compose::Input) -> io::Result<()> {
        files::write_new(&dir.join("input.json"), &input.json, self.sync)?;
        if self.text_files {
            files::write_new(&dir.join("input.txt"), input.text.as_bytes(), self.sync)?;
        }
        Ok(())
    }

    /// Puts media beside the call's folder, each once a session.
    fn keep(&self, call: &Path, media: &[Media]) -> io::Result<()> {
        let Some(session) = call.parent().filter(|_| self.keep_media && !media.is_empty()) else {
            return Ok(());
        };
        let folder = session.join("media");
        let taken = |error: &io::Error| error.kind() == io::ErrorKind::AlreadyExists;
        files::create_folder(&folder).or_else(|error| if taken(&error) { Ok(()) } else { Err(error) })?;
        for one in media {
            let path = folder.join(&one.name);
            if !path.exists() {
                files::write_into_place(&path, &one.bytes, self.sync, |_| Ok(()))?;
            }
        }
        Ok(())
    }

    /// A call is over: everything else goes to disk, `metadata.json` last.
    fn finished(&mut self, record: &CallRecord) -> Result<(), Loss> {
        let open = self.folder(record.key, record.own.started).map_err(Loss::Call)?;
        let call_id = open.dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let call = self.composer.call(record, call_id, self.session.id(), self.bodies && !open.input);
        self.write(&open, &call).map_err(Loss::Call)?;
        let counts = &self.queue.counts;
        add_one(&counts.calls);
        match call.metadata.status {
            Status::Ok => {}
            Status::Error => add_one(&counts.errors),
            Status::Cancelled => add_one(&counts.cancelled),
        }
        let mut line = serde_json::to_vec(&IndexEntry::from(&call.metadata)).unwrap_or_default();
        line.push(b'\n');
        // The call is whole without its line; readers find it by its folder.
        self.session.append_index(&open.dir, &line, self.sync).map_err(Loss::Request)
    }

    fn write(&self, open: &Open, call: &compose::Call) -> io::Result<()> {
        let dir = &open.dir;
        if self.bodies {
            if let Some(input) = &call.input {
                self.write_input(dir, input)?;
                self.keep(dir, &input.media)?;
            }
            self.keep(dir, &call.media)?;
            files::write_new(&dir.join("output.json"), &call.output_json, self.sync)?;
            if self.text_files {
                files::write_new(&dir.join("output.txt"), call.output_text.as_bytes(), self.sync)?;
            }
        }
        let metadata = serde_json::to_vec_pretty(&call.metadata)?;
        files::write_into_place(&dir.join("metadata.json"), &metadata, self.sync, |_| Ok(()))?;
        if self.sync {
            files::sync_folder(dir)?;
            files::sync_folder(dir.parent().unwrap_or(dir))?;
        }
        Ok(())
    }
}

/// What a failed write cost.
enum Loss {
    /// The whole call.
    Call(io::Error),
    /// Its request while in flight, or its line in the index.
    Request(io::Error),
}
