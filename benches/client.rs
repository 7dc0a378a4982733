//! Requests a second over a loopback server that keeps its connections, 4 KB up and 2 KB down, one at a time and 32 at
//! once. The server, the client and the recorder share the machine's cores, as they do in production.

#![allow(missing_docs, clippy::unwrap_used, reason = "a bench")]

mod support;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use support::canned::runtime;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tracing::Dispatch;
use tracing_llmlogs::LlmLogMiddleware;

/// How many requests each of those that run at once sends in an iteration.
const EACH: u32 = 20;

/// Answers every request on a thread of its own, for as long as the program runs.
fn server() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    std::thread::spawn(move || {
        let body = support::response();
        let head = format!("content-type: application/json\r\ncontent-length: {}", body.len());
        let answer = Bytes::from(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{body}"));
        let serve = async {
            let listener = TcpListener::from_std(listener).unwrap();
            loop {
                let (connection, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(connection, answer.clone()));
            }
        };
        let _never: Infallible = runtime().block_on(serve);
    });
    address
}

/// Reads requests as far as their lengths say, and answers each.
async fn serve(mut connection: TcpStream, answer: Bytes) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let mut read = Vec::with_capacity(16 << 10);
    loop {
        let end = loop {
            if let Some(end) = request_end(&read) {
                break end;
            }
            if connection.read_buf(&mut read).await? == 0 {
                return Ok(());
            }
        };
        read.drain(..end);
        connection.write_all(&answer).await?;
    }
}

/// Where the first request ends, once all of it is there.
fn request_end(read: &[u8]) -> Option<usize> {
    let head = read.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&read[..head]).unwrap().to_ascii_lowercase();
    let length = text.split_once("content-length:").unwrap().1;
    let length: usize = length.lines().next().unwrap().trim().parse().unwrap();
    (read.len() >= head + length).then_some(head + length)
}

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
    let url = format!("http://{}/v1/chat/completions", server());
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
