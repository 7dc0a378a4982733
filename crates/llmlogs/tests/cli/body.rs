//! Calls that have a text in one of their messages, which the index has not.

use std::fs;

use crate::page::Server;
use crate::tree::{Tree, call, write};

use serde_json::json;

/// The second of three calls has "the config parser" in its first message alone, the third in its answer.
fn spoken() -> Tree {
    let tree = Tree::empty();
    let session = tree.session("20251027", "20251027_040210", true);
    let calls = [
        call("2025-10-27 04:02:10", 1_761_537_730.0).said("one", "1"),
        call("2025-10-27 04:02:20", 1_761_537_740.0).said("two", "2"),
        call("2025-10-27 04:02:30", 1_761_537_750.0).said("three", "Look at THE CONFIG parser."),
    ];
    let dirs: Vec<_> = (1..).zip(&calls).map(|(number, call)| tree.call(&session, number, call)).collect();
    let messages = [
        json!({"role": "user", "content": "say \"please\" to the config parser"}),
        json!({"role": "assistant", "content": "done"}),
        json!({"role": "user", "content": "two"}),
    ];
    write(&dirs[1].join("input.json"), &json!({"messages": messages, "model": "deepseek-chat"}));
    tree
}

fn messages(tree: &Tree, args: &[&str]) -> Vec<String> {
    let calls = tree.json(&[args, &["--json"]].concat());
    calls.iter().map(|call| call["user_message"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_text_in_the_oldest_message_is_a_filter_s_term() {
    let tree = spoken();
    assert_eq!(messages(&tree, &["ls", "--body", "config parser"]), ["three", "two"]);
    assert_eq!(messages(&tree, &["search", "-iF", "--in", "all", "config parser"]), ["three", "two"]);
    assert_eq!(messages(&tree, &["ls", "--body", "config parser", "--body", "\"please\""]), ["two"]);
    assert_eq!(messages(&tree, &["ls", "--body", "THREE"]), ["three"]);
    // A key of a body is no text of anybody.
    assert_eq!(tree.run(&["ls", "--body", "messages"]).code, 1);
    assert_eq!(tree.json(&["stats", "--json", "--body", "config"])[0]["calls"], 2);
    let ran = tree.run(&["ls", "--body", ""]);
    assert!(ran.code == 2 && ran.err.contains("no text to search for"), "{ran:?}");
}

#[test]
fn the_page_finds_a_text_in_the_oldest_message() {
    let tree = spoken();
    let server = Server::start(tree.folder(), &[]);
    let found = |query: &str| {
        let answer = server.json(&format!("/api/calls?q={query}"));
        let calls = answer["calls"].as_array().unwrap().clone();
        calls.iter().map(|call| call["user_message"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(found("body:%22config+parser%22"), ["three", "two"]);
    assert_eq!(found("body:%22%5C%22please%5C%22+to%22"), ["two"]);
    assert!(found("text:%22config+parser%22").is_empty());
    assert_eq!(server.json("/api/overview?q=body:config")["stats"]["calls"], 2);
    assert_eq!(server.get("/api/calls?q=body:").status, 400);
}

#[test]
fn a_call_without_bodies_has_what_its_line_has() {
    let tree = spoken();
    let session = tree.root().join("20251027/session_20251027_040210");
    fs::remove_file(session.join("call_20251027_040220_002/input.json")).unwrap();
    fs::remove_dir_all(session.join("call_20251027_040230_003")).unwrap();
    assert_eq!(tree.run(&["ls", "--body", "config parser"]).code, 1);
    assert_eq!(messages(&tree, &["ls", "--body", "THREE"]), ["three"]);
    assert_eq!(messages(&tree, &["ls", "--body", "two"]), ["two"]);
}

#[cfg(unix)]
#[test]
fn a_link_in_the_place_of_a_body_is_not_followed() {
    let tree = spoken();
    let input = tree.root().join("20251027/session_20251027_040210/call_20251027_040220_002/input.json");
    let elsewhere = tree.folder().join("elsewhere.json");
    fs::rename(&input, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &input).unwrap();
    assert_eq!(messages(&tree, &["ls", "--body", "config parser"]), ["three"]);
}
