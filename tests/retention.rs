//! Removing old calls, in the recorder and without one.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use llmlogs_test_support as support;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;
use tracing::dispatcher::with_default;
use tracing_llmlogs::{LlmCall, Retention};

use support::{subscriber, subscriber_with};

const DAY: Duration = Duration::from_secs(86_400);
const AGES: Duration = Duration::from_secs(20 * 365 * 86_400);
const TIMEOUT: Duration = Duration::from_secs(20);

/// Makes a session as an earlier program left it: `calls` calls of `bytes` bytes each, one a minute.
fn session(root: &Path, day: &str, time: &str, calls: usize, bytes: usize) {
    let dir = root.join(day).join(format!("session_{day}_{time}"));
    for n in 1..=calls {
        let call = dir.join(format!("call_{day}_{}{n:02}00_{n:03}", &time[..2]));
        fs::create_dir_all(&call).unwrap();
        fs::write(call.join("input.json"), "{}").unwrap();
        fs::write(call.join("metadata.json"), "m".repeat(bytes - 2)).unwrap();
    }
    fs::write(dir.join("session.json"), "{}").unwrap();
    fs::write(dir.join("index.jsonl"), "{}\n").unwrap();
}

/// Returns every path below `root`, relative to it.
fn tree(root: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut pending = vec![root.to_owned()];
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            found.insert(entry.path().strip_prefix(root).unwrap().to_str().unwrap().to_owned());
            if entry.file_type().unwrap().is_dir() {
                pending.push(entry.path());
            }
        }
    }
    found
}

#[test]
fn by_age_whole_sessions_and_days_go_and_a_dry_run_only_lists_them() {
    let root = tempfile::tempdir().unwrap();
    session(root.path(), "20100101", "040000", 3, 100);
    session(root.path(), "20100101", "050000", 2, 100);
    session(root.path(), "99990101", "040000", 2, 100);
    fs::create_dir(root.path().join("20100101/session_20100101_040000/media")).unwrap();
    fs::write(root.path().join("20100101/session_20100101_040000/media/ab.png"), "0123456789").unwrap();
    let before = tree(root.path());
    let keep = Retention::new().max_age(365 * DAY);

    let dry = keep.dry_run(root.path()).unwrap();
    assert_eq!(tree(root.path()), before);
    let done = keep.prune(root.path()).unwrap();

    assert_eq!((&dry.calls, &dry.sessions, dry.bytes), (&done.calls, &done.sessions, done.bytes));
    assert_eq!((done.calls.len(), done.sessions.len(), done.errors.len()), (5, 2, 0));
    assert_eq!(done.bytes, 5 * 100 + 2 * (2 + 3) + 10);
    assert!(done.calls.is_sorted());
    let left = tree(root.path());
    assert!(left.iter().all(|path| path.starts_with("99990101")), "{left:?}");
    assert_eq!(left.len(), 2 + 2 + 2 * 3);
    assert!(keep.prune(root.path()).unwrap().calls.is_empty());
}

#[test]
fn by_size_the_oldest_calls_go_first_across_sessions() {
    let root = tempfile::tempdir().unwrap();
    session(root.path(), "20100101", "040000", 4, 1000);
    session(root.path(), "20100102", "040000", 4, 1000);
    session(root.path(), "20100102", "030000", 4, 1000);
    // Twelve calls and three times five bytes; seven calls have to go for five to stay.
    let pruned = Retention::new().max_bytes(5010).prune(root.path()).unwrap();
    assert_eq!((pruned.calls.len(), pruned.bytes_left), (7, 5010));
    let names: Vec<_> = pruned.calls.iter().map(|call| call.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names[0], "call_20100101_040100_001");
    assert_eq!(
        names[4..],
        ["call_20100102_030100_001", "call_20100102_030200_002", "call_20100102_030300_003"]
    );
    assert!(!root.path().join("20100101").exists());
    // The session that lost a part of its calls is still one.
    let session = root.path().join("20100102/session_20100102_030000");
    assert!(session.join("session.json").exists() && session.join("call_20100102_030400_004").exists());
}

#[test]
fn calls_in_flight_stay_and_interrupted_ones_go() {
    let (subscriber, recorded) = subscriber();
    let in_flight = with_default(&subscriber, || {
        LlmCall::builder("openai", "done").start().finish(&json!({}));
        let call = LlmCall::builder("openai", "open").request(&json!({"model": "open"})).start();
        recorded.guard.flush(TIMEOUT).unwrap();
        call
    });
    session(recorded.root.path(), "20100101", "040000", 1, 100);
    let dead = recorded.root.path().join("20100101/session_20100101_040000");
    let interrupted = dead.join("call_20100101_040500_002");
    fs::create_dir(&interrupted).unwrap();
    fs::write(interrupted.join("input.json"), "{}").unwrap();

    let pruned = Retention::new().max_bytes(0).prune(recorded.root.path()).unwrap();

    assert_eq!((pruned.calls.len(), pruned.sessions.len()), (3, 1), "{pruned:?}");
    assert!(!dead.exists());
    let session = recorded.guard.session_dir();
    assert!(session.join("session.json").exists() && session.join("index.jsonl").exists());
    with_default(&subscriber, || in_flight.finish(&json!({})));
    assert_eq!(recorded.call().meta("/api_info/model"), "open");
}

#[test]
#[cfg(unix)]
fn links_are_not_followed_and_what_is_no_part_of_the_format_stays() {
    use std::os::unix::fs::symlink;
    let elsewhere = tempfile::tempdir().unwrap();
    session(elsewhere.path(), "20100101", "040000", 1, 100);
    let outside = tree(elsewhere.path());
    let root = tempfile::tempdir().unwrap();
    session(root.path(), "20100102", "040000", 1, 100);
    let day = root.path().join("20100102");
    symlink(elsewhere.path().join("20100101"), root.path().join("20100101")).unwrap();
    symlink(elsewhere.path().join("20100101/session_20100101_040000"), day.join("session_link")).unwrap();
    let call = day.join("session_20100102_040000/call_20100102_040100_001");
    symlink(elsewhere.path(), call.join("link")).unwrap();
    fs::write(day.join("notes.txt"), "mine").unwrap();
    fs::create_dir_all(root.path().join("backup/session_1/call_1")).unwrap();

    let pruned = Retention::new().max_age(DAY).prune(root.path()).unwrap();

    assert_eq!((pruned.calls.len(), pruned.errors.len()), (1, 0), "{pruned:?}");
    assert_eq!(tree(elsewhere.path()), outside);
    let left = tree(root.path());
    let expected = [
        "20100101",
        "20100102",
        "20100102/notes.txt",
        "20100102/session_link",
        "backup",
        "backup/session_1",
        "backup/session_1/call_1",
    ];
    assert_eq!(left.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}

#[test]
fn an_interrupted_removal_is_finished_by_the_next_one() {
    let root = tempfile::tempdir().unwrap();
    session(root.path(), "20100101", "040000", 2, 100);
    let session = root.path().join("20100101/session_20100101_040000");
    fs::rename(session.join("call_20100101_040100_001"), session.join(".pruned_call_20100101_040100_001"))
        .unwrap();
    assert_eq!(support::calls_below(root.path()).len(), 1, "readers see it no more");
    Retention::new().max_age(DAY).prune(root.path()).unwrap();
    assert_eq!(tree(root.path()).len(), 0);
}

#[test]
fn the_recorder_keeps_it_from_its_start() {
    let root = tempfile::tempdir().unwrap();
    session(root.path(), "20100101", "040000", 2, 100);
    let old = root.path().to_owned();
    let (subscriber, recorded) =
        subscriber_with(|builder| builder.root(&old).retention(Retention::new().max_age(AGES / 2)));
    with_default(&subscriber, || LlmCall::builder("openai", "new").start().finish(&json!({})));
    let deadline = Instant::now() + TIMEOUT;
    while root.path().join("20100101").exists() {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(5));
    }
    recorded.guard.shutdown(TIMEOUT);
    assert_eq!(support::calls_below(&old).len(), 1);
}

#[test]
fn a_root_that_is_not_there_is_an_error_that_names_it() {
    let error = Retention::new().max_age(DAY).prune("no/such/root").unwrap_err();
    assert!(error.to_string().contains("no/such/root"), "{error}");
}

#[test]
fn without_limits_nothing_goes() {
    let root = tempfile::tempdir().unwrap();
    session(root.path(), "20100101", "040000", 2, 100);
    assert!(Retention::new().prune(root.path()).unwrap().calls.is_empty());
    assert_eq!(support::calls_below(root.path()).len(), 2);
}
