//! Disks that fail while the recorder runs: it recovers by itself, no call that waits is lost, and each cause is counted.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use llmlogs_test_support as support;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tracing::dispatcher::with_default;
use tracing_llmlogs::{LlmCall, LlmLogGuard, LlmLogLayer, Stats};
use tracing_subscriber::prelude::*;

use support::child::{self, Running, report, role};
use support::{calls_below, subscriber};

const TIMEOUT: Duration = Duration::from_secs(20);

fn call(n: usize, bytes: usize) {
    let request = json!({"model": "m", "messages": [{"role": "user", "content": format!("call {n}")}]});
    let reply = json!({"id": "r", "choices": [{"index": 0, "finish_reason": "stop",
                       "message": {"role": "assistant", "content": "x".repeat(bytes)}}]});
    LlmCall::builder("openai", "m").request(&request).start().finish(&reply);
}

/// Waits until the recorder has met the fault; returns its counters.
fn wait_for_fault(guard: &LlmLogGuard) -> Stats {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        let stats = guard.stats();
        if stats.write_errors > 0 {
            return stats;
        }
        assert!(Instant::now() < deadline, "{stats:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Makes three calls while the session's directory has the fault that `make_fault` makes and `clear_fault` clears.
fn queued_during_a_fault_and_written_after(
    make_fault: impl FnOnce(&Path),
    clear_fault: impl FnOnce(&Path),
) -> Stats {
    let (subscriber, recorded) = subscriber();
    with_default(&subscriber, || {
        call(1, 10);
        recorded.guard.flush(TIMEOUT).unwrap();
        let session = recorded.guard.session_dir();
        make_fault(&session);
        (2..5).for_each(|n| call(n, 10));
        wait_for_fault(&recorded.guard);
        let late = recorded.guard.flush(Duration::from_millis(100)).unwrap_err();
        assert!(late.to_string().contains("3 calls"), "{late}");
        let stats = recorded.guard.stats();
        assert_eq!((stats.calls, stats.lost, stats.queued), (1, 0, 3));
        clear_fault(&session);
        recorded.guard.flush(TIMEOUT).unwrap();
        call(5, 10);
        recorded.guard.flush(TIMEOUT).unwrap();
        let stats = recorded.guard.stats();
        assert_eq!((stats.calls, stats.degraded, stats.lost, stats.queued), (5, 0, 0, 0));
        let names: Vec<_> = recorded.calls().iter().map(|call| call.meta("/context/user_message")).collect();
        let expected = if names.len() == 5 { 1..6 } else { 2..6 };
        assert_eq!(names, expected.map(|n| json!(format!("call {n}"))).collect::<Vec<_>>());
        let session = recorded.guard.session_dir();
        let info: Value =
            serde_json::from_str(&fs::read_to_string(session.join("session.json")).unwrap()).unwrap();
        assert_eq!(info["counters"]["write_errors"].as_u64().unwrap(), stats.write_errors);
        let index = fs::read_to_string(session.join("index.jsonl")).unwrap();
        assert_eq!(index.lines().count(), names.len());
        stats
    })
}

fn aside(session: &Path) -> PathBuf {
    session.with_file_name("aside")
}

#[test]
fn a_file_in_the_place_of_the_session() {
    let stats = queued_during_a_fault_and_written_after(
        |session| {
            fs::rename(session, aside(session)).unwrap();
            fs::write(session, "in the way").unwrap();
            // The recorder notices within half a second that its folder is another one.
            std::thread::sleep(Duration::from_millis(600));
        },
        |session| {
            fs::remove_file(session).unwrap();
            fs::rename(aside(session), session).unwrap();
        },
    );
    assert_eq!(stats.write_errors_by.obstructed, stats.write_errors);
}

#[test]
fn a_link_in_the_place_of_the_session_is_not_followed() {
    let elsewhere = tempfile::tempdir().unwrap();
    let stats = queued_during_a_fault_and_written_after(
        |session| {
            fs::remove_dir_all(session).unwrap();
            symlink(elsewhere.path(), session).unwrap();
        },
        |session| fs::remove_file(session).unwrap(),
    );
    assert_eq!(stats.write_errors_by.obstructed, stats.write_errors);
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}

#[test]
fn a_link_in_the_place_of_the_day_is_not_followed() {
    let elsewhere = tempfile::tempdir().unwrap();
    let day = |session: &Path| session.parent().unwrap().to_owned();
    queued_during_a_fault_and_written_after(
        |session| {
            fs::remove_dir_all(day(session)).unwrap();
            symlink(elsewhere.path(), day(session)).unwrap();
        },
        |session| fs::remove_file(day(session)).unwrap(),
    );
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}

#[test]
fn a_root_that_is_removed_is_made_again() {
    let (subscriber, recorded) = subscriber();
    with_default(&subscriber, || {
        for n in 0..3 {
            call(n, 10);
            recorded.guard.flush(TIMEOUT).unwrap();
            fs::remove_dir_all(recorded.root.path()).unwrap();
        }
        call(3, 10);
        assert_eq!(recorded.calls().len(), 1);
    });
    let stats = recorded.guard.stats();
    assert_eq!((stats.calls, stats.lost), (4, 0));
}

#[test]
fn a_call_whose_folder_is_taken_gets_the_next_number() {
    let (subscriber, recorded) = subscriber();
    with_default(&subscriber, || {
        call(1, 10);
        recorded.guard.flush(TIMEOUT).unwrap();
        let first = recorded.call().dir;
        // Whatever second it will be: the next ten have a file in their place.
        let session = recorded.guard.session_dir();
        let stamp = first.file_name().unwrap().to_str().unwrap()[5..20].to_owned();
        let (minute, second) = stamp.split_at(13);
        for more in 0..10 {
            let second: u32 = second.parse::<u32>().unwrap() + more;
            fs::write(session.join(format!("call_{minute}{second:02}_002")), "taken").unwrap();
        }
        call(2, 10);
        recorded.guard.flush(TIMEOUT).unwrap();
        assert!(session.join("index.jsonl").exists());
        assert_eq!(recorded.calls().len(), 2);
    });
}

#[test]
fn a_lost_permission() {
    let allow = |path: &Path, mode: u32| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let probe = tempfile::tempdir().unwrap();
    allow(probe.path(), 0o500);
    if fs::write(probe.path().join("probe"), "").is_ok() {
        // For root there is no lost permission; the other causes stand for it.
        return;
    }
    let stats = queued_during_a_fault_and_written_after(
        |session| allow(session, 0o500),
        |session| allow(session, 0o700),
    );
    assert_eq!(stats.write_errors_by.permission, stats.write_errors);
}

#[test]
#[ignore = "a process that another test starts"]
fn runs_out_of_files() {
    let (layer, guard) = LlmLogLayer::builder().root(child::root()).build().unwrap();
    tracing_subscriber::registry().with(layer).init();
    call(1, 10);
    guard.flush(TIMEOUT).unwrap();
    let mut hoard = Vec::new();
    while let Ok(file) = fs::File::open("/dev/null") {
        hoard.push(file);
    }
    call(2, 10);
    wait_for_fault(&guard);
    drop(hoard);
    guard.flush(TIMEOUT).unwrap();
    let stats = guard.shutdown(TIMEOUT);
    report(format_args!("{} {} {}", stats.calls, stats.lost, stats.write_errors_by.too_many_files > 0));
}

#[test]
fn too_many_open_files() {
    let root = tempfile::tempdir().unwrap();
    let child = role("runs_out_of_files", root.path());
    let mut limited = Command::new("sh");
    limited
        .args(["-c", "ulimit -n 64 && exec \"$0\" \"$@\""])
        .arg(child.get_program())
        .args(child.get_args());
    limited.env(child::ROOT, root.path());
    let (status, output) = Running::start(limited).wait();
    assert!(status.success());
    assert_eq!(output, ["2 0 true"]);
    assert_eq!(calls_below(root.path()).len(), 2);
}

/// Runs `role` with a root on a file system of 2 MiB of its own, if the system allows to mount one.
fn on_a_small_disk(name: &str) -> Option<Vec<String>> {
    let root = tempfile::tempdir().unwrap();
    let child = role(name, root.path());
    let mount = "mount -t tmpfs -o size=2m none \"$LLMLOGS_TEST_ROOT\"";
    let mut inside = Command::new("unshare");
    inside.args(["--user", "--map-root-user", "--mount", "sh", "-c"]).env(child::ROOT, root.path());
    let allowed = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", mount])
        .env(child::ROOT, root.path())
        .status();
    if !allowed.is_ok_and(|status| status.success()) {
        return None;
    }
    inside.arg(format!("{mount} && exec \"$0\" \"$@\"")).arg(child.get_program()).args(child.get_args());
    let (status, output) = Running::start(inside).wait();
    assert!(status.success(), "{output:?}");
    Some(output)
}

#[test]
#[ignore = "a process that another test starts"]
fn fills_its_disk() {
    let root = child::root();
    let filler = root.join("filler");
    let (layer, guard) = LlmLogLayer::builder().root(root.join("logs")).build().unwrap();
    tracing_subscriber::registry().with(layer).init();
    fs::write(&filler, vec![b'f'; 1 << 20]).unwrap();
    // 40 calls of 64 KiB are more than there is room for.
    (0..40).for_each(|n| call(n, 64 << 10));
    let full = wait_for_fault(&guard);
    assert_eq!(full.write_errors_by.no_space, full.write_errors);
    assert!(guard.flush(Duration::from_millis(200)).is_err());
    let stats = guard.stats();
    assert_eq!((stats.lost, stats.degraded, stats.calls + stats.queued), (0, 0, 40));
    // Every call that is there is whole, though the disk is full.
    for call in calls_below(&root.join("logs")).iter().filter(|call| call.is_finished()) {
        assert_eq!(
            call.json("output.json")["choices"][0]["message"]["content"].as_str().unwrap().len(),
            64 << 10
        );
    }
    // Room for all of them comes bit by bit.
    let mut moved = 0;
    fs::remove_file(&filler).unwrap();
    while guard.flush(Duration::from_millis(100)).is_err() {
        for call in calls_below(&root.join("logs")).iter().filter(|call| call.is_finished()) {
            moved += usize::from(call.json("output.json")["id"] == "r");
            fs::remove_dir_all(&call.dir).unwrap();
        }
    }
    moved += calls_below(&root.join("logs")).len();
    let stats = guard.shutdown(TIMEOUT);
    assert_eq!((stats.calls, stats.lost, stats.degraded, stats.queued), (40, 0, 0, 0));
    assert_eq!(moved, 40);
    report("done");
}

#[test]
fn a_full_disk_that_is_freed_gets_every_call() {
    if let Some(output) = on_a_small_disk("fills_its_disk") {
        assert_eq!(output, ["done"]);
    }
}

#[test]
#[ignore = "a process that another test starts"]
fn ends_with_its_disk_full() {
    let root = child::root();
    let (layer, guard) = LlmLogLayer::builder().root(root.join("logs")).build().unwrap();
    tracing_subscriber::registry().with(layer).init();
    (0..150).for_each(|n| call(n, 64 << 10));
    wait_for_fault(&guard);
    let started = Instant::now();
    let stats = guard.shutdown(Duration::from_secs(2));
    assert!(started.elapsed() < Duration::from_secs(3), "no hang beyond the deadline");
    assert_eq!((stats.calls + stats.lost, stats.queued), (150, 0), "{stats:?}");
    assert_eq!(stats.lost_by.disk, stats.lost);
    assert!(stats.calls > 10, "{stats:?}");
    let finished = calls_below(&root.join("logs")).into_iter().filter(support::Call::is_finished).count();
    assert_eq!(finished as u64, stats.calls);
    report("done");
}

#[test]
fn a_disk_that_stays_full_costs_bodies_first_and_every_loss_is_counted() {
    if let Some(output) = on_a_small_disk("ends_with_its_disk_full") {
        assert_eq!(output, ["done"]);
    }
}

#[test]
#[ignore = "a process that another test starts"]
fn loses_the_right_to_write_its_disk() {
    let root = child::root();
    let (layer, guard) = LlmLogLayer::builder().root(root.join("logs")).build().unwrap();
    tracing_subscriber::registry().with(layer).init();
    let mount = |command: &str, arguments: &[&str]| {
        let logs = root.join("logs");
        assert!(Command::new(command).args(arguments).arg(logs).status().unwrap().success());
    };
    call(1, 10);
    guard.flush(TIMEOUT).unwrap();
    // A disk with files open for writing is not remounted; another one is put over it.
    mount("mount", &["-t", "tmpfs", "-o", "ro", "none"]);
    std::thread::sleep(Duration::from_millis(600));
    (2..5).for_each(|n| call(n, 10));
    let stats = wait_for_fault(&guard);
    assert_eq!(stats.write_errors_by.read_only, stats.write_errors);
    mount("umount", &[]);
    guard.flush(TIMEOUT).unwrap();
    assert_eq!(calls_below(&root.join("logs")).len(), 4);
    let stats = guard.shutdown(TIMEOUT);
    report(format_args!("{} {}", stats.calls, stats.lost));
}

#[test]
fn a_disk_that_turns_read_only_for_a_while() {
    if let Some(output) = on_a_small_disk("loses_the_right_to_write_its_disk") {
        assert_eq!(output, ["4 0"]);
    }
}
