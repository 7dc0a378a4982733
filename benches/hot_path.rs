//! What a captured call costs the thread that makes it, beside what other layers ask for the same
//! span: 12 fields, a 4 KB request, a 2 KB response, 6 recorded fields, close. A ladder, each rung adding one cost.

#![allow(missing_docs, clippy::unwrap_used, reason = "a bench")]

use std::hint::black_box;
use std::io;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use serde_json::value::RawValue;
use tracing::{Dispatch, Span, field, info_span, record_all};
use tracing_llmlogs::{LlmCall, LlmLogLayer};
use tracing_subscriber::prelude::*;

#[derive(Debug)]
struct Discard;

impl SpanExporter for Discard {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        black_box(batch);
        Ok(())
    }
}

/// The span that every arrangement gets.
fn span() -> Span {
    let span = info_span!(
        "llm_call",
        otel.name = "chat gpt-4o",
        otel.kind = "client",
        gen_ai.operation.name = "chat",
        gen_ai.provider.name = "openai",
        gen_ai.request.model = "gpt-4o",
        gen_ai.request.temperature = 0.3,
        gen_ai.request.max_tokens = 8000,
        gen_ai.request.stream = false,
        server.address = "api.openai.com",
        server.port = 443,
        gen_ai.conversation.id = "conversation-1",
        gen_ai.agent.name = "agent",
        gen_ai.response.id = field::Empty,
        gen_ai.response.model = field::Empty,
        gen_ai.response.finish_reasons = field::Empty,
        gen_ai.usage.input_tokens = field::Empty,
        gen_ai.usage.output_tokens = field::Empty,
        http.response.status_code = field::Empty,
    );
    record_all!(
        span,
        gen_ai.response.id = "chatcmpl-1",
        gen_ai.response.model = "gpt-4o-2024",
        gen_ai.response.finish_reasons = "stop",
        gen_ai.usage.input_tokens = 1296,
        gen_ai.usage.output_tokens = 167,
        http.response.status_code = 200,
    );
    span
}

fn bodies() -> (Box<RawValue>, Box<RawValue>) {
    let request =
        format!(r#"{{"model":"gpt-4o","messages":[{{"role":"user","content":"{}"}}]}}"#, "x".repeat(4000));
    let response = format!(
        r#"{{"id":"c","model":"gpt-4o","choices":[{{"index":0,"message":{{"role":"assistant","content":"{}"}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":1296,"completion_tokens":167,"total_tokens":1463}}}}"#,
        "y".repeat(1900)
    );
    (RawValue::from_string(request).unwrap(), RawValue::from_string(response).unwrap())
}

fn hot_path(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hot_path");
    group.bench_function("no_subscriber", |b| b.iter(|| drop(black_box(span()))));

    let registry = Dispatch::new(tracing_subscriber::registry());
    group.bench_function("registry_only", |b| {
        tracing::dispatcher::with_default(&registry, || b.iter(|| drop(black_box(span()))));
    });

    let root = tempfile::tempdir().unwrap();
    let (layer, guard) = LlmLogLayer::builder().root(root.path()).build().unwrap();
    let ours = Dispatch::new(tracing_subscriber::registry().with(layer));
    // Batches small enough to stay within the budget, written out between them.
    group.bench_function("llmlogs", |b| {
        b.iter_custom(|iterations| {
            let mut spent = Duration::ZERO;
            let mut left = iterations;
            while left > 0 {
                let batch = left.min(2000);
                left -= batch;
                let start = std::time::Instant::now();
                tracing::dispatcher::with_default(&ours, || {
                    for _ in 0..batch {
                        drop(black_box(span()));
                    }
                });
                spent += start.elapsed();
                guard.flush(Duration::from_secs(60)).unwrap();
            }
            spent
        });
    });

    let (request, response) = bodies();
    group.bench_function("llmlogs_with_bodies", |b| {
        b.iter_custom(|iterations| {
            let mut spent = Duration::ZERO;
            let mut left = iterations;
            while left > 0 {
                let batch = left.min(2000);
                left -= batch;
                let start = std::time::Instant::now();
                tracing::dispatcher::with_default(&ours, || {
                    for _ in 0..batch {
                        LlmCall::builder("openai", "gpt-4o").request(&request).start().finish(&response);
                    }
                });
                spent += start.elapsed();
                guard.flush(Duration::from_secs(60)).unwrap();
            }
            spent
        });
    });

    let provider = SdkTracerProvider::builder().with_batch_exporter(Discard).build();
    let otel = tracing_opentelemetry::layer().with_tracer(provider.tracer("bench"));
    let otel = Dispatch::new(tracing_subscriber::registry().with(otel));
    group.bench_function("opentelemetry_batch", |b| {
        tracing::dispatcher::with_default(&otel, || b.iter(|| drop(black_box(span()))));
    });

    let (writer, _worker) = tracing_appender::non_blocking(io::sink());
    let json = tracing_subscriber::fmt::layer()
        .json()
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::CLOSE)
        .with_writer(writer);
    let json = Dispatch::new(tracing_subscriber::registry().with(json));
    group.bench_function("fmt_json_non_blocking", |b| {
        tracing::dispatcher::with_default(&json, || b.iter(|| drop(black_box(span()))));
    });
    group.finish();
}

fn foreign_span(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("foreign_span");
    let foreign = || {
        let span = info_span!("request", method = "GET", path = "/users", user = 7);
        span.in_scope(|| tracing::info!(rows = 12, "done"));
    };
    let registry = Dispatch::new(tracing_subscriber::registry());
    group.bench_function("registry_only", |b| {
        tracing::dispatcher::with_default(&registry, || b.iter(foreign));
    });
    let root = tempfile::tempdir().unwrap();
    let (layer, _guard) = LlmLogLayer::builder().root(root.path()).build().unwrap();
    let ours = Dispatch::new(tracing_subscriber::registry().with(layer));
    group.bench_function("llmlogs", |b| tracing::dispatcher::with_default(&ours, || b.iter(foreign)));
    group.finish();
}

criterion_group!(benches, hot_path, foreign_span);
criterion_main!(benches);
