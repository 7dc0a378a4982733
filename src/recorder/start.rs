//! Starting a recorder.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use llmlogs_core::capture::CapturePolicy;
use llmlogs_core::format::layout;
use llmlogs_core::store::{AtomicCounters, Session};

use super::call_files::CallComposer;
use super::disk::Disk;
use super::guard::{LlmLogGuard, Running};
use super::observer::Observer;
use super::queue::Queue;
use super::settings::{Durability, Overflow, Settings};
use super::upkeep::UpkeepThread;
use super::worker::Worker;
use crate::alerts::AlertEngine;
use crate::health::Health;
use crate::sink::Sink;
use crate::warn::warn_stderr;

/// Creates the session's directory and starts the recorder thread.
///
/// # Errors
///
/// If the root cannot be created or written (the error names it), or a thread cannot be started.
pub(crate) fn start(settings: Settings) -> io::Result<(Arc<dyn Sink>, LlmLogGuard)> {
    let budget = match settings.overflow {
        Overflow::Degrade => settings.max_queue_bytes,
        Overflow::Block => usize::MAX,
    };
    // Without its body nothing is known of a call, whether or not the body itself is kept.
    let policy = CapturePolicy {
        bodies: true,
        max_body_bytes: settings.compose.max_body_bytes,
        max_bytes_in_flight: budget,
    };
    let counters = Arc::new(AtomicCounters::default());
    let queue =
        Arc::new(Queue::new(settings.max_queue_bytes, settings.overflow, policy, Arc::clone(&counters)));
    if let Some(alerts) = &settings.alerts {
        alerts.check().map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    }
    // A program that changes its current directory later must not scatter its calls.
    let root = std::path::absolute(settings.root.unwrap_or_else(layout::default_root))?;
    let sync = settings.durability == Durability::Call;
    let session = Session::create(&root, SystemTime::now(), sync, counters)
        .map_err(|error| with_path(&error, "cannot make a session folder in", &root))?;
    if session.is_writable_by_others() {
        warn_stderr(format_args!(
            "other users can write to {}; take that right from them with `chmod go-w`",
            root.display()
        ));
    }
    let session_id = session.id().to_owned();
    let session_uid = session.uid().to_owned();
    let session_dir = Arc::new(Mutex::new(session.path()));
    let upkeep = settings.upkeep;
    let upkeep = (!upkeep.is_none()).then(|| UpkeepThread::start(root, upkeep)).transpose()?;
    let health = Health::new();
    let on_lines = {
        let queue = Arc::clone(&queue);
        move || queue.announce_alert_lines()
    };
    let alerts = settings
        .alerts
        .map(|alerts| AlertEngine::start(alerts, &session_id, health.clock(), on_lines))
        .transpose()?;
    let composer = CallComposer::new(settings.compose, settings.keep_media);
    let disk = Disk::new(session, Arc::clone(&queue), Arc::clone(&session_dir));
    let worker = Worker::new(
        Arc::clone(&queue),
        disk,
        composer,
        Observer::new(health.clone(), alerts.clone()),
        upkeep,
    );
    // Not under `NoSubscriber`: one scoped subscriber anywhere takes every thread of the program off
    // tracing's fast path. Nothing on this thread emits spans or events.
    let thread = std::thread::Builder::new().name("llmlogs".to_owned()).spawn(move || worker.run())?;
    let guard = LlmLogGuard::new(Running {
        queue: Arc::clone(&queue),
        session_id,
        session_uid,
        session_dir,
        health,
        alerts,
        thread: Some(thread),
    });
    Ok((queue, guard))
}

fn with_path(error: &io::Error, what: &str, path: &Path) -> io::Error {
    io::Error::new(error.kind(), format!("{what} {}: {error}", path.display()))
}
