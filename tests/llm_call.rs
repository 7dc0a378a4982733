//! Calls without HTTP: what they can say of themselves, and what other layers see of them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use llmlogs_test_support as support;

use std::time::Duration;

use serde_json::{Value, json};
use support::{Log, subscriber};
use tracing::dispatcher::with_default;
use tracing_llmlogs::LlmCall;
use tracing_subscriber::prelude::*;

fn start() -> LlmCall {
    let body = json!({"model": "gpt-4o", "stream": true, "messages": [{"role": "user", "content": "Hi"}]});
    LlmCall::builder("openai", "gpt-4o").request(&body).start()
}

fn delta(content: &str, finish_reason: Value) -> Value {
    json!({"id": "c1", "model": "gpt-4o", "choices": [{"index": 0, "delta": {"content": content},
        "finish_reason": finish_reason}]})
}

#[test]
fn a_call_without_http_sent_an_empty_method_to_every_layer() {
    let log = Log::default();
    let fmt = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_writer(log.clone())
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::CLOSE);
    let (layer, recorded) = support::recorder();
    let subscriber = tracing_subscriber::registry().with(layer).with(fmt);
    with_default(&subscriber.into(), || start().finish(&json!({"choices": []})));
    let text = log.text();
    assert!(text.contains("gen_ai.request.model") && !text.contains("http.request.method"), "{text}");
    // The request is there all the same.
    assert_eq!(recorded.call().json("input.json")["messages"][0]["content"], "Hi");
}

#[test]
fn chunks_are_recorded_as_the_object_that_they_make_with_the_time_of_the_first_token() {
    let (subscriber, recorded) = subscriber();
    with_default(&subscriber, || {
        let mut call = start();
        call.http_status(200);
        std::thread::sleep(Duration::from_millis(20));
        call.chunk(&delta("", json!(null)));
        std::thread::sleep(Duration::from_millis(20));
        call.chunk(&delta("Once ", json!(null)));
        call.chunk(&delta("upon", json!("stop")));
        call.chunk(
            &json!({"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}}),
        );
        call.finish_stream();
    });
    let call = recorded.call();
    call.assert_meta(&[
        ("/status", json!("ok")),
        ("/response_info/http_status", json!(200)),
        ("/response_info/finish_reason", json!("stop")),
        ("/usage/completion_tokens", json!(2)),
    ]);
    let first_token = call.meta("/performance/time_to_first_token_ms");
    assert!(first_token.as_u64().unwrap() >= 40, "an empty delta is no token: {first_token}");
    assert_eq!(call.json("output.json")["choices"][0]["message"]["content"], "Once upon");
}

#[test]
fn a_call_that_is_dropped_or_fails_after_some_chunks_keeps_them() {
    let (subscriber, recorded) = subscriber();
    with_default(&subscriber, || {
        let mut call = start();
        call.chunk(&delta("Once ", json!(null)));
        drop(call);
        let mut call = start();
        call.chunk(&delta("Once ", json!(null)));
        call.fail(&"connection reset");
        let mut call = start();
        call.http_status(200);
        call.chunk(&delta("Once ", json!(null)));
        call.finish_stream();
    });
    let calls = recorded.calls();
    for (call, status, kind) in [
        (&calls[0], "cancelled", "CancelledError"),
        (&calls[1], "error", "APIError"),
        (&calls[2], "error", "StreamError"),
    ] {
        call.assert_meta(&[("/status", json!(status)), ("/response_info/error_type", json!(kind))]);
        assert_eq!(call.json("output.json")["partial"]["choices"][0]["message"]["content"], "Once ");
    }
    assert_eq!(calls[1].meta("/response_info/error_message"), "connection reset");
}

#[test]
fn a_call_says_its_status_its_first_token_and_its_type_of_error() {
    let (subscriber, recorded) = subscriber();
    with_default(&subscriber, || {
        let mut call = start();
        call.http_status(429);
        call.fail(&"slow down");
        let mut call = start();
        call.http_status(429);
        call.fail_as("QuotaError", "out of credits");
        start().fail_as("RateLimitError", "slow down");
        start().fail_as("529", "overloaded");
        let mut call = start();
        std::thread::sleep(Duration::from_millis(20));
        call.first_token();
        std::thread::sleep(Duration::from_millis(20));
        call.first_token();
        call.finish(&json!({"choices": []}));
    });
    let calls = recorded.calls();
    for (call, kind, status, message) in [
        (&calls[0], "RateLimitError", json!(429), "slow down"),
        (&calls[1], "QuotaError", json!(429), "out of credits"),
        (&calls[2], "RateLimitError", json!(null), "slow down"),
        (&calls[3], "OverloadedError", json!(null), "overloaded"),
    ] {
        call.assert_meta(&[
            ("/response_info/error_type", json!(kind)),
            ("/response_info/http_status", status),
            ("/response_info/error_message", json!(message)),
        ]);
    }
    let performance = calls[4].meta("/performance");
    let (first, all) = (&performance["time_to_first_token_ms"], &performance["latency_ms"]);
    assert!(first.as_u64().unwrap() >= 20 && first.as_u64() < all.as_u64(), "{performance}");
}

#[test]
fn a_call_that_no_recorder_sees_lacked_what_its_response_says() {
    let log = Log::default();
    let fmt = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_writer(log.clone())
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::CLOSE);
    with_default(&tracing_subscriber::registry().with(fmt).into(), || {
        start().finish(
            &json!({"id": "c1", "choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 2}}),
        );
    });
    let text = log.text();
    assert!(
        text.contains("gen_ai.usage.input_tokens=5") && text.contains("gen_ai.response.id=\"c1\""),
        "{text}"
    );
}
