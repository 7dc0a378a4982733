//! Retries of the middleware's own: what they wait for, what they do not repeat, and what stays of it on disk.
//!
//! ```text
//! cargo run --example retry
//! ```

#![allow(clippy::print_stdout, reason = "it shows what it did")]

use std::error::Error;
use std::fs;
use std::time::{Duration, Instant};

use llmlogs_test_support::api::{Answer, Api};
use llmlogs_test_support::example::{REFUSAL, REPLY};
use reqwest_middleware::ClientBuilder;
use serde_json::{Value, json};
use tracing_llmlogs::{LlmLogLayer, LlmLogMiddleware, Retry};
use tracing_subscriber::prelude::*;

const NO_QUOTA: &str = r#"{"error": {"message": "You exceeded your current quota", "type": "insufficient_quota", "code": "insufficient_quota"}}"#;
const ROLE: &str = r#"{"id":"c","object":"chat.completion.chunk","created":1761537731,"model":"deepseek-chat","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#;
const PARIS: &str = r#"{"id":"c","object":"chat.completion.chunk","created":1761537731,"model":"deepseek-chat","choices":[{"index":0,"delta":{"content":"Paris."},"finish_reason":"stop"}]}"#;
const BROKEN: &str = r#"{"error": {"message": "The server is overloaded", "type": "server_error"}}"#;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (layer, guard) = LlmLogLayer::builder().build()?;
    tracing_subscriber::registry().with(layer).init();
    let retry = Retry::new().hold_streams(true);
    // What `reqwest` repeats by itself would be requests that no middleware sees.
    let plain = reqwest::Client::builder().retry(reqwest::retry::never()).build()?;
    let client = ClientBuilder::new(plain).with(LlmLogMiddleware::new().retry(retry)).build();

    let scripts: [(&str, bool, Vec<Answer>); 4] = [
        (
            "busy twice, once with Retry-After",
            false,
            vec![
                Answer::json(503, BROKEN),
                Answer::json(429, REFUSAL).header("retry-after", "0.7"),
                Answer::json(200, REPLY),
            ],
        ),
        (
            "no quota left, whatever the header says",
            false,
            vec![Answer::json(429, NO_QUOTA).header("x-should-retry", "true")],
        ),
        ("come back in an hour", false, vec![Answer::json(429, REFUSAL).header("retry-after", "3600")]),
        (
            "an error as the second event of a stream",
            true,
            vec![Answer::events(&[ROLE, BROKEN]), Answer::events(&[ROLE, PARIS, "[DONE]"])],
        ),
    ];
    for (number, (what, stream, script)) in (1..).zip(scripts) {
        let api = Api::start(script).await;
        let question = json!({"model": "deepseek-chat", "stream": stream,
            "messages": [{"role": "user", "content": "Capital of France?"}]});
        let started = Instant::now();
        let response = client.post(api.chat()).json(&question).send().await?;
        let (status, length) = (response.status(), response.bytes().await?.len());
        println!(
            "{what}: {status}, {length} bytes after {} requests in {:.1} s",
            api.received().len(),
            started.elapsed().as_secs_f64()
        );
        guard.flush(Duration::from_secs(5))?;
        let calls = fs::read_dir(guard.session_dir())?.filter_map(|entry| Some(entry.ok()?.path()));
        let mut calls = calls.filter(|path| path.to_string_lossy().ends_with(&format!("_{number:03}")));
        let call = calls.next().ok_or("the call was not recorded")?;
        let metadata: Value = serde_json::from_slice(&fs::read(call.join("metadata.json"))?)?;
        for attempt in metadata["attempts"].as_array().into_iter().flatten() {
            println!(
                "  attempt {}: HTTP {}, {} after {} ms of waiting: {}",
                attempt["attempt"],
                attempt["http_status"],
                attempt["error_type"],
                attempt["waited_ms"],
                attempt["decision"]
            );
        }
    }
    println!("\n{}", guard.session_dir().display());
    Ok(())
}
