//! Breaker and fallbacks over real sockets.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use llmlogs_test_support as support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use serde_json::{Value, json};
use support::api::{Answer, Api};
use support::{Call, Log, Recorded, subscriber};
use tracing::instrument::WithSubscriber;
use tracing::subscriber::DefaultGuard;
use tracing_llmlogs::{Breaker, CircuitOpenError, CircuitState, Fallback, LlmLogMiddleware, Retry};
use tracing_subscriber::prelude::*;

/// A recorder that this thread's spans go to.
fn recording() -> (Recorded, DefaultGuard) {
    let (subscriber, recorded) = subscriber();
    (recorded, tracing::dispatcher::set_default(&subscriber))
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Retries that wait for little where the server asks for nothing.
fn quick() -> Retry {
    Retry::new().backoff(millis(50), millis(60)).rate_limit_backoff(millis(50))
}

/// Longer than any test.
const LONG: Duration = Duration::from_secs(300);

/// Waits until the only circuit of `middleware` is in this state.
async fn state_is(middleware: &LlmLogMiddleware, state: CircuitState) {
    let started = std::time::Instant::now();
    while middleware
        .circuits()
        .all()
        .iter()
        .filter(|circuit| circuit.model == "gpt-4o")
        .any(|circuit| circuit.state != state)
    {
        assert!(started.elapsed() < Duration::from_secs(60), "{:?}", middleware.circuits());
        tokio::time::sleep(millis(5)).await;
    }
}

fn client(middleware: &LlmLogMiddleware) -> ClientWithMiddleware {
    let plain = reqwest::Client::builder().no_proxy().build().unwrap();
    ClientBuilder::new(plain).with(middleware.clone()).build()
}

fn request() -> Value {
    json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "Say hi."}]})
}

fn reply(model: &str) -> String {
    json!({"id": "c", "object": "chat.completion", "created": 1, "model": model,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi!"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 20, "completion_tokens": 2, "total_tokens": 22}})
    .to_string()
}

const BUSY: &str = r#"{"error":{"message":"The server is overloaded","type":"server_error","code":null}}"#;
const REFUSED: &str = r#"{"error":{"message":"Incorrect API key provided","type":"invalid_request_error","code":"invalid_api_key"}}"#;
const LIMITED: &str =
    r#"{"error":{"message":"Rate limit reached","type":"requests","code":"rate_limit_exceeded"}}"#;

async fn post(client: &ClientWithMiddleware, url: String) -> reqwest_middleware::Result<reqwest::Response> {
    client
        .post(url)
        .header("authorization", "Bearer sk-old")
        .header("x-tenant", "t-1")
        .json(&request())
        .send()
        .await
}

async fn status(client: &ClientWithMiddleware, url: String) -> u16 {
    let response = post(client, url).await.unwrap();
    let status = response.status().as_u16();
    response.bytes().await.unwrap();
    status
}

fn decisions(call: &Call) -> Vec<String> {
    let attempts = call.meta("/attempts");
    attempts.as_array().unwrap().iter().map(|a| a["decision"].as_str().unwrap().to_owned()).collect()
}

fn models(api: &Api) -> Vec<String> {
    let model =
        |body: &[u8]| serde_json::from_slice::<Value>(body).unwrap()["model"].as_str().unwrap().to_owned();
    api.received().iter().map(|request| model(&request.body)).collect()
}

/// A server that answers by the model that it is asked for.
async fn by_model(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Api {
    Api::respond(move |request| {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        answer(body["model"].as_str().unwrap())
    })
    .await
}

#[tokio::test]
async fn a_model_that_keeps_failing_is_replaced_by_the_next_one() {
    let (recorded, _default) = recording();
    let api = Api::start([
        Answer::json(503, BUSY),
        Answer::json(503, BUSY),
        Answer::json(503, BUSY),
        Answer::json(200, reply("gpt-4o-mini-2024")),
    ])
    .await;
    let middleware =
        LlmLogMiddleware::new().retry(quick()).fallback(Fallback::model("gpt-4o", "gpt-4o-mini"));
    let response = post(&client(&middleware), api.chat()).await.unwrap();
    assert_eq!(response.text().await.unwrap(), reply("gpt-4o-mini-2024"));
    assert_eq!(models(&api), ["gpt-4o", "gpt-4o", "gpt-4o", "gpt-4o-mini"]);
    assert!(api.received()[3].head.contains("Bearer sk-old"), "the same host, the same credential");

    let call = recorded.call();
    assert_eq!(decisions(&call), ["retry", "retry", "fallback", "final"]);
    call.assert_meta(&[
        ("/status", json!("ok")),
        ("/api_info/model", json!("gpt-4o")),
        ("/response_info/model", json!("gpt-4o-mini-2024")),
        ("/fallback/from/model", json!("gpt-4o")),
        ("/fallback/to/model", json!("gpt-4o-mini")),
        ("/fallback/to/base_url", json!(api.url)),
        ("/fallback/reason", json!("InternalServerError")),
        ("/attempts/3/model", json!("gpt-4o-mini")),
        ("/attempts/3/waited_ms", json!(0)),
    ]);
    assert_eq!(call.json("input.json"), request(), "the caller's own request");
    let index = std::fs::read_to_string(recorded.guard.session_dir().join("index.jsonl")).unwrap();
    let line: Value = serde_json::from_str(index.trim_end()).unwrap();
    assert_eq!(
        [&line["model"], &line["fallback_model"], &line["attempts"]],
        [&json!("gpt-4o"), &json!("gpt-4o-mini"), &json!(4)]
    );
}

#[tokio::test]
async fn the_old_credential_never_goes_to_a_new_host() {
    let (recorded, _default) = recording();
    let (first, second) = (
        Api::start([Answer::json(401, REFUSED)]).await,
        Api::start([Answer::json(200, reply("other"))]).await,
    );
    let fallback = Fallback::endpoint(format!("{}/api/v1", second.url))
        .with_model("other/gpt-4o")
        .header("authorization", || "Bearer sk-new".to_owned());
    let middleware = LlmLogMiddleware::new().retry(quick()).fallback(fallback);
    let url = format!("{}?key=AIza-old&alt=sse", first.chat());
    assert_eq!(status(&client(&middleware), url).await, 200);
    assert_eq!((first.received().len(), models(&second)), (1, vec!["other/gpt-4o".to_owned()]));
    let head = &second.received()[0].head;
    assert!(head.starts_with("POST /api/v1/chat/completions?alt=sse HTTP/1.1"), "{head}");
    assert!(head.contains("Bearer sk-new") && head.contains("content-type: application/json"), "{head}");
    for secret in ["sk-old", "AIza-old", "t-1"] {
        assert!(!head.contains(secret), "{secret} in {head}");
    }
    let call = recorded.call();
    assert_eq!(decisions(&call), ["fallback", "final"]);
    call.assert_meta(&[
        ("/fallback/reason", json!("AuthenticationError")),
        ("/fallback/to/base_url", json!(second.url)),
    ]);
    for file in ["metadata.json", "input.json", "output.json"] {
        let text = call.text(file);
        assert!(!text.contains("sk-") && !text.contains("AIza"), "{file}: {text}");
    }
}

#[tokio::test]
async fn a_credential_among_the_clients_defaults_never_goes_to_a_new_host() {
    let (_recorded, _default) = recording();
    let (first, second) =
        (Api::start([Answer::json(503, BUSY)]).await, Api::start([Answer::json(200, reply("m"))]).await);
    let defaults = [(http::header::AUTHORIZATION, http::HeaderValue::from_static("Bearer sk-old"))];
    let plain = reqwest::Client::builder()
        .no_proxy()
        .default_headers(defaults.into_iter().collect())
        .build()
        .unwrap();
    let middleware = LlmLogMiddleware::new().fallback(Fallback::endpoint(&*second.url));
    let client = ClientBuilder::new(plain).with(middleware).build();
    let response = client.post(first.chat()).json(&request()).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(first.received()[0].head.contains("sk-old"));
    assert!(!second.received()[0].head.contains("sk-old"), "{}", second.received()[0].head);
}

#[tokio::test]
async fn a_fallback_with_the_refused_credential_and_one_to_another_api_are_skipped() {
    let (recorded, _default) = recording();
    let api = Api::start([Answer::json(401, REFUSED)]).await;
    let other_api = {
        let url = format!("{}/v1/messages", api.url);
        Fallback::request(move |first, failed| {
            assert_eq!(failed.status(), Some(401));
            let mut request = first.try_clone()?;
            *request.url_mut() = url.parse().ok()?;
            Some(request)
        })
    };
    let middleware = LlmLogMiddleware::new()
        .retry(quick())
        .fallback(Fallback::model("gpt-4o", "gpt-4o-mini"))
        .fallback(other_api)
        .fallback(Fallback::endpoint("no URL"));
    assert_eq!(status(&client(&middleware), api.chat()).await, 401);
    assert_eq!(api.received().len(), 1);
    assert_eq!(decisions(&recorded.call()), ["permanent"]);
}

#[tokio::test]
async fn a_wrong_request_goes_nowhere_else() {
    let (_recorded, _default) = recording();
    let api = Api::start([Answer::json(400, BUSY)]).await;
    let middleware =
        LlmLogMiddleware::new().retry(quick()).fallback(Fallback::model("gpt-4o", "gpt-4o-mini"));
    assert_eq!(status(&client(&middleware), api.chat()).await, 400);
    assert_eq!(api.received().len(), 1);
}

#[tokio::test]
async fn an_open_circuit_sends_calls_to_the_fallback_at_once() {
    let (layer, recorded) = support::recorder();
    let log = Log::default();
    let events = tracing_subscriber::fmt::layer().with_writer(log.clone()).with_ansi(false);
    let filter = tracing_subscriber::filter::Targets::new()
        .with_target("tracing_llmlogs::breaker", tracing::Level::INFO);
    let registry = tracing_subscriber::registry().with(layer).with(events.with_filter(filter));
    let _default = tracing::subscriber::set_default(registry);
    let dead = Arc::new(AtomicBool::new(true));
    let is_dead = Arc::clone(&dead);
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let api = by_model(move |model| match model {
        "gpt-4o" => {
            counted.fetch_add(1, Ordering::Relaxed);
            if is_dead.load(Ordering::Relaxed) {
                Answer::json(503, BUSY)
            } else {
                Answer::json(200, reply("gpt-4o"))
            }
        }
        _ => Answer::json(200, reply(model)),
    })
    .await;
    let degrading = |breaker: Breaker| {
        let retry = quick().max_attempts(2);
        let fallback = Fallback::model("gpt-4o", "gpt-4o-mini");
        LlmLogMiddleware::new().retry(retry).breaker(breaker).fallback(fallback)
    };
    let middleware = degrading(Breaker::new().failures_in_a_row(4).open_for(LONG));
    let first = client(&middleware);
    for _ in 0..5 {
        assert_eq!(status(&first, api.chat()).await, 200);
    }
    assert_eq!(asked.load(Ordering::Relaxed), 4, "two calls with two attempts, then none");
    let circuits = middleware.circuits().degraded();
    assert_eq!(circuits.len(), 1, "{circuits:?}");
    assert_eq!((&*circuits[0].model, circuits[0].state), ("gpt-4o", CircuitState::Open));
    assert!((1..=330_000).contains(&circuits[0].remaining_ms), "{circuits:?}");
    let degraded = recorded.guard.health().degraded();
    assert!(degraded.iter().any(|circuit| circuit.base_url == api.url && circuit.model == "gpt-4o"));
    let calls = recorded.calls();
    assert_eq!(decisions(&calls[1]), ["retry", "fallback", "final"]);
    assert_eq!(decisions(&calls[2]), ["circuit_open", "final"]);
    calls[2].assert_meta(&[
        ("/fallback/reason", json!("CircuitOpenError")),
        ("/fallback/from/model", json!("gpt-4o")),
        ("/attempts/0/error_type", json!("CircuitOpenError")),
        ("/attempts/0/http_status", json!(null)),
    ]);

    // Another client, whose circuit is open for a short time.
    let middleware = degrading(Breaker::new().failures_in_a_row(2).open_for(millis(1)));
    let second = client(&middleware);
    assert_eq!(status(&second, api.chat()).await, 200);
    state_is(&middleware, CircuitState::HalfOpen).await;
    dead.store(false, Ordering::Relaxed);
    assert_eq!(status(&second, api.chat()).await, 200);
    assert!(middleware.circuits().degraded().is_empty());
    let call = recorded.calls().pop().unwrap();
    call.assert_meta(&[
        ("/attempts", json!([])),
        ("/fallback", json!(null)),
        ("/response_info/model", json!("gpt-4o")),
    ]);
    let events = log.text();
    let times = |state: &str| events.matches(&format!("circuit {state}")).count();
    assert_eq!(["open", "half_open", "closed"].map(times), [2, 1, 1], "{events}");
    assert_eq!(events.lines().count(), 4, "one event a change: {events}");
}

#[tokio::test]
async fn without_another_way_calls_pass_unless_they_are_to_fail_fast() {
    let (recorded, _default) = recording();
    let api = Api::start([Answer::json(503, BUSY)]).await;
    let breaker = Breaker::new().failures_in_a_row(2);
    let passing = client(&LlmLogMiddleware::new().breaker(breaker.clone()));
    for _ in 0..4 {
        assert_eq!(status(&passing, api.chat()).await, 503);
    }
    assert_eq!(api.received().len(), 4);
    let failing = client(&LlmLogMiddleware::new().breaker(breaker.fail_fast(true)));
    for _ in 0..2 {
        assert_eq!(status(&failing, api.chat()).await, 503);
    }
    let error = post(&failing, api.chat()).await.unwrap_err();
    let reqwest_middleware::Error::Middleware(error) = error else { panic!("{error:?}") };
    assert_eq!(error.downcast_ref::<CircuitOpenError>().unwrap().model, "gpt-4o");
    assert_eq!(api.received().len(), 6, "nothing was sent");
    let call = recorded.calls().pop().unwrap();
    call.assert_meta(&[
        ("/status", json!("error")),
        ("/response_info/error_type", json!("CircuitOpenError")),
        ("/attempts/0/decision", json!("circuit_open")),
    ]);
}

/// An event of a streamed answer with a piece of its content.
fn piece(content: &str) -> String {
    json!({"id": "c", "object": "chat.completion.chunk", "choices": [
        {"index": 0, "delta": {"content": content}, "finish_reason": null}]})
    .to_string()
}

const ENDS: [&str; 3] = [
    "[DONE]",
    r#"{"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
    BUSY,
];

/// A streamed answer of so many pieces, then `end`.
fn streamed(pieces: usize, end: &[&str]) -> Answer {
    let piece = piece("word ");
    let events: Vec<&str> = std::iter::repeat_n(piece.as_str(), pieces).chain(end.iter().copied()).collect();
    Answer::events(&events)
}

/// Asks for a stream, with the credential of [`post`].
async fn stream(client: &ClientWithMiddleware, url: String) -> reqwest::Response {
    let mut body = request();
    body["stream"] = json!(true);
    client.post(url).header("authorization", "Bearer sk-old").json(&body).send().await.unwrap()
}

/// Asks for a stream; reads `frames` of it, or all that come.
async fn read_stream(client: &ClientWithMiddleware, url: String, frames: usize) {
    let mut response = stream(client, url).await;
    for _ in 0..frames {
        match response.chunk().await {
            Ok(Some(_)) => {}
            Ok(None) | Err(_) => return,
        }
    }
}

#[tokio::test]
async fn a_stream_that_breaks_after_its_beginning_counts_as_a_failure() {
    let [done, stop, error] = ENDS;
    for recorded in [true, false] {
        for pieces in [2, 800] {
            for (name, answer, reading, opens) in [
                ("an error as an event", streamed(pieces, &[error]), usize::MAX, true),
                ("an error, then the end mark", streamed(pieces, &[error, done]), usize::MAX, true),
                ("an end without an end mark", streamed(pieces, &[]), usize::MAX, true),
                ("a connection that breaks", streamed(pieces, &[]).then_break(), usize::MAX, true),
                ("a whole stream", streamed(pieces, &[stop, done]), usize::MAX, false),
                ("a finish reason and no more", streamed(pieces, &[stop]), usize::MAX, false),
                ("a stream that the caller drops", streamed(pieces, &[]).then_hang(), 1, false),
            ] {
                let (_log, _default) = recording();
                let _none = (!recorded).then(|| {
                    tracing::dispatcher::set_default(&tracing::Dispatch::new(tracing_subscriber::registry()))
                });
                let api = Api::start(vec![answer; 3]).await;
                let middleware = LlmLogMiddleware::new()
                    .retry(quick())
                    .breaker(Breaker::new().failures_in_a_row(3).open_for(LONG));
                let client = client(&middleware);
                for _ in 0..3 {
                    read_stream(&client, api.chat(), reading).await;
                }
                let is_open = !middleware.circuits().degraded().is_empty();
                assert_eq!(is_open, opens, "{name}, {pieces} pieces, recorded: {recorded}");
                assert_eq!(api.received().len(), 3, "{name}: what was delivered is never replayed");
            }
        }
    }
}

#[tokio::test]
async fn a_reader_that_stops_at_the_end_mark_has_seen_a_success() {
    let (_recorded, _default) = recording();
    let [done, stop, _] = ENDS;
    let broken = || Answer::json(503, BUSY);
    let api =
        Api::start([broken(), broken(), streamed(2, &[stop, done]).then_hang(), broken(), broken()]).await;
    let middleware = LlmLogMiddleware::new().breaker(Breaker::new().failures_in_a_row(3).open_for(LONG));
    let client = client(&middleware);
    for reading in [1, 1, 0, 1, 1] {
        if reading == 1 {
            assert_eq!(status(&client, api.chat()).await, 503);
            continue;
        }
        let mut response = stream(&client, api.chat()).await;
        let mut text = Vec::new();
        while !text.ends_with(b"[DONE]\n\n") {
            text.extend_from_slice(&response.chunk().await.unwrap().unwrap());
        }
    }
    assert!(middleware.circuits().degraded().is_empty(), "four failures with a success between");
}

#[tokio::test]
async fn a_probe_whose_stream_breaks_has_failed() {
    let (_recorded, _default) = recording();
    let [_, _, error] = ENDS;
    let api = Api::start([Answer::json(503, BUSY), streamed(2, &[error])]).await;
    let breaker = Breaker::new().failures_in_a_row(1).open_for(millis(1)).max_open_for(LONG);
    let middleware = LlmLogMiddleware::new().breaker(breaker);
    let client = client(&middleware);
    assert_eq!(status(&client, api.chat()).await, 503);
    state_is(&middleware, CircuitState::HalfOpen).await;
    let mut response = stream(&client, api.chat()).await;
    let first = response.chunk().await.unwrap().unwrap();
    assert!(!first.is_empty());
    assert_eq!(middleware.circuits().all()[0].state, CircuitState::HalfOpen, "it is not known yet");
    while response.chunk().await.unwrap().is_some() {}
    // It is open for twice as long as before, and half-open again soon; what it must not be is closed.
    let state = middleware.circuits().all()[0].state;
    assert!(matches!(state, CircuitState::Open | CircuitState::HalfOpen), "{state:?}");
}

#[tokio::test]
async fn wrong_requests_open_no_circuit() {
    let (_recorded, _default) = recording();
    let api = Api::start([Answer::json(400, BUSY)]).await;
    let middleware = LlmLogMiddleware::new().breaker(Breaker::new());
    let client = client(&middleware);
    for _ in 0..30 {
        assert_eq!(status(&client, api.chat()).await, 400);
    }
    assert!(middleware.circuits().degraded().is_empty());
    assert_eq!(middleware.circuits().all().len(), 1);
}

#[tokio::test]
async fn a_rate_limited_model_cools_down_and_its_fallback_does_not() {
    let (_recorded, _default) = recording();
    let limited = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&limited);
    let api = by_model(move |model| match model {
        "gpt-4o" => {
            counted.fetch_add(1, Ordering::Relaxed);
            Answer::json(429, LIMITED).header("retry-after", "120")
        }
        _ => Answer::json(200, reply(model)),
    })
    .await;
    let middleware = LlmLogMiddleware::new()
        .retry(quick())
        .breaker(Breaker::new())
        .fallback(Fallback::model("gpt-4o", "gpt-4o-mini"));
    let client = client(&middleware);
    for _ in 0..3 {
        assert_eq!(status(&client, api.chat()).await, 200);
    }
    assert_eq!(limited.load(Ordering::Relaxed), 1);
    let circuits = middleware.circuits().degraded();
    assert_eq!((circuits.len(), circuits[0].state), (1, CircuitState::CoolingDown));
    assert!((100_000..=120_000).contains(&circuits[0].remaining_ms));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_dies_and_comes_back_is_asked_again_though_probes_are_dropped() {
    let (subscriber, recorded) = subscriber();
    let (dead, hanging) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicBool::new(false)));
    let asked = Arc::new(AtomicUsize::new(0));
    let answers = Arc::new(AtomicUsize::new(0));
    let api = {
        let (dead, hanging, asked, answers) = (dead.clone(), hanging.clone(), asked.clone(), answers.clone());
        by_model(move |model| {
            answers.fetch_add(1, Ordering::Relaxed);
            if model != "gpt-4o" {
                return Answer::json(200, reply(model));
            }
            asked.fetch_add(1, Ordering::Relaxed);
            if hanging.load(Ordering::Relaxed) {
                Answer::silence()
            } else if dead.load(Ordering::Relaxed) {
                Answer::json(503, BUSY)
            } else {
                Answer::json(200, reply(model))
            }
        })
        .await
    };
    let degrading = |open_for: Duration| {
        let breaker = Breaker::new().open_for(open_for).max_open_for(open_for);
        let fallback = Fallback::model("gpt-4o", "gpt-4o-mini");
        LlmLogMiddleware::new().retry(quick()).breaker(breaker).fallback(fallback)
    };
    // 50 calls at once, of which those are dropped that have no answer when there are `expected`.
    let wave = async |middleware: &LlmLogMiddleware, expected: usize| {
        let client = client(middleware);
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..50 {
            let (client, url) = (client.clone(), api.chat());
            let call = async move { status(&client, url).await };
            calls.spawn(call.with_subscriber(subscriber.clone()));
        }
        for _ in 0..expected {
            let answered = tokio::time::timeout(Duration::from_secs(120), calls.join_next()).await;
            assert_eq!(answered.expect("a call hangs").unwrap().unwrap(), 200);
        }
        calls
    };
    let asked = || asked.load(Ordering::Relaxed);
    let middleware = degrading(LONG);
    wave(&middleware, 50).await;
    assert_eq!(middleware.circuits().degraded()[0].state, CircuitState::Open);
    let before = asked();
    wave(&middleware, 50).await;
    assert_eq!(asked(), before, "an open circuit lets nothing through");

    // Half-open, the probe hangs and is dropped: each time its place comes back.
    let middleware = degrading(millis(1));
    wave(&middleware, 50).await;
    state_is(&middleware, CircuitState::HalfOpen).await;
    hanging.store(true, Ordering::Relaxed);
    for _ in 0..3 {
        let before = asked();
        let mut probe = wave(&middleware, 49).await;
        let started = std::time::Instant::now();
        while asked() == before {
            assert!(started.elapsed() < Duration::from_secs(60), "the probe does not arrive");
            tokio::time::sleep(millis(5)).await;
        }
        assert_eq!((probe.len(), asked()), (1, before + 1), "one probe at a time");
        probe.shutdown().await;
    }
    hanging.store(false, Ordering::Relaxed);
    dead.store(false, Ordering::Relaxed);
    wave(&middleware, 50).await;
    assert!(middleware.circuits().degraded().is_empty(), "{:?}", middleware.circuits());
    let before = asked();
    wave(&middleware, 50).await;
    assert_eq!(asked(), before + 50, "back at the primary");

    let sent = |call: &Call| {
        let attempts = call.meta("/attempts");
        let attempts = attempts.as_array().unwrap();
        let sent = attempts.iter().filter(|attempt| attempt["decision"] != "circuit_open").count();
        if attempts.is_empty() { 1 } else { sent }
    };
    let calls = recorded.calls();
    assert_eq!(calls.len(), 50 * 8);
    let on_disk: usize = calls.iter().map(sent).sum();
    assert_eq!(on_disk, answers.load(Ordering::Relaxed), "counts on the server's side and on disk");
}

async fn ask(
    client: ClientWithMiddleware,
    url: String,
    body: Value,
) -> Result<String, reqwest_middleware::Error> {
    let response = client.post(url).json(&body).send().await?.error_for_status()?;
    Ok(response.text().await?)
}

#[tokio::test]
async fn several_ways_to_an_answer_are_one_call() {
    let (recorded, _default) = recording();
    let openai = Api::start([Answer::json(503, BUSY)]).await;
    const MESSAGE: &str = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-5","stop_reason":"end_turn",
        "content":[{"type":"text","text":"Hi!"}],"usage":{"input_tokens":10,"output_tokens":3}}"#;
    let anthropic = Api::start([Answer::json(200, MESSAGE)]).await;
    let client = client(&LlmLogMiddleware::new().retry(quick().max_attempts(2)));
    let messages = json!({"model": "claude-sonnet-4-5", "max_tokens": 100, "messages": [{"role": "user", "content": "Say hi."}]});
    let url = format!("{}/v1/messages", anthropic.url);
    let answer = tracing_llmlogs::run_with_fallbacks("openai", "gpt-4o", || {
        ask(client.clone(), openai.chat(), request())
    })
    .or("anthropic", "claude-sonnet-4-5", || ask(client.clone(), url, messages))
    .when(|error| error.status().is_some_and(|status| status.is_server_error()))
    .run()
    .await
    .unwrap();
    assert_eq!(answer, MESSAGE);
    let call = recorded.call();
    assert_eq!(decisions(&call), ["retry", "fallback", "final"]);
    call.assert_meta(&[
        ("/status", json!("ok")),
        ("/api_info/model", json!("gpt-4o")),
        ("/api_info/endpoint", json!("/v1/chat/completions")),
        ("/response_info/model", json!("claude-sonnet-4-5")),
        ("/usage/total_tokens", json!(13)),
        ("/fallback/from/model", json!("gpt-4o")),
        ("/fallback/to/model", json!("claude-sonnet-4-5")),
        ("/fallback/reason", json!("InternalServerError")),
    ]);
    assert_eq!(call.json("input.json"), request());
    assert_eq!(call.json("output.json"), serde_json::from_str::<Value>(MESSAGE).unwrap());
}

#[tokio::test]
async fn ways_without_a_recorded_client_are_one_call_too() {
    let (recorded, _default) = recording();
    let result = tracing_llmlogs::run_with_fallbacks("openai", "gpt-4o", || async {
        Err::<(), _>(std::io::Error::other("busy"))
    })
    .or("local", "llama", || async { Err(std::io::Error::other("no such file")) })
    .run()
    .await;
    assert_eq!(result.unwrap_err().to_string(), "no such file");
    let call = recorded.call();
    assert_eq!(decisions(&call), ["fallback", "final"]);
    call.assert_meta(&[
        ("/status", json!("error")),
        ("/response_info/error_message", json!("no such file")),
        ("/attempts/0/provider", json!("openai")),
        ("/attempts/0/error_message", json!("busy")),
        ("/attempts/1/model", json!("llama")),
    ]);

    let (recorded, _default) = recording();
    let run = tracing_llmlogs::run_with_fallbacks("openai", "gpt-4o", || async {
        Err::<u8, _>(std::io::Error::other("busy"))
    });
    assert_eq!(run.or("local", "llama", || async { Ok(7) }).run().await.unwrap(), 7);
    let call = recorded.call();
    assert_eq!(decisions(&call), ["fallback", "final"]);
    call.assert_meta(&[
        ("/status", json!("ok")),
        ("/fallback/to/model", json!("llama")),
        ("/attempts/1/error_type", json!("")),
    ]);
}

#[tokio::test]
async fn attempts_whose_body_another_middleware_changes_are_one_call() {
    struct Numbered(AtomicUsize);
    #[async_trait::async_trait]
    impl reqwest_middleware::Middleware for Numbered {
        async fn handle(
            &self,
            mut request: reqwest::Request,
            extensions: &mut http::Extensions,
            next: reqwest_middleware::Next<'_>,
        ) -> reqwest_middleware::Result<reqwest::Response> {
            let number = self.0.fetch_add(1, Ordering::Relaxed);
            *request.body_mut() =
                Some(format!(r#"{{"model":"gpt-4o","messages":[],"number":{number}}}"#).into());
            request.headers_mut().remove("content-length");
            next.run(request, extensions).await
        }
    }
    let (recorded, _default) = recording();
    let api = Api::start([Answer::json(503, BUSY), Answer::json(200, reply("gpt-4o"))]).await;
    let plain = reqwest::Client::builder().no_proxy().build().unwrap();
    let client = ClientBuilder::new(plain)
        .with(LlmLogMiddleware::new().retry(quick()))
        .with(Numbered(AtomicUsize::new(0)))
        .with(LlmLogMiddleware::new())
        .build();
    assert_eq!(status(&client, api.chat()).await, 200);
    let call = recorded.call();
    assert_eq!(decisions(&call), ["retry", "final"]);
    call.assert_meta(&[
        ("/status", json!("ok")),
        ("/attempts/0/http_status", json!(503)),
        ("/usage/total_tokens", json!(22)),
    ]);
    assert_eq!(call.json("input.json"), request());
    assert_eq!(call.json("output.json"), serde_json::from_str::<Value>(&reply("gpt-4o")).unwrap());
}

#[tokio::test]
async fn a_function_of_a_fallback_that_panics_costs_that_fallback_alone() {
    let (recorded, _default) = recording();
    let api = Api::start([Answer::json(503, BUSY), Answer::json(200, reply("gpt-4o-mini"))]).await;
    let endpoint = || Fallback::endpoint(api.url.clone());
    let middleware = LlmLogMiddleware::new()
        .fallback(Fallback::request(|_, _| panic!("a bug")))
        .fallback(endpoint().header("authorization", || panic!("a bug")))
        .fallback(endpoint().path(|_| panic!("a bug")))
        .fallback(Fallback::model("gpt-4o", "gpt-4o-mini"));
    assert_eq!(status(&client(&middleware), api.chat()).await, 200);
    assert_eq!(models(&api), ["gpt-4o", "gpt-4o-mini"]);
    assert_eq!(decisions(&recorded.call()), ["fallback", "final"]);
}

#[tokio::test]
async fn a_header_that_was_set_for_an_endpoint_was_left_out_where_it_is_the_first_request_s() {
    let (_recorded, _default) = recording();
    let (first, second) =
        (Api::start([Answer::json(503, BUSY)]).await, Api::start([Answer::json(200, reply("m"))]).await);
    // One account in two regions: the user says so.
    let region = Fallback::endpoint(&*second.url).header("authorization", || "Bearer sk-old".to_owned());
    let middleware = LlmLogMiddleware::new().fallback(region);
    assert_eq!(status(&client(&middleware), first.chat()).await, 200);
    assert!(second.received()[0].head.contains("Bearer sk-old"), "{}", second.received()[0].head);
}

#[tokio::test]
async fn a_predicate_that_panics_does_not_take_the_call_with_it() {
    let (_recorded, _default) = recording();
    let run = tracing_llmlogs::run_with_fallbacks("openai", "gpt-4o", || async {
        Err::<u8, _>(std::io::Error::other("busy"))
    });
    let run = run.or("local", "llama", || async { Ok(7) }).when(|_| panic!("a bug"));
    assert_eq!(run.run().await.unwrap(), 7);
}
