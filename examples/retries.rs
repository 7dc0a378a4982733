//! Retries: with the middleware before and after a retry middleware, all tries are one call.
//!
//! ```text
//! cargo run --example retries
//! ```

#![allow(clippy::print_stdout, reason = "it shows what it did")]

use std::error::Error;
use std::fs;
use std::time::Duration;

use llmlogs_test_support::api::{Answer, Api};
use llmlogs_test_support::example::{REFUSAL, REPLY, first_call, tree};
use reqwest_middleware::ClientBuilder;
use reqwest_retry::RetryTransientMiddleware;
use reqwest_retry::policies::ExponentialBackoff;
use serde_json::{Value, json};
use tracing_llmlogs::{LlmLogLayer, LlmLogMiddleware};
use tracing_subscriber::prelude::*;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (layer, guard) = LlmLogLayer::builder().build()?;
    tracing_subscriber::registry().with(layer).init();
    let millis = Duration::from_millis;
    let policy = ExponentialBackoff::builder().retry_bounds(millis(10), millis(50)).build_with_max_retries(3);
    let client = ClientBuilder::new(reqwest::Client::new())
        .with(LlmLogMiddleware::new())
        .with(RetryTransientMiddleware::new_with_policy(policy))
        .with(LlmLogMiddleware::new())
        .build();
    let refused = Answer::json(429, REFUSAL).header("retry-after", "2");
    let api = Api::start([refused.clone(), refused, Answer::json(200, REPLY)]).await;

    let question =
        json!({"model": "deepseek-chat", "messages": [{"role": "user", "content": "Capital of France?"}]});
    let response = client.post(api.chat()).json(&question).send().await?;
    println!("{} after {} requests", response.status(), api.received().len());
    response.bytes().await?;

    guard.flush(Duration::from_secs(5))?;
    println!("\n{}", tree(&guard.session_dir())?);
    let call = first_call(&guard.session_dir())?;
    let metadata: Value = serde_json::from_slice(&fs::read(call.join("metadata.json"))?)?;
    println!("attempts: {:#}", metadata["attempts"]);
    Ok(())
}
