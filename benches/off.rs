//! What the middleware costs where nothing is recorded: no layer is there, or the recorder is switched off.

#![allow(missing_docs, clippy::unwrap_used, reason = "a bench")]

mod support;

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use llmlogs_test_support::canned::{self, Canned};
use tracing::Dispatch;
use tracing_llmlogs::LlmLogMiddleware;

fn bench(criterion: &mut Criterion) {
    let runtime = canned::runtime();
    let chunks = || vec![Bytes::from(support::response())];
    let client = |ours: bool| {
        let canned = Canned { content_type: "application/json", chunks: chunks() };
        canned::client(canned, ours.then(LlmLogMiddleware::new))
    };
    let (alone, ours) = (client(false), client(true));
    let body = Bytes::from(support::request());
    let mut group = criterion.benchmark_group("off");

    group.bench_function("reqwest_middleware", |b| {
        b.iter(|| runtime.block_on(canned::call(&alone, &body)));
    });
    group.bench_function("no_subscriber", |b| b.iter(|| runtime.block_on(canned::call(&ours, &body))));

    // A level that leaves our spans out.
    let errors_only = Dispatch::new(
        tracing_subscriber::FmtSubscriber::builder().with_max_level(tracing::Level::ERROR).finish(),
    );
    group.bench_function("no_layer_errors_only", |b| {
        tracing::dispatcher::with_default(&errors_only, || {
            b.iter(|| runtime.block_on(canned::call(&ours, &body)));
        });
    });
    // Spans are made here, for whoever else may read them.
    let registry = Dispatch::new(tracing_subscriber::registry());
    group.bench_function("no_layer", |b| {
        tracing::dispatcher::with_default(&registry, || {
            b.iter(|| runtime.block_on(canned::call(&ours, &body)));
        });
    });
    let recorder = support::recorder(&support::fast_place());
    recorder.guard.set_enabled(false);
    group.bench_function("disabled", |b| {
        tracing::dispatcher::with_default(&recorder.dispatch, || {
            b.iter(|| runtime.block_on(canned::call(&ours, &body)));
        });
    });
    group.finish();
    let offs = ["no_subscriber", "no_layer_errors_only", "no_layer", "disabled"];
    support::ratios("off", "reqwest_middleware", &offs, 1);
}

criterion_group!(name = benches; config = support::criterion(); targets = bench);
criterion_main!(benches);
