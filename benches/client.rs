//! Requests a second over a loopback server that keeps its connections, 4 KB up and 2 KB down, one at a time and 32 at
//! once. The server, the client and the recorder share the machine's cores, as they do in production.

#![allow(missing_docs, clippy::unwrap_used, reason = "a bench")]

mod support;

use std::time::{Duration, Instant};

use bytes::Bytes;
use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use llmlogs_test_support::api;
use llmlogs_test_support::canned::runtime;
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use tracing::Dispatch;
use tracing_llmlogs::LlmLogMiddleware;

/// How many requests each of those that run at once sends in an iteration.
const EACH: u32 = 20;

/// Sends as many requests as `at_once` times [`EACH`]; gives how long that took.
fn requests<F: Future<Output = usize> + 'static>(
    runtime: &tokio::runtime::Runtime,
    at_once: u32,
    send: impl Fn() -> F + Clone + 'static,
) -> Duration {
    let tasks = tokio::task::LocalSet::new();
    for _ in 0..at_once {
        let send = send.clone();
        tasks.spawn_local(async move {
            for _ in 0..EACH {
                assert_ne!(send().await, 0);
            }
        });
    }
    let start = Instant::now();
    runtime.block_on(tasks);
    start.elapsed()
}

fn bench(criterion: &mut Criterion) {
    let url = format!("http://{}/v1/chat/completions", api::keep_alive(&support::response()));
    let body = Bytes::from(support::request());
    let plain = reqwest::Client::builder().no_proxy().build().unwrap();
    let alone = ClientBuilder::new(plain.clone()).build();
    let traced = ClientBuilder::new(plain.clone())
        .with(reqwest_tracing::TracingMiddleware::<reqwest_tracing::DefaultSpanBackend>::new())
        .build();
    let ours = ClientBuilder::new(plain.clone()).with(LlmLogMiddleware::new()).build();
    let (otel, _provider) = support::opentelemetry();

    let none = Dispatch::none();
    let registry = Dispatch::new(tracing_subscriber::registry());
    let recorder = support::recorder(&support::fast_place());

    let runtime = runtime();
    let through = |client: &ClientWithMiddleware| {
        let (client, url, body) = (client.clone(), url.clone(), body.clone());
        move || {
            let request = client.post(&url).header("content-type", "application/json").body(body.clone());
            async move { request.send().await.unwrap().bytes().await.unwrap().len() }
        }
    };
    for at_once in [1, 32] {
        let name = format!("client_{at_once}_at_once");
        let mut group = criterion.benchmark_group(&name);
        let count = at_once * EACH;
        group.sampling_mode(SamplingMode::Flat).throughput(Throughput::Elements(count.into()));
        group.bench_function("reqwest", |b| {
            let (client, url, body) = (plain.clone(), url.clone(), body.clone());
            let send = move || {
                let request = client.post(&url).header("content-type", "application/json").body(body.clone());
                async move { request.send().await.unwrap().bytes().await.unwrap().len() }
            };
            b.iter_custom(|iterations| {
                (0..iterations).map(|_| requests(&runtime, at_once, send.clone())).sum()
            });
        });
        let arrangements = [
            ("reqwest_middleware", &alone, &none),
            ("reqwest_tracing_registry", &traced, &registry),
            ("reqwest_tracing_opentelemetry", &traced, &otel),
            ("llmlogs_nobody_listens", &ours, &registry),
            ("llmlogs", &ours, &recorder.dispatch),
        ];
        for (arrangement, client, dispatch) in arrangements {
            group.bench_function(arrangement, |b| {
                tracing::dispatcher::with_default(dispatch, || {
                    b.iter_custom(|iterations| {
                        let spent =
                            (0..iterations).map(|_| requests(&runtime, at_once, through(client))).sum();
                        // What the recorder has not kept up with; the queue bounds it.
                        recorder.flush();
                        spent
                    });
                });
            });
        }
        group.finish();
        let others = arrangements.map(|(arrangement, ..)| arrangement);
        support::ratios(&name, "reqwest_middleware", &others, count);
        support::ratios(&name, "reqwest_tracing_registry", &["llmlogs"], count);
        support::ratios(&name, "reqwest_tracing_opentelemetry", &["llmlogs"], count);
    }
}

criterion_group!(name = benches; config = support::criterion(); targets = bench);
criterion_main!(benches);
