//! Reading beside a program that records.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::tree::{Tree, call};

#[test]
fn a_call_in_flight_is_told_from_an_interrupted_one() {
    let tree = Tree::usual();
    let session = tree.session("20251027", "20251027_070000", false);
    // This is how a recorder says that it lives.
    let alive = File::open(session.join("session.json")).unwrap();
    alive.lock().unwrap();
    tree.begun(&session, "call_20251027_070000_001", "Are you there?");
    let newest = &tree.json(&["ls", "-n1", "--json"])[0];
    assert_eq!((&newest["state"], &newest["status"]), (&"in_flight".into(), &Value::Null));
    assert!(tree.out(&["ls", "-n1"]).contains("in flight"));
    assert!(tree.out(&[]).contains("Are you there?"));
    drop(alive);
    assert_eq!(tree.json(&["ls", "-n1", "--json"])[0]["state"], "interrupted");
}

#[test]
fn tail_follows_a_call_from_its_start_to_its_end() {
    let tree = Tree::usual();
    let session = tree.session("20251027", "20251027_070000", false);
    let alive = File::open(session.join("session.json")).unwrap();
    alive.lock().unwrap();
    let mut tail = Command::new(env!("CARGO_BIN_EXE_llmlogs"))
        .current_dir(tree.folder())
        .args(["tail", "-f", "-n1", "--json"])
        .env("TZ", "UTC")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    assert_eq!(next()["state"], "interrupted");
    let story = call("2025-10-27 07:00:00", 1_761_548_400.0).said("And now?", "Now, too.");
    tree.begun(&session, &story.id(1), "And now?");
    assert_eq!(next()["state"], "in_flight");
    tree.call(&session, 1, &story);
    let over = next();
    assert_eq!((&over["state"], &over["status"]), (&"finished".into(), &"ok".into()));
    assert_eq!(over["call_id"], "call_20251027_070000_001");
    tail.kill().unwrap();
    tail.wait().unwrap();
}

#[test]
fn what_is_written_meanwhile_never_disturbs() {
    let tree = Tree::usual();
    let session = tree.session("20251027", "20251027_070000", false);
    let alive = File::open(session.join("session.json")).unwrap();
    alive.lock().unwrap();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for number in 1..=60 {
                let story = call("2025-10-27 07:00:00", 1_761_548_400.0 + number as f64 / 100.0)
                    .said("And now?", "Now, too.");
                tree.begun(&session, &story.id(number), "And now?");
                tree.call(&session, number, &story);
            }
            let day = tree.root().join("20251026");
            std::fs::remove_dir_all(day).unwrap();
        });
        while !writer.is_finished() {
            for args in
                [&["ls", "--limit", "0", "--json"][..], &["stats", "--json"], &["search", "now", "--json"]]
            {
                let ran = tree.run(args);
                assert!(ran.code < 2, "{args:?}: {ran:?}");
                assert!(ran.out.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{args:?}");
            }
        }
    });
    assert_eq!(tree.json(&["stats", "--json"])[0]["calls"], 7 + 60);
    assert_eq!(tree.json(&["ls", "--session", "070000", "--limit", "0", "--json"]).len(), 60);
}

#[cfg(target_os = "linux")]
#[test]
fn tail_cut_a_model_that_was_longer_than_those_before_it() {
    let tree = Tree::empty();
    let session = tree.session("20251027", "20251027_070000", false);
    let alive = File::open(session.join("session.json")).unwrap();
    alive.lock().unwrap();
    let of = |model| call("2025-10-27 07:00:00", 1_761_548_400.0).model(model).said("Well?", "Well.");
    tree.call(&session, 1, &of("gpt-4o"));
    let command = format!("COLUMNS=100 {} tail -f --no-pager", env!("CARGO_BIN_EXE_llmlogs"));
    let mut script = Command::new("script");
    script.args(["-qec", &command, "/dev/null"]).current_dir(tree.folder()).stdin(Stdio::null());
    script
        .env("TERM", "xterm")
        .env("NO_COLOR", "1")
        .env("TZ", "UTC")
        .env_remove("COLUMNS")
        .stdout(Stdio::piped());
    let Ok(mut tail) = script.spawn() else { return };
    let mut lines = BufReader::new(tail.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut next = |what: &str| {
        lines.find(|line| line.contains(what)).unwrap().trim_start_matches("\r\x1b[2K").to_owned()
    };
    let first = next("070000_001");
    tree.call(&session, 2, &of("claude-sonnet-4-5-20250929"));
    // The tokens have to go, and the headings tell.
    let headings = next("MODEL");
    let longer = next("070000_002");
    tree.call(&session, 3, &of("gpt-4o"));
    let third = next("070000_003");
    tail.kill().unwrap();
    tail.wait().unwrap();
    assert!(first.contains("gpt-4o  "), "{first}");
    assert_eq!(
        headings.find("LATENCY").map(|at| at + 7),
        longer.find("2.50s").map(|at| at + 5),
        "{headings}\n{longer}"
    );
    assert!(longer.contains("claude-sonnet-4-5-20250929  "), "{longer}");
    assert!(
        third.trim_end().ends_with("Well?") && third.find("Well?") == longer.find("Well?"),
        "{third}\n{longer}"
    );
}
