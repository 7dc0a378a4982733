//! A streamed response: the chunks arrive one by one, and on disk lies the object that they fold into.
//!
//! ```text
//! cargo run --example streaming
//! ```

#![allow(clippy::print_stdout, reason = "it shows what it did")]

use std::error::Error;
use std::fs;
use std::time::Duration;

use llmlogs_test_support::api::{Answer, Api};
use llmlogs_test_support::example::{TOOL_EVENTS, first_call};
use reqwest_middleware::ClientBuilder;
use serde_json::{Value, json};
use tracing_llmlogs::{LlmLogLayer, LlmLogMiddleware};
use tracing_subscriber::prelude::*;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (layer, guard) = LlmLogLayer::builder().build()?;
    tracing_subscriber::registry().with(layer).init();
    let client = ClientBuilder::new(reqwest::Client::new()).with(LlmLogMiddleware::new()).build();
    let api = Api::start([Answer::events(&TOOL_EVENTS).pause(Duration::from_millis(50))]).await;

    let question = json!({"model": "deepseek-chat", "stream": true, "stream_options": {"include_usage": true},
                          "messages": [{"role": "user", "content": "What is in config.py?"}]});
    let mut response = client.post(api.chat()).json(&question).send().await?;
    while let Some(chunk) = response.chunk().await? {
        println!("{} bytes have arrived", chunk.len());
    }

    guard.flush(Duration::from_secs(5))?;
    let call = first_call(&guard.session_dir())?;
    println!("\n{}:\n{}", call.join("output.json").display(), fs::read_to_string(call.join("output.json"))?);
    let metadata: Value = serde_json::from_slice(&fs::read(call.join("metadata.json"))?)?;
    println!("performance: {:#}", metadata["performance"]);
    Ok(())
}
