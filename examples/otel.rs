//! OpenTelemetry beside the recorder: the same spans are exported as GenAI client spans; with the feature `opentelemetry`
//! with their messages, redacted, because this program asks for them.
//!
//! ```text
//! cargo run --example otel --features opentelemetry
//! ```

#![allow(clippy::print_stdout, reason = "it shows what it did")]

use std::error::Error;
use std::time::Duration;

use llmlogs_test_support::api::{Answer, Api};
use llmlogs_test_support::example::{REPLY, tree};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use reqwest_middleware::ClientBuilder;
use serde_json::json;
use tracing_llmlogs::{LlmLogLayer, LlmLogMiddleware};
use tracing_subscriber::prelude::*;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let builder = LlmLogLayer::builder();
    #[cfg(feature = "opentelemetry")]
    let builder = builder.export_messages(true);
    let (layer, guard) = builder.build()?;
    // In a program: the exporter of your collector.
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    let otel = tracing_opentelemetry::layer().with_tracer(provider.tracer("example"));
    tracing_subscriber::registry().with(layer).with(otel).init();
    let client = ClientBuilder::new(reqwest::Client::new()).with(LlmLogMiddleware::new()).build();
    let api = Api::start([Answer::json(200, REPLY)]).await;

    let question =
        json!({"model": "deepseek-chat", "messages": [{"role": "user", "content": "Capital of France?"}]});
    client.post(api.chat()).json(&question).send().await?.bytes().await?;

    guard.flush(Duration::from_secs(5))?;
    println!("{}", tree(&guard.session_dir())?);
    for span in exporter.get_finished_spans()? {
        println!("Exported span {}, {:?}:", span.name, span.span_kind);
        let shown = ["gen_ai.", "input.", "output."];
        let shown = |name: &str| shown.iter().any(|prefix| name.starts_with(prefix));
        for attribute in span.attributes.iter().filter(|attribute| shown(attribute.key.as_str())) {
            println!("  {} = {}", attribute.key, attribute.value);
        }
    }
    Ok(())
}
