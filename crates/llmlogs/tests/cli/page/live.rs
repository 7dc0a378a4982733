//! Events of calls as they happen, and the end.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::tree::{Tree, call};

use super::Server;

/// A stream of events.
pub struct Events {
    lines: std::io::Lines<BufReader<TcpStream>>,
}

/// One of them.
#[derive(Debug)]
pub struct Event {
    pub name: String,
    pub id: String,
    pub data: Value,
}

impl Events {
    pub fn of(server: &Server, query: &str, last_id: Option<&str>) -> Self {
        let last_id = last_id.map(|id| format!("Last-Event-ID: {id}\r\n")).unwrap_or_default();
        let mut stream = server.connect();
        let (port, cookie) = (server.port, server.cookie());
        let request = format!(
            "GET /api/live{query} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {cookie}\r\n{last_id}\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        Events { lines: BufReader::new(stream).lines() }
    }

    pub fn next(&mut self) -> Event {
        let mut event = Event { name: String::new(), id: String::new(), data: Value::Null };
        for line in self.lines.by_ref().map(Result::unwrap) {
            if let Some(name) = line.strip_prefix("event: ") {
                event.name = name.to_owned();
            } else if let Some(id) = line.strip_prefix("id: ") {
                event.id = id.to_owned();
            } else if let Some(data) = line.strip_prefix("data: ") {
                event.data = serde_json::from_str(data).unwrap();
            } else if line.is_empty() && !event.name.is_empty() {
                return event;
            }
        }
        panic!("the stream ended")
    }

    /// The next calls, as `what` and id.
    fn calls(&mut self) -> (Vec<(String, String)>, String) {
        let event = self.next();
        assert_eq!(event.name, "calls", "{event:?}");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let calls = event.data.as_array().unwrap().iter();
        (calls.map(|call| (text(&call["what"]), text(&call["call"]["call_id"]))).collect(), event.id)
    }
}

#[test]
fn a_call_is_seen_from_its_start_to_its_end_and_after_a_break() {
    let tree = Tree::usual();
    let session = tree.session("20251027", "20251027_070000", false);
    let alive = File::open(session.join("session.json")).unwrap();
    alive.lock().unwrap();
    let server = Server::start(tree.folder(), &[]);
    let mut events = Events::of(&server, "", None);
    let hello = events.next();
    assert_eq!(hello.name, "hello");
    let story = call("2025-10-27 07:00:00", 1_761_548_400.0).said("And now?", "Now, too.");
    let id = story.id(1);
    tree.begun(&session, &id, "And now?");
    assert_eq!(events.calls().0, [("started".to_owned(), id.clone())]);
    let overview = server.json("/api/overview");
    assert_eq!(overview["stats"]["in_flight"], 1);
    assert_eq!(overview["in_flight"][0]["call_id"], id);
    // What is known of it is in its request.
    for shown in [&overview["in_flight"][0], &server.json("/api/calls")["calls"][0]] {
        assert_eq!((&shown["model"], &shown["user_message"]), (&json!("deepseek-chat"), &json!("And now?")));
    }
    assert_eq!(server.json("/api/overview?q=status:ok")["in_flight"].as_array().unwrap().len(), 0);
    tree.call(&session, 1, &story);
    let (calls, last) = events.calls();
    assert_eq!(calls, [("finished".to_owned(), id.clone())]);
    drop(events);
    // Meanwhile another one ends.
    tree.call(&session, 2, &story);
    let mut again = Events::of(&server, "", Some(&last));
    let (missed, _) = again.calls();
    // A look between its files sees it start, too.
    assert!(missed.iter().all(|(_, id)| *id == story.id(2)), "{missed:?}");
    // From the beginning, each event once.
    let mut all = Events::of(&server, "", Some(&hello.id));
    let (calls, _) = all.calls();
    let both = [("started".to_owned(), id.clone()), ("finished".to_owned(), id)];
    assert_eq!(calls, [&both[..], &missed[..]].concat());
}

#[test]
fn a_stream_has_its_filter() {
    let tree = Tree::usual();
    let session = tree.session("20251027", "20251027_070000", false);
    let alive = File::open(session.join("session.json")).unwrap();
    alive.lock().unwrap();
    let server = Server::start(tree.folder(), &[]);
    let mut events = Events::of(&server, "?q=status:error", None);
    assert_eq!(events.next().name, "hello");
    let story = call("2025-10-27 07:00:00", 1_761_548_400.0).said("And now?", "Now, too.");
    tree.call(&session, 1, &story);
    tree.call(&session, 2, &story.clone().failed("ServerError", "", "Overloaded", Some(529)));
    assert_eq!(events.calls().0, [("finished".to_owned(), story.id(2))]);
    assert_eq!(server.get("/api/live?q=colour:red").status, 400);
}

#[test]
fn each_tab_asks_for_the_events_behind_its_own_place() {
    let tree = Tree::usual();
    let session = tree.session("20251027", "20251027_070000", false);
    let alive = File::open(session.join("session.json")).unwrap();
    alive.lock().unwrap();
    let server = Server::start(tree.folder(), &[]);
    let begun = server.json("/api/events");
    assert_eq!((&begun["reset"], &begun["calls"]), (&json!(false), &json!([])));
    let mut stream = Events::of(&server, "", None);
    let hello = stream.next();
    assert_eq!(begun["id"], hello.id);
    let story = call("2025-10-27 07:00:00", 1_761_548_400.0).said("And now?", "Now, too.");
    tree.call(&session, 1, &story);
    stream.calls();
    tree.call(&session, 2, &story.clone().failed("ServerError", "", "Overloaded", Some(529)));
    let after_second = |id: &str| server.json(&format!("/api/events?after={id}&q=status:error"));
    while !after_second(&hello.id).to_string().contains("Overloaded") {
        stream.calls();
    }
    // All of them, because a list has to follow those that it shows; each says whether it passes.
    let of_both = after_second(&hello.id);
    let finished: Vec<_> =
        of_both["calls"].as_array().unwrap().iter().filter(|event| event["what"] == "finished").collect();
    let told = |event: &Value| (event["call"]["call_id"].clone(), event["passes"].clone());
    assert_eq!(
        finished.iter().map(|event| told(event)).collect::<Vec<_>>(),
        [(json!(story.id(1)), json!(false)), (json!(story.id(2)), json!(true)),]
    );
    let last = of_both["id"].as_str().unwrap();
    assert_eq!(after_second(last)["calls"], json!([]));
    let other_run = server.json("/api/events?after=0-1");
    assert_eq!((&other_run["reset"], &other_run["id"]), (&json!(true), &json!(last)));
    assert_eq!(server.get("/api/events?q=colour:red").status, 400);
    assert_eq!(server.get("/api/events?root=1").status, 400);
}

#[test]
fn an_id_of_another_run_asks_the_page_to_begin_anew() {
    let tree = Tree::usual();
    let server = Server::start(tree.folder(), &[]);
    for id in ["0-1", "nonsense", "ffffffffffffffff-0"] {
        let mut events = Events::of(&server, "", Some(id));
        assert_eq!(events.next().name, "reset", "{id}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn ctrl_c_ends_it_at_once_with_a_stream_open() {
    use std::process::Command;
    use std::time::{Duration, Instant};

    let tree = Tree::usual();
    let mut server = Server::start(tree.folder(), &[]);
    let mut events = Events::of(&server, "", None);
    assert_eq!(events.next().name, "hello");
    let pressed = Instant::now();
    let id = server.child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    while server.child.try_wait().unwrap().is_none() {
        assert!(pressed.elapsed() < Duration::from_secs(10), "it goes on");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_stream_that_is_cut_after_each_event_has_every_call_once() {
    const CALLS: u64 = 60;
    let tree = Tree::usual();
    let session = tree.session("20251027", "20251027_070000", false);
    let alive = File::open(session.join("session.json")).unwrap();
    alive.lock().unwrap();
    let server = Server::start(tree.folder(), &[]);
    let mut last = Events::of(&server, "", None).next().id;
    let story = call("2025-10-27 07:00:00", 1_761_548_400.0).said("And now?", "Now, too.");
    let mut finished = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 1..=CALLS {
                tree.call(&session, number, &story);
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
        });
        while !finished.contains(&story.id(CALLS)) {
            let (calls, id) = Events::of(&server, "", Some(&last)).calls();
            finished.extend(calls.into_iter().filter(|(what, _)| what == "finished").map(|(_, id)| id));
            last = id;
        }
    });
    finished.sort();
    let written: Vec<String> = (1..=CALLS).map(|number| story.id(number)).collect();
    assert_eq!(finished, written);
}
