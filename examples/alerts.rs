//! Alerts: an API that fails, somebody who is told, and how the calls did.
//!
//! ```text
//! cargo run --example alerts
//! ```

#![allow(clippy::print_stdout, reason = "it shows what it did")]

use std::error::Error;
use std::fs;
use std::time::Duration;

use llmlogs_test_support::api::{Answer, Api};
use llmlogs_test_support::example::{REFUSAL, REPLY};
use serde_json::json;
use tracing_llmlogs::{Alert, Alerts, LlmLogLayer, LlmLogMiddleware, Rule};
use tracing_subscriber::prelude::*;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let alerts = Alerts::new()
        // The defaults are three successes and 30 seconds; nobody waits that long for an example.
        .rule(Rule::failures_in_a_row(3).resolve_after(3, Duration::from_millis(100)))
        .rule("failure_rate>50%/5m at_least=5 each=model".parse()?)
        // With the feature `webhooks`: `.notify(Webhook::slack(std::env::var("SLACK_WEBHOOK")?))`.
        .notify(|alert: &Alert| println!("  told: {:?}: {}", alert.event, alert.message));
    let (layer, guard) = LlmLogLayer::builder().alerts(alerts).build()?;
    tracing_subscriber::registry().with(layer).init();
    let client =
        reqwest_middleware::ClientBuilder::new(reqwest::Client::new()).with(LlmLogMiddleware::new()).build();

    let refused = Answer::json(429, REFUSAL);
    let failing =
        Answer::json(500, r#"{"error": {"message": "The server had an error", "type": "server_error"}}"#);
    let well = Answer::json(200, REPLY);
    let answers = [well.clone(), refused.clone(), refused, failing.clone(), failing.clone(), failing, well];
    let api = Api::start(answers).await;
    let question =
        json!({"model": "deepseek-chat", "messages": [{"role": "user", "content": "Capital of France?"}]});
    for number in 1..=10 {
        let response = client.post(api.chat()).json(&question).send().await?;
        println!("call {number}: {}", response.status());
        response.bytes().await?;
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
    guard.flush(Duration::from_secs(5))?;

    let health = guard.health();
    let rate = health.success_rate("127.0.0.1", "deepseek-chat", Duration::from_secs(300));
    println!("\nsuccess rate of the last five minutes: {rate:?}");
    println!("{}", serde_json::to_string_pretty(&health.snapshot())?);
    println!("still firing: {:?}", guard.alerts().firing.iter().map(|alert| &alert.rule).collect::<Vec<_>>());

    let session = guard.session_dir();
    guard.shutdown(Duration::from_secs(5));
    println!(
        "\n{}\n{}",
        session.join("alerts.jsonl").display(),
        fs::read_to_string(session.join("alerts.jsonl"))?
    );
    Ok(())
}
