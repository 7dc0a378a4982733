//! What the middleware adds to a chunk of a streamed answer: 5,000 chunks of 200 bytes through its tee, beside the
//! same body untouched. No network, so that nothing else is in the figures.

#![allow(missing_docs, clippy::unwrap_used, reason = "a bench")]

mod support;

use std::time::{Duration, Instant};

use bytes::Bytes;
use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use llmlogs_test_support::canned::{self, Canned};
use tracing::Dispatch;
use tracing_llmlogs::LlmLogMiddleware;

const CHUNKS: u32 = 5000;
const CHUNK: usize = 200;

/// An event a chunk, as models send them.
fn chunks() -> Vec<Bytes> {
    let event = |content: &str| {
        format!(
            "data: {{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"gpt-4o\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{content}\"}},\"finish_reason\":null}}]}}\n\n"
        )
    };
    let filling = "x".repeat(CHUNK - event("").len());
    let chunk = Bytes::from(event(&filling));
    assert_eq!(chunk.len(), CHUNK);
    let end = Bytes::from("data: [DONE]\n\n");
    std::iter::repeat_n(chunk, CHUNKS as usize - 1).chain([end]).collect()
}

fn bench(criterion: &mut Criterion) {
    let runtime = canned::runtime();
    let client = |ours: bool| {
        let canned = Canned { content_type: "text/event-stream", chunks: chunks() };
        canned::client(canned, ours.then(LlmLogMiddleware::new))
    };
    let body = Bytes::from(support::request().replacen('{', "{\"stream\":true,", 1));
    let mut group = criterion.benchmark_group("stream");
    group.sampling_mode(SamplingMode::Flat).throughput(Throughput::Elements(CHUNKS.into()));

    let untouched = client(false);
    group.bench_function("untouched", |b| b.iter(|| runtime.block_on(canned::call(&untouched, &body))));

    let ours = client(true);
    let none = Dispatch::new(tracing_subscriber::registry());
    group.bench_function("nobody_listens", |b| {
        tracing::dispatcher::with_default(&none, || b.iter(|| runtime.block_on(canned::call(&ours, &body))));
    });

    let recorder = support::recorder(&support::fast_place());
    group.bench_function("llmlogs", |b| {
        b.iter_custom(|iterations| {
            let mut spent = Duration::ZERO;
            for _ in 0..iterations {
                let start = Instant::now();
                tracing::dispatcher::with_default(&recorder.dispatch, || {
                    runtime.block_on(canned::call(&ours, &body))
                });
                spent += start.elapsed();
                // The recorder's own work is in `write`.
                recorder.flush();
            }
            spent
        });
    });
    group.finish();
    support::ratios("stream", "untouched", &["nobody_listens", "llmlogs"], CHUNKS);
}

criterion_group!(name = benches; config = support::criterion(); targets = bench);
criterion_main!(benches);
