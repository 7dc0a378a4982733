//! The index in memory follows the files: whatever happens to them, lists and counts are those of the commands.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::time::Duration;

use serde_json::Value;

use crate::tree::{Tree, call};

use super::Server;
use super::live::Events;

/// Asks until list and counts are those of the commands; a folder may look unchanged within a tick of the file
/// system's clock.
fn agree(tree: &Tree, server: &Server, what: &str) {
    for attempt in 0.. {
        let mut calls = server.json("/api/calls?limit=1000")["calls"].as_array().unwrap().clone();
        calls.iter_mut().for_each(|call| drop(call.as_object_mut().unwrap().remove("path")));
        let listed = tree.run(&["ls", "--json", "--limit", "0"]).out;
        let listed: Vec<Value> = listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let stats = &server.json("/api/overview")["stats"];
        let counted: Value = serde_json::from_str(&tree.run(&["stats", "--json"]).out).unwrap();
        if (&calls, stats) == (&listed, &counted) {
            return;
        }
        if attempt == 30 {
            assert_eq!(calls, listed, "{what}");
            assert_eq!(stats, &counted, "{what}");
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn calls_removed_repaired_or_of_a_new_day_are_followed() {
    let tree = Tree::usual();
    let server = Server::start(tree.folder(), &[]);
    agree(&tree, &server, "at the start");
    let day = tree.root().join("20251027");
    fs::remove_dir_all(day.join("session_20251027_050000/call_20251027_050300_004")).unwrap();
    agree(&tree, &server, "an interrupted call is gone");
    fs::remove_dir_all(day.join("session_20251027_040210/call_20251027_040210_001")).unwrap();
    agree(&tree, &server, "retention has removed a folder, and left its line");
    // A call without a line, and half a line, are what a crash leaves.
    let story = call("2025-10-27 05:04:00", 1_761_541_440.0).said("Again?", "Again.");
    story.write(&day.join("session_20251027_050000"), 5);
    let index = day.join("session_20251027_050000/index.jsonl");
    let torn = fs::read_to_string(&index).unwrap() + "{\"call_id\":\"call_2025";
    fs::write(&index, torn).unwrap();
    agree(&tree, &server, "after a crash");
    assert!(tree.run(&["doctor", "--repair"]).out.contains("repaired"));
    assert!(!fs::read_to_string(&index).unwrap().contains("\"call_2025\n"));
    agree(&tree, &server, "after a repair");
    let midnight = tree.session("20251028", "20251027_050000", true);
    tree.call(&midnight, 6, &call("2025-10-28 00:00:01", 1_761_609_601.0).said("Now?", "Now."));
    agree(&tree, &server, "after midnight");
    fs::remove_dir_all(day.join("session_20251027_040210")).unwrap();
    agree(&tree, &server, "without a session");
    fs::remove_dir_all(&day).unwrap();
    agree(&tree, &server, "without a day");
    fs::remove_dir_all(tree.root()).unwrap();
    assert_eq!(server.json("/api/calls")["exists"], false);
    let session = tree.session("20251027", "20251027_070000", true);
    tree.call(&session, 1, &call("2025-10-27 07:00:00", 1_761_548_400.0).said("Hello?", "Hello."));
    agree(&tree, &server, "with a new root");
}

#[test]
#[cfg(feature = "pack")]
fn packing_changes_nothing_for_whoever_looks() {
    let tree = Tree::usual();
    // What a crash leaves: a finished call that the index lacks.
    let day = tree.root().join("20251027");
    let ended = day.join("session_20251027_050000");
    call("2025-10-27 05:04:00", 1_761_541_440.0).said("Again?", "Again.").write(&ended, 5);
    let session = tree.session("20251027", "20251027_070000", false);
    let alive = File::open(session.join("session.json")).unwrap();
    alive.lock().unwrap();
    let server = Server::start(tree.folder(), &[]);
    let paths = ["/api/calls", "/api/overview", "/api/calls?q=status:error"];
    let answers = || paths.map(|path| server.json(path));
    agree(&tree, &server, "at the start");
    let id = "20251027/session_20251027_050000/call_20251027_050400_005";
    let page = server.get(&format!("/call/{id}")).body;
    let detail = server.json(&format!("/api/call/{id}"));
    let mut before = answers();
    before.iter_mut().for_each(|answer| drop(answer["as_of"].take()));
    let mut events = Events::of(&server, "", None);
    assert_eq!(events.next().name, "hello");
    let story = call("2025-10-27 07:00:00", 1_761_548_400.0).said("And now?", "Now, too.");
    for (number, verb) in (1..).zip(["pack", "unpack", "pack"]) {
        assert_eq!(tree.run(&[verb]).code, 0);
        assert_eq!(ended.join("bodies.parquet").exists(), verb == "pack");
        agree(&tree, &server, verb);
        let mut after = answers();
        after.iter_mut().for_each(|answer| drop(answer["as_of"].take()));
        if number == 1 {
            assert_eq!(before, after);
        }
        assert_eq!(server.get(&format!("/call/{id}")).body, page, "{verb}");
        assert_eq!(server.json(&format!("/api/call/{id}")), detail, "{verb}");
        // A poll that sees this call has seen the packed folders: nobody was asked to begin anew, and no call was reported
        // a second time.
        tree.call(&session, number, &story);
        let mut told = Vec::new();
        while !told.contains(&("finished".to_owned(), story.id(number))) {
            let event = events.next();
            assert_eq!(event.name, "calls", "{verb}: {event:?}");
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let calls = event.data.as_array().unwrap().iter();
            told.extend(calls.map(|call| (text(&call["what"]), text(&call["call"]["call_id"]))));
        }
        assert!(told.iter().all(|(_, id)| *id == story.id(number)), "{verb}: {told:?}");
    }
}

#[test]
fn a_removal_asks_whoever_looks_to_begin_anew() {
    let tree = Tree::usual();
    let server = Server::start(tree.folder(), &[]);
    let mut events = Events::of(&server, "", None);
    assert_eq!(events.next().name, "hello");
    fs::remove_dir_all(tree.root().join("20251026")).unwrap();
    assert_eq!(events.next().name, "reset");
    assert_eq!(server.json("/api/calls")["total"], 8);
}

#[test]
fn a_call_that_ends_after_a_list_was_asked_for_is_in_it_as_it_was() {
    let tree = Tree::usual();
    let session = tree.session("20251027", "20251027_070000", false);
    let alive = File::open(session.join("session.json")).unwrap();
    alive.lock().unwrap();
    let story = call("2025-10-27 07:00:00", 1_761_548_400.0).said("And now?", "Now, too.");
    tree.begun(&session, &story.id(1), "And now?");
    let server = Server::start(tree.folder(), &[]);
    let total = |query: &str| server.json(&format!("/api/calls?{query}"))["total"].as_u64().unwrap();
    let first = server.json("/api/calls");
    let as_of = first["as_of"].as_str().unwrap().to_owned();
    let (all, ok) = (total(""), total("q=status:ok"));
    tree.call(&session, 1, &story);
    assert_eq!((total(""), total("q=status:ok")), (all, ok + 1));
    let of_then = |query: &str| total(&format!("as_of={as_of}&q={query}"));
    assert_eq!((of_then(""), of_then("status:ok"), of_then("status:in-flight")), (all, ok, 1));
    tree.call(&session, 2, &story);
    assert_eq!((total(""), of_then("")), (all + 1, all));
}

#[test]
fn two_hundred_calls_a_second_are_there_once_each() {
    const CALLS: u64 = 800;
    let tree = Tree::empty();
    let session = tree.session("20251027", "20251027_070000", false);
    let alive = File::open(session.join("session.json")).unwrap();
    alive.lock().unwrap();
    let server = Server::start(tree.folder(), &[]);
    let mut events = Events::of(&server, "", None);
    assert_eq!(events.next().name, "hello");
    let story = call("2025-10-27 07:00:00", 1_761_548_400.0).said("And now?", "Now, too.");
    let mut finished: BTreeMap<String, u64> = BTreeMap::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 1..=CALLS {
                tree.call(&session, number, &story);
                std::thread::sleep(Duration::from_millis(4));
            }
        });
        scope.spawn(|| {
            // Whoever scrolls and counts meanwhile.
            for _ in 0..30 {
                let calls = server.json("/api/calls?limit=1000");
                let listed = calls["calls"].as_array().unwrap().len() as u64;
                assert_eq!(calls["total"].as_u64().unwrap(), listed);
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        while finished.len() < CALLS as usize {
            let event = events.next();
            assert_eq!(event.name, "calls", "{event:?}");
            for call in event.data.as_array().unwrap() {
                if call["what"] == "finished" {
                    *finished.entry(call["call"]["call_id"].as_str().unwrap().to_owned()).or_default() += 1;
                }
            }
        }
    });
    assert!(finished.values().all(|times| *times == 1));
    agree(&tree, &server, "at the end");
    assert_eq!(server.json("/api/calls")["total"], CALLS);
}
