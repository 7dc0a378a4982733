//! What a captured call costs the thread that makes it, beside what other layers ask for the same
//! span: 12 fields, a 4 KB request, a 2 KB response, 6 recorded fields, close. A ladder, each rung adding one cost.
//!
//! Calls are made in batches that every arrangement can hold, and written out, or exported, between them. The first of
//! a batch are not measured: after a pause everything is cold, whoever comes next.

#![allow(missing_docs, clippy::unwrap_used, reason = "a bench")]

#[path = "support/core.rs"]
mod core;
mod support;

use std::hint::black_box;
use std::io;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use criterion::measurement::WallTime;
use criterion::{Bencher, BenchmarkGroup, Criterion, criterion_group, criterion_main};
use tracing::{Dispatch, Span, field, info_span, record_all};
use tracing_llmlogs::LlmCall;
use tracing_subscriber::prelude::*;

/// The span that every arrangement gets.
fn open() -> Span {
    info_span!(
        target: "tracing_llmlogs",
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
        http.request.method = field::Empty,
        http.response.status_code = field::Empty,
    )
}

fn answered(span: &Span) {
    record_all!(
        span,
        gen_ai.response.id = "chatcmpl-1",
        gen_ai.response.model = "gpt-4o-2024",
        gen_ai.response.finish_reasons = "stop",
        gen_ai.usage.input_tokens = 1296,
        gen_ai.usage.output_tokens = 167,
        http.response.status_code = 200,
    );
}

fn span() {
    let span = open();
    answered(&span);
    drop(black_box(span));
}

/// How many calls are made in a row: what OpenTelemetry's queue holds.
const BATCH: u64 = 2000;
const COLD: u64 = 200;

/// Measures `call` in batches, with `drain` between them.
fn batches(b: &mut Bencher<'_, WallTime>, dispatch: &Dispatch, call: impl Fn(), drain: impl Fn()) {
    b.iter_custom(|iterations| {
        let mut spent = Duration::ZERO;
        let mut left = iterations;
        while left > 0 {
            let measured = left.min(BATCH - COLD);
            left -= measured;
            tracing::dispatcher::with_default(dispatch, || {
                (0..COLD).for_each(|_| call());
                let start = Instant::now();
                (0..measured).for_each(|_| call());
                spent += start.elapsed();
            });
            drain();
        }
        spent
    });
}

fn hot_path(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hot_path");
    let (request, response) = (support::request(), support::response());
    let bytes = (Bytes::from(request.clone()), Bytes::from(response.clone()));
    group.bench_function("no_subscriber", |b| b.iter(span));

    let registry = Dispatch::new(tracing_subscriber::registry());
    group.bench_function("registry_only", |b| batches(b, &registry, span, || ()));

    group.bench_function("channel_of_two_bodies", |b| {
        let (sender, receiver) = mpsc::channel();
        let other =
            std::thread::spawn(move || receiver.into_iter().for_each(|pair: (Bytes, Bytes)| drop(pair)));
        batches(b, &Dispatch::none(), || sender.send(bytes.clone()).unwrap(), || ());
        drop(sender);
        other.join().unwrap();
    });

    let recorder = support::recorder(&support::fast_place());
    let ours = |group: &mut BenchmarkGroup<'_, WallTime>, name: &str, call: &dyn Fn()| {
        group.bench_function(name, |b| batches(b, &recorder.dispatch, call, || recorder.flush()));
    };
    ours(&mut group, "llmlogs_span", &span);
    ours(&mut group, "llmlogs", &|| {
        let span = open();
        core::attach_request(&span, bytes.0.clone());
        core::attach_response(&span, bytes.1.clone());
        answered(&span);
    });
    // Beside all that, the bodies are written as JSON, copied and read for the span's fields.
    let (request, response) = (support::raw(request), support::raw(response));
    ours(&mut group, "llmlogs_call_by_hand", &|| {
        LlmCall::builder("openai", "gpt-4o").request(&request).start().finish(&response);
    });

    let (otel, provider) = support::opentelemetry();
    group.bench_function("opentelemetry_batch", |b| {
        batches(b, &otel, span, || provider.force_flush().unwrap());
    });

    let (writer, _worker) = tracing_appender::non_blocking(io::sink());
    let json = tracing_subscriber::fmt::layer()
        .json()
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::CLOSE)
        .with_writer(writer);
    let json = Dispatch::new(tracing_subscriber::registry().with(json));
    group.bench_function("fmt_json_non_blocking", |b| batches(b, &json, span, || ()));
    group.finish();
    let ladder = ["registry_only", "llmlogs_span", "llmlogs", "llmlogs_call_by_hand"];
    support::ratios("hot_path", "opentelemetry_batch", &ladder, 1);
    support::ratios("hot_path", "fmt_json_non_blocking", &ladder, 1);
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
    let recorder = support::recorder(&support::fast_place());
    group.bench_function("llmlogs", |b| {
        tracing::dispatcher::with_default(&recorder.dispatch, || b.iter(foreign));
    });
    group.finish();
    support::ratios("foreign_span", "registry_only", &["llmlogs"], 1);
}

criterion_group!(name = benches; config = support::criterion(); targets = hot_path, foreign_span);
criterion_main!(benches);
