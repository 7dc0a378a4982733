//! Degradation: a model that keeps failing is left alone for a while, and calls go to another one.
//!
//! ```text
//! cargo run --example degrade
//! ```

#![allow(clippy::print_stdout, reason = "it shows what it did")]

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use llmlogs_test_support::api::{Answer, Api};
use llmlogs_test_support::example::REPLY;
use reqwest_middleware::ClientBuilder;
use serde_json::json;
use tracing_llmlogs::{Breaker, Fallback, LlmLogLayer, LlmLogMiddleware, Retry};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::prelude::*;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (layer, guard) = LlmLogLayer::builder().build()?;
    // Changes of a circuit's state are events.
    let events = tracing_subscriber::fmt::layer().without_time().with_target(false);
    tracing_subscriber::registry().with(layer).with(events.with_filter(LevelFilter::INFO)).init();

    let is_dead = Arc::new(AtomicBool::new(true));
    let api = {
        let is_dead = Arc::clone(&is_dead);
        Api::respond(move |request| {
            let is_primary = String::from_utf8_lossy(&request.body).contains(r#""model":"gpt-4o""#);
            if is_primary && is_dead.load(Ordering::Relaxed) {
                Answer::json(
                    503,
                    r#"{"error": {"message": "The server is overloaded", "type": "server_error"}}"#,
                )
            } else {
                Answer::json(200, REPLY)
            }
        })
        .await
    };
    let middleware = LlmLogMiddleware::new()
        .retry(Retry::new().max_attempts(2))
        .breaker(Breaker::new().failures_in_a_row(4).open_for(Duration::from_secs(2)))
        .fallback(Fallback::model("gpt-4o", "gpt-4o-mini"));
    let circuits = middleware.circuits();
    let client = ClientBuilder::new(reqwest::Client::new()).with(middleware).build();
    let ask = || async {
        let question =
            json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "Capital of France?"}]});
        let response = client.post(api.chat()).json(&question).send().await?;
        println!("{}", response.status());
        Ok::<_, reqwest_middleware::Error>(response.bytes().await?)
    };
    println!("gpt-4o is dead:");
    for _ in 0..4 {
        ask().await?;
    }
    println!("degraded: {}", serde_json::to_string_pretty(&circuits.degraded())?);

    println!("gpt-4o is back; a probe finds out:");
    is_dead.store(false, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(2300)).await;
    for _ in 0..2 {
        ask().await?;
    }
    println!("degraded: {:?}", circuits.degraded());
    guard.flush(Duration::from_secs(5))?;
    println!("\nllmlogs ls --session {}", guard.session_id());
    Ok(())
}
