//! What an OpenTelemetry layer beside ours exports: spans by the GenAI convention.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use llmlogs_test_support as support;

use std::collections::HashMap;

use opentelemetry::Value;
use opentelemetry::trace::{SpanKind, Status, TracerProvider as _};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use serde_json::json;
use support::api::{Answer, Api};
use tracing_llmlogs::LlmLogMiddleware;
use tracing_subscriber::prelude::*;

async fn exported(answer: Answer, with_our_layer: bool) -> SpanData {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    let otel = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    let (layer, _recorded) = support::recorder();
    let layer = with_our_layer.then_some(layer);
    let _default = tracing_subscriber::registry().with(layer).with(otel).set_default();
    let api = Api::start([answer]).await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let client = reqwest_middleware::ClientBuilder::new(http).with(LlmLogMiddleware::new()).build();
    let body = json!({"model": "gpt-4o", "temperature": 0.5, "max_tokens": 100, "top_p": 0.9, "seed": 7, "stream": true,
        "messages": [{"role": "user", "content": "planted-content"}]});
    let _sent = client.post(api.chat()).json(&body).send().await.unwrap().bytes().await;
    provider.force_flush().unwrap();
    let mut spans = exporter.get_finished_spans().unwrap();
    assert_eq!(spans.len(), 1, "{spans:?}");
    spans.remove(0)
}

fn attributes(span: &SpanData) -> HashMap<&str, String> {
    span.attributes.iter().map(|kv| (kv.key.as_str(), kv.value.to_string())).collect()
}

fn stream() -> Answer {
    Answer::events(&[
        r#"{"id":"c1","model":"gpt-4o-2024","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}"#,
        r#"{"id":"c1","model":"gpt-4o-2024","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":4,"total_tokens":13,"prompt_tokens_details":{"cached_tokens":3},"completion_tokens_details":{"reasoning_tokens":2}}}"#,
        "[DONE]",
    ])
}

#[tokio::test]
async fn a_call_is_a_client_span_of_the_genai_convention_with_and_without_our_layer() {
    for with_our_layer in [true, false] {
        let span = exported(stream(), with_our_layer).await;
        assert_eq!(span.name, "chat gpt-4o");
        assert_eq!(span.span_kind, SpanKind::Client);
        assert_eq!(span.status, Status::Unset);
        let told = attributes(&span);
        for (name, value) in [
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.provider.name", "127.0.0.1"),
            ("gen_ai.request.model", "gpt-4o"),
            ("gen_ai.request.temperature", "0.5"),
            ("gen_ai.request.max_tokens", "100"),
            ("gen_ai.request.top_p", "0.9"),
            ("gen_ai.request.seed", "7"),
            ("gen_ai.request.stream", "true"),
            ("gen_ai.response.id", "c1"),
            ("gen_ai.response.model", "gpt-4o-2024"),
            ("gen_ai.response.finish_reasons", "[\"stop\"]"),
            ("gen_ai.usage.input_tokens", "9"),
            ("gen_ai.usage.output_tokens", "4"),
            ("gen_ai.usage.cache_read.input_tokens", "3"),
            ("gen_ai.usage.reasoning.output_tokens", "2"),
            ("server.address", "127.0.0.1"),
            ("http.response.status_code", "200"),
        ] {
            assert_eq!(told.get(name).map(String::as_str), Some(value), "{name} of {told:#?}");
        }
        for name in [
            "gen_ai.usage.input_tokens",
            "gen_ai.request.max_tokens",
            "server.port",
            "http.response.status_code",
        ] {
            let attribute = span.attributes.iter().find(|kv| kv.key.as_str() == name).unwrap();
            assert!(matches!(attribute.value, Value::I64(_)), "a number: {attribute:?}");
        }
        assert!(!told.contains_key("error.type"));
        assert!(!format!("{span:?}").contains("planted-content"), "content stays out of spans");
    }
}

#[tokio::test]
async fn a_failed_call_is_a_failed_span() {
    let error = Answer::json(
        429,
        r#"{"error":{"message":"slow down planted-content","code":"rate_limit_exceeded"}}"#,
    );
    let span = exported(error, true).await;
    assert!(matches!(span.status, Status::Error { .. }), "{:?}", span.status);
    let told = attributes(&span);
    assert_eq!(told["error.type"], "RateLimitError");
    assert_eq!(told["http.response.status_code"], "429");

    let span = exported(stream().then_break(), true).await;
    assert_eq!(attributes(&span)["error.type"], "StreamError");

    let span = exported(Answer::chunks("text/html", vec!["<html>".into()]), true).await;
    assert_eq!(attributes(&span)["error.type"], "InvalidResponseError");
    assert_eq!(attributes(&span)["http.response.status_code"], "200");
}
