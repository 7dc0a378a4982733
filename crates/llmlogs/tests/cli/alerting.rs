//! Alerts: listing them, and watching a root that other programs write.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::page::Server;
use crate::tree::{Tree, call, private};

const TOKEN: &str = "SECRET-TOKEN-0123456789";

const SOON: Duration = Duration::from_secs(30);

/// A running `llmlogs watch`.
struct Watching {
    child: Child,
    out: mpsc::Receiver<String>,
    err: mpsc::Receiver<String>,
}

fn lines(of: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(of).lines().map_while(Result::ok) {
            let _ended = sender.send(line);
        }
    });
    receiver
}

/// Returns the command that watches `tree`.
fn watch(tree: &Tree, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_llmlogs"));
    command.current_dir(tree.folder()).arg("watch").args(args).env("TZ", "UTC").env("NO_PROXY", "*");
    command.env("HOOK", format!("http://127.0.0.1:1/{TOKEN}"));
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

impl Watching {
    /// Starts it, and waits until it watches.
    fn start(tree: &Tree, args: &[&str]) -> Self {
        let mut child = watch(tree, args).spawn().unwrap();
        let watching = Watching {
            out: lines(child.stdout.take().unwrap()),
            err: lines(child.stderr.take().unwrap()),
            child,
        };
        let first = watching.err.recv_timeout(SOON).unwrap();
        assert!(first.contains("watching"), "{first}");
        watching
    }

    fn line(&self) -> String {
        self.out.recv_timeout(SOON).unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.line()).unwrap()
    }

    /// Sends it a signal, such as `TERM`; returns the status with which it ends, and what it said meanwhile.
    #[cfg(unix)]
    fn end(mut self, signal: &str) -> (Option<i32>, String) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &id]).status().unwrap().success());
        let mut status = None;
        let start = Instant::now();
        while status.is_none() {
            assert!(start.elapsed() < SOON, "it does not end");
            thread::sleep(Duration::from_millis(5));
            status = self.child.try_wait().unwrap();
        }
        let mut said = String::new();
        while let Ok(line) = self.err.recv_timeout(SOON) {
            said += &(line + "\n");
        }
        (status.unwrap().code(), said)
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

/// Starts a server that answers every request with `body`; returns its address and the bodies that it gets.
fn server(body: &'static str) -> (String, mpsc::Receiver<Value>) {
    slow_server(body, Duration::ZERO)
}

/// The same, after `delay`.
fn slow_server(body: &'static str, delay: Duration) -> (String, mpsc::Receiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook/{TOKEN}", listener.local_addr().unwrap());
    let (sender, received) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut reader = BufReader::new(stream);
            let (mut line, mut length) = (String::new(), 0);
            while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                line.clear();
            }
            let mut request = vec![0; length];
            reader.read_exact(&mut request).unwrap();
            thread::sleep(delay);
            let head =
                format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
            reader.get_mut().write_all((head + body).as_bytes()).unwrap();
            let _ended = sender.send(serde_json::from_slice(&request).unwrap());
        }
    });
    (url, received)
}

#[track_caller]
fn eventually(is_done: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_done() {
        assert!(start.elapsed() < SOON, "it does not happen");
        thread::sleep(Duration::from_millis(20));
    }
}

/// A call of the older logger: no index, no session.json.
fn older_call(tree: &Tree, number: u64, error_type: &str) {
    let id = format!("call_20251027_08000{number}_00{number}");
    let dir = tree.root().join("20251027/session_unknown").join(&id);
    fs::create_dir_all(&dir).unwrap();
    let failed = !error_type.is_empty();
    private(&dir.join("input.json"), br#"{"model": "deepseek-chat", "messages": []}"#);
    private(&dir.join("output.json"), br#"{"choices": []}"#);
    private(&dir.join("input.txt"), b"");
    private(&dir.join("output.txt"), b"");
    let metadata = json!({
        "call_id": id, "session_id": "unknown", "timestamp": 1_761_552_000.5, "datetime": "2025-10-27 08:00:00",
        "api_info": {"model": "deepseek-chat", "base_url": "https://api.deepseek.com", "endpoint": "/chat/completions"},
        "response_info": {"error": failed, "error_type": error_type, "error_message": null, "finish_reason": "stop"},
        "usage": {"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14},
        "performance": {"latency_ms": 1500.7},
        "files": {"input": "input.json", "output": "output.json", "input_txt": "input.txt", "output_txt": "output.txt"},
    });
    private(&dir.join("metadata.json"), metadata.to_string().as_bytes());
}

#[test]
#[cfg(unix)]
fn watch_tells_of_failures_that_another_program_records_and_of_their_end() {
    let tree = Tree::usual();
    let (url, hooked) = server("ok");
    let hook = tree.folder().join("hook.txt");
    private(&hook, format!("{url}\n").as_bytes());
    let got = tree.folder().join("got it.jsonl");
    let script = "cat >> \"$0\"";
    let watching = Watching::start(
        &tree,
        &[
            "--json",
            "--rule",
            "in_a_row>=2 successes=1 quiet=1ms",
            "--webhook",
            &format!("slack:file:{}", hook.display()),
            "--webhook",
            "json:env:HOOK",
            "--command",
            "/bin/sh",
            "-c",
            script,
            got.to_str().unwrap(),
        ],
    );
    let session = tree.session("20251027", "20251027_070000", false);
    // This is how a recorder says that it lives.
    let alive = fs::File::open(session.join("session.json")).unwrap();
    alive.lock().unwrap();
    let story = |number: u64| {
        call("2025-10-27 07:00:00", 1_761_548_400.0 + number as f64).said("And now?", "Now, too.")
    };
    for number in 1..=2 {
        let failed = story(number).failed("RateLimitError", "rate_limit_exceeded", "Slow down", Some(429));
        tree.call(&session, number, &failed);
    }
    let fired = watching.json();
    assert_eq!(
        (&fired["event"], &fired["value"], &fired["session_id"]),
        (&json!("firing"), &json!(2.0), &json!(""))
    );
    assert_eq!(fired["last_error"]["error_message"], "Slow down");
    let text = hooked.recv_timeout(SOON).unwrap()["text"].as_str().unwrap().to_owned();
    assert!(text.contains("2 calls in a row failed; last: RateLimitError 429: Slow down"), "{text}");
    eventually(|| fs::read_to_string(&got).is_ok_and(|got| got.ends_with('\n')));
    assert_eq!(serde_json::from_str::<Value>(&fs::read_to_string(&got).unwrap()).unwrap(), fired);
    let firing = tree.out(&["alerts", "--state", "firing"]);
    assert!(firing.contains("in_a_row>=2") && firing.contains("2 calls in a row failed"), "{firing}");
    for command in [&["ls"][..], &[]] {
        assert!(tree.out(command).starts_with("firing since "), "{command:?}");
    }
    let latest = tree.json(&["--json"])[0]["firing"].clone();
    assert_eq!(latest, Value::from(tree.json(&["alerts", "--json", "--state", "firing"])));

    tree.call(&session, 3, &story(3));
    let resolved = watching.json();
    assert_eq!((&resolved["event"], &resolved["alert_id"]), (&json!("resolved"), &fired["alert_id"]));
    assert!(!tree.out(&["ls"]).contains("firing since"));
    assert_eq!(tree.json(&["--json"])[0]["firing"], json!([]));
    // Three tries with pauses between them.
    let lost = watching.err.recv_timeout(SOON).unwrap();
    assert!(lost.contains("not delivered to json: error sending request"), "{lost}");
    eventually(|| tree.json(&["alerts", "--json"])[0]["undelivered"][0]["channel"] == "json");
    drop(watching);
    let files = [tree.root().join("alerts.jsonl"), got].map(|file| fs::read_to_string(file).unwrap());
    for text in [lost, text, files.concat(), tree.out(&["alerts"])] {
        assert!(!text.contains(TOKEN) && !text.contains("/hook"), "{text}");
    }
    assert_eq!(tree.json(&["alerts", "--json"])[0]["state"], "resolved");
}

/// A call that failed, in a session that has just begun in `tree`.
fn failing_call(tree: &Tree) {
    let session = tree.session("20251027", "20251027_070000", false);
    let failed = call("2025-10-27 07:00:00", 1_761_548_400.0).said("And now?", "").failed(
        "RateLimitError",
        "rate_limit_exceeded",
        "Slow down",
        Some(429),
    );
    tree.call(&session, 1, &failed);
}

#[test]
#[cfg(unix)]
fn a_notice_on_its_way_was_lost_when_a_signal_ended_the_watch() {
    for signal in ["TERM", "INT", "HUP"] {
        let tree = Tree::usual();
        let (url, hooked) = slow_server("ok", Duration::from_millis(300));
        let watching =
            Watching::start(&tree, &["--rule", "in_a_row>=1", "--webhook", &format!("slack:{url}")]);
        failing_call(&tree);
        watching.line();
        let (code, said) = watching.end(signal);
        assert_eq!((code, said.as_str()), (Some(0), ""), "{signal}: to be told to end is no failure");
        hooked.recv_timeout(SOON).unwrap();
        assert_eq!(tree.json(&["alerts", "--json"])[0]["state"], "ended");
    }
}

#[test]
#[cfg(unix)]
fn a_notice_on_its_way_was_lost_when_nobody_read_the_output() {
    let tree = Tree::usual();
    let (url, hooked) = slow_server("ok", Duration::from_millis(300));
    let mut command = watch(&tree, &["--rule", "in_a_row>=1", "--webhook", &format!("slack:{url}")]);
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let said = lines(child.stderr.take().unwrap());
    said.recv_timeout(SOON).unwrap();
    failing_call(&tree);
    assert!(child.wait().unwrap().success());
    hooked.recv_timeout(SOON).unwrap();
    assert!(said.recv_timeout(SOON).is_err(), "it was delivered");
}

#[test]
#[cfg(unix)]
fn a_webhook_that_hangs_does_not_keep_a_watch_from_its_end() {
    let tree = Tree::usual();
    let (url, hooked) = slow_server("ok", Duration::from_secs(3600));
    let watching = Watching::start(&tree, &["--rule", "in_a_row>=1", "--webhook", &format!("slack:{url}")]);
    failing_call(&tree);
    watching.line();
    let (code, said) = watching.end("TERM");
    assert_eq!((code, said.as_str()), (Some(0), "llmlogs: not every notice was delivered\n"));
    drop(hooked);
}

#[test]
fn a_watch_that_was_started_before_the_first_recorder_found_no_root() {
    let tree = Tree::usual();
    std::fs::rename(tree.root(), tree.folder().join("away")).unwrap();
    let root = tree.root();
    let watching = Watching::start(
        &tree,
        &["--root", root.to_str().unwrap(), "--rule", "in_a_row>=1", "--rule", "silence>1s"],
    );
    let silent = watching.line();
    assert!(silent.contains("no call has ended for"), "{silent}");
    failing_call(&tree);
    let lines = [watching.line(), watching.line()].concat();
    assert!(lines.contains("1 call failed; last: RateLimitError 429: Slow down"), "{lines}");
    eventually(|| tree.run(&["alerts", "--rule", "in_a_row"]).code == 0);
}

#[test]
fn watch_reads_what_the_older_logger_writes_and_its_alerts_end_with_it() {
    let tree = Tree::usual();
    let watching = Watching::start(&tree, &["--rule", "in_a_row>=2", "--rule", "tokens>40/1h"]);
    for number in 1..=3 {
        older_call(&tree, number, "APIError");
    }
    let (first, second) = (watching.line(), watching.line());
    assert!(first.contains("firing  2 calls in a row failed; last: APIError"), "{first}");
    assert!(second.contains("firing  42 tokens used in 1h (limit 40)"), "{second}");
    let firing = tree.json(&["alerts", "--json", "--state", "firing"]);
    assert_eq!(firing.len(), 2);
    let page = Server::start(tree.folder(), &[]);
    assert_eq!(page.json("/api/overview")["firing"], Value::from(firing));
    drop(watching);
    assert_eq!(page.json("/api/overview")["firing"], json!([]));
    assert_eq!(tree.json(&["alerts", "--json", "--state", "ended"]).len(), 2);
    assert!(!tree.out(&["ls"]).contains("firing since"));
    assert_eq!(tree.run(&["alerts", "--state", "firing"]).code, 1);
    assert!(!tree.run(&["doctor"]).out.contains("alerts.jsonl"));
}

#[test]
fn a_rule_that_is_none_is_answered_with_one_and_a_webhook_that_is_none_is_not_repeated() {
    let tree = Tree::usual();
    for (args, said) in [
        (&["watch", "--rule", "failure_rate>20%"][..], "it needs a window: failure_rate>20%/5m"),
        (&["watch", "--rule", "mood>5"], "there is no mood"),
        (&["watch", "--webhook", TOKEN], "slack:URL"),
        (&["watch", "--webhook", "slack:SECRET-TOKEN-0123456789"], "no http or https URL"),
        (&["watch", "--webhook", "slack:env:NO_SUCH_VARIABLE"], "NO_SUCH_VARIABLE is not set"),
        (&["watch", "--webhook", "slack:file:/no/such/file"], "cannot read /no/such/file"),
    ] {
        let ran = tree.run(args);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.err.contains(said) && !ran.err.contains(TOKEN), "{ran:?}");
    }
}

fn line(id: &str, event: &str, timestamp: f64, rule: &str) -> String {
    let at = if timestamp < 1_761_523_200.0 {
        "2025-10-26T23:58:00.000+00:00"
    } else {
        "2025-10-27T04:03:05.000+00:00"
    };
    let alert = json!({
        "alert_id": id, "event": event, "timestamp": timestamp, "at": at, "since": at, "firing_ms": 65_000,
        "notice": 1, "rule": rule, "message": format!("{id}\u{1b}[31m said"), "session_id": "20251027_040210",
        "channel": "slack", "reason": "HTTP 404",
    });
    format!("{alert}\n")
}

fn with_alerts() -> Tree {
    let tree = Tree::usual();
    let write =
        |session: &Path, lines: &[String]| private(&session.join("alerts.jsonl"), lines.concat().as_bytes());
    let rule = "failure_rate>20%/5m";
    write(
        &tree.root().join("20251026/session_20251026_235800"),
        &[line("b-1", "firing", 1_761_523_080.0, rule)],
    );
    write(
        &tree.root().join("20251027/session_20251027_040210"),
        &[
            line("a-1", "firing", 1_761_537_785.0, "in_a_row>=2"),
            line("a-1", "undelivered", 1_761_537_786.0, "in_a_row>=2"),
            line("a-1", "resolved", 1_761_537_850.0, "in_a_row>=2"),
            "{\"torn".to_owned(),
        ],
    );
    tree
}

#[test]
fn alerts_lists_what_fired_with_what_became_of_it() {
    let tree = with_alerts();
    insta::assert_snapshot!("alerts", tree.out(&["alerts"]));
    let ids = |args: &[&str]| -> Vec<String> {
        let alerts = tree.json(&[&["alerts", "--json"], args].concat());
        alerts.iter().map(|alert| alert["alert_id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(&[]), ["a-1", "b-1"]);
    assert_eq!(ids(&["2025-10-26"]), ["b-1"]);
    assert_eq!(ids(&["--since", "2025-10-27"]), ["a-1"]);
    assert_eq!(ids(&["--until", "2025-10-26"]), ["b-1"]);
    assert_eq!(ids(&["--state", "resolved"]), ["a-1"]);
    assert_eq!(ids(&["--rule", "failure_rate"]), ["b-1"]);
    assert_eq!(ids(&["--limit", "1"]), ["a-1"]);
    assert_eq!(ids(&["--session", "040210"]).len(), 2);
    let empty = Tree::usual();
    assert_eq!(empty.run(&["alerts"]).code, 1);
}

#[test]
fn prune_takes_the_alerts_of_a_session_with_it() {
    let tree = with_alerts();
    assert_eq!(tree.run(&["prune", "--older-than", "1d", "--yes"]).code, 0);
    assert!(!tree.root().join("20251026").exists());
}
