//! The layer without HTTP: spans that say of themselves that they are calls, and `LlmCall` for calls with bodies.
//!
//! ```text
//! cargo run --example layer_alone --no-default-features
//! ```

#![allow(clippy::print_stdout, reason = "it shows what it did")]

use std::error::Error;
use std::fs;
use std::time::Duration;

use llmlogs_test_support::example::tree;
use serde_json::json;
use tracing::{info, info_span};
use tracing_llmlogs::{LlmCall, LlmLogLayer};
use tracing_subscriber::prelude::*;

fn main() -> Result<(), Box<dyn Error>> {
    let (layer, guard) = LlmLogLayer::builder().build()?;
    tracing_subscriber::registry().with(layer).init();

    // A span with OpenTelemetry's field is a call; events inside it add to it.
    info_span!("chat", gen_ai.operation.name = "chat", gen_ai.request.model = "deepseek-chat").in_scope(
        || {
            info!(prompt_tokens = 12, completion_tokens = 3, finish_reason = "stop", "answered");
        },
    );

    // A call with bodies, from wherever they come.
    let request = json!({"model": "local-model", "messages": [{"role": "user", "content": "Hi"}]});
    let start = || LlmCall::builder("my-runtime", "local-model").operation("chat").request(&request).start();
    start().finish(&json!({"choices": [{"index": 0, "finish_reason": "stop",
                                        "message": {"role": "assistant", "content": "Hello."}}]}));
    start().fail(&std::io::Error::other("the model could not be loaded"));

    guard.flush(Duration::from_secs(5))?;
    println!("{}", tree(&guard.session_dir())?);
    println!("{}", fs::read_to_string(guard.session_dir().join("index.jsonl"))?);
    Ok(())
}
