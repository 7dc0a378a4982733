//! What retries, breaker and a fallback add to the middleware, one call without faults: at most a microsecond. The answer
//! has a known length, so that it is looked at before it goes on.

#![allow(missing_docs, clippy::unwrap_used, reason = "a bench")]

mod support;

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use llmlogs_test_support::canned::{self, runtime};
use reqwest::{Request, Response};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Middleware, Next, Result};
use tracing::Dispatch;
use tracing_llmlogs::{Breaker, Fallback, LlmLogMiddleware, Retry};

/// Answers every request with the same bytes at once.
struct Whole(Bytes);

#[async_trait::async_trait]
impl Middleware for Whole {
    async fn handle(&self, _: Request, _: &mut http::Extensions, _: Next<'_>) -> Result<Response> {
        let body = reqwest::Body::from(self.0.clone());
        let response = http::Response::builder().header("content-type", "application/json").body(body);
        Ok(response.map_err(reqwest_middleware::Error::middleware)?.into())
    }
}

fn client(middleware: LlmLogMiddleware) -> ClientWithMiddleware {
    let answer = Whole(Bytes::from(support::response()));
    ClientBuilder::new(reqwest::Client::new()).with(middleware).with(answer).build()
}

fn bench(criterion: &mut Criterion) {
    let runtime = runtime();
    let new = LlmLogMiddleware::new;
    let all = || {
        let fallback = Fallback::model("gpt-4o", "gpt-4o-mini");
        new().retry(Retry::new()).breaker(Breaker::new()).fallback(fallback)
    };
    let clients = [
        ("without", client(new())),
        ("retry", client(new().retry(Retry::new()))),
        ("breaker", client(new().breaker(Breaker::new()))),
        ("retry_breaker_fallback", client(all())),
    ];
    let body = Bytes::from(support::request());
    let recorder = support::recorder(&support::fast_place());
    let listeners =
        [("resilience_recorded", recorder.dispatch.clone()), ("resilience_alone", Dispatch::none())];
    for (name, dispatch) in &listeners {
        let mut group = criterion.benchmark_group(*name);
        for (arrangement, client) in &clients {
            group.bench_function(*arrangement, |b| {
                tracing::dispatcher::with_default(dispatch, || {
                    b.iter_custom(|iterations| {
                        let start = std::time::Instant::now();
                        for _ in 0..iterations {
                            runtime.block_on(canned::call(client, &body));
                        }
                        let spent = start.elapsed();
                        // What the recorder has not kept up with; the queue bounds it.
                        recorder.flush();
                        spent
                    });
                });
            });
        }
        group.finish();
        support::ratios(name, "without", &["retry", "breaker", "retry_breaker_fallback"], 1);
    }
}

criterion_group!(name = benches; config = support::criterion(); targets = bench);
criterion_main!(benches);
