//! The recorder from its sink to its files, with times chosen by the test.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use chrono::{Local, TimeZone};
use serde_json::Value;

use llmlogs_core::capture::{CallKey, CallRecord, Fields, SpanRecord, TimeAnchor};

use super::*;

fn settings(root: &Path) -> Settings {
    Settings { root: Some(root.to_owned()), ..Settings::default() }
}

fn call_at(wall: SystemTime) -> Box<CallRecord> {
    let clock = Instant::now();
    Box::new(CallRecord {
        key: CallKey::next(),
        own: SpanRecord {
            started: TimeAnchor { wall, clock },
            ended: clock + Duration::from_millis(5),
            fields: Fields::default(),
            request: None,
            response: None,
            attempts: Vec::new(),
            panicked: false,
            trace: None,
        },
        attempts: Vec::new(),
        context: Fields::default(),
        spans: Vec::new(),
    })
}

fn local(hour: u32, minute: u32, second: u32, day: u32) -> SystemTime {
    Local.with_ymd_and_hms(2025, 10, day, hour, minute, second).unwrap().into()
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn a_session_without_a_call_leaves_nothing() {
    let root = tempfile::tempdir().unwrap();
    let (_sink, guard) = start(settings(root.path())).unwrap();
    assert!(guard.session_dir().join("session.json").exists());
    guard.shutdown(Duration::from_secs(5));
    assert_eq!(names(root.path()), Vec::<String>::new());
}

#[test]
fn numbers_grow_beyond_three_digits_and_every_call_is_whole() {
    let root = tempfile::tempdir().unwrap();
    let (sink, guard) = start(settings(root.path())).unwrap();
    let now = local(4, 2, 10, 27);
    for _ in 0..1001 {
        sink.finished(call_at(now));
    }
    guard.flush(Duration::from_secs(60)).unwrap();
    let day = root.path().join("20251027");
    let session = day.join(&names(&day)[0]);
    let calls: Vec<_> = names(&session).into_iter().filter(|name| name.starts_with("call_")).collect();
    assert_eq!(calls.len(), 1001);
    for name in ["call_20251027_040210_001", "call_20251027_040210_999", "call_20251027_040210_1001"] {
        let metadata = json(&session.join(name).join("metadata.json"));
        assert_eq!(metadata["call_id"], name);
        assert_eq!(metadata["performance"]["latency_ms"], 5);
    }
    let index = fs::read_to_string(session.join("index.jsonl")).unwrap();
    assert_eq!(index.lines().count(), 1001);
    let stats = guard.shutdown(Duration::from_secs(5));
    assert_eq!((stats.calls, stats.lost, stats.queued), (1001, 0, 0));
    assert_eq!(json(&session.join("session.json"))["counters"]["calls"], 1001);
}

#[test]
fn a_running_session_is_locked_and_an_ended_one_is_not() {
    let root = tempfile::tempdir().unwrap();
    let (sink, guard) = start(settings(root.path())).unwrap();
    sink.finished(call_at(SystemTime::now()));
    guard.flush(Duration::from_secs(5)).unwrap();
    let file = guard.session_dir().join("session.json");
    assert!(fs::File::open(&file).unwrap().try_lock_shared().is_err());
    assert_eq!(json(&file)["ended_at"], Value::Null);
    assert_eq!(json(&file)["pid"], std::process::id());
    guard.shutdown(Duration::from_secs(5));
    fs::File::open(&file).unwrap().try_lock_shared().unwrap();
    assert!(json(&file)["ended_at"].is_string());
}

#[test]
fn the_unique_id_of_a_session_is_the_same_for_guard_file_and_reader() {
    let root = tempfile::tempdir().unwrap();
    let (sink, guard) = start(settings(root.path())).unwrap();
    sink.finished(call_at(SystemTime::now()));
    guard.flush(Duration::from_secs(5)).unwrap();
    assert_eq!(guard.session_uid().len(), 32);
    assert_eq!(json(&guard.session_dir().join("session.json"))["session_uid"], guard.session_uid());
    let sessions = llmlogs_core::read::Root::open(root.path()).unwrap().days().unwrap();
    let session = sessions.flat_map(|day| day.sessions().unwrap()).next().unwrap();
    assert_eq!(session.info().unwrap().session_uid, guard.session_uid());
}

#[test]
fn a_root_that_cannot_be_written_is_an_error_that_names_it() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("taken");
    fs::write(&file, "").unwrap();
    let error = start(settings(&file.join("below"))).err().unwrap();
    assert!(error.to_string().contains("taken"), "{error}");
}

#[test]
fn a_day_folder_removed_while_recording_is_made_again() {
    let root = tempfile::tempdir().unwrap();
    let (sink, guard) = start(settings(root.path())).unwrap();
    for _ in 0..2 {
        sink.finished(call_at(SystemTime::now()));
        guard.flush(Duration::from_secs(5)).unwrap();
        assert!(guard.session_dir().join("index.jsonl").exists());
        fs::remove_dir_all(guard.session_dir().parent().unwrap()).unwrap();
    }
    assert_eq!((guard.stats().calls, guard.stats().lost), (2, 0));
}

#[test]
fn without_room_the_bodies_give_way_and_the_call_is_kept() {
    use llmlogs_core::capture::{
        Api, Body, CapturedRequest, CapturedResponse, ChunkTimings, Completion, Endpoint, ResponseHead,
    };
    let root = tempfile::tempdir().unwrap();
    let (sink, guard) = start(Settings { max_queue_bytes: 2000, ..settings(root.path()) }).unwrap();
    let mut record = call_at(SystemTime::now());
    let endpoint = Endpoint {
        api: Api::OpenAiChat,
        provider: "openai".into(),
        operation: "chat".into(),
        path_model: Some("m".into()),
        base_url: "http://h".into(),
        path: "/v1/chat/completions".into(),
        query: String::new(),
        method: "POST".into(),
    };
    record.own.request = Some(Arc::new(CapturedRequest {
        endpoint: Arc::new(endpoint),
        content_encoding: String::new(),
        body: Body::Whole(vec![b'a'; 5000].into()),
    }));
    record.own.response = Some(Arc::new(CapturedResponse {
        head: ResponseHead::default(),
        body: Body::Whole(vec![b'b'; 5000].into()),
        chunk_timings: ChunkTimings::default(),
        completion: Completion::Complete,
        ended: Instant::now(),
    }));
    sink.finished(record);
    guard.flush(Duration::from_secs(5)).unwrap();
    assert_eq!((guard.stats().calls, guard.stats().degraded), (1, 1));
    let session = guard.session_dir();
    let call = session.join(names(&session).into_iter().find(|name| name.starts_with("call_")).unwrap());
    let metadata = json(&call.join("metadata.json"));
    assert_eq!(metadata["truncated"], serde_json::json!({"input": true, "output": true, "context": false}));
    assert_eq!(metadata["api_info"]["model"], "m");
    assert_eq!(json(&call.join("input.json"))["original_bytes"], 5000);
}

#[test]
fn flush_and_shutdown_keep_their_word() {
    let root = tempfile::tempdir().unwrap();
    let (sink, guard) = start(settings(root.path())).unwrap();
    for _ in 0..50 {
        sink.finished(call_at(SystemTime::now()));
    }
    let stats = guard.shutdown(Duration::from_secs(10));
    assert_eq!((stats.calls, stats.queued), (50, 0));
    assert!(sink.policy().is_none());
    sink.finished(call_at(SystemTime::now()));
}

#[test]
#[cfg(unix)]
fn folders_and_files_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let root = tempfile::tempdir().unwrap();
    let (sink, guard) = start(settings(&root.path().join("logs"))).unwrap();
    sink.finished(call_at(SystemTime::now()));
    guard.flush(Duration::from_secs(5)).unwrap();
    let mut pending = vec![root.path().join("logs")];
    let mut seen = 0;
    while let Some(path) = pending.pop() {
        let metadata = fs::symlink_metadata(&path).unwrap();
        let expected = if metadata.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(metadata.permissions().mode() & 0o777, expected, "{}", path.display());
        seen += 1;
        if metadata.is_dir() {
            pending.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    assert!(seen >= 11, "{seen}");
}

#[test]
fn calls_that_were_not_written_at_the_end_were_not_counted() {
    use std::sync::mpsc;

    use llmlogs_core::redact::Redactor;

    let root = tempfile::tempdir().unwrap();
    let (reached, is_reached) = mpsc::sync_channel(1);
    let (let_go, held) = mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    // A rule that hangs, as a disk may.
    let rules = Redactor::new().map_strings(move |_, text| {
        if text == "hang" {
            let _second_try = reached.try_send(());
            let _released = held.lock().unwrap().recv();
        }
        None
    });
    let mut settings = settings(root.path());
    settings.compose.redact = rules;
    let (sink, guard) = start(settings).unwrap();
    let now = local(4, 2, 10, 27);
    sink.finished(call_at(now));
    guard.flush(Duration::from_secs(20)).unwrap();
    let mut hanging = call_at(now);
    hanging
        .context
        .push(llmlogs_core::capture::Symbol::of("phase"), llmlogs_core::capture::FieldValue::Str("hang"));
    sink.finished(hanging);
    is_reached.recv().unwrap();
    for _ in 0..3 {
        sink.finished(call_at(now));
    }
    let session = guard.session_dir();
    let queue = guard.queue().unwrap();
    let stats = guard.shutdown(Duration::from_millis(50));
    assert_eq!((stats.calls, stats.lost, stats.lost_by.stopped, stats.queued), (1, 4, 4, 0));
    let on_disk =
        || names(&session).into_iter().filter(|call| session.join(call).join("metadata.json").exists());
    assert_eq!(on_disk().count(), 1);

    // The program lives on: what is written after all is not counted twice.
    drop(let_go);
    let deadline = Instant::now() + Duration::from_secs(20);
    while json(&session.join("session.json"))["ended_at"].is_null() {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(2));
    }
    assert_eq!(on_disk().count(), 5);
    let stats = queue.stats();
    assert_eq!((stats.calls, stats.lost, stats.queued), (5, 0, 0));
    let counters = &json(&session.join("session.json"))["counters"];
    assert_eq!((&counters["calls"], &counters["lost"]), (&5.into(), &0.into()));
}
