//! What an OpenTelemetry layer beside ours exports: spans by the GenAI convention.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use llmlogs_test_support as support;

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use opentelemetry::Value;
use opentelemetry::trace::{SpanKind, Status, TracerProvider as _};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use serde_json::json;
use support::api::{Answer, Api};
use tracing::subscriber::DefaultGuard;
use tracing_llmlogs::{LlmCall, LlmLogMiddleware};
use tracing_subscriber::prelude::*;

/// A subscriber with a recorder and an OpenTelemetry layer, the current one of this thread.
struct Exporting {
    exporter: InMemorySpanExporter,
    provider: SdkTracerProvider,
    _recorded: support::Recorded,
    _default: DefaultGuard,
}

impl Exporting {
    fn start(with_our_layer: bool) -> Self {
        let exporter = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
        let otel = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        let (layer, _recorded) = support::recorder();
        let layer = with_our_layer.then_some(layer);
        let _default = tracing_subscriber::registry().with(layer).with(otel).set_default();
        Exporting { exporter, provider, _recorded, _default }
    }

    /// Returns the spans that have been exported since the last time.
    fn spans(&self) -> Vec<SpanData> {
        self.provider.force_flush().unwrap();
        let spans = self.exporter.get_finished_spans().unwrap();
        self.exporter.reset();
        spans
    }
}

/// Returns a client with `layers` of the middleware.
fn client(layers: usize) -> reqwest_middleware::ClientWithMiddleware {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let builder = reqwest_middleware::ClientBuilder::new(http);
    (0..layers).fold(builder, |builder, _| builder.with(LlmLogMiddleware::new())).build()
}

async fn exported(answer: Answer, with_our_layer: bool) -> SpanData {
    let exporting = Exporting::start(with_our_layer);
    let api = Api::start([answer]).await;
    let client = client(1);
    let body = json!({"model": "gpt-4o", "temperature": 0.5, "max_tokens": 100, "top_p": 0.9, "seed": 7, "stream": true,
        "messages": [{"role": "user", "content": "planted-content"}]});
    let _sent = client.post(api.chat()).json(&body).send().await.unwrap().bytes().await;
    let mut spans = exporting.spans();
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

/// How a body is read.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Reading {
    ToTheEnd,
    /// Dropped after the first chunk.
    Dropped,
    /// Dropped by a panic that unwinds, on another thread.
    Unwound,
}

#[tokio::test]
async fn a_span_ended_at_the_head_of_its_response() {
    let pause = Duration::from_millis(40);
    let plain = || Answer::json(200, r#"{"choices":[]}"#).pause(pause);
    for with_our_layer in [true, false] {
        for (answer, layers, reading) in [
            (plain(), 1, Reading::ToTheEnd),
            (plain(), 2, Reading::ToTheEnd),
            (stream().pause(pause), 1, Reading::ToTheEnd),
            (stream().pause(pause), 3, Reading::ToTheEnd),
            (stream().pause(pause).then_hang(), 1, Reading::Dropped),
            (stream().pause(pause).then_hang(), 2, Reading::Dropped),
            (stream().pause(pause).then_hang(), 1, Reading::Unwound),
            (stream().pause(pause).then_break(), 1, Reading::ToTheEnd),
        ] {
            let exporting = Exporting::start(with_our_layer);
            let api = Api::start([answer]).await;
            let body = json!({"model": "gpt-4o", "messages": []});
            let mut response = client(layers).post(api.chat()).json(&body).send().await.unwrap();
            tokio::time::sleep(Duration::from_millis(5)).await;
            let after_head = SystemTime::now();
            match reading {
                Reading::ToTheEnd => drop(response.bytes().await),
                Reading::Dropped => {
                    response.chunk().await.unwrap();
                    drop(response);
                }
                Reading::Unwound => {
                    let thread = std::thread::spawn(move || {
                        let _response = response;
                        std::panic::resume_unwind(Box::new("planned"));
                    });
                    thread.join().unwrap_err();
                }
            }
            let after_body = SystemTime::now();
            let spans = exporting.spans();
            assert_eq!(spans.len(), layers);
            for span in spans {
                let end = span.end_time;
                assert!(after_head <= end && end <= after_body, "{layers} layers, {reading:?}: {span:?}");
            }
        }
    }
}

#[test]
fn a_call_without_http_ended_when_its_span_was_last_left() {
    for with_our_layer in [true, false] {
        let exporting = Exporting::start(with_our_layer);
        let ends: [fn(LlmCall); 3] =
            [|call| call.finish(&json!({})), |call| call.fail(&"refused"), |call| drop(call)];
        for end in ends {
            let call = LlmCall::builder("openai", "m").request(&json!({"messages": []})).start();
            call.span().in_scope(|| {});
            std::thread::sleep(Duration::from_millis(2));
            let before_end = SystemTime::now();
            end(call);
            let spans = exporting.spans();
            assert!(before_end <= spans[0].end_time && spans[0].end_time <= SystemTime::now(), "{spans:?}");
        }
    }
}

#[tokio::test]
async fn the_time_in_which_a_body_is_awaited_is_idle_time() {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    let otel =
        tracing_opentelemetry::layer().with_tracer(provider.tracer("test")).with_tracked_inactivity(true);
    let _default = tracing_subscriber::registry().with(otel).set_default();
    let pause = Duration::from_millis(30);
    let api = Api::start([stream().pause(pause)]).await;
    client(1).post(api.chat()).body("{\"messages\":[]}").send().await.unwrap().bytes().await.unwrap();
    let spans = exporter.get_finished_spans().unwrap();
    let lasted = spans[0].end_time.duration_since(spans[0].start_time).unwrap();
    let idle: u64 = attributes(&spans[0])["idle_ns"].parse().unwrap();
    // Three chunks, each after a pause. How long the thread was busy is up to the machine.
    assert!(idle >= 3 * pause.as_nanos() as u64 && lasted >= 3 * pause, "{lasted:?}: {:?}", spans[0]);
}
