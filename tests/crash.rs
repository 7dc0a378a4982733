//! Programs that end abnormally: killed, by `exit`, by a panic, forked, without their guard.
//!
//! The program is this test binary, started again to run one of the ignored tests.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use llmlogs_test_support as support;

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};
use tracing_llmlogs::read::{Root, State};
use tracing_llmlogs::{LlmCall, LlmLogGuard, LlmLogLayer};
use tracing_subscriber::prelude::*;

use support::child::{self, Running, report, role};

const TIMEOUT: Duration = Duration::from_secs(20);

/// Starts a recorder below the parent's root, for the whole process.
fn record() -> LlmLogGuard {
    let (layer, guard) = LlmLogLayer::builder().root(child::root()).build().unwrap();
    tracing_subscriber::registry().with(layer).init();
    guard
}

fn begin(message: &str) -> LlmCall {
    let request = json!({"model": "m", "messages": [{"role": "user", "content": message}]});
    LlmCall::builder("openai", "m").request(&request).start()
}

fn reply() -> Value {
    json!({"id": "r", "model": "m", "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
           "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "x".repeat(3000)}}]})
}

fn call(message: &str) {
    begin(message).finish(&reply());
}

/// Returns the states of the calls below `root` by their user message. Asserts that every file of a finished call is
/// whole.
fn states_by_message(root: &Path) -> HashMap<String, State> {
    let mut seen = HashMap::new();
    for call in Root::open(root).unwrap().calls() {
        let call = call.unwrap();
        let read = |name: &str| fs::read_to_string(call.dir().join(name));
        let input = read("input.json").ok().and_then(|text| serde_json::from_str::<Value>(&text).ok());
        if call.state() == State::Finished {
            let metadata = call.metadata().unwrap();
            assert_eq!(metadata.call_id, call.id());
            assert_eq!(metadata.usage.total_tokens, 5);
            let output: Value = serde_json::from_str(&read("output.json").unwrap()).unwrap();
            assert_eq!(output["choices"][0]["message"]["content"].as_str().unwrap().len(), 3000);
            assert!(read("input.txt").unwrap().ends_with("=\n"));
            assert!(read("output.txt").unwrap().ends_with("=\n"));
            assert!(input.is_some());
        }
        let Some(input) = input else {
            continue;
        };
        let message = input["messages"][0]["content"].as_str().unwrap().to_owned();
        assert_eq!(seen.insert(message, call.state()), None, "each call has one folder");
    }
    seen
}

/// Returns the user messages in all indexes below `root`. Only a last line may be torn.
fn indexed(root: &Path) -> Vec<String> {
    let mut messages = Vec::new();
    for day in fs::read_dir(root).unwrap().map(|day| day.unwrap().path()) {
        for session in fs::read_dir(day).unwrap().map(|session| session.unwrap().path()) {
            let index = fs::read_to_string(session.join("index.jsonl")).unwrap_or_default();
            for line in index.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
                let entry: Value = serde_json::from_str(line).unwrap();
                messages.push(entry["user_message"].as_str().unwrap().to_owned());
            }
        }
    }
    messages
}

#[test]
#[ignore = "a process that another test starts and kills"]
fn records_until_it_is_killed() {
    let guard = record();
    let mut kept_open = Vec::new();
    for round in 0.. {
        kept_open.push(begin(&format!("open {round}")));
        for n in 0..round % 7 {
            call(&format!("closed {round}.{n}"));
        }
        guard.flush(TIMEOUT).unwrap();
        report(format_args!("{round}"));
    }
}

#[test]
#[ignore = "a process that another test starts"]
fn has_no_root() {
    let missing = child::root().join("a file/below");
    assert!(LlmLogLayer::builder().root(&missing).build().is_err());
    let (layer, guard) = LlmLogLayer::builder().root(&missing).build_or_off();
    tracing_subscriber::registry().with(layer).init();
    call("not recorded");
    guard.flush(TIMEOUT).unwrap();
    assert_eq!(guard.stats(), tracing_llmlogs::Stats::default());
    assert_eq!((guard.session_id(), guard.session_dir()), ("", std::path::PathBuf::new()));
    drop(guard);
    // With defaults, the root is the environment's.
    let (_layer, guard) = tracing_llmlogs::layer_or_off();
    assert_eq!(guard.session_id(), "");
}

#[test]
fn a_program_could_not_go_on_without_a_root() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("a file"), "in the way").unwrap();
    let mut command = role("has_no_root", root.path());
    let ran = command.env("LLMLOGS_ROOT", root.path().join("a file/default")).output().unwrap();
    let stderr = String::from_utf8(ran.stderr).unwrap();
    assert!(ran.status.success(), "{stderr}");
    let lines: Vec<_> = stderr.lines().filter(|line| line.starts_with("tracing-llmlogs: ")).collect();
    assert_eq!(lines.len(), 2, "{stderr}");
    for (line, path) in lines.into_iter().zip(["a file/below", "a file/default"]) {
        assert!(line.contains("calls are not recorded") && line.contains(path), "{line}");
        assert!(line.contains("Not a directory"), "{line}");
    }
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
}

#[test]
#[ignore = "a process that another test starts"]
fn ends_while_its_recorder_hangs() {
    let (reached, is_reached) = std::sync::mpsc::channel();
    let reached = std::sync::Mutex::new(reached);
    let rules = tracing_llmlogs::Redactor::new().map_strings(move |_, text| {
        if text == "hang" {
            let _first = reached.lock().unwrap().send(());
            std::thread::sleep(TIMEOUT);
        }
        None
    });
    let (layer, guard) = LlmLogLayer::builder().root(child::root()).redact(rules).build().unwrap();
    tracing_subscriber::registry().with(layer).init();
    call("written");
    guard.flush(TIMEOUT).unwrap();
    let in_flight = begin("in flight");
    call("hang");
    is_reached.recv().unwrap();
    call("never looked at");
    std::mem::forget(in_flight);
    guard.shutdown(Duration::from_millis(100));
}

#[test]
fn the_end_of_a_program_lost_calls_without_a_word() {
    let root = tempfile::tempdir().unwrap();
    let ran = role("ends_while_its_recorder_hangs", root.path()).output().unwrap();
    assert!(ran.status.success());
    let stderr = String::from_utf8(ran.stderr).unwrap();
    let lines: Vec<_> = stderr.lines().filter(|line| line.starts_with("tracing-llmlogs: ")).collect();
    assert_eq!(lines.len(), 1, "{stderr}");
    assert!(lines[0].contains("2 calls are lost"), "{stderr}");
    let states = states_by_message(root.path());
    assert_eq!(states["written"], State::Finished);
    assert!(
        states.iter().all(|(message, state)| message == "written" || *state == State::Interrupted),
        "{states:?}"
    );
}

#[test]
fn a_kill_at_any_moment_costs_nothing_that_was_flushed() {
    const ROOTS: u64 = 12;
    const KILLS: u64 = 25;
    let mut random = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64 | 1;
    let mut flushed_rounds = 0;
    for _ in 0..ROOTS {
        let root = tempfile::tempdir().unwrap();
        let mut expected: Vec<String> = Vec::new();
        for _ in 0..KILLS {
            let mut running = Running::start(role("records_until_it_is_killed", root.path()));
            // Half of them are killed in their first moments.
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let mut output = match random % 2 {
                0 => Vec::new(),
                _ => running.next_report().into_iter().collect(),
            };
            std::thread::sleep(Duration::from_micros(random % 16_000));
            output.extend(running.kill());
            let rounds = output.last().map_or(0, |last| last.parse::<u64>().unwrap() + 1);
            flushed_rounds += rounds;
            // One root a kill keeps the messages apart: what the killed ones left lies beside them.
            let seen = states_in_last_session(root.path());
            for round in 0..rounds {
                assert_eq!(seen.get(&format!("open {round}")), Some(&State::Interrupted), "{output:?}");
                for n in 0..round % 7 {
                    assert_eq!(
                        seen.get(&format!("closed {round}.{n}")),
                        Some(&State::Finished),
                        "{output:?}"
                    );
                }
            }
            assert!(!seen.values().any(|state| *state == State::InFlight));
            expected.push(format!("{rounds}"));
        }
        indexed(root.path());
        // The next start works beside what the killed ones left.
        assert_eq!(expected.len() as u64, KILLS);
        let (status, _) = Running::start(role("records_one_call", root.path())).wait();
        assert!(status.success());
        assert_eq!(
            states_in_last_session(root.path()),
            HashMap::from([("the next".to_owned(), State::Finished)])
        );
    }
    assert!(flushed_rounds > ROOTS * KILLS / 4, "the children came to do something: {flushed_rounds}");
}

/// As [`states_by_message`], for the session that started last; the others are looked at too.
fn states_in_last_session(root: &Path) -> HashMap<String, State> {
    let mut sessions: Vec<_> = fs::read_dir(root)
        .map(|days| {
            days.flat_map(|day| fs::read_dir(day.unwrap().path()).unwrap()).map(Result::unwrap).collect()
        })
        .unwrap_or_default();
    sessions.sort_by_key(|session: &fs::DirEntry| session.metadata().unwrap().modified().unwrap());
    let Some(last) = sessions.last() else {
        return HashMap::new();
    };
    // A root of its own for the reader.
    let alone = tempfile::tempdir_in(root.parent().unwrap()).unwrap();
    let day = alone.path().join("20250101");
    fs::create_dir(&day).unwrap();
    let place = day.join(last.file_name());
    fs::rename(last.path(), &place).unwrap();
    let seen = states_by_message(alone.path());
    fs::rename(&place, last.path()).unwrap();
    seen
}

#[test]
#[ignore = "a process that another test starts"]
fn records_one_call() {
    let guard = record();
    call("the next");
    guard.shutdown(TIMEOUT);
}

#[test]
#[ignore = "a process that another test starts"]
fn exits_without_a_word() {
    let guard = record();
    let _open = begin("open");
    call("before");
    guard.flush(TIMEOUT).unwrap();
    call("after");
    std::process::exit(3);
}

#[test]
fn exit_keeps_what_was_flushed_and_shows_what_was_open() {
    let root = tempfile::tempdir().unwrap();
    let (status, _) = Running::start(role("exits_without_a_word", root.path())).wait();
    assert_eq!(status.code(), Some(3));
    let seen = states_by_message(root.path());
    assert_eq!(seen.get("before"), Some(&State::Finished));
    assert_eq!(seen.get("open"), Some(&State::Interrupted));
    // What was still in the queue may or may not be there; it is whole or reads as interrupted.
    assert_ne!(seen.get("after"), Some(&State::InFlight));
}

#[test]
#[ignore = "a process that another test starts"]
fn panics_in_the_middle() {
    let _guard = record();
    call("before");
    let open = begin("open");
    let _entered = open.span().enter();
    panic!("as planned");
}

#[test]
fn a_panic_writes_everything_on_its_way_out() {
    let root = tempfile::tempdir().unwrap();
    let (status, _) = Running::start(role("panics_in_the_middle", root.path())).wait();
    assert_eq!(status.code(), Some(101));
    let calls: Vec<_> = Root::open(root.path()).unwrap().calls().map(Result::unwrap).collect();
    let kinds: Vec<_> = calls.iter().map(|call| call.metadata().unwrap().response_info.error_type).collect();
    assert_eq!(kinds, ["", "PanicError"]);
}

#[test]
#[ignore = "a process that another test starts"]
fn leaks_its_guard() {
    let guard = record();
    call("before");
    guard.flush(TIMEOUT).unwrap();
    std::mem::forget(guard);
    call("after");
    std::thread::sleep(Duration::from_millis(500));
}

#[test]
fn a_leaked_guard_records_as_long_as_the_process_lives() {
    let root = tempfile::tempdir().unwrap();
    let (status, _) = Running::start(role("leaks_its_guard", root.path())).wait();
    assert!(status.success());
    let seen = states_by_message(root.path());
    assert_eq!([seen.get("before"), seen.get("after")], [Some(&State::Finished); 2]);
}

#[test]
#[ignore = "a process that another test starts"]
fn drops_its_guard_too_early() {
    drop(record());
    call("after");
    begin("open").fail(&"no");
}

#[test]
fn a_guard_dropped_too_early_is_told_once() {
    let root = tempfile::tempdir().unwrap();
    let output = role("drops_its_guard_too_early", root.path()).output().unwrap();
    assert!(output.status.success());
    let output = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.matches("_guard").count(), 1, "{output}");
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
}

#[test]
#[ignore = "a process that another test starts"]
fn ends_its_runtime_with_calls_in_flight() {
    let guard = record();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (started, begun) = std::sync::mpsc::channel();
    for n in 0..8 {
        let started = started.clone();
        runtime.spawn(async move {
            let _call = begin(&format!("in flight {n}"));
            started.send(()).unwrap();
            std::future::pending::<()>().await;
        });
    }
    for _ in 0..8 {
        begun.recv().unwrap();
    }
    // Dropped inside an async context, the guard blocks its thread and nothing else.
    runtime.shutdown_timeout(Duration::from_secs(5));
    let other = tokio::runtime::Builder::new_current_thread().build().unwrap();
    other.block_on(async move { drop(guard) });
}

#[test]
fn a_runtime_that_ends_cancels_its_calls() {
    let root = tempfile::tempdir().unwrap();
    let (status, _) = Running::start(role("ends_its_runtime_with_calls_in_flight", root.path())).wait();
    assert!(status.success());
    let calls: Vec<_> = Root::open(root.path()).unwrap().calls().map(Result::unwrap).collect();
    assert_eq!(calls.len(), 8);
    for call in calls {
        assert_eq!(call.metadata().unwrap().response_info.error_type, "CancelledError");
    }
}

#[test]
#[cfg(unix)]
#[ignore = "a process that another test starts"]
#[allow(unsafe_code, reason = "there is no safe fork")]
fn forks() {
    let mut guard = Some(record());
    let open = begin("open across the fork");
    // The lock of the queue is likely held by somebody at the moment of the fork.
    let (stop, stopped) = (std::sync::atomic::AtomicBool::new(false), std::sync::atomic::Ordering::Relaxed);
    std::thread::scope(|scope| {
        for thread in 0..2 {
            let stop = &stop;
            scope.spawn(move || {
                for n in 0.. {
                    if stop.load(stopped) {
                        break;
                    }
                    call(&format!("thread {thread} {n}"));
                }
            });
        }
        std::thread::sleep(Duration::from_millis(20));
        // SAFETY: the child calls nothing but the recorder, whose behaviour there is what is tested, and `_exit`.
        match unsafe { libc::fork() } {
            0 => {
                let began = Instant::now();
                call("in the child");
                assert!(guard.as_ref().unwrap().flush(Duration::from_secs(5)).is_err());
                open.finish(&reply());
                drop(guard.take());
                let late = began.elapsed() > Duration::from_secs(2);
                // SAFETY: it ends the process at once, as a child of `fork` has to.
                unsafe { libc::_exit(i32::from(late)) }
            }
            child => {
                let mut status = 0;
                // SAFETY: `status` is valid for the call.
                assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
                assert_eq!(status, 0, "the child did not hang");
                stop.store(true, stopped);
            }
        }
        open.finish(&reply());
    });
    call("in the parent");
    guard.unwrap().shutdown(TIMEOUT);
}

#[test]
#[cfg(unix)]
fn a_fork_neither_hangs_nor_writes_into_its_parents_session() {
    for _ in 0..5 {
        let root = tempfile::tempdir().unwrap();
        let (status, _) = Running::start(role("forks", root.path())).wait();
        assert!(status.success());
        let seen = states_by_message(root.path());
        assert_eq!(seen.get("open across the fork"), Some(&State::Finished));
        assert_eq!(seen.get("in the parent"), Some(&State::Finished));
        assert_eq!(seen.get("in the child"), None);
        assert!(seen.values().all(|state| *state == State::Finished));
    }
}
