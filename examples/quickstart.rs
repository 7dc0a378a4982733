//! Records a few calls and shows what lies on disk afterwards.
//!
//! ```text
//! cargo run --example quickstart
//! ```
//!
//! Without `OPENAI_API_KEY`, or if it is empty, a loopback API stands in and lets two of the calls fail. With it
//! (and optionally `OPENAI_BASE_URL` and `OPENAI_MODEL`) the plain and the streamed call go to the real API.
//! `LLMLOGS_ROOT` chooses the folder; `./llmlogs/apiCall` is the default.

#![allow(clippy::print_stdout, reason = "it shows what it did")]

use std::env;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::Duration;

use llmlogs_test_support::api::{Answer, Api};
use llmlogs_test_support::example::{REFUSAL, REPLY, TOOL_EVENTS, tree};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use serde_json::{Value, json};
use tracing::{Instrument, info_span};
use tracing_llmlogs::{Language, LlmLogLayer, LlmLogMiddleware, Price};
use tracing_subscriber::prelude::*;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[tokio::main]
pub async fn main() -> Result<()> {
    // The layer, added to any subscriber. `tracing_llmlogs::layer()` is the same with defaults only.
    let (layer, guard) = LlmLogLayer::builder()
        .language(Language::English)
        .price("deepseek-chat", Price::per_thousand(0.001, 0.002, "CNY"))
        .build()?;
    tracing_subscriber::registry().with(layer).init();

    // The middleware, attached to any client.
    let client = ClientBuilder::new(reqwest::Client::new()).with(LlmLogMiddleware::new()).build();

    // From here on it is a program like any other.
    match variable("OPENAI_API_KEY") {
        Some(key) => {
            let base = variable("OPENAI_BASE_URL").unwrap_or_else(|| "https://api.openai.com/v1".into());
            let model = variable("OPENAI_MODEL").unwrap_or_else(|| "gpt-4o-mini".into());
            let agent = Agent { client, url: format!("{base}/chat/completions"), key, model };
            agent.plain().await?;
            agent.streamed().await?;
        }
        None => {
            println!("OPENAI_API_KEY is not set: a loopback API stands in.\n");
            let api = Api::start([
                Answer::json(200, REPLY),
                Answer::events(&TOOL_EVENTS).pause(Duration::from_millis(20)),
                Answer::json(429, REFUSAL).header("retry-after", "2"),
                Answer::silence(),
            ])
            .await;
            let agent =
                Agent { client, url: api.chat(), key: "no-key".into(), model: "deepseek-chat".into() };
            agent.plain().await?;
            agent.streamed().await?;
            for expected in ["too many requests", "a timeout"] {
                if let Err(error) = agent.plain().await {
                    println!("As planned ({expected}), a call failed: {error}");
                }
            }
        }
    }

    guard.flush(Duration::from_secs(5))?;
    show(&guard.session_dir())?;
    println!("{LOOK_FURTHER}");
    Ok(())
}

/// Commands that work in a clone of the repository, in the shell that ran this.
const LOOK_FURTHER: &str = "\
To look further:

  cargo run -qp llmlogs -- ls           the calls, newest first
  cargo run -qp llmlogs -- show @1      the latest call, whole
  cargo run -qp llmlogs -- stats        tokens, costs, latencies
  cargo run -qp llmlogs -- failures     what failed, and why
  cargo run -qp llmlogs -- --help

After `cargo install --path crates/llmlogs` it is `llmlogs ls`, and so on.";

/// Returns an environment variable; one that is empty is none.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.trim().is_empty())
}

struct Agent {
    client: ClientWithMiddleware,
    url: String,
    key: String,
    model: String,
}

impl Agent {
    async fn plain(&self) -> Result<()> {
        let question = "In one word: what is the capital of France?";
        let body = json!({
            "model": self.model,
            "messages": [{"role": "system", "content": "You are terse."}, {"role": "user", "content": question}],
        });
        // Fields of the spans around a call end up in its `context`.
        let turn = info_span!("agent", user_message = question, phase = "Answer", agent_iteration = 1);
        let reply: Value = self.post(&body).instrument(turn).await?.json().await?;
        println!("Plain call: {}", reply["choices"][0]["message"]["content"]);
        Ok(())
    }

    async fn streamed(&self) -> Result<()> {
        let body = json!({
            "model": self.model,
            "stream": true,
            "stream_options": {"include_usage": true},
            "messages": [{"role": "user", "content": "What is in config.py?"}],
            "tools": [{"type": "function", "function": {
                "name": "read_file",
                "description": "Reads a file of the project",
                "parameters": {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
            }}],
            "tool_choice": "auto",
        });
        let mut response = self.post(&body).await?;
        let mut chunks = 0;
        while let Some(_chunk) = response.chunk().await? {
            chunks += 1;
        }
        println!("Streamed call: {chunks} chunks");
        Ok(())
    }

    async fn post(&self, body: &Value) -> Result<reqwest::Response> {
        let request = self.client.post(&self.url).bearer_auth(&self.key).json(body);
        let response =
            request.timeout(Duration::from_secs(if self.key == "no-key" { 1 } else { 60 })).send().await?;
        Ok(response.error_for_status()?)
    }
}

/// Prints the session's folder, and one call of each kind from inside.
fn show(session: &Path) -> Result<()> {
    println!("\n{}", tree(session)?);
    let mut calls = fs::read_dir(session)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    calls.retain(|path| path.is_dir());
    calls.sort();
    let (mut ok, mut failed) = (None, None);
    for call in calls {
        let metadata: Value = serde_json::from_slice(&fs::read(call.join("metadata.json"))?)?;
        let kind = if metadata["status"] == "ok" { &mut ok } else { &mut failed };
        kind.get_or_insert(call);
    }
    let files = [ok.map(|call| call.join("metadata.json")), failed.map(|call| call.join("output.txt"))];
    for file in files.into_iter().flatten() {
        println!("{}\n\n{}", file.display(), fs::read_to_string(&file)?);
    }
    Ok(())
}
