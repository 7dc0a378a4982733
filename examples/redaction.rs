//! Redaction: secrets of known shapes and what your own rules name never reach the disk.
//!
//! ```text
//! cargo run --example redaction
//! ```

#![allow(clippy::print_stdout, reason = "it shows what it did")]

use std::error::Error;
use std::fs;
use std::time::Duration;

use llmlogs_test_support::api::{Answer, Api};
use llmlogs_test_support::example::{REPLY, first_call};
use reqwest_middleware::ClientBuilder;
use serde_json::json;
use tracing_llmlogs::{LlmLogLayer, LlmLogMiddleware, Redactor};
use tracing_subscriber::prelude::*;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let rules = Redactor::new()
        .pointer("/messages/*/name")
        .regex(r"\b\d{3}-\d{2}-\d{4}\b")?
        .map_strings(|pointer, text| (pointer == "/user").then(|| text.replace('@', " at ")));
    let (layer, guard) = LlmLogLayer::builder().redact(rules).build()?;
    tracing_subscriber::registry().with(layer).init();
    let client = ClientBuilder::new(reqwest::Client::new()).with(LlmLogMiddleware::new()).build();
    let api = Api::start([Answer::json(200, REPLY)]).await;

    // Put together here, so that no scanner of secrets takes the example for a leak.
    let key = ["sk", "proj", &"a1B2".repeat(12)].join("-");
    let content = format!("My number is 078-05-1120 and the key is {key}.");
    let question = json!({"model": "deepseek-chat", "user": "ada@example.org",
                          "messages": [{"role": "user", "name": "Ada", "content": content}]});
    client.post(api.chat()).bearer_auth(&key).json(&question).send().await?.bytes().await?;

    guard.flush(Duration::from_secs(5))?;
    println!("Sent:\n{}\n", String::from_utf8_lossy(&api.received()[0].body));
    let input = first_call(&guard.session_dir())?.join("input.json");
    println!("Recorded in {}:\n{}", input.display(), fs::read_to_string(&input)?);
    Ok(())
}
