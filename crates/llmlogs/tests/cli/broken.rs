//! Trees that are not as they should be.

use std::fs;

use crate::tree::{Tree, call, private};

#[test]
fn an_empty_root_has_nothing() {
    let tree = Tree::empty();
    for args in [
        &[][..],
        &["ls"],
        &["show"],
        &["stats"],
        &["failures"],
        &["search", "x"],
        &["tail"],
        &["diff"],
        &["export"],
    ] {
        let ran = tree.run(args);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{args:?}: {}", ran.err);
        assert!(ran.err.starts_with("llmlogs: "), "{args:?}: {}", ran.err);
    }
    assert_eq!(tree.run(&["doctor"]).code, 0);
}

#[test]
fn what_the_index_lacks_is_read_from_its_folder() {
    let tree = Tree::usual();
    let session = tree.root().join("20251027/session_20251027_040210");
    // Torn in the last line, rubbish in the second.
    let index = fs::read_to_string(session.join("index.jsonl")).unwrap();
    let lines: Vec<_> = index.lines().collect();
    let damaged = format!("{}\n{{\"call_id\": oh\n{}\n{}", lines[0], lines[2], &lines[3][..90]);
    private(&session.join("index.jsonl"), damaged.as_bytes());
    let whole = Tree::usual();
    assert_eq!(tree.out(&["ls"]), whole.out(&["ls"]));
    assert_eq!(tree.out(&["stats"]), whole.out(&["stats"]));
    assert_eq!(tree.out(&["failures"]), whole.out(&["failures"]));

    let ran = tree.run(&["doctor", "--repair"]);
    assert!(ran.out.contains("repaired"), "{}", ran.out);
    let mended = fs::read_to_string(session.join("index.jsonl")).unwrap();
    let ids: Vec<_> = mended.lines().map(|line| line.split("_00").nth(1).unwrap()[..1].to_owned()).collect();
    assert_eq!(ids, ["1", "2", "3", "4"]);
    assert_eq!(tree.out(&["ls"]), whole.out(&["ls"]));
    let again = tree.run(&["doctor"]);
    assert!(!again.out.contains("line"), "{}", again.out);
}

#[test]
fn an_index_may_outlive_its_calls() {
    let tree = Tree::usual();
    let session = tree.root().join("20251027/session_20251027_040210");
    for folder in fs::read_dir(&session).unwrap().flatten().filter(|entry| entry.path().is_dir()) {
        fs::remove_dir_all(folder.path()).unwrap();
    }
    assert_eq!(tree.out(&["ls"]).lines().count(), 1 + 9);
    assert!(tree.out(&["ls", "--session", "040210"]).contains("RateLimitError"));
    assert_eq!(tree.json(&["stats", "--json"])[0]["calls"], 8);
    let shown = tree.run(&["show", "040300_003"]);
    assert!(shown.code == 1 && shown.err.contains("has been removed"), "{}", shown.err);
}

#[test]
fn damaged_metadata_does_not_hide_the_others() {
    let tree = Tree::usual();
    let session = tree.root().join("20251027/session_20251027_040210");
    fs::remove_file(session.join("index.jsonl")).unwrap();
    private(&session.join("call_20251027_040220_002/metadata.json"), b"{\"call_id\": ");
    let ran = tree.run(&["ls"]);
    assert_eq!(ran.code, 0);
    assert_eq!(ran.out.lines().count(), 1 + 8);
    assert!(ran.err.contains("call_20251027_040220_002/metadata.json"), "{}", ran.err);
    let shown = tree.run(&["show", "040220_002"]);
    assert!(shown.out.contains("一个映射"), "{} {}", shown.out, shown.err);
}

#[cfg(unix)]
#[test]
fn links_are_not_followed_out_of_the_root() {
    let tree = Tree::usual();
    let outside = Tree::usual();
    let before = tree.out(&["ls", "--limit", "0", "--json"]);
    let link =
        |to: std::path::PathBuf, at: &str| std::os::unix::fs::symlink(to, tree.root().join(at)).unwrap();
    link(outside.root().join("20251026"), "20251025");
    link(outside.root().join("20251026/session_20251026_235800"), "20251027/session_20251027_000000");
    let call = outside.root().join("20251026/session_20251026_235800/call_20251026_235800_001");
    link(call.clone(), "20251027/session_20251027_050000/call_20251027_235800_009");
    link(
        call.join("metadata.json"),
        "20251027/session_20251027_050000/call_20251027_050300_004/metadata.json",
    );
    assert_eq!(tree.out(&["ls", "--limit", "0", "--json"]), before);
    let told = tree.run(&["doctor"]).out;
    assert!(told.contains("4 × link"), "{told}");
}

#[test]
fn an_index_with_paths_for_ids_leads_nowhere() {
    let tree = Tree::usual();
    let session = tree.root().join("20251027/session_20251027_040210");
    let mut index = fs::read_to_string(session.join("index.jsonl")).unwrap();
    index.push_str("{\"call_id\":\"../../20251026/session_20251026_235800/call_20251026_235800_001\",\"timestamp\":1761537790}\n");
    private(&session.join("index.jsonl"), index.as_bytes());
    assert_eq!(tree.out(&["ls"]), Tree::usual().out(&["ls"]));
}

#[test]
fn a_leaked_key_is_found() {
    let tree = Tree::empty();
    let session = tree.session("20251027", "20251027_040210", true);
    let key = format!("sk-proj-{}", "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF".repeat(2));
    tree.call(&session, 1, &call("2025-10-27 04:02:10", 1_761_537_730.0).said(&format!("use {key}"), "no"));
    let ran = tree.run(&["doctor"]);
    assert!(ran.code == 1 && ran.out.contains("3 × secret"), "{}", ran.out);
    assert!(ran.out.contains("call_20251027_040210_001  input.json, metadata.json"), "{}", ran.out);
    assert!(!ran.out.contains(&key));
    assert_eq!(tree.run(&["doctor", "--no-secrets"]).code, 0);
}

#[test]
fn a_day_removed_meanwhile_is_no_error() {
    let tree = Tree::usual();
    fs::remove_dir_all(tree.root().join("20251026/session_20251026_235800/call_20251026_235800_001"))
        .unwrap();
    fs::remove_file(tree.root().join("20251026/session_20251026_235800/index.jsonl")).unwrap();
    assert_eq!(tree.out(&["ls", "--json"]).lines().count(), 8);
}
