//! `llmlogs doctor`: what it finds, file by file.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::tree::{Tree, call, private, private_folders, write};

const KEY: &str = "sk-proj-aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF";
const CALL: &str = "20251027/session_20251027_040210/call_20251027_040210_001";

/// A session with one whole call, text files included.
fn whole() -> Tree {
    let tree = Tree::empty();
    let session = tree.session("20251027", "20251027_040210", true);
    let dir = tree.call(&session, 1, &call("2025-10-27 04:02:10", 1_761_537_730.0).said("hi", "yes"));
    for name in ["input.txt", "output.txt"] {
        private(&dir.join(name), b"text\n");
    }
    let mut metadata = read(&dir.join("metadata.json"));
    let names = json!({"input": "input.json", "input_txt": "input.txt", "output": "output.json", "output_txt": "output.txt"});
    metadata["files"] = names;
    write(&dir.join("metadata.json"), &metadata);
    tree
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// What `doctor --json` found: the kind and the path below the root of each problem.
fn problems(tree: &Tree, args: &[&str]) -> Vec<(String, String)> {
    let ran = tree.run(&[&["doctor", "--json"], args].concat());
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    let found = report["problems"].as_array().unwrap().iter().map(|problem| {
        let path = problem["path"].as_str().unwrap().split("apiCall/").nth(1).unwrap_or_default();
        (problem["kind"].as_str().unwrap().to_owned(), path.to_owned())
    });
    found.collect()
}

fn found(kind: &str, path: &str) -> Vec<(String, String)> {
    vec![(kind.to_owned(), path.to_owned())]
}

#[test]
fn a_secret_in_any_file_but_the_bodies_was_not_found() {
    let clean = whole();
    assert_eq!(problems(&clean, &[]), []);
    assert_eq!(clean.run(&["doctor"]).code, 0);
    let session = "20251027/session_20251027_040210";
    for place in [
        format!("{CALL}/input.json"),
        format!("{CALL}/input.txt"),
        format!("{CALL}/output.json"),
        format!("{CALL}/output.txt"),
        format!("{CALL}/metadata.json"),
        format!("{session}/session.json"),
        format!("{session}/index.jsonl"),
        format!("{session}/media/ab.txt"),
        "index.json".to_owned(),
    ] {
        let tree = whole();
        let path = tree.root().join(&place);
        private_folders(path.parent().unwrap());
        let mut value = match fs::read(&path) {
            Ok(contents) => serde_json::from_slice(&contents).unwrap_or_else(|_| json!({})),
            Err(_) => json!({"calls": [], "total_count": 0}),
        };
        value["planted"] = json!(format!("line\n{KEY}\nline"));
        private(&path, format!("{value}\n").as_bytes());
        assert_eq!(problems(&tree, &[]), found("secret", &place));
        let ran = tree.run(&["doctor"]);
        assert!(ran.code == 1 && ran.out.contains("1 × secret") && !ran.out.contains(KEY), "{}", ran.out);
        assert_eq!(problems(&tree, &["--no-secrets"]), []);
    }
}

#[test]
fn a_secret_in_a_file_that_no_recorder_wrote_is_found_and_never_printed() {
    let tree = whole();
    let session = tree.root().join("20251027/session_20251027_040210");
    private(&session.join("notes.md"), format!("my key is {KEY}").as_bytes());
    private_folders(&session.join("media"));
    private(&session.join("media").join(format!("{KEY}.png")), b"no secret here");
    let ran = tree.run(&["doctor"]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("2 × secret") && ran.out.contains("notes.md"), "{}", ran.out);
    assert!(ran.out.contains("media/[REDACTED].png  in its name"), "{}", ran.out);
    assert!(!ran.out.contains(KEY) && !tree.run(&["doctor", "--json"]).out.contains(KEY));
}

#[test]
fn a_secret_in_what_is_left_of_a_removed_call_was_not_found() {
    let tree = whole();
    let place = "20251027/session_20251027_040210/.pruned_call_20251027_040210_009";
    private_folders(&tree.root().join(place));
    private(&tree.root().join(place).join("input.json"), format!("{{\"key\":\"{KEY}\"}}").as_bytes());
    let expected = [found("secret", &format!("{place}/input.json")), found("leftover", place)].concat();
    assert_eq!(problems(&tree, &[]).len(), 2);
    assert!(problems(&tree, &[]).iter().all(|problem| expected.contains(problem)));
    assert_eq!(problems(&tree, &["--no-secrets"]), found("leftover", place));
}

#[test]
fn the_body_of_a_finished_call_that_was_gone_was_not_missed() {
    for name in ["input.json", "input.txt", "output.json", "output.txt"] {
        let tree = whole();
        fs::remove_file(tree.root().join(CALL).join(name)).unwrap();
        assert_eq!(problems(&tree, &[]), found("missing_file", &format!("{CALL}/{name}")));
        let ran = tree.run(&["doctor"]);
        assert!(ran.code == 1 && ran.out.contains(&format!("{CALL}  {name}")), "{}", ran.out);
    }
    // A recorder that was told not to write them names none.
    let tree = whole();
    let path = tree.root().join(CALL).join("metadata.json");
    let mut metadata = read(&path);
    metadata["files"]["input_txt"] = json!("");
    write(&path, &metadata);
    fs::remove_file(tree.root().join(CALL).join("input.txt")).unwrap();
    assert_eq!(problems(&tree, &[]), []);
}

#[test]
fn a_call_that_cannot_be_read_is_named() {
    for contents in ["", "{\"call_id\": ", "[]", "null"] {
        let tree = whole();
        private(&tree.root().join(CALL).join("metadata.json"), contents.as_bytes());
        assert_eq!(problems(&tree, &[]), found("unreadable", &format!("{CALL}/metadata.json")));
        assert_eq!(tree.run(&["doctor"]).code, 1);
    }
    let tree = whole();
    private(&tree.root().join(CALL).join("output.json"), b"{\"choices\": [");
    assert_eq!(problems(&tree, &[]), found("unreadable", &format!("{CALL}/output.json")));
}

/// Everything below a folder: paths, and the contents of files.
fn everything(dir: &Path) -> Vec<(PathBuf, Option<Vec<u8>>)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(everything(&path));
            all.push((path, None));
        } else {
            all.push((path.clone(), fs::read(&path).ok()));
        }
    }
    all.sort();
    all
}

#[test]
fn folders_that_are_nobodys_are_said_and_not_touched() {
    let tree = whole();
    let session = tree.root().join("20251027/session_20251027_040210");
    let foreign = ["mine", "20251027/mine", "20251027/session_20251027_040210/mine"];
    for folder in foreign {
        private_folders(&tree.root().join(folder));
        private(&tree.root().join(folder).join("plans.txt"), KEY.as_bytes());
    }
    private_folders(&tree.root().join(CALL).join("mine"));
    private_folders(&tree.root().join("20251345"));
    fs::remove_file(session.join("index.jsonl")).unwrap();
    let before = everything(&tree.root());
    let said = problems(&tree, &["--repair"]);
    let strays: Vec<_> =
        said.iter().filter(|(kind, _)| kind == "stray").map(|(_, path)| path.as_str()).collect();
    let of_call = format!("{CALL}/mine");
    let of_session = "20251027/session_20251027_040210/mine";
    assert_eq!(strays, ["20251027/mine", &of_call, of_session, "20251345", "mine"]);
    assert_eq!(said.len(), strays.len(), "{said:?}");
    let mut after = everything(&tree.root());
    after.retain(|(path, _)| !path.ends_with("index.jsonl"));
    assert_eq!(after, before);
    // Neither does prune.
    tree.run(&["prune", "--older-than", "1d", "--yes"]);
    for folder in foreign {
        assert!(tree.root().join(folder).join("plans.txt").exists(), "{folder}");
    }
}

#[test]
fn the_older_loggers_index_was_a_stray_file() {
    let tree = whole();
    let entry = |directory: &str| json!({"call_id": "c", "directory": directory});
    let gone = "20251027/session_20251027_040210/call_20251027_040211_002";
    write(&tree.root().join("index.json"), &json!({"calls": [entry(CALL)], "total_count": 1}));
    assert_eq!(problems(&tree, &[]), []);
    write(&tree.root().join("index.json"), &json!({"calls": [entry(CALL), entry(gone)], "total_count": 2}));
    assert_eq!(problems(&tree, &[]), found("gone_entry", "index.json"));
    let ran = tree.run(&["doctor", "--repair"]);
    assert!(ran.code == 0 && ran.out.contains("index.json"), "{}", ran.out);
    assert_eq!(read(&tree.root().join("index.json")), json!({"calls": [entry(CALL)], "total_count": 1}));
    private(&tree.root().join("index.json"), b"{\"calls\": [");
    assert_eq!(problems(&tree, &["--repair"]), found("unreadable", "index.json"));
}
