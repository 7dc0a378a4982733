//! A recorder packs sessions that ended long enough ago.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use llmlogs_test_support as support;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tracing::dispatcher::with_default;
use tracing_llmlogs::LlmCall;
use tracing_llmlogs::read::{Root, State};

use support::subscriber_with;

const DAY: Duration = Duration::from_secs(86_400);

/// Records a call in a session of its own in `root`; returns the session's folder once it has ended.
fn recorded_session(root: &Path, model: &str) -> PathBuf {
    let (subscriber, recorded) = subscriber_with(|builder| builder.root(root));
    with_default(&subscriber, || {
        let call =
            LlmCall::builder("openai", model).request(&json!({"model": model, "messages": []})).start();
        call.finish(&json!({"choices": [{"message": {"role": "assistant", "content": "yes"}}]}));
    });
    let dir = recorded.guard.session_dir();
    drop(subscriber);
    drop(recorded);
    dir
}

/// Has the session end at `ended_at`.
fn set_end(session: &Path, ended_at: &str) {
    let file = session.join("session.json");
    let mut info: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    assert!(info["ended_at"].is_string(), "{info}");
    info["ended_at"] = ended_at.into();
    fs::write(file, serde_json::to_vec_pretty(&info).unwrap()).unwrap();
}

fn folders(session: &Path) -> usize {
    let calls = fs::read_dir(session).unwrap().map(Result::unwrap);
    calls.filter(|entry| entry.file_name().to_str().unwrap().starts_with("call_")).count()
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn sessions_that_ended_long_enough_ago_are_packed_and_read_as_before() {
    let root = tempfile::tempdir().unwrap();
    let young = recorded_session(root.path(), "young");
    let old = recorded_session(root.path(), "old");
    set_end(&old, "2020-01-01T00:00:00.000+00:00");
    // The recorder packs in the order of names: once this one is packed, it has decided on all others.
    let last = root.path().join("99990101/session_99990101_000000");
    fs::create_dir_all(last.parent().unwrap()).unwrap();
    fs::rename(recorded_session(root.path(), "last"), &last).unwrap();
    set_end(&last, "2020-01-01T00:00:00.000+00:00");
    let calls = || -> Vec<_> {
        let entries = Root::open(root.path()).unwrap().newest();
        let calls = entries.map(|entry| entry.unwrap().call().clone());
        calls.map(|call| (call.id().to_owned(), call.input().unwrap(), call.output().unwrap())).collect()
    };
    let before = calls();
    assert_eq!(before.len(), 3);

    let (subscriber, recorded) = subscriber_with(|builder| builder.root(root.path()).pack_after(DAY));
    let open = with_default(&subscriber, || LlmCall::builder("openai", "open").start());
    wait_until("the last session is packed", || last.join("bodies.parquet").exists() && folders(&last) == 0);

    assert!(old.join("bodies.parquet").exists());
    assert_eq!([folders(&young), folders(&old)], [1, 0]);
    recorded.guard.flush(Duration::from_secs(20)).unwrap();
    // The recorder's own session runs.
    assert_eq!(folders(&recorded.guard.session_dir()), 1);
    with_default(&subscriber, || open.finish(&json!({})));
    drop(subscriber);
    drop(recorded);
    let after: Vec<_> = calls().into_iter().filter(|call| before.contains(call)).collect();
    assert_eq!(after, before);
    let call =
        Root::open(root.path()).unwrap().newest().map(Result::unwrap).find(|entry| entry.call().is_packed());
    assert_eq!(call.unwrap().call().state(), State::Finished);
}

#[test]
fn what_cannot_be_packed_does_not_harm_the_recorder() {
    let root = tempfile::tempdir().unwrap();
    let damaged = recorded_session(root.path(), "damaged");
    fs::write(damaged.join("session.json"), "{").unwrap();
    let last = root.path().join("99990101/session_99990101_000000");
    fs::create_dir_all(last.parent().unwrap()).unwrap();
    fs::rename(recorded_session(root.path(), "last"), &last).unwrap();

    let (subscriber, recorded) =
        subscriber_with(|builder| builder.root(root.path()).pack_after(Duration::ZERO));
    wait_until("the last session is packed", || last.join("bodies.parquet").exists() && folders(&last) == 0);
    with_default(&subscriber, || LlmCall::builder("openai", "m").start().finish(&json!({})));
    recorded.guard.flush(Duration::from_secs(20)).unwrap();

    assert_eq!((folders(&damaged), folders(&recorded.guard.session_dir())), (1, 1));
}
