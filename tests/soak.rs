//! Mixed traffic with faults against the loopback API; what was made, seen, counted, written and indexed must agree.
//!
//! ```sh
//! LLMLOGS_SOAK_SECONDS=600 cargo test --release --test soak -- --nocapture
//! ```
//!
//! Calls succeed, stream, are refused, time out, break off, are dropped, answer with nonsense and with a megabyte,
//! while the session's folder is taken away and given back, and old days are pruned. It fails if a call is missing, is
//! there twice, or has another status than its caller saw. Three seconds of it unless the variable asks for more.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a test that shows its counts")]

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use llmlogs_test_support::api::{Answer, Api, Received};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use serde_json::{Value, json};
use tracing::Instrument;
use tracing_llmlogs::read::{Root, State, Status};
use tracing_llmlogs::{LlmLogGuard, LlmLogLayer, LlmLogMiddleware, Retention};
use tracing_subscriber::prelude::*;

const TASKS: u64 = 16;

/// What the server does with a request, which says so in its `user`.
const KINDS: [&str; 9] =
    ["plain", "stream", "refused", "broken", "silent", "dropped", "nonsense", "large", "failing-stream"];

#[tokio::test(flavor = "multi_thread")]
async fn all_counts_agree_after_mixed_traffic_with_faults() {
    let seconds: f64 = std::env::var("LLMLOGS_SOAK_SECONDS").map_or(3.0, |n| n.parse().expect("seconds"));
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_owned();
    let (layer, guard) = LlmLogLayer::builder()
        .root(&root)
        .text_files(false)
        .retention(Retention::new().max_age(Duration::from_secs(365 * 86_400)))
        .build()
        .expect("a root below the temporary folder");
    tracing_subscriber::registry().with(layer).init();
    let guard = Arc::new(guard);

    let url = Api::respond(answer).await.url;
    let over = Arc::new(AtomicBool::new(false));
    let made = Arc::new(AtomicU64::new(0));
    let trouble = tokio::spawn(make_trouble(Arc::clone(&guard), root.clone(), Arc::clone(&over)));
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| tokio::spawn(traffic(task, url.clone(), Arc::clone(&over), Arc::clone(&made))))
        .collect();
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
    over.store(true, Ordering::Relaxed);
    let mut seen: HashMap<String, Status> = HashMap::new();
    for task in tasks {
        seen.extend(task.await.expect("a task that does not panic"));
    }
    trouble.await.expect("a task that does not panic");
    let guard = Arc::into_inner(guard).expect("nobody else has it any more");
    let flushed = guard.flush(Duration::from_secs(120));
    let stats = guard.shutdown(Duration::from_secs(60));

    // What is on disk, by the id that each call was sent with.
    let (mut found, mut wrong) = (HashMap::new(), 0_u64);
    for call in Root::open(&root).expect("the root").calls() {
        let call = call.expect("a folder");
        if call.state() != State::Finished {
            wrong += 1;
            continue;
        }
        let metadata = call.metadata().expect("a whole file");
        let id = metadata.context.task_id.as_str().unwrap_or_default().to_owned();
        if let Some(before) = found.insert(id.clone(), metadata.status) {
            println!("{id} is there twice, {before:?} and {:?}", metadata.status);
            wrong += 1;
        }
    }
    for (id, status) in &seen {
        match found.get(id) {
            Some(told) if told == status => {}
            told => {
                println!("{id}: its caller saw {status:?}, the disk tells {told:?}");
                wrong += 1;
            }
        }
    }
    let lines = indexed(&root);
    let made = made.load(Ordering::Relaxed);
    let agree = wrong == 0
        && flushed.is_ok()
        && stats.lost == 0
        && [stats.calls, seen.len() as u64, found.len() as u64, lines].iter().all(|count| *count == made);
    println!(
        "made {made}, seen {}, counted {}, on disk {}, indexed {lines}, degraded {}, lost {}, failed writes {}, wrong {wrong}: {}",
        seen.len(),
        stats.calls,
        found.len(),
        stats.degraded,
        stats.lost,
        stats.write_errors,
        if agree { "they agree" } else { "THEY DO NOT AGREE" },
    );
    assert!(agree, "the counts above do not agree");
}

/// Makes calls of all kinds; returns how each of them went, as its caller saw it.
async fn traffic(
    task: u64,
    url: String,
    over: Arc<AtomicBool>,
    made: Arc<AtomicU64>,
) -> HashMap<String, Status> {
    let http = reqwest::Client::builder().timeout(Duration::from_secs(20)).build().expect("a client");
    let client = ClientBuilder::new(http).with(LlmLogMiddleware::new()).build();
    let mut seen = HashMap::new();
    let mut random = task * 2 + 1;
    for n in 0_u64.. {
        if over.load(Ordering::Relaxed) {
            break;
        }
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let kind = KINDS[(random >> 33) as usize % KINDS.len()];
        let id = format!("{kind} {task}.{n}");
        made.fetch_add(1, Ordering::Relaxed);
        // What surrounds a call stays with it, whatever else gives way.
        let span = tracing::info_span!("traffic", task_id = id);
        let status = call(&client, &url, kind, &id).instrument(span).await;
        seen.insert(id, status);
    }
    seen
}

async fn call(client: &ClientWithMiddleware, url: &str, kind: &str, id: &str) -> Status {
    let stream = matches!(kind, "stream" | "broken" | "dropped" | "failing-stream");
    let body =
        json!({"model": "m", "stream": stream, "user": kind, "messages": [{"role": "user", "content": id}]});
    let limit = if kind == "silent" { Duration::from_millis(50) } else { Duration::from_secs(20) };
    let sent = client
        .post(format!("{url}/v1/chat/completions"))
        .header("content-type", "application/json")
        .timeout(limit)
        .body(body.to_string())
        .send()
        .await;
    let Ok(mut response) = sent else {
        return Status::Error;
    };
    if kind == "dropped" {
        let _first = response.chunk().await;
        return Status::Cancelled;
    }
    let failed = response.status().as_u16() >= 400 || matches!(kind, "failing-stream" | "nonsense");
    match response.bytes().await {
        Ok(_) if !failed => Status::Ok,
        _ => Status::Error,
    }
}

/// Takes the session's folder away and gives it back; prunes.
async fn make_trouble(guard: Arc<LlmLogGuard>, root: std::path::PathBuf, over: Arc<AtomicBool>) {
    let mut turn = 0_u32;
    let mut next = Instant::now() + Duration::from_secs(2);
    while !over.load(Ordering::Relaxed) {
        tokio::time::sleep(Duration::from_millis(50)).await;
        if Instant::now() < next {
            continue;
        }
        next = Instant::now() + Duration::from_secs(2);
        turn += 1;
        let session = guard.session_dir();
        let aside = root.join("aside");
        if turn.is_multiple_of(3) {
            let _pruned = Retention::new().max_age(Duration::from_secs(86_400)).prune(&root);
        } else if std::fs::rename(&session, &aside).is_ok() {
            // A file stands in its place for longer than it takes the recorder to notice.
            std::fs::write(&session, "in the way").unwrap();
            tokio::time::sleep(Duration::from_millis(900)).await;
            std::fs::remove_file(&session).unwrap();
            std::fs::rename(&aside, &session).unwrap();
        }
    }
}

fn indexed(root: &Path) -> u64 {
    let mut lines = 0;
    for day in std::fs::read_dir(root).unwrap().map(|day| day.unwrap().path()) {
        for session in std::fs::read_dir(day).unwrap().map(|session| session.unwrap().path()) {
            let index = std::fs::read_to_string(session.join("index.jsonl")).unwrap_or_default();
            lines += index.lines().filter(|line| serde_json::from_str::<Value>(line).is_ok()).count() as u64;
        }
    }
    lines
}

fn answer(request: &Received) -> Answer {
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    let reply = |text: &str| {
        json!({"id": "r", "model": "m", "choices": [{"index": 0, "finish_reason": "stop",
               "message": {"role": "assistant", "content": text}}],
               "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}})
        .to_string()
    };
    let word = r#"{"id":"r","choices":[{"index":0,"delta":{"content":"word "}}]}"#;
    let last = r#"{"id":"r","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
    match body["user"].as_str().unwrap() {
        "plain" => Answer::json(200, reply("hi")),
        "large" => Answer::json(200, reply(&"x".repeat(1 << 20))),
        "nonsense" => Answer::json(200, "<html>{["),
        "refused" => Answer::json(429, r#"{"error":{"message":"slow down","code":"rate_limit_exceeded"}}"#),
        "silent" => Answer::silence(),
        "broken" => Answer::events(&[word]).pause(Duration::from_millis(5)).then_break(),
        "failing-stream" => Answer::events(&[word, r#"{"error":{"message":"gone","code":500}}"#]),
        _ => Answer::events(&[word, last, "[DONE]"]).pause(Duration::from_millis(10)),
    }
}
