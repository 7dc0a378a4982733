//! More calls than the disk takes, and several programs that share a root.
//!
//! The numbers are a tenth of those that the README promises, for a build without optimisation. The whole of
//! them: `LLMLOGS_TEST_LOAD=full cargo test --release --test load`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use llmlogs_test_support as support;

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tracing_llmlogs::{LlmCall, LlmLogGuard, LlmLogLayer, LlmLogLayerBuilder, Overflow, Redactor};
use tracing_subscriber::prelude::*;

use support::child::{self, Running, report, role};

const LONG: Duration = Duration::from_secs(300);

/// Stops the recorder thread as a disk that stands still does: the user's redaction runs on it and waits here.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    fn redact(&self) -> Redactor {
        let gate = self.clone();
        Redactor::new().map_strings(move |_, _| {
            let _open = gate.0.1.wait_while(gate.0.0.lock().unwrap(), |open| !*open).unwrap();
            None
        })
    }
}

fn record(settings: impl FnOnce(LlmLogLayerBuilder) -> LlmLogLayerBuilder) -> LlmLogGuard {
    let (layer, guard) = settings(LlmLogLayer::builder().root(child::root())).build().unwrap();
    tracing_subscriber::registry().with(layer).init();
    guard
}

fn call(n: usize, answer: &str) {
    let request = json!({"model": "m", "messages": [{"role": "user", "content": format!("call {n}")}]});
    let reply = json!({"id": format!("r{n}"), "model": "m",
                       "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
                       "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": answer}}]});
    LlmCall::builder("openai", "m").request(&request).start().finish(&reply);
}

/// Returns the lines of all indexes below `root`.
fn indexed(root: &Path) -> Vec<Value> {
    let mut entries = Vec::new();
    for day in fs::read_dir(root).unwrap().map(|day| day.unwrap().path()) {
        for session in fs::read_dir(day).unwrap().map(|session| session.unwrap().path()) {
            let index = fs::read_to_string(session.join("index.jsonl")).unwrap_or_default();
            entries.extend(index.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
        }
    }
    entries
}

/// Returns the most memory that this process has ever used, in bytes.
#[cfg(target_os = "linux")]
fn peak_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

/// Returns `full` if the full load is asked for, else a tenth of it.
fn scaled(full: usize) -> usize {
    if std::env::var("LLMLOGS_TEST_LOAD").is_ok_and(|load| load == "full") { full } else { full / 10 }
}

const CALLS: usize = 20_000;

/// Makes a root in memory where the system has one, for a great many files.
fn quick_root() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

#[test]
#[cfg(target_os = "linux")]
#[ignore = "a process that another test starts"]
fn calls_while_the_disk_stands_still() {
    let gate = Gate::default();
    let guard = record(|builder| builder.redact(gate.redact()).text_files(false));
    let answer = "a".repeat(256 << 10);
    let expected = scaled(CALLS);
    (0..expected).for_each(|n| call(n, &answer));
    let waiting = guard.stats();
    assert_eq!((waiting.calls, waiting.lost, waiting.queued), (0, 0, expected as u64));
    let peak = peak_memory();
    gate.open();
    guard.flush(LONG).unwrap();
    let stats = guard.shutdown(LONG);
    assert_eq!((stats.calls, stats.lost, stats.queued), (expected as u64, 0, 0));
    report(json!({"peak": peak, "degraded": stats.degraded}));
}

#[test]
#[cfg(target_os = "linux")]
fn memory_stays_within_the_budget_and_every_call_keeps_its_metadata() {
    let root = quick_root();
    let (status, output) = Running::start(role("calls_while_the_disk_stands_still", root.path())).wait();
    assert!(status.success());
    let report: Value = serde_json::from_str(&output[0]).unwrap();
    // The budget is 64 MiB unless set; the whole process may have as much again.
    let peak = report["peak"].as_u64().unwrap();
    assert!(peak < 128 << 20, "{} MiB", peak >> 20);
    let entries = indexed(root.path());
    let expected = scaled(CALLS);
    assert_eq!(entries.len(), expected);
    let tokens: u64 = entries.iter().map(|entry| entry["total_tokens"].as_u64().unwrap()).sum();
    assert_eq!(tokens, 5 * expected as u64, "what was used is known without the bodies");
    let calls = support::calls_below(root.path());
    assert_eq!(calls.len(), expected);
    // Bodies give way, each of them counted.
    let cut = calls.iter().filter(|call| call.meta("/truncated/output") == json!(true)).count();
    assert_eq!(report["degraded"], cut);
    let whole = (64 << 20) / (256 << 10);
    assert!(cut > expected - whole && cut < expected - whole / 2, "{cut}");
}

const TASKS: usize = 64;

#[test]
#[ignore = "a process that another test starts"]
fn many_tasks_at_once() {
    let each = scaled(100_000) / TASKS;
    let guard = record(|builder| builder.text_files(false));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap();
    runtime.block_on(async {
        let tasks = (0..TASKS).map(|task| {
            tokio::spawn(async move {
                for n in 0..each {
                    call(task * each + n, "ok");
                    tokio::task::yield_now().await;
                }
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
    });
    guard.flush(LONG).unwrap();
    let stats = guard.shutdown(LONG);
    report(json!({"made": TASKS * each, "calls": stats.calls, "lost": stats.lost}));
}

#[test]
fn a_hundred_thousand_calls_of_sixty_four_tasks_are_all_there_once() {
    let root = quick_root();
    let (status, output) = Running::start(role("many_tasks_at_once", root.path())).wait();
    assert!(status.success());
    let report: Value = serde_json::from_str(&output[0]).unwrap();
    let made = report["made"].as_u64().unwrap();
    assert_eq!((report["calls"].as_u64(), report["lost"].as_u64()), (Some(made), Some(0)));
    assert_eq!(indexed(root.path()).len() as u64, made);
    // The answer's id tells the calls apart, whether or not memory had room for their bodies.
    let mut seen: HashMap<String, u64> = HashMap::new();
    for call in tracing_llmlogs::read::Root::open(root.path()).unwrap().calls().map(Result::unwrap) {
        *seen.entry(call.metadata().unwrap().response_info.id).or_default() += 1;
    }
    assert_eq!(seen.len() as u64, made);
    assert!(seen.values().all(|times| *times == 1));
}

#[test]
#[ignore = "a process that another test starts"]
fn waits_rather_than_drops() {
    let guard =
        record(|builder| builder.overflow(Overflow::Block).max_queue_bytes(256 << 10).text_files(false));
    let answer = "b".repeat(64 << 10);
    (0..500).for_each(|n| call(n, &answer));
    let stats = guard.shutdown(LONG);
    report(json!([stats.calls, stats.degraded, stats.lost]));
}

#[test]
fn block_gives_nothing_away() {
    let root = quick_root();
    let (status, output) = Running::start(role("waits_rather_than_drops", root.path())).wait();
    assert!(status.success());
    assert_eq!(output, ["[500,0,0]"]);
    for call in support::calls_below(root.path()) {
        assert_eq!(call.meta("/truncated"), json!({"input": false, "output": false, "context": false}));
        assert_eq!(
            call.json("output.json")["choices"][0]["message"]["content"].as_str().unwrap().len(),
            64 << 10
        );
    }
}

#[test]
#[ignore = "a process that another test starts"]
fn one_of_eight() {
    // They begin together: in one second, of which all of them want the session.
    let begin = child::root().join("begin");
    while !begin.exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
    let (layer, guard) = LlmLogLayer::builder().root(child::root().join("logs")).build().unwrap();
    tracing_subscriber::registry().with(layer).init();
    (0..1000).for_each(|n| call(n, "ok"));
    guard.flush(LONG).unwrap();
    let session = guard.session_id().to_owned();
    let stats = guard.shutdown(LONG);
    report(json!({"session": session, "calls": stats.calls, "errors": stats.write_errors}));
}

#[test]
fn eight_programs_share_a_root_while_others_read_and_prune_it() {
    let above = quick_root();
    let running: Vec<_> = (0..8).map(|_| Running::start(role("one_of_eight", above.path()))).collect();
    let logs = above.path().join("logs");
    // Old days are there to be pruned.
    let old = |n: usize| {
        logs.join(format!(
            "2010{:02}01/session_2010{:02}01_000000/call_20100101_000000_001",
            n % 12 + 1,
            n % 12 + 1
        ))
    };
    fs::create_dir_all(old(0)).unwrap();
    fs::write(above.path().join("begin"), "").unwrap();
    let stopped = std::sync::atomic::AtomicBool::new(false);
    let report = std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0.. {
                if stopped.load(std::sync::atomic::Ordering::Relaxed) {
                    break;
                }
                for call in tracing_llmlogs::read::Root::open(&logs).unwrap().calls().map(Result::unwrap) {
                    if call.state() == tracing_llmlogs::read::State::Finished && call.dir().exists() {
                        call.metadata().unwrap();
                    }
                }
                fs::create_dir_all(old(n)).unwrap();
                let keep = tracing_llmlogs::Retention::new().max_age(Duration::from_secs(86_400));
                assert!(keep.prune(&logs).unwrap().errors.is_empty());
            }
        });
        let report: Vec<Value> = running
            .into_iter()
            .map(|running| {
                let (status, output) = running.wait();
                assert!(status.success());
                serde_json::from_str(&output[0]).unwrap()
            })
            .collect();
        stopped.store(true, std::sync::atomic::Ordering::Relaxed);
        report
    });
    let mut sessions: Vec<_> = report.iter().map(|report| report["session"].as_str().unwrap()).collect();
    sessions.sort_unstable();
    sessions.dedup();
    assert_eq!(sessions.len(), 8);
    assert!(report.iter().all(|report| report["calls"] == 1000 && report["errors"] == 0), "{report:?}");
    assert_eq!(indexed(&logs).len(), 8000);
    assert_eq!(support::calls_below(&logs).len(), 8000);
}
