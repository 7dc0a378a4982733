//! `llmlogs pack` and `llmlogs unpack`: a packed root through every command, and both killed at any moment.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::page::Server;
use crate::tree::{ROOT, Tree, call};

const FIRST: &str = "20251027/session_20251027_040210";
const CALL: &str = "call_20251027_040210_001";

/// Questions whose answers must not depend on whether calls are packed.
const QUESTIONS: [&[&str]; 39] = [
    &[],
    &["--json"],
    &["ls"],
    &["ls", "--json", "--limit", "0"],
    &["ls", "--tree"],
    &["ls", "--status", "error", "--json"],
    &["ls", "--context", "phase=plan", "--context", "agent_iteration=1"],
    &["show", "@1"],
    &["show", "@3"],
    &["show", "--json", "@2"],
    &["show", "--json", CALL],
    &["show", "040210_001"],
    &["show", "--input", CALL],
    &["show", "--output", CALL],
    &["show", "llmlogs/apiCall/20251027/session_20251027_040210/call_20251027_040210_001"],
    &["show", "20251027/session_20251027_040210/call_20251027_040210_001/input.json"],
    &["show", "20251027_040210/001"],
    &["show", "--path", CALL],
    &["show", "nothing_999"],
    &["search", "config"],
    &["search", "--json", "-i", "the", "--in", "all"],
    &["search", "映射", "--in", "output"],
    &["search", "error|rate", "--in", "error", "--json"],
    &["stats"],
    &["stats", "--json"],
    &["stats", "--json", "--by", "phase"],
    &["failures"],
    &["failures", "--json"],
    &["diff", "@2", "@4", "--json"],
    &["diff", CALL, "call_20251027_040220_002"],
    &["tail", "-n", "20", "--json"],
    &["alerts"],
    &["export"],
    &["export", "csv", "--context-column", "phase"],
    &["export", "har"],
    &["export", "curl", CALL],
    &["export", "fine-tuning", "--status", "ok"],
    &["export", "jsonl", "--session", "20251027_040210"],
    &["prune", "--older-than", "1d", "--dry-run", "--json"],
];

/// What the command says to each question, without the sizes of what it would remove.
fn answers(tree: &Tree) -> Vec<(i32, String)> {
    let answer = |args: &&[&str]| {
        let ran = tree.run(args);
        let out = match serde_json::from_str::<Value>(&ran.out) {
            Ok(mut report) if args.first() == Some(&"prune") => {
                report["bytes"].take();
                report.to_string()
            }
            _ => ran.out,
        };
        (ran.code, out)
    };
    QUESTIONS.iter().map(answer).collect()
}

/// What doctor finds, without the sizes.
fn problems(tree: &Tree) -> Value {
    let mut report: Value = serde_json::from_str(&tree.run(&["doctor", "--json"]).out).unwrap();
    report["bytes"].take();
    for day in report["days"].as_array_mut().unwrap() {
        day["bytes"].take();
    }
    report
}

/// Every file of the root with its contents.
fn files(tree: &Tree) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut pending = vec![tree.root()];
    while let Some(dir) = pending.pop() {
        for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                pending.push(entry.path());
            } else {
                let path = entry.path().strip_prefix(tree.root()).unwrap().display().to_string();
                files.insert(path, fs::read(entry.path()).unwrap());
            }
        }
    }
    files
}

#[test]
fn a_packed_root_answers_every_question_as_before_and_comes_back() {
    let tree = Tree::usual();
    let (before, found, files_before) = (answers(&tree), problems(&tree), files(&tree));
    let ran = tree.run(&["pack", "--dry-run"]);
    assert_eq!((ran.code, files(&tree) == files_before), (0, true));
    assert!(ran.out.starts_with("would be packed: 8 calls of 3 sessions, "), "{}", ran.out);

    let ran = tree.run(&["pack"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.starts_with("packed: 8 calls of 3 sessions, "), "{}", ran.out);
    assert!(ran.out.contains("call_20251027_050300_004  it is not finished"), "{}", ran.out);
    let session = tree.root().join(FIRST);
    let mut names: Vec<_> = fs::read_dir(&session)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["bodies.parquet", "calls.parquet", "index.jsonl", "session.json"]);
    for (args, (before, after)) in QUESTIONS.iter().zip(before.iter().zip(answers(&tree))) {
        assert_eq!(*before, after, "{args:?}");
    }
    assert_eq!(problems(&tree), found);
    let again = tree.run(&["pack"]);
    assert_eq!(again.code, 1, "{}", again.out);

    // The index is lost: the rows are read in its place.
    let index = fs::read(session.join("index.jsonl")).unwrap();
    fs::remove_file(session.join("index.jsonl")).unwrap();
    let listed = |answers: &[(i32, String)]| answers[2].clone();
    assert_eq!(listed(&before), listed(&answers(&tree)));
    assert_eq!(tree.run(&["doctor", "--repair"]).code, 1);
    assert!(session.join("index.jsonl").exists());
    fs::write(session.join("index.jsonl"), index).unwrap();

    let ran = tree.run(&["unpack"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(files(&tree) == files_before);
    assert_eq!(answers(&tree), before);
}

#[test]
fn the_page_shows_packed_calls() {
    let tree = Tree::usual();
    let server = Server::start(tree.folder(), &[]);
    let paths = [
        "/api/calls".to_owned(),
        "/api/overview".to_owned(),
        format!("/api/call/{FIRST}/{CALL}"),
        format!("/call/{FIRST}/{CALL}"),
    ];
    let pages = || paths.each_ref().map(|path| (server.get(path).status, server.get(path).body));
    let before = pages();
    assert_eq!(before.each_ref().map(|(status, _)| *status), [200; 4]);
    assert!(before[3].1.contains("config.py"));
    assert_eq!(tree.run(&["pack"]).code, 0);
    assert_eq!(pages(), before);
}

#[test]
fn sessions_are_named_by_their_ids() {
    let tree = Tree::usual();
    assert_eq!(tree.run(&["pack", "nothing"]).code, 2);
    let packed = tree.json(&["pack", "--json", "040210"]);
    assert_eq!(packed[0]["sessions"].as_array().unwrap().len(), 1, "{packed:?}");
    assert!(tree.root().join(FIRST).join("bodies.parquet").exists());
    assert!(!tree.root().join("20251027/session_20251027_050000/bodies.parquet").exists());
    let unpacked = tree.json(&["unpack", "--json", &format!("{ROOT}/{FIRST}/")]);
    assert_eq!(unpacked[0]["sessions"][0]["calls"], packed[0]["sessions"][0]["calls"]);
    assert!(tree.root().join(FIRST).join(CALL).exists());
    // Ended at six that morning, long ago.
    assert_eq!(tree.run(&["pack", "--older-than", "20000d"]).code, 1);
    assert_eq!(tree.run(&["pack", "--older-than", "1d", "040210"]).code, 0);
}

#[test]
fn doctor_looks_into_packed_calls_and_completes_what_was_interrupted() {
    let tree = Tree::usual();
    let call = tree.root().join(FIRST).join(CALL);
    let input = fs::read_to_string(call.join("input.json")).unwrap();
    let secret = "sk-proj-aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF";
    fs::write(call.join("input.json"), input.replace("What is", secret)).unwrap();
    let copy = tree.folder().join("copy");
    fs::create_dir(&copy).unwrap();
    for name in ["input.json", "output.json", "metadata.json"] {
        fs::copy(call.join(name), copy.join(name)).unwrap();
    }
    let found = problems(&tree);
    assert!(found["problems"].to_string().contains("secret"));
    assert_eq!(tree.run(&["pack", "040210"]).code, 0);
    assert_eq!(problems(&tree), found);

    // As if it had been killed before the folder was removed.
    fs::rename(&copy, &call).unwrap();
    crate::tree::private_folders(&call);
    assert!(problems(&tree)["problems"].to_string().contains("half_packed"));
    tree.run(&["doctor", "--repair"]);
    assert!(!call.exists());
    assert_eq!(problems(&tree), found);
}

#[test]
fn prune_removes_packed_calls_with_the_last_of_them() {
    let tree = Tree::usual();
    tree.run(&["pack"]);
    let removed = tree.json(&["prune", "--older-than", "1d", "--yes", "--json"]);
    assert_eq!(removed[0]["calls"].as_array().unwrap().len(), 9, "{removed:?}");
    assert_eq!(fs::read_dir(tree.root()).unwrap().count(), 0);

    let tree = Tree::usual();
    tree.run(&["pack"]);
    let size: u64 = files(&tree).values().map(|contents| contents.len() as u64).sum();
    tree.run(&["prune", "--max-size", &(size - 1).to_string(), "--yes"]);
    assert!(!tree.root().join("20251026").exists());
    assert!(tree.root().join(FIRST).join("bodies.parquet").exists());
}

/// How often packing and unpacking are killed; the variable is for a longer run by hand.
fn kills() -> u32 {
    std::env::var("LLMLOGS_TEST_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(40)
}

fn start(root: &Path, verb: &str) -> std::process::Child {
    Command::new(env!("CARGO_BIN_EXE_llmlogs"))
        .args([verb, "--root"])
        .arg(root)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn killed_at_any_moment_nothing_is_lost_or_doubled() {
    let tree = Tree::empty();
    let session = tree.session("20251027", "20251027_040000", true);
    for number in 1..=120 {
        let said = call("2025-10-27 04:00:00", 1_761_537_600.0 + number as f64);
        tree.call(&session, number, &said.said(&format!("Question {number}"), &"x".repeat(2000)));
    }
    let export = || tree.run(&["export", "jsonl", "--limit", "0"]).out;
    let (whole, files_before) = (export(), files(&tree));
    assert_eq!(whole.lines().count(), 120);

    let mut usual = Duration::from_millis(50);
    let mut random = u64::from(std::process::id()) | 1;
    let (mut verb, mut killed) = ("pack", 0);
    for _ in 0..kills() {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let begun = Instant::now();
        let mut child = start(&tree.root(), verb);
        std::thread::sleep(usual.mul_f64((random % 1000) as f64 / 800.0));
        if child.try_wait().unwrap().is_none() {
            child.kill().unwrap();
            child.wait().unwrap();
            killed += 1;
        } else {
            usual = begun.elapsed().min(Duration::from_secs(2));
            verb = if verb == "pack" { "unpack" } else { "pack" };
        }
        assert!(export() == whole, "after {killed} kills, at {verb}");
    }
    assert!(start(&tree.root(), "pack").wait().unwrap().code().is_some());
    assert!(export() == whole);
    assert!(!session.join("bodies.parquet.tmp").exists());
    assert_eq!(
        fs::read_dir(&session).unwrap().count(),
        4,
        "two files of packed calls, index and session.json"
    );
    assert!(start(&tree.root(), "unpack").wait().unwrap().success());
    assert!(files(&tree) == files_before, "{:?}", files(&tree).keys().collect::<Vec<_>>());
}
