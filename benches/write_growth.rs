//! Whether a session that has grown is slower to write to: the first 1,000 calls beside 1,000 calls after 20,000, and
//! beside one JSON array as the index, which is written anew for every call.

#![allow(missing_docs, clippy::unwrap_used, reason = "a bench")]

mod support;

use std::fs;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use serde_json::value::RawValue;
use tracing_llmlogs::LlmCall;

const CALLS: u32 = 1000;

/// How many calls a session has before it counts as grown.
const EARLIER: u32 = 20_000;

fn make_calls(recorder: &support::Recorder, count: u32) -> Duration {
    let (request, response) = (support::raw(support::request()), support::raw(support::response()));
    let start = Instant::now();
    tracing::dispatcher::with_default(&recorder.dispatch, || {
        for _ in 0..count {
            LlmCall::builder("openai", "gpt-4o").request(&request).start().finish(&response);
        }
    });
    recorder.flush();
    start.elapsed()
}

fn growth(criterion: &mut Criterion) {
    let place = support::fast_place();
    let mut group = criterion.benchmark_group("write_growth");
    group.sampling_mode(SamplingMode::Flat).throughput(Throughput::Elements(CALLS.into()));
    group.bench_function("first_calls", |b| {
        b.iter_custom(|iterations| {
            (0..iterations).map(|_| make_calls(&support::recorder(&place), CALLS)).sum()
        });
    });
    let recorder = support::recorder(&place);
    group.bench_function("after_20000", |b| {
        while recorder.guard.stats().calls < EARLIER.into() {
            make_calls(&recorder, CALLS);
        }
        b.iter_custom(|iterations| (0..iterations).map(|_| make_calls(&recorder, CALLS)).sum());
    });
    group.finish();
    support::ratios("write_growth", "first_calls", &["after_20000"], CALLS);
}

/// The index of a session with so many calls, its lines those that the recorder writes.
fn index(entries: usize) -> Vec<Box<RawValue>> {
    let recorder = support::recorder(&support::fast_place());
    make_calls(&recorder, 1);
    let lines = fs::read_to_string(recorder.guard.session_dir().join("index.jsonl")).unwrap();
    vec![support::raw(lines.lines().next().unwrap().to_owned()); entries]
}

fn one_array(criterion: &mut Criterion) {
    let root = tempfile::tempdir_in(support::fast_place()).unwrap();
    let file = root.path().join("index.json");
    let mut group = criterion.benchmark_group("one_array_index");
    for entries in [100, EARLIER as usize] {
        let index = index(entries);
        group.bench_function(BenchmarkId::from_parameter(entries), |b| {
            b.iter(|| fs::write(&file, serde_json::to_vec_pretty(&index).unwrap()).unwrap());
        });
    }
    group.finish();
    support::ratios("one_array_index", "100", &["20000"], 1);
}

criterion_group!(name = benches; config = support::criterion(); targets = growth, one_array);
criterion_main!(benches);
