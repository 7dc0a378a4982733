//! Retries over real sockets, against a server that answers by script: what it counted stands under `attempts`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use llmlogs_test_support as support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use serde_json::{Value, json};
use support::api::{Answer, Api};
use support::{Recorded, subscriber};
use tracing::subscriber::DefaultGuard;
use tracing_llmlogs::{DeadlineError, FailureKind, LlmLogMiddleware, NoRetry, Retry, Verdict};

/// A recorder that this thread's spans go to.
fn recording() -> (Recorded, DefaultGuard) {
    let (subscriber, recorded) = subscriber();
    (recorded, tracing::dispatcher::set_default(&subscriber))
}

/// Retries that wait for little where the server asks for nothing.
fn quick() -> Retry {
    Retry::new().backoff(millis(50), millis(60)).rate_limit_backoff(millis(50))
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn plain() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

fn client(retry: Retry) -> ClientWithMiddleware {
    ClientBuilder::new(plain()).with(LlmLogMiddleware::new().retry(retry)).build()
}

fn request() -> Value {
    json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "Say hi."}]})
}

fn streamed_request() -> Value {
    let mut request = request();
    request["stream"] = true.into();
    request
}

const REPLY: &str = r#"{"id":"c","object":"chat.completion","created":1,"model":"gpt-4o",
 "choices":[{"index":0,"message":{"role":"assistant","content":"Hi!"},"finish_reason":"stop"}],
 "usage":{"prompt_tokens":20,"completion_tokens":2,"total_tokens":22}}"#;

const LIMITED: &str =
    r#"{"error":{"message":"Rate limit reached","type":"requests","code":"rate_limit_exceeded"}}"#;
const QUOTA: &str = r#"{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}}"#;
const BUSY: &str = r#"{"error":{"message":"The server is overloaded","type":"server_error","code":null}}"#;

const ROLE: &str = r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#;
const TEXT: &str = r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"Once "},"finish_reason":null}]}"#;
const STOP: &str = r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
const IN_STREAM: &str =
    r#"{"error":{"message":"The server is overloaded","type":"server_error","code":null}}"#;

async fn post(
    client: &ClientWithMiddleware,
    api: &Api,
    body: &Value,
) -> reqwest_middleware::Result<reqwest::Response> {
    client.post(api.chat()).header("authorization", "Bearer sk-secret").json(body).send().await
}

/// The decisions under `attempts` of the only call, whose number is the server's count of requests.
#[track_caller]
fn decisions(recorded: &Recorded, api: &Api) -> Vec<String> {
    let attempts = recorded.call().meta("/attempts");
    let attempts = attempts.as_array().unwrap();
    if !attempts.is_empty() {
        assert_eq!(attempts.len(), api.received().len(), "{attempts:#?}");
    }
    attempts.iter().map(|attempt| attempt["decision"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_call_that_failed_twice_is_one_folder_with_its_history() {
    let (recorded, _default) = recording();
    let answers = [
        Answer::json(503, BUSY),
        Answer::json(429, LIMITED).header("retry-after-ms", "120"),
        Answer::json(200, REPLY),
    ];
    let api = Api::start(answers).await;
    let response = post(&client(quick()), &api, &request()).await.unwrap();
    assert_eq!((response.status().as_u16(), response.url().as_str()), (200, &*api.chat()));
    assert_eq!(response.content_length(), Some(REPLY.len() as u64));
    assert_eq!(response.text().await.unwrap(), REPLY);

    assert_eq!(decisions(&recorded, &api), ["retry", "retry", "final"]);
    let call = recorded.call();
    call.assert_meta(&[
        ("/status", json!("ok")),
        ("/response_info/http_status", json!(200)),
        ("/usage/total_tokens", json!(22)),
        ("/fallback", json!(null)),
        ("/attempts/0/http_status", json!(503)),
        ("/attempts/0/error_type", json!("InternalServerError")),
        ("/attempts/0/error_message", json!("The server is overloaded")),
        ("/attempts/0/provider", json!("127.0.0.1")),
        ("/attempts/0/model", json!("gpt-4o")),
        ("/attempts/0/base_url", json!(api.url)),
        ("/attempts/0/waited_ms", json!(0)),
        ("/attempts/1/http_status", json!(429)),
        ("/attempts/1/error_type", json!("RateLimitError")),
        ("/attempts/1/retry_after_ms", json!(120)),
        ("/attempts/2/http_status", json!(200)),
        ("/attempts/2/error_type", json!("")),
    ]);
    let waited = |n: usize| call.meta(&format!("/attempts/{n}/waited_ms")).as_u64().unwrap();
    // A busy machine may wake it late, but nobody asked for seconds.
    assert!((50..10_000).contains(&waited(1)) && (120..10_000).contains(&waited(2)));
    assert_eq!(call.json("input.json"), request());
    assert_eq!(call.json("output.json"), serde_json::from_str::<Value>(REPLY).unwrap());
    let index = std::fs::read_to_string(recorded.guard.session_dir().join("index.jsonl")).unwrap();
    let line: Value = serde_json::from_str(index.trim_end()).unwrap();
    assert_eq!(line["attempts"], json!(3));
    assert!(line["waited_ms"].as_u64().unwrap() >= 170);
    let bodies: Vec<Value> =
        api.received().iter().map(|r| serde_json::from_slice(&r.body).unwrap()).collect();
    assert_eq!(bodies, [request(), request(), request()]);
}

#[tokio::test]
async fn a_call_that_succeeds_at_once_has_no_attempts() {
    let (recorded, _default) = recording();
    let api = Api::start([Answer::json(200, REPLY)]).await;
    post(&client(quick()), &api, &request()).await.unwrap().bytes().await.unwrap();
    recorded.call().assert_meta(&[("/attempts", json!([])), ("/status", json!("ok"))]);
}

#[tokio::test]
async fn the_caller_gets_the_last_answer_itself() {
    let (recorded, _default) = recording();
    let api =
        Api::start([Answer::json(503, "one"), Answer::json(503, "two"), Answer::json(503, "three")]).await;
    let response = post(&client(quick()), &api, &request()).await.unwrap();
    assert_eq!((response.status().as_u16(), response.text().await.unwrap()), (503, "three".to_owned()));
    assert_eq!(decisions(&recorded, &api), ["retry", "retry", "final"]);
    recorded.call().assert_meta(&[("/status", json!("error")), ("/response_info/http_status", json!(503))]);
}

#[tokio::test]
async fn an_exhausted_quota_is_not_asked_again_whatever_the_headers_say() {
    for status in [429, 503] {
        let (recorded, _default) = recording();
        let answer = Answer::json(status, QUOTA).header("x-should-retry", "true").header("retry-after", "1");
        let api = Api::start([answer]).await;
        let response = post(&client(quick()), &api, &request()).await.unwrap();
        assert_eq!(response.text().await.unwrap(), QUOTA);
        assert_eq!(api.received().len(), 1);
        assert_eq!(decisions(&recorded, &api), ["permanent"]);
    }
}

#[tokio::test]
async fn the_server_says_whether_it_is_worth_another_attempt() {
    for (status, should_retry, requests) in [(503, "false", 1), (400, "true", 3), (400, "", 1), (401, "", 1)]
    {
        let (_recorded, _default) = recording();
        let mut answer = Answer::json(status, BUSY);
        if !should_retry.is_empty() {
            answer = answer.header("x-should-retry", should_retry);
        }
        let api = Api::start([answer]).await;
        post(&client(quick()), &api, &request()).await.unwrap();
        assert_eq!(api.received().len(), requests, "{status} {should_retry}");
    }
}

#[tokio::test]
async fn a_delay_that_is_too_long_is_not_slept_through() {
    let (recorded, _default) = recording();
    let limited = Answer::json(429, LIMITED);
    for (answer, decision) in [
        (limited.clone().header("retry-after", "3600"), "over_cap"),
        (
            limited
                .clone()
                .header("x-ratelimit-remaining-tokens", "0")
                .header("x-ratelimit-reset-tokens", "6m0s"),
            "over_cap",
        ),
    ] {
        let api = Api::start([answer]).await;
        let started = Instant::now();
        let response = post(&client(quick()), &api, &request()).await.unwrap();
        assert_eq!(response.text().await.unwrap(), LIMITED);
        assert!(started.elapsed() < Duration::from_secs(10));
        assert_eq!(api.received().len(), 1);
        let call = recorded.calls().pop().unwrap();
        assert_eq!(call.meta("/attempts/0/decision"), json!(decision));
    }
}

#[tokio::test]
async fn absurd_delays_do_not_count() {
    for (value, at_least) in [("1e300", 50), ("-5", 50), ("inf", 50), ("0", 50), ("", 50), ("0.2", 200)] {
        let (recorded, _default) = recording();
        let busy = Answer::json(503, BUSY).header("retry-after", value);
        let api = Api::start([busy, Answer::json(200, REPLY)]).await;
        post(&client(quick()), &api, &request()).await.unwrap().bytes().await.unwrap();
        let waited = recorded.call().meta("/attempts/1/waited_ms").as_u64().unwrap();
        assert!((at_least..10_000).contains(&waited), "{value}: {waited}");
    }
}

#[tokio::test]
async fn a_date_is_waited_for() {
    let (recorded, _default) = recording();
    // Dates have whole seconds.
    let date = chrono::Utc::now().timestamp() + 2;
    let header = chrono::DateTime::from_timestamp(date, 0).unwrap().format("%a, %d %b %Y %H:%M:%S GMT");
    let busy = Answer::json(503, BUSY).header("retry-after", &header.to_string());
    let api = Api::start([busy, Answer::json(200, REPLY)]).await;
    post(&client(quick()), &api, &request()).await.unwrap().bytes().await.unwrap();
    assert!(chrono::Utc::now().timestamp() >= date);
    assert_eq!(decisions(&recorded, &api), ["retry", "final"]);
}

#[tokio::test]
async fn a_timeout_is_retried_once_and_still_is_one() {
    let (recorded, _default) = recording();
    let api = Api::start([Answer::silence()]).await;
    let plain = reqwest::Client::builder().no_proxy().timeout(millis(1000)).build().unwrap();
    let client = ClientBuilder::new(plain).with(LlmLogMiddleware::new().retry(quick())).build();
    let error = post(&client, &api, &request()).await.unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    assert_eq!(decisions(&recorded, &api), ["retry", "final"]);
    recorded.call().assert_meta(&[
        ("/attempts/0/error_type", json!("TimeoutError")),
        ("/attempts/1/error_type", json!("TimeoutError")),
        ("/response_info/error_type", json!("TimeoutError")),
    ]);
}

#[tokio::test]
async fn a_connection_that_nobody_takes_is_tried_again() {
    let (recorded, _default) = recording();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{free}/v1/chat/completions");
    let error = client(quick()).post(url).json(&request()).send().await.unwrap_err();
    assert!(error.is_connect());
    let call = recorded.call();
    assert_eq!(call.meta("/attempts").as_array().unwrap().len(), 3);
    call.assert_meta(&[
        ("/attempts/2/decision", json!("final")),
        ("/response_info/error_type", json!("ConnectionError")),
    ]);
}

#[tokio::test]
async fn an_error_under_a_status_of_success_is_tried_again() {
    let (recorded, _default) = recording();
    let api = Api::start([Answer::json(200, BUSY), Answer::json(200, REPLY)]).await;
    let response = post(&client(quick()), &api, &request()).await.unwrap();
    assert_eq!(response.text().await.unwrap(), REPLY);
    assert_eq!(decisions(&recorded, &api), ["retry", "final"]);
    recorded.call().assert_meta(&[
        ("/attempts/0/http_status", json!(200)),
        ("/attempts/0/error_type", json!("InternalServerError")),
    ]);
}

#[tokio::test]
async fn a_streaming_body_is_sent_once() {
    let (recorded, _default) = recording();
    let api = Api::start([Answer::json(503, BUSY)]).await;
    let body = serde_json::to_vec(&request()).unwrap();
    let length = body.len();
    let body = reqwest::Body::wrap(one_piece(body));
    let response =
        client(quick()).post(api.chat()).header("content-length", length).body(body).send().await.unwrap();
    assert_eq!(response.text().await.unwrap(), BUSY);
    assert_eq!(api.received().len(), 1);
    assert_eq!(decisions(&recorded, &api), ["final"]);
}

/// A body that comes in one piece, and is not in memory as far as `reqwest` knows.
fn one_piece(
    bytes: Vec<u8>,
) -> impl http_body::Body<Data = bytes::Bytes, Error = std::convert::Infallible> + Send + Sync + 'static {
    struct Once(Option<bytes::Bytes>);
    impl http_body::Body for Once {
        type Data = bytes::Bytes;
        type Error = std::convert::Infallible;
        fn poll_frame(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<http_body::Frame<bytes::Bytes>, Self::Error>>> {
            std::task::Poll::Ready(self.0.take().map(|bytes| Ok(http_body::Frame::data(bytes))))
        }
    }
    Once(Some(bytes.into()))
}

#[tokio::test]
async fn a_held_stream_that_fails_before_its_content_is_tried_again_unseen() {
    for failed in [
        Answer::events(&[ROLE, IN_STREAM]),
        Answer::events(&[ROLE]),
        Answer::events(&[ROLE]).then_break(),
        Answer::events(&[]).then_break(),
    ] {
        let (recorded, _default) = recording();
        let good = [ROLE, TEXT, STOP, "[DONE]"];
        let api = Api::start([failed, Answer::events(&good)]).await;
        let mut response =
            post(&client(quick().hold_streams(true)), &api, &streamed_request()).await.unwrap();
        let mut chunks = Vec::new();
        while let Some(chunk) = response.chunk().await.unwrap() {
            chunks.extend_from_slice(&chunk);
        }
        let expected: String = good.iter().map(|event| format!("data: {event}\n\n")).collect();
        assert_eq!(String::from_utf8(chunks).unwrap(), expected);
        assert_eq!(decisions(&recorded, &api), ["retry", "final"]);
        recorded.call().assert_meta(&[("/status", json!("ok")), ("/attempts/0/http_status", json!(200))]);
    }
}

#[tokio::test]
async fn a_stream_with_content_is_never_replayed() {
    let (recorded, _default) = recording();
    let api = Api::start([
        Answer::events(&[ROLE, TEXT, TEXT, TEXT]).then_break(),
        Answer::events(&[TEXT, "[DONE]"]),
    ])
    .await;
    let mut response = post(&client(quick().hold_streams(true)), &api, &streamed_request()).await.unwrap();
    let mut chunks = 0;
    let error = loop {
        match response.chunk().await {
            Ok(Some(_)) => chunks += 1,
            Ok(None) => panic!("the stream was cut"),
            Err(error) => break error,
        }
    };
    assert!(chunks >= 3 && !error.is_timeout(), "{chunks} {error:?}");
    assert_eq!(api.received().len(), 1);
    recorded.call().assert_meta(&[
        ("/status", json!("error")),
        ("/response_info/error_type", json!("StreamError")),
        ("/attempts", json!([])),
    ]);
}

#[tokio::test]
async fn a_stream_that_is_not_held_passes_as_it_comes() {
    let (recorded, _default) = recording();
    let api = Api::start([Answer::events(&[ROLE, IN_STREAM])]).await;
    let response = post(&client(quick()), &api, &streamed_request()).await.unwrap();
    assert!(response.text().await.unwrap().contains("overloaded"));
    assert_eq!(api.received().len(), 1);
    recorded.call().assert_meta(&[("/status", json!("error")), ("/attempts", json!([]))]);
}

/// Drives `call` until `is_reached`, and drops it.
async fn drop_when(call: impl Future, is_reached: impl Fn() -> bool) {
    let mut call = std::pin::pin!(call);
    while !is_reached() {
        let early = tokio::time::timeout(millis(5), &mut call).await;
        assert!(early.is_err(), "the call ended by itself");
    }
}

#[tokio::test]
async fn a_call_that_is_dropped_while_it_waits_is_cancelled() {
    let (recorded, _default) = recording();
    let api = Api::start([Answer::json(503, BUSY).header("retry-after", "30")]).await;
    let has_failed = Arc::new(AtomicBool::new(false));
    let retry = quick().when({
        let has_failed = Arc::clone(&has_failed);
        move |_, verdict| {
            has_failed.store(true, Ordering::Relaxed);
            verdict
        }
    });
    // The wait begins without a pause after the decision.
    drop_when(post(&client(retry), &api, &request()), || has_failed.load(Ordering::Relaxed)).await;
    let call = recorded.call();
    call.assert_meta(&[
        ("/status", json!("cancelled")),
        ("/response_info/error_type", json!("CancelledError")),
        ("/attempts/0/decision", json!("retry")),
        ("/attempts/0/http_status", json!(503)),
    ]);
    assert_eq!(decisions(&recorded, &api), ["retry"]);
}

#[tokio::test]
async fn a_call_that_is_dropped_in_its_second_attempt_has_both() {
    let (recorded, _default) = recording();
    let api = Api::start([Answer::json(503, BUSY), Answer::silence()]).await;
    drop_when(post(&client(quick()), &api, &request()), || api.received().len() == 2).await;
    assert_eq!(decisions(&recorded, &api), ["retry", "final"]);
    recorded
        .call()
        .assert_meta(&[("/status", json!("cancelled")), ("/attempts/1/error_type", json!("CancelledError"))]);
}

#[tokio::test]
async fn no_attempt_begins_after_the_deadline_and_one_that_hangs_is_given_up() {
    let (recorded, _default) = recording();
    let api = Api::start([Answer::json(503, BUSY).header("retry-after", "59")]).await;
    let response = post(&client(quick().deadline(millis(58_000))), &api, &request()).await.unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(decisions(&recorded, &api), ["deadline"]);

    let (recorded, _default) = recording();
    let api = Api::start([Answer::silence()]).await;
    let error = post(&client(quick().deadline(millis(200))), &api, &request()).await.unwrap_err();
    let reqwest_middleware::Error::Middleware(error) = error else { panic!("{error:?}") };
    assert_eq!(error.downcast_ref::<DeadlineError>().unwrap().attempts, 1);
    recorded.call().assert_meta(&[
        ("/response_info/error_type", json!("TimeoutError")),
        ("/attempts/0/decision", json!("deadline")),
    ]);
}

#[tokio::test]
async fn a_request_can_opt_out_and_the_users_function_has_the_last_word() {
    let (recorded, _default) = recording();
    let api = Api::start([Answer::json(503, BUSY)]).await;
    let request = client(quick()).post(api.chat()).with_extension(NoRetry).json(&request());
    assert_eq!(request.send().await.unwrap().status(), 503);
    assert_eq!(api.received().len(), 1);
    recorded.call().assert_meta(&[("/attempts", json!([]))]);

    for (status, verdict, requests) in
        [(400, Verdict::Retry, 3), (503, Verdict::Stop, 1), (503, Verdict::Accept, 1)]
    {
        let api = Api::start([Answer::json(status, BUSY)]).await;
        let retry = quick().when(move |attempt, own| {
            assert_eq!(
                (attempt.status(), attempt.model(), attempt.error_code()),
                (Some(status), "gpt-4o", "server_error")
            );
            assert_eq!(
                own,
                if attempt.kind() == FailureKind::Server { Verdict::Retry } else { Verdict::Stop }
            );
            verdict
        });
        post(&client(retry), &api, &self::request()).await.unwrap();
        assert_eq!(api.received().len(), requests, "{status} {verdict:?}");
    }
    let api = Api::start([Answer::json(503, BUSY)]).await;
    post(&client(quick().when(|_, _| panic!("a bug"))), &api, &self::request()).await.unwrap();
    assert_eq!(api.received().len(), 3, "its panic does not count");
}

#[tokio::test]
async fn calls_are_retried_where_nothing_is_recorded() {
    let api = Api::start([Answer::json(503, BUSY), Answer::json(200, REPLY)]).await;
    let response = post(&client(quick()), &api, &request()).await.unwrap();
    assert_eq!((response.status().as_u16(), api.received().len()), (200, 2));
    assert_eq!(response.text().await.unwrap(), REPLY);
}

#[tokio::test]
async fn what_is_no_call_to_a_model_is_left_alone() {
    let api = Api::start([Answer::json(503, BUSY)]).await;
    let url = format!("{}/api/orders", api.url);
    assert_eq!(client(quick()).post(url).json(&json!({})).send().await.unwrap().status(), 503);
    assert_eq!(api.received().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_callers_of_a_dead_server_make_no_storm() {
    let (subscriber, recorded) = subscriber();
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&requests);
    let api = Api::respond(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        Answer::json(503, BUSY)
    })
    .await;
    let client = client(quick());
    let url = api.chat();
    let calls = (0..200).map(|_| {
        let (client, url) = (client.clone(), url.clone());
        let call = async move { client.post(url).json(&request()).send().await.unwrap().status().as_u16() };
        tokio::spawn(tracing::instrument::WithSubscriber::with_subscriber(call, subscriber.clone()))
    });
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(call.await.unwrap(), 503);
    }
    let requests = requests.load(Ordering::Relaxed);
    assert!((201..=250).contains(&requests), "{requests} requests for 200 calls");
    let calls = recorded.calls();
    let attempts = calls.iter().map(|call| call.meta("/attempts").as_array().unwrap().len());
    assert_eq!((calls.len(), attempts.sum::<usize>()), (200, requests));
    let denied = |call: &&support::Call| {
        let attempts = call.meta("/attempts");
        attempts.as_array().unwrap().last().unwrap()["decision"] == "budget"
    };
    assert!(calls.iter().filter(denied).count() >= 100);
}

/// The child of the next test: reqwest-retry around the middleware's own retries.
#[tokio::test]
#[ignore = "a child"]
async fn child_with_two_loops() {
    let millis = Duration::from_millis;
    let policy = reqwest_retry::policies::ExponentialBackoff::builder()
        .retry_bounds(millis(10), millis(20))
        .build_with_max_retries(2);
    let client = ClientBuilder::new(plain())
        .with(reqwest_retry::RetryTransientMiddleware::new_with_policy(policy))
        .with(LlmLogMiddleware::new().retry(quick().max_attempts(2)))
        .build();
    let api = Api::start([Answer::json(503, BUSY)]).await;
    post(&client, &api, &request()).await.unwrap();
    support::child::report(api.received().len());
}

#[test]
fn two_loops_on_top_of_each_other_multiplied_without_a_word() {
    let root = tempfile::tempdir().unwrap();
    let output = support::child::role("child_with_two_loops", root.path()).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(out.contains("@@ 6"), "{out}");
    assert_eq!(err.matches("two retry loops are on top of each other").count(), 1, "{err}");
}

/// The child of the next test: the same question again after it failed for good, as a person asks it.
#[tokio::test]
#[ignore = "a child"]
async fn child_that_asks_again() {
    let client = client(quick().max_attempts(2));
    let api = Api::start([Answer::json(503, BUSY)]).await;
    post(&client, &api, &request()).await.unwrap();
    tokio::time::sleep(millis(100)).await;
    post(&client, &api, &request()).await.unwrap();
    // So does a program with a list of equal questions.
    for _ in 0..3 {
        post(&client, &api, &request()).await.unwrap();
    }
    support::child::report(api.received().len());
}

#[test]
fn a_new_call_of_the_same_request_was_called_a_loop() {
    let root = tempfile::tempdir().unwrap();
    let output = support::child::role("child_that_asks_again", root.path()).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(out.contains("@@ 10"), "{out}");
    assert!(!err.contains("two retry loops"), "{err}");
}

#[tokio::test]
async fn of_two_middlewares_with_retries_the_outer_one_has_them() {
    let (recorded, _default) = recording();
    let api = Api::start([Answer::json(503, BUSY)]).await;
    let both = ClientBuilder::new(plain())
        .with(LlmLogMiddleware::new().retry(quick()))
        .with(LlmLogMiddleware::new().retry(quick()))
        .build();
    post(&both, &api, &request()).await.unwrap();
    assert_eq!(api.received().len(), 3, "three, not nine");
    assert_eq!(decisions(&recorded, &api), ["retry", "retry", "final"]);
}

#[tokio::test]
async fn a_response_that_was_looked_at_keeps_everything() {
    #[derive(Clone, PartialEq, Debug)]
    struct Mark(u8);
    struct Marks;
    #[async_trait::async_trait]
    impl reqwest_middleware::Middleware for Marks {
        async fn handle(
            &self,
            request: reqwest::Request,
            extensions: &mut http::Extensions,
            next: reqwest_middleware::Next<'_>,
        ) -> reqwest_middleware::Result<reqwest::Response> {
            let mut response = next.run(request, extensions).await?;
            response.extensions_mut().insert(Mark(7));
            Ok(response)
        }
    }
    let (recorded, _default) = recording();
    let long = format!(r#"{{"error":{{"message":"{}","type":"server_error"}}}}"#, "x".repeat(200 << 10));
    let dripping: Vec<Vec<u8>> = (0..4).map(|n| format!("part {n};").into_bytes()).collect();
    for (answer, status, body) in [
        (Answer::json(503, long.clone()), 503, long),
        (
            Answer::chunks("text/plain", dripping.clone()).status(500).pause(millis(600)),
            500,
            String::from_utf8(dripping.concat()).unwrap(),
        ),
        (Answer::json(200, REPLY), 200, REPLY.to_owned()),
    ] {
        let api = Api::start([answer.header("x-request-id", "req-1").header("x-custom", "kept")]).await;
        let client = ClientBuilder::new(plain())
            .with(LlmLogMiddleware::new().retry(quick().max_attempts(1)))
            .with(Marks)
            .build();
        let response = post(&client, &api, &request()).await.unwrap();
        assert_eq!((response.status().as_u16(), response.url().as_str()), (status, &*api.chat()));
        assert_eq!(response.extensions().get(), Some(&Mark(7)));
        assert!(response.remote_addr().is_some());
        assert_eq!(["x-request-id", "x-custom"].map(|name| &response.headers()[name]), ["req-1", "kept"]);
        assert_eq!(response.text().await.unwrap(), body);
        assert_eq!(api.received().len(), 1);
    }
    assert_eq!(recorded.calls().len(), 3);
}
