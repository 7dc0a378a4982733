//! Bodies that the client left in a content coding: the caller gets the server's bytes, the record has what they say.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use llmlogs_test_support as support;

use std::io::Write;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use reqwest_retry::RetryTransientMiddleware;
use reqwest_retry::policies::ExponentialBackoff;
use serde_json::{Value, json};
use support::api::{Answer, Api};
use support::{Call, Log, Recorded, recorder, subscriber_with};
use tracing::subscriber::DefaultGuard;
use tracing_llmlogs::{LlmLogLayerBuilder, LlmLogMiddleware};
use tracing_subscriber::prelude::*;

const REPLY: &str = r#"{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hi!"},"finish_reason":"stop"}],"usage":{"prompt_tokens":20,"completion_tokens":2,"total_tokens":22}}"#;

const OVERLOADED: &str = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;

const EVENTS: [&str; 5] = [
    "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"},\"finish_reason\":null}]}\n\n",
    "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Once \"},\"finish_reason\":null}]}\n\n",
    "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"upon \"},\"finish_reason\":null}]}\n\n",
    "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
    "data: [DONE]\n\n",
];

/// The same by libzstd, flushed after each, and the end of its frame.
const ZSTD: [&str; 6] = [
    "KLUv/QRYXAIAYsURF5CnLQYLChtqHWfxsvb93HWzlSJVTwUuYyzBMsaw9h50WRgUSFcJk/V22kx7cGVfMlkmAPuQZXUVsFGingIn43bRFWGXrgQA",
    "dAAAKE9uY2UgAgBeMPrsDEE=",
    "bAAAKGR1cG9uAgDgJp/gCg==",
    "rAAAYGQic3RvcCJ9XX0KCgIAKOPBJrgC",
    "cAAAZGF0YTogW0RPTkVdCgo=",
    "AQAAMUMsXg==",
];

/// The same by libbrotli.
const BROTLI: [&str; 6] = [
    "iyoAIK0K7NbGK0/rUBFRjuBNdqaUr0X2tmCmAktfi4yl9UkdFpEE6SJLka8+D7jo10q8YUUs2Bg7zx1BGPikoT2vPCVlUdxJYMGxik0gpMmNAQ==",
    "0AKAxqrAbm288rR0qKgoR/AmO1PK1yJ7WzBTgaWvxtJSh0UkQbrIUuSrzzEO2Odp4BsehPeAq3cENOA/OVjX4yEYyz5J3BdHxE62TLLwsjc=",
    "0AKAXwIgiRDkmFIjlknh",
    "WAKAX0KkjVBkkWHkAZwAQ065xgA=",
    "aACAX1JhqysJUESTYEnV+DEA",
    "Aw==",
];

fn gzip(text: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_ref()).unwrap();
    encoder.finish().unwrap()
}

/// [`EVENTS`] in each coding, in chunks of one event each and one for the end.
fn encoded_events() -> [(&'static str, Vec<Vec<u8>>); 3] {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let mut chunks = Vec::new();
    for event in EVENTS {
        encoder.write_all(event.as_bytes()).unwrap();
        encoder.flush().unwrap();
        chunks.push(std::mem::take(encoder.get_mut()));
    }
    chunks.push(encoder.finish().unwrap());
    let base64 = |chunks: [&str; 6]| chunks.map(|chunk| STANDARD.decode(chunk).unwrap()).to_vec();
    [("gzip", chunks), ("br", base64(BROTLI)), ("zstd", base64(ZSTD))]
}

fn events(coding: &str, chunks: &[Vec<u8>]) -> Answer {
    Answer::chunks("text/event-stream", chunks.to_vec()).header("content-encoding", coding)
}

fn answer(coding: &str, body: Vec<u8>) -> Answer {
    Answer::chunks("application/json", vec![body]).header("content-encoding", coding)
}

fn client() -> ClientWithMiddleware {
    ClientBuilder::new(reqwest::Client::builder().no_proxy().build().unwrap())
        .with(LlmLogMiddleware::new())
        .build()
}

fn recording() -> (Recorded, DefaultGuard) {
    recording_with(|builder| builder)
}

fn recording_with(
    settings: impl FnOnce(LlmLogLayerBuilder) -> LlmLogLayerBuilder,
) -> (Recorded, DefaultGuard) {
    let (subscriber, recorded) = subscriber_with(settings);
    (recorded, tracing::dispatcher::set_default(&subscriber))
}

fn request() -> Value {
    json!({"model": "m", "messages": [{"role": "user", "content": "Say hi."}]})
}

/// Makes a call that is answered like this; returns what the caller got, and the call with its root.
async fn exchange(answer: Answer) -> (Vec<u8>, Call, Recorded) {
    let (recorded, _default) = recording();
    let api = Api::start([answer]).await;
    let response = client().post(api.chat()).json(&request()).send().await.unwrap();
    let bytes = response.bytes().await.unwrap().to_vec();
    (bytes, recorded.call(), recorded)
}

#[tokio::test]
async fn an_answer_that_the_client_left_encoded_was_recorded_as_bytes() {
    let two_members = [gzip(&REPLY[..100]), gzip(&REPLY[100..])].concat();
    for encoded in [gzip(REPLY), two_members] {
        let (got, call, _root) = exchange(answer("gzip", encoded.clone())).await;
        assert_eq!(got, encoded, "the caller's bytes are the server's");
        call.assert_meta(&[
            ("/status", "ok".into()),
            ("/response_info/content_encoding", "gzip".into()),
            ("/response_info/id", "c".into()),
            ("/response_info/finish_reason", "stop".into()),
            ("/usage/total_tokens", 22.into()),
            ("/truncated/output", false.into()),
        ]);
        assert_eq!(call.json("output.json"), serde_json::from_str::<Value>(REPLY).unwrap());
        assert!(call.text("output.txt").contains("Hi!"));
    }
    let key = format!("sk-{}", "a1B2".repeat(12));
    let (_, call, _root) = exchange(answer("gzip", gzip(REPLY.replace("Hi!", &key)))).await;
    assert_eq!(call.json("output.json")["choices"][0]["message"]["content"], "[REDACTED]");
    let (_, call, _root) = exchange(Answer::json(200, REPLY)).await;
    call.assert_meta(&[("/response_info/content_encoding", "".into())]);
}

#[tokio::test]
async fn an_encoded_stream_was_lost_and_has_its_first_token_in_time() {
    for (coding, chunks) in encoded_events() {
        let answer = events(coding, &chunks).pause(Duration::from_millis(40));
        let (got, call, _root) = exchange(answer).await;
        assert_eq!(got, chunks.concat());
        call.assert_meta(&[
            ("/status", "ok".into()),
            ("/response_info/content_encoding", coding.into()),
            ("/response_info/finish_reason", "stop".into()),
        ]);
        let output = call.json("output.json");
        assert_eq!(output["choices"][0]["message"]["content"], "Once upon ", "{coding}: {output:#}");
        // The first token is in the second chunk of six.
        let first_token = call.meta("/performance/time_to_first_token_ms").as_u64().unwrap();
        let latency = call.meta("/performance/latency_ms").as_u64().unwrap();
        assert!((80..=latency).contains(&first_token), "{coding}: {first_token} of {latency}");
    }
}

#[tokio::test]
async fn an_encoded_stream_that_was_dropped_has_what_came() {
    for (coding, chunks) in encoded_events() {
        for (sent, status) in [(5, "ok"), (3, "cancelled")] {
            let (recorded, _default) = recording();
            let api = Api::start([events(coding, &chunks[..sent]).then_hang()]).await;
            let mut response = client().post(api.chat()).json(&request()).send().await.unwrap();
            let length: usize = chunks[..sent].iter().map(Vec::len).sum();
            let mut got = 0;
            while got < length {
                got += response.chunk().await.unwrap().unwrap().len();
            }
            drop(response);
            let call = recorded.call();
            call.assert_meta(&[("/status", status.into())]);
            let output = call.json("output.json");
            let answer = if status == "ok" { &output } else { &output["partial"] };
            assert_eq!(answer["choices"][0]["message"]["content"], "Once upon ", "{coding}: {output:#}");
        }
    }
}

#[tokio::test]
async fn an_encoded_stream_that_broke_off_has_what_came() {
    for (coding, chunks) in encoded_events() {
        let (recorded, _default) = recording();
        let api = Api::start([events(coding, &chunks[..3]).then_break()]).await;
        let response = client().post(api.chat()).json(&request()).send().await.unwrap();
        assert!(response.bytes().await.is_err());
        let call = recorded.call();
        call.assert_meta(&[("/response_info/error_type", "StreamError".into())]);
        let partial = &call.json("output.json")["partial"];
        assert_eq!(partial["choices"][0]["message"]["content"], "Once upon ", "{coding}: {partial:#}");

        // It ends as HTTP has it, and not as the API has it.
        let (_, call, _root) = exchange(events(coding, &chunks[..3])).await;
        call.assert_meta(&[("/response_info/error_type", "StreamError".into())]);
        let partial = &call.json("output.json")["partial"];
        assert_eq!(partial["choices"][0]["message"]["content"], "Once upon ", "{coding}: {partial:#}");
    }
}

#[tokio::test]
async fn an_error_that_was_encoded_had_control_bytes_as_its_message() {
    let encoded = answer("gzip", gzip(OVERLOADED)).status(503);
    let (_, call, _root) = exchange(encoded.clone()).await;
    call.assert_meta(&[
        ("/response_info/http_status", 503.into()),
        ("/response_info/error_type", "OverloadedError".into()),
        ("/response_info/error_code", "overloaded_error".into()),
        ("/response_info/error_message", "Overloaded".into()),
    ]);
    assert_eq!(call.json("output.json")["body"], serde_json::from_str::<Value>(OVERLOADED).unwrap());

    let (recorded, _default) = recording();
    let api = Api::start([encoded, answer("gzip", gzip(REPLY))]).await;
    let policy = ExponentialBackoff::builder()
        .retry_bounds(Duration::from_millis(1), Duration::from_millis(2))
        .build_with_max_retries(2);
    let client = ClientBuilder::new(reqwest::Client::builder().no_proxy().build().unwrap())
        .with(LlmLogMiddleware::new())
        .with(RetryTransientMiddleware::new_with_policy(policy))
        .with(LlmLogMiddleware::new())
        .build();
    client.post(api.chat()).json(&request()).send().await.unwrap().bytes().await.unwrap();
    recorded.call().assert_meta(&[
        ("/status", "ok".into()),
        ("/attempts/0/error_type", "OverloadedError".into()),
        ("/attempts/0/error_message", "Overloaded".into()),
        ("/attempts/1/error_type", "".into()),
    ]);
}

#[tokio::test]
async fn an_encoded_answer_is_no_false_alarm_on_the_span() {
    let (layer, recorded) = recorder();
    let log = Log::default();
    let fmt = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::CLOSE)
        .with_writer(log.clone());
    let _default = tracing_subscriber::registry().with(layer).with(fmt).set_default();
    let (coding, chunks) = encoded_events()[2].clone();
    let answers = [answer("gzip", gzip(REPLY)), answer("my-own", vec![1, 0xff, 3]), events(coding, &chunks)];
    let api = Api::start(answers).await;
    for _ in 0..3 {
        client().post(api.chat()).json(&request()).send().await.unwrap().bytes().await.unwrap();
    }
    for call in recorded.calls() {
        call.assert_meta(&[("/status", "ok".into())]);
    }
    let log = log.text();
    assert!(log.contains("http.response.status_code=200") && !log.contains("error.type"), "{log}");
}

#[tokio::test]
async fn an_answer_whose_coding_is_damaged_is_none_and_keeps_its_bytes() {
    let mut damaged = gzip(REPLY.repeat(3));
    damaged[20..40].fill(0xff);
    let (got, call, _root) = exchange(answer("gzip", damaged.clone())).await;
    assert_eq!(got, damaged);
    call.assert_meta(&[
        ("/response_info/error_type", "InvalidResponseError".into()),
        ("/response_info/content_encoding", "gzip".into()),
    ]);
    assert_eq!(call.json("output.json")["partial"]["base64"], STANDARD.encode(&damaged));

    // A header that is a lie.
    let (_, call, _root) = exchange(answer("gzip", REPLY.into())).await;
    call.assert_meta(&[("/status", "ok".into()), ("/response_info/id", "c".into())]);
    assert_eq!(call.json("output.json"), serde_json::from_str::<Value>(REPLY).unwrap());

    // What is no JSON is none, encoded or not.
    let (_, call, _root) = exchange(answer("gzip", gzip("<html>Sign in</html>"))).await;
    let message = call.meta("/response_info/error_message");
    assert_eq!(
        message,
        "expected the API's answer, got a page (application/json, 20 bytes): <html>Sign in</html>"
    );
}

#[tokio::test]
async fn a_bomb_costs_no_more_than_the_limit_of_a_body() {
    let bomb = gzip(vec![b' '; 16 << 20]);
    let (recorded, _default) = recording_with(|builder| builder.max_body_bytes(50_000));
    let api = Api::start([answer("gzip", bomb.clone())]).await;
    let response =
        client().post(api.chat()).header("content-encoding", "gzip").body(bomb.clone()).send().await.unwrap();
    assert_eq!(response.bytes().await.unwrap(), bomb);
    let call = recorded.call();
    call.assert_meta(&[("/truncated/input", true.into()), ("/truncated/output", true.into())]);
    for file in ["input.json", "output.json"] {
        let stored = call.json(file);
        assert_eq!(stored["text"].as_str().unwrap().len(), 50_000, "{file}");
        assert_eq!(stored["original_bytes"], bomb.len(), "{file}");
    }
}

#[tokio::test]
async fn a_request_that_was_encoded_was_recorded_as_bytes() {
    let text = request().to_string();
    for (header, encoded) in [("gzip", gzip(&text)), ("", gzip(&text)), ("gzip, gzip", gzip(gzip(&text)))] {
        let (recorded, _default) = recording();
        let api = Api::start([Answer::json(200, REPLY)]).await;
        let mut post = client().post(api.chat()).header("content-type", "application/json");
        if !header.is_empty() {
            post = post.header("content-encoding", header);
        }
        post.body(encoded.clone()).send().await.unwrap().bytes().await.unwrap();
        assert_eq!(api.received()[0].body, encoded, "the server's bytes are the caller's");
        let call = recorded.call();
        call.assert_meta(&[
            ("/api_info/model", "m".into()),
            ("/request_info/messages_count", 1.into()),
            ("/request_info/content_encoding", if header.is_empty() { "gzip" } else { header }.into()),
            ("/context/user_message", "Say hi.".into()),
        ]);
        assert_eq!(call.json("input.json"), request());
        assert!(call.text("input.txt").contains("Say hi."));
    }
    // A path that many APIs have, whose body would tell: it may well be a call.
    let (recorded, _default) = recording();
    let api = Api::start([Answer::json(200, "{}")]).await;
    let encoded = gzip(&text);
    let url = format!("{}/v1/chat", api.url);
    client().post(url).header("content-encoding", "gzip").body(encoded).send().await.unwrap();
    recorded.call();
}

#[tokio::test]
async fn failures_in_a_content_coding_were_judged_by_their_status_alone() {
    use tracing_llmlogs::Retry;
    let quota = r#"{"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}}"#;
    let busy = r#"{"error":{"message":"The server is overloaded","code":503}}"#;
    let error_event = format!("data: {busy}\n\n");
    let encoded = |status: u16, body: &str| answer("gzip", gzip(body)).status(status).by_length();
    for (name, first, requests) in [
        ("a quota that is exhausted", encoded(429, quota), 1),
        ("an error under a status of success", encoded(200, busy), 2),
        ("an answer", encoded(200, REPLY), 1),
        ("a stream that begins with an error", events("gzip", &[gzip(&error_event)]), 2),
        ("a stream", events("gzip", &[gzip(EVENTS.concat())]), 1),
        ("a coding that nobody knows", events("rot13", &[error_event.into_bytes()]), 1),
    ] {
        let (recorded, _default) = recording();
        let api = Api::start([first, answer("gzip", gzip(REPLY))]).await;
        let retry = Retry::new().backoff(Duration::from_millis(50), Duration::from_millis(50));
        let client = ClientBuilder::new(reqwest::Client::builder().no_proxy().build().unwrap())
            .with(LlmLogMiddleware::new().retry(retry.hold_streams(true)))
            .build();
        let response = client.post(api.chat()).json(&request()).send().await.unwrap();
        response.bytes().await.unwrap();
        assert_eq!(api.received().len(), requests, "{name}");
        drop(recorded);
    }
}

#[tokio::test]
async fn a_breaker_reads_encoded_streams_to_their_end() {
    use tracing_llmlogs::Breaker;
    let error = "data: {\"error\":{\"message\":\"The server is overloaded\",\"type\":\"server_error\"}}\n\n";
    for (coding, chunks) in encoded_events() {
        for (chunks, opens) in [(chunks.clone(), false), (chunks[..3].to_vec(), true)] {
            assert_eq!(opened_by(events(coding, &chunks)).await, opens, "{coding}, {} chunks", chunks.len());
        }
    }
    assert!(opened_by(events("gzip", &[gzip([EVENTS[1], error].concat())])).await, "an error as an event");
    // What cannot be read counts by its transport.
    assert!(!opened_by(events("rot13", &[EVENTS[1].into()])).await);

    async fn opened_by(answer: Answer) -> bool {
        let api = Api::start([answer]).await;
        let middleware = LlmLogMiddleware::new().breaker(Breaker::new().failures_in_a_row(1));
        let client = ClientBuilder::new(reqwest::Client::builder().no_proxy().build().unwrap())
            .with(middleware.clone())
            .build();
        let response = client.post(api.chat()).json(&request()).send().await.unwrap();
        response.bytes().await.unwrap();
        !middleware.circuits().degraded().is_empty()
    }
}
