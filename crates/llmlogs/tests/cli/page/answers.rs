//! The page's numbers are those of the commands.

use std::fs;

use serde_json::{Value, json};

use crate::tree::{ROOT, Tree, call};

use super::Server;

/// Filters in the page's grammar, and as options of the command.
const FILTERS: [(&str, &[&str]); 7] = [
    ("", &[]),
    ("q=status%3Aerror", &["--status", "error"]),
    ("q=model:deepseek*+latency:%3E10s", &["--model", "deepseek*", "--min-latency", "10s"]),
    ("date=2025-10-27", &["--since", "2025-10-27", "--until", "2025-10-27"]),
    ("since=2025-10-27+05:00&until=", &["--since", "2025-10-27 05:00"]),
    ("until=20251026", &["--until", "20251026"]),
    (
        "q=session:20251027_040210+error_type:RateLimit*",
        &["--session", "20251027_040210", "--error-type", "RateLimit*"],
    ),
];

#[test]
fn counts_are_those_of_stats_and_failures() {
    let tree = Tree::usual();
    let server = Server::start(tree.folder(), &[]);
    for (query, options) in FILTERS {
        let overview = server.json(&format!("/api/overview?{query}"));
        let stats = tree.json(&[&["stats", "--json"], options].concat());
        assert_eq!(overview["stats"], stats[0], "{query}");
        let failures = tree.run(&[&["failures", "--json"], options].concat());
        let failures: Value = serde_json::from_str(&failures.out).unwrap();
        assert_eq!(without_folders(&overview["failures"]), without_folders(&failures), "{query}");
        assert_eq!((&overview["exists"], &overview["unreadable"]), (&json!(true), &json!([])));
    }
    // Held against itself, it would prove nothing.
    let all = &server.json("/api/overview")["stats"];
    assert_eq!((&all["calls"], &all["errors"], &all["interrupted"]), (&json!(8), &json!(3), &json!(1)));
}

/// Each run names folders as it was given the root, and the test hides its own folder.
fn without_folders(failures: &Value) -> Value {
    let mut failures = failures.clone();
    for list in ["by_type", "causes"] {
        for counted in failures[list].as_array_mut().unwrap() {
            counted.as_object_mut().unwrap().remove("example").unwrap();
        }
    }
    failures
}

#[test]
fn calls_are_those_of_ls() {
    let tree = Tree::usual();
    let server = Server::start(tree.folder(), &[]);
    for (query, options) in FILTERS {
        let mut calls = server.json(&format!("/api/calls?{query}"))["calls"].as_array().unwrap().clone();
        for call in &mut calls {
            let path = call.as_object_mut().unwrap().remove("path").unwrap();
            assert_eq!(call["dir"].as_str().unwrap(), format!("{ROOT}/{}", path.as_str().unwrap()));
        }
        assert_eq!(calls, tree.json(&[&["ls", "--json"], options].concat()), "{query}");
    }
}

#[test]
fn pages_join_without_gap_or_repetition_while_calls_arrive() {
    let tree = Tree::usual();
    let session = tree.session("20251027", "20251027_090000", true);
    let story = call("2025-10-27 09:00:00", 1_761_555_600.0).said("Again?", "Again.");
    for number in 1..=5 {
        // All at the same time.
        tree.call(&session, number, &story);
    }
    let server = Server::start(tree.folder(), &[]);
    let ids = |page: &Value| -> Vec<String> {
        page["calls"]
            .as_array()
            .unwrap()
            .iter()
            .map(|call| call["call_id"].as_str().unwrap().to_owned())
            .collect()
    };
    let whole = server.json("/api/calls");
    assert_eq!((ids(&whole).len(), &whole["total"], &whole["loading"]), (14, &json!(14), &json!(false)));
    let first = server.json("/api/calls?limit=3");
    let as_of = first["as_of"].as_str().unwrap();
    let mut joined = ids(&first);
    // Later than the question.
    let later = call("2096-10-02 07:06:40", 4_000_000_000.0).said("Later?", "Later.");
    for (number, offset) in [(6, 3), (7, 6), (8, 9), (9, 12), (10, 15)] {
        tree.call(&session, number, &later);
        let page = server.json(&format!("/api/calls?limit=3&offset={offset}&as_of={as_of}"));
        assert_eq!(page["total"], 14);
        joined.extend(ids(&page));
    }
    assert_eq!(joined, ids(&whole));
    assert_eq!(server.json("/api/calls?limit=1")["total"], 19);
}

#[test]
fn facets_count_the_calls_that_the_filter_of_their_value_passes() {
    let tree = Tree::usual();
    let server = Server::start(tree.folder(), &[]);
    let facets = server.json("/api/facets");
    for name in ["status", "model", "provider", "error_type", "tool", "session"] {
        let values = facets[name].as_array().unwrap();
        assert!(!values.is_empty(), "{name}: {facets:#}");
        for value in values {
            let term = format!("{name}:%22{}%22", value["value"].as_str().unwrap());
            let found = server.json(&format!("/api/calls?q={term}"));
            assert_eq!(found["total"], value["calls"], "{term}");
        }
    }
    let of_failed = server.json("/api/facets?q=status:error");
    assert_eq!(of_failed["status"], json!([{"value": "error", "calls": 3}]));
}

#[test]
fn neighbours_are_those_of_the_list() {
    let tree = Tree::usual();
    let server = Server::start(tree.folder(), &[]);
    let list = server.json("/api/calls");
    let list = list["calls"].as_array().unwrap();
    let path = |call: Option<&Value>| call.map_or(Value::Null, |call| call["path"].clone());
    for (at, call) in list.iter().enumerate() {
        let found = server.json(&format!("/api/neighbours?path={}", call["path"].as_str().unwrap()));
        let failed = |call: &&Value| call["status"] == "error";
        assert_eq!((&found["position"], &found["total"]), (&json!(at + 1), &json!(list.len())));
        assert_eq!(found["newer"], path(at.checked_sub(1).map(|newer| &list[newer])));
        assert_eq!(found["older"], path(list.get(at + 1)));
        assert_eq!(found["newer_error"], path(list[..at].iter().rev().find(failed)));
        assert_eq!(found["older_error"], path(list[at + 1..].iter().find(failed)));
        let same_session = |other: &&Value| other["session_id"] == call["session_id"];
        assert_eq!(found["previous_in_session"], path(list[at + 1..].iter().find(same_session)));
    }
    let other = server
        .json("/api/neighbours?q=model:none&path=20251027/session_20251027_040210/call_20251027_040210_001");
    assert_eq!(
        (&other["position"], &other["older"], &other["total"]),
        (&Value::Null, &Value::Null, &json!(0))
    );
    assert_eq!(server.get("/api/neighbours").status, 400);
}

#[test]
fn a_call_is_the_one_that_export_writes() {
    let tree = Tree::usual();
    let server = Server::start(tree.folder(), &[]);
    let path = "20251027/session_20251027_040210/call_20251027_040210_001";
    let answer = server.json(&format!("/api/call/{path}"));
    let exported = tree.json(&["export", "jsonl", path.rsplit('/').next().unwrap()]);
    assert_eq!(answer["call"], exported[0]);
    assert_eq!(answer["conversation"]["model"], "deepseek-chat");
    assert!(answer["conversation"].to_string().contains("read_file"), "{answer:#}");
    assert_eq!(answer["too_large"], false);
}

#[test]
fn a_large_body_is_not_parsed() {
    let tree = Tree::usual();
    let path = "20251027/session_20251027_040210/call_20251027_040210_001";
    fs::write(tree.root().join(path).join("input.json"), format!("\"{}\"", "x".repeat(9 << 20))).unwrap();
    let server = Server::start(tree.folder(), &[]);
    let answer = server.json(&format!("/api/call/{path}"));
    assert_eq!((&answer["too_large"], &answer["conversation"]), (&json!(true), &Value::Null));
    assert_eq!(answer["input_bytes"], (9 << 20) + 2);
    assert_eq!(answer["call"]["metadata"]["status"], "ok");
}

#[test]
fn what_is_asked_in_the_wrong_way_is_named() {
    let tree = Tree::usual();
    let server = Server::start(tree.folder(), &[]);
    for (query, named) in [
        ("q=colour:red", "colour"),
        ("since=tomorrowish", "since"),
        ("limit=many", "limit"),
        ("root=7", "7"),
        ("root=0&root=1", "root"),
        ("colour=red", "colour"),
        ("offset=x", "offset"),
    ] {
        let response = server.get(&format!("/api/calls?{query}"));
        assert_eq!(response.status, 400, "{query}");
        let error: Value = serde_json::from_str(&response.body).unwrap();
        assert!(error["error"].as_str().unwrap().contains(named), "{query}: {error}");
    }
}

#[test]
fn several_roots_are_served_and_one_that_is_to_come() {
    let (one, other) = (Tree::usual(), Tree::empty());
    let session = other.session("20251027", "20251027_070000", true);
    other.call(&session, 1, &call("2025-10-27 07:00:00", 1_761_548_400.0).said("Hello?", "Hello."));
    let later = one.folder().join("later");
    let (second, third) = (other.root(), later.join(ROOT));
    let roots = ["--root", ROOT, "--root", second.to_str().unwrap(), "--root", third.to_str().unwrap()];
    let server = Server::start(one.folder(), &roots);
    assert_eq!(server.json("/api/overview")["stats"]["calls"], 8);
    assert_eq!(server.json("/api/overview?root=1")["stats"]["calls"], 1);
    let to_come = server.json("/api/overview?root=2");
    assert_eq!((&to_come["exists"], &to_come["stats"]["calls"]), (&json!(false), &json!(0)));
    assert_eq!(to_come["roots"].as_array().unwrap().len(), 3);
    assert_eq!(server.json("/api/calls?root=2")["exists"], false);
    fs::create_dir_all(third.parent().unwrap()).unwrap();
    fs::rename(&second, &third).unwrap();
    assert_eq!(server.json("/api/overview?root=2")["stats"]["calls"], 1);
    assert_eq!(server.json("/api/overview?root=1")["exists"], false);
    // Other commands take one.
    let ran = one.run(&["ls", "--root", "a", "--root", "b"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
}

#[test]
fn a_tool_call_stands_with_its_result() {
    let tree = Tree::usual();
    let path = "20251027/session_20251027_040210/call_20251027_040210_001";
    let request = json!({"model": "deepseek-chat", "messages": [
        {"role": "user", "content": "What is in it?"},
        {"role": "assistant", "content": null, "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "first_tool", "arguments": "{}"}},
            {"id": "b", "type": "function", "function": {"name": "second_tool", "arguments": "{}"}},
        ]},
        {"role": "tool", "tool_call_id": "b", "content": "result of b"},
        {"role": "tool", "tool_call_id": "a", "content": "result of a"},
        {"role": "tool", "tool_call_id": "gone", "content": "result of another"},
    ]});
    fs::write(tree.root().join(path).join("input.json"), request.to_string()).unwrap();
    let server = Server::start(tree.folder(), &[]);
    let page = server.get(&format!("/call/{path}")).body;
    let place = |text: &str| {
        assert_eq!(page.matches(text).count(), 1, "{text}: {page}");
        page.find(text).unwrap()
    };
    let order = ["first_tool", "result of a<", "second_tool", "result of b", "result of another"].map(place);
    assert!(order.is_sorted(), "{order:?} {page}");
}
