//! The middleware in front of real sockets.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use llmlogs_test_support as support;

use std::sync::Arc;
use std::time::Duration;

use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use reqwest_retry::RetryTransientMiddleware;
use reqwest_retry::policies::ExponentialBackoff;
use serde_json::{Value, json};
use support::api::{Answer, Api};
use support::{Recorded, recorder, subscriber, subscriber_with};
use tracing::Instrument;
use tracing::subscriber::DefaultGuard;
use tracing_llmlogs::{LlmLogMiddleware, Redactor};
use tracing_subscriber::prelude::*;

fn client() -> ClientWithMiddleware {
    ClientBuilder::new(plain()).with(LlmLogMiddleware::new()).build()
}

fn plain() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// A recorder that this thread's spans go to.
fn recording() -> (Recorded, DefaultGuard) {
    let (subscriber, recorded) = subscriber();
    (recorded, tracing::dispatcher::set_default(&subscriber))
}

fn request() -> Value {
    json!({"model": "gpt-4o-mini", "temperature": 0.3, "messages": [
        {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Say hi."}]})
}

fn streamed_request() -> Value {
    let mut request = request();
    request["stream"] = true.into();
    request
}

const REPLY: &str = r#"{"id":"chatcmpl-1","object":"chat.completion","created":1761537731,"model":"gpt-4o-mini-2024-07-18",
 "choices":[{"index":0,"message":{"role":"assistant","content":"Hi!"},"logprobs":null,"finish_reason":"stop"}],
 "usage":{"prompt_tokens":20,"completion_tokens":2,"total_tokens":22,"prompt_tokens_details":{"cached_tokens":8},
 "completion_tokens_details":{"reasoning_tokens":1}},"system_fingerprint":"fp_1"}"#;

const EVENTS: [&str; 6] = [
    r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#,
    r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"Once "},"finish_reason":null}]}"#,
    r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"upon"},"finish_reason":null}]}"#,
    r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
    r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}}"#,
    "[DONE]",
];

const RATE_LIMITED: &str = r#"{"error":{"message":"Rate limit reached for gpt-4o-mini","type":"requests","param":null,"code":"rate_limit_exceeded"}}"#;

async fn post(
    client: &ClientWithMiddleware,
    url: String,
    body: &Value,
) -> reqwest_middleware::Result<reqwest::Response> {
    client.post(url).header("authorization", "Bearer sk-secret").json(body).send().await
}

#[tokio::test]
async fn a_plain_call_is_recorded_and_passed_on_unchanged() {
    let (recorded, _default) = recording();
    let api = Api::start([Answer::json(200, REPLY).header("x-request-id", "req_1")]).await;
    let response = post(&client(), api.chat(), &request()).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.url().as_str(), api.chat());
    assert_eq!(response.content_length(), Some(REPLY.len() as u64));
    assert!(response.remote_addr().is_some());
    assert_eq!(response.headers()["x-request-id"], "req_1");
    assert_eq!(response.text().await.unwrap(), REPLY);

    let call = recorded.call();
    call.assert_meta(&[
        ("/status", json!("ok")),
        ("/api_info/provider", json!("127.0.0.1")),
        ("/api_info/model", json!("gpt-4o-mini")),
        ("/api_info/base_url", json!(api.url)),
        ("/api_info/endpoint", json!("/v1/chat/completions")),
        ("/api_info/operation", json!("chat")),
        ("/api_info/method", json!("POST")),
        ("/request_info/messages_count", json!(2)),
        ("/request_info/temperature", json!(0.3)),
        ("/request_info/tool_choice", json!("auto")),
        ("/request_info/stream", json!(false)),
        ("/response_info/id", json!("chatcmpl-1")),
        ("/response_info/created", json!(1_761_537_731)),
        ("/response_info/model", json!("gpt-4o-mini-2024-07-18")),
        ("/response_info/http_status", json!(200)),
        ("/response_info/request_id", json!("req_1")),
        ("/response_info/finish_reason", json!("stop")),
        ("/usage/prompt_tokens", json!(20)),
        ("/usage/completion_tokens", json!(2)),
        ("/usage/total_tokens", json!(22)),
        ("/usage/cached_tokens", json!(8)),
        ("/usage/reasoning_tokens", json!(1)),
        ("/performance/time_to_first_token_ms", json!(null)),
        ("/context/user_message", json!("Say hi.")),
        ("/attempts", json!([])),
    ]);
    assert_eq!(call.json("input.json"), request());
    assert_eq!(call.json("output.json"), serde_json::from_str::<Value>(REPLY).unwrap());
    assert!(call.text("output.txt").contains("ASSISTANT MESSAGE:\n"));
    let index = std::fs::read_to_string(recorded.guard.session_dir().join("index.jsonl")).unwrap();
    let line: Value = serde_json::from_str(index.trim_end()).unwrap();
    assert_eq!((&line["total_tokens"], &line["user_message"]), (&json!(22), &json!("Say hi.")));
}

#[tokio::test]
async fn harmless_query_parameters_and_the_servers_own_status_text_were_lost() {
    let (recorded, _default) = recording();
    let api = Api::start([Answer::json(429, RATE_LIMITED).phrase("Slow Down Please")]).await;
    let url = format!("{}?key=s3cret&api-version=2024-10-21&alt=sse&unknown=s3cret", api.chat());
    let response = post(&client(), url.clone(), &request()).await.unwrap();
    assert_eq!(response.url().as_str(), url);
    drop(response);

    let call = recorded.call();
    call.assert_meta(&[
        ("/api_info/endpoint", json!("/v1/chat/completions")),
        ("/api_info/query", json!("api-version=2024-10-21&alt=sse")),
        ("/response_info/http_status", json!(429)),
        ("/response_info/status_text", json!("Slow Down Please")),
    ]);
    assert!(!call.text("metadata.json").contains("s3cret"));
}

#[tokio::test]
async fn a_stream_reaches_the_caller_chunk_by_chunk_and_folds_into_one_object() {
    let (recorded, _default) = recording();
    let api = Api::start([Answer::events(&EVENTS).pause(Duration::from_millis(30))]).await;
    let mut response = post(&client(), api.chat(), &streamed_request()).await.unwrap();
    let mut chunks = Vec::new();
    while let Some(chunk) = response.chunk().await.unwrap() {
        chunks.push(String::from_utf8(chunk.to_vec()).unwrap());
    }
    assert_eq!(chunks, EVENTS.map(|event| format!("data: {event}\n\n")));

    let call = recorded.call();
    assert_eq!(
        call.json("output.json"),
        json!({"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "Once upon"}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}})
    );
    call.assert_meta(&[
        ("/status", json!("ok")),
        ("/request_info/stream", json!(true)),
        ("/usage/total_tokens", json!(7)),
    ]);
    let first = call.meta("/performance/time_to_first_token_ms").as_u64().unwrap();
    let latency = call.meta("/performance/latency_ms").as_u64().unwrap();
    // The second chunk has the first content; four more follow.
    assert!(first >= 60 && first + 4 * 30 <= latency, "{first} of {latency}");
}

#[tokio::test]
async fn a_client_that_stops_at_done_has_finished_its_call() {
    let (recorded, _default) = recording();
    let api = Api::start([Answer::events(&EVENTS).then_hang()]).await;
    let mut response = post(&client(), api.chat(), &streamed_request()).await.unwrap();
    let mut text = String::new();
    while !text.contains("[DONE]") {
        text += std::str::from_utf8(&response.chunk().await.unwrap().unwrap()).unwrap();
    }
    drop(response);
    recorded.call().assert_meta(&[("/status", json!("ok")), ("/response_info/finish_reason", json!("stop"))]);
}

#[tokio::test]
async fn a_stream_that_is_dropped_is_cancelled_with_what_had_arrived() {
    let (recorded, _default) = recording();
    let api = Api::start([Answer::events(&EVENTS[..2]).then_hang()]).await;
    let mut response = post(&client(), api.chat(), &streamed_request()).await.unwrap();
    let mut text = String::new();
    while !text.contains("Once") {
        text += std::str::from_utf8(&response.chunk().await.unwrap().unwrap()).unwrap();
    }
    drop(response);
    let call = recorded.call();
    call.assert_meta(&[
        ("/status", json!("cancelled")),
        ("/response_info/error", json!(true)),
        ("/response_info/error_type", json!("CancelledError")),
        ("/performance/tokens_per_second", json!(0.0)),
    ]);
    assert_eq!(call.json("output.json")["partial"]["choices"][0]["message"]["content"], "Once ");
    assert!(call.text("output.txt").contains("PARTIAL OUTPUT:\n"));
}

#[tokio::test]
async fn a_dropped_future_is_cancelled() {
    let (recorded, _default) = recording();
    let api = Api::start([Answer::silence()]).await;
    let (client, request) = (client(), request());
    let call = post(&client, api.chat(), &request);
    assert!(tokio::time::timeout(Duration::from_millis(100), call).await.is_err());
    recorded.call().assert_meta(&[
        ("/status", json!("cancelled")),
        ("/response_info/http_status", json!(null)),
        ("/response_info/error_type", json!("CancelledError")),
    ]);
}

#[tokio::test]
async fn a_connection_that_breaks_in_the_body_is_a_stream_error() {
    let (recorded, _default) = recording();
    let api = Api::start([Answer::events(&EVENTS[..3]).then_break()]).await;
    let response = post(&client(), api.chat(), &streamed_request()).await.unwrap();
    let error = response.bytes().await.unwrap_err();
    let bare =
        plain().post(api.chat()).json(&streamed_request()).send().await.unwrap().bytes().await.unwrap_err();
    assert_eq!(
        (error.is_body(), error.is_decode(), error.is_timeout(), error.to_string()),
        (bare.is_body(), bare.is_decode(), bare.is_timeout(), bare.to_string())
    );
    let call = recorded.call();
    call.assert_meta(&[("/status", json!("error")), ("/response_info/error_type", json!("StreamError"))]);
    assert_eq!(call.json("output.json")["partial"]["choices"][0]["message"]["content"], "Once upon");
}

#[tokio::test]
async fn a_time_limit_that_runs_out_is_a_timeout_anywhere() {
    let (recorded, _default) = recording();
    let api = Api::start([Answer::silence(), Answer::events(&EVENTS[..2]).then_hang()]).await;
    let client = client();
    for _ in 0..2 {
        let sent = client.post(api.chat()).timeout(Duration::from_millis(200)).json(&request()).send().await;
        let error = match sent {
            Ok(response) => response.bytes().await.unwrap_err(),
            Err(reqwest_middleware::Error::Reqwest(error)) => error,
            Err(other) => panic!("{other}"),
        };
        assert!(error.is_timeout());
    }
    let calls = recorded.calls();
    assert_eq!(calls.len(), 2);
    for (call, status) in calls.iter().zip([json!(null), json!(200)]) {
        call.assert_meta(&[
            ("/status", json!("error")),
            ("/response_info/error_type", json!("TimeoutError")),
            ("/response_info/http_status", status),
        ]);
        let latency = call.meta("/performance/latency_ms").as_u64().unwrap();
        assert!((200..2000).contains(&latency), "{latency}");
    }
    assert_eq!(calls[1].json("output.json")["partial"]["choices"][0]["message"]["content"], "Once ");
}

#[tokio::test]
async fn a_refused_connection_is_a_connection_error_and_no_url_credential_is_told() {
    let (recorded, _default) = recording();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let url = format!("http://user:hunter2@127.0.0.1:{port}/v1/chat/completions?api_key=hunter2");
    post(&client(), url, &request()).await.unwrap_err();
    let call = recorded.call();
    call.assert_meta(&[
        ("/response_info/error_type", json!("ConnectionError")),
        ("/api_info/base_url", json!(format!("http://127.0.0.1:{port}"))),
    ]);
    let message = call.meta("/response_info/error_message");
    assert!(message.as_str().unwrap().contains("Connection refused"), "{message}");
    for file in ["metadata.json", "output.json", "output.txt", "input.json", "input.txt"] {
        assert!(!call.text(file).contains("hunter2"), "{file}");
    }
}

#[tokio::test]
async fn http_errors_have_the_providers_message_even_when_nobody_reads_the_body() {
    for (status, kind) in [
        (400, "BadRequestError"),
        (401, "AuthenticationError"),
        (403, "PermissionDeniedError"),
        (404, "NotFoundError"),
        (413, "RequestTooLargeError"),
        (418, "APIError"),
        (422, "UnprocessableEntityError"),
        (429, "RateLimitError"),
        (500, "InternalServerError"),
        (503, "InternalServerError"),
        (529, "OverloadedError"),
    ] {
        let (recorded, _default) = recording();
        let api = Api::start([Answer::json(status, RATE_LIMITED)]).await;
        let response = post(&client(), api.chat(), &request()).await.unwrap();
        assert_eq!(response.status(), status);
        drop(response);
        let call = recorded.call();
        call.assert_meta(&[
            ("/status", json!("error")),
            ("/response_info/http_status", json!(status)),
            ("/response_info/error_type", json!(kind)),
            ("/response_info/error_code", json!("rate_limit_exceeded")),
            ("/response_info/error_message", json!("Rate limit reached for gpt-4o-mini")),
            ("/usage/total_tokens", json!(0)),
        ]);
        let output = call.json("output.json");
        assert_eq!(output["body"], serde_json::from_str::<Value>(RATE_LIMITED).unwrap());
        assert_eq!(output["http_status"], json!(status));
    }
}

#[tokio::test]
async fn an_errors_body_still_reaches_the_caller_whole() {
    let (recorded, _default) = recording();
    let long = format!("{{\"error\": {{\"message\": \"{}\"}}}}", "x".repeat(300_000));
    let chunks: Vec<Vec<u8>> = long.as_bytes().chunks(7000).map(<[u8]>::to_vec).collect();
    let slow =
        [&long.as_bytes()[..5], &long.as_bytes()[5..9], &long.as_bytes()[9..]].map(<[u8]>::to_vec).to_vec();
    let answers = [
        Answer::json(500, long.clone()),
        Answer::chunks("application/json", chunks).header("x-a", "b"),
        Answer::chunks("application/json", slow).pause(Duration::from_millis(60)),
    ];
    let statuses = [500, 200, 200];
    let api = Api::start(answers).await;
    for status in statuses {
        let response = post(&client(), api.chat(), &request()).await.unwrap();
        assert_eq!(response.status(), status);
        if status == 500 {
            assert_eq!(response.content_length(), Some(long.len() as u64));
        }
        assert_eq!(response.text().await.unwrap(), long);
    }
    assert_eq!(recorded.calls().len(), 3);
}

#[tokio::test]
async fn one_provider_error_has_one_type_in_a_stream_in_a_body_and_as_a_status() {
    let (recorded, _default) = recording();
    let overloaded = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    let answers = [
        (
            200,
            Answer::chunks("text/event-stream", vec![format!("event: error\ndata: {overloaded}\n\n").into()]),
        ),
        (200, Answer::json(200, overloaded)),
        (503, Answer::json(503, overloaded)),
        (529, Answer::json(529, overloaded)),
    ];
    let api = Api::start(answers.clone().map(|(_, answer)| answer)).await;
    for _ in &answers {
        let url = format!("{}/v1/messages", api.url);
        post(&client(), url, &request()).await.unwrap().bytes().await.unwrap();
    }
    let calls = recorded.calls();
    assert_eq!(calls.len(), answers.len());
    for (call, (status, _)) in calls.iter().zip(&answers) {
        call.assert_meta(&[
            ("/status", json!("error")),
            ("/response_info/http_status", json!(status)),
            ("/response_info/error_type", json!("OverloadedError")),
            ("/response_info/error_code", json!("overloaded_error")),
        ]);
    }
}

#[tokio::test]
async fn a_page_under_a_status_of_success_was_an_answer() {
    let (recorded, _default) = recording();
    let page = "<!DOCTYPE html>\n<title>Sign in to WiFi</title>";
    let half = &REPLY[..100];
    let answers = [("text/html; charset=utf-8", page), ("application/json", half), ("application/json", "")];
    let api = Api::start(answers.map(|(kind, body)| Answer::chunks(kind, vec![body.into()]))).await;
    for (_, body) in answers {
        let response = post(&client(), api.chat(), &request()).await.unwrap();
        assert_eq!(response.text().await.unwrap(), body);
    }
    let calls = recorded.calls();
    assert_eq!(calls.len(), answers.len());
    for (call, (kind, body)) in calls.iter().zip(answers) {
        call.assert_meta(&[
            ("/status", json!("error")),
            ("/response_info/http_status", json!(200)),
            ("/response_info/error_type", json!("InvalidResponseError")),
        ]);
        let message = call.meta("/response_info/error_message");
        let came = format!("({kind}, {} bytes)", body.len());
        assert!(message.as_str().unwrap().contains(&came), "{message}");
        let partial = call.json("output.json")["partial"].clone();
        assert_eq!(partial, if body.is_empty() { Value::Null } else { json!(body) });
    }
}

#[tokio::test]
async fn a_body_that_is_no_stream_was_lost_under_the_content_type_of_one() {
    let (recorded, _default) = recording();
    let text = "upstream connect error";
    let answers = ["text/event-stream", "application/vnd.amazon.eventstream", "application/x-ndjson"];
    let api = Api::start(answers.map(|kind| Answer::chunks(kind, vec![text.into()]))).await;
    for path in ["v1/chat/completions", "model/m/converse-stream", "api/chat"] {
        let url = format!("{}/{path}", api.url);
        post(&client(), url, &streamed_request()).await.unwrap().bytes().await.unwrap();
    }
    let calls = recorded.calls();
    assert_eq!(calls.len(), answers.len());
    for call in calls {
        call.assert_meta(&[("/response_info/error_type", json!("InvalidResponseError"))]);
        assert_eq!(call.json("output.json")["partial"], text);
        assert!(call.text("output.txt").contains(text));
    }
}

#[tokio::test]
async fn a_stream_that_ends_cleanly_without_its_end_was_an_answer() {
    let (recorded, _default) = recording();
    let answers = [
        Answer::events(&EVENTS[..3]),
        // Many servers leave out the end mark.
        Answer::events(&EVENTS[..4]),
        Answer::events(&EVENTS),
    ];
    let api = Api::start(answers).await;
    for _ in 0..3 {
        post(&client(), api.chat(), &streamed_request()).await.unwrap().bytes().await.unwrap();
    }
    let calls = recorded.calls();
    assert_eq!(calls.len(), 3);
    calls[0].assert_meta(&[
        ("/status", json!("error")),
        ("/response_info/error_type", json!("StreamError")),
        ("/response_info/http_status", json!(200)),
    ]);
    assert_eq!(calls[0].json("output.json")["partial"]["choices"][0]["message"]["content"], "Once upon");
    for call in &calls[1..] {
        call.assert_meta(&[("/status", json!("ok")), ("/response_info/finish_reason", json!("stop"))]);
    }
}

#[tokio::test]
async fn an_error_event_inside_a_stream_is_the_apis_failure() {
    let (recorded, _default) = recording();
    let error = r#"{"error":{"message":"The server had an error","type":"server_error","code":null}}"#;
    let api = Api::start([Answer::events(&[EVENTS[1], error])]).await;
    post(&client(), api.chat(), &streamed_request()).await.unwrap().bytes().await.unwrap();
    let call = recorded.call();
    call.assert_meta(&[
        ("/status", json!("error")),
        ("/response_info/http_status", json!(200)),
        ("/response_info/error_type", json!("InternalServerError")),
        ("/response_info/error_code", json!("server_error")),
        ("/response_info/error_message", json!("The server had an error")),
    ]);
    let output = call.json("output.json");
    assert_eq!(output["body"]["error"]["message"], "The server had an error");
    assert_eq!(output["partial"]["choices"][0]["message"]["content"], "Once ");
}

#[tokio::test]
async fn what_is_no_call_passes_unrecorded_unless_the_user_says_otherwise() {
    let (recorded, _default) = recording();
    let api = Api::start([Answer::json(200, "{}")]).await;
    let matching = LlmLogMiddleware::new().match_request(|_, url| url.path() == "/my/model");
    let client = ClientBuilder::new(plain()).with(matching).build();
    client.get(format!("{}/v1/models", api.url)).send().await.unwrap().bytes().await.unwrap();
    client.post(format!("{}/v1/files", api.url)).body("x").send().await.unwrap().bytes().await.unwrap();
    assert!(recorded.calls().is_empty());
    client.post(format!("{}/my/model", api.url)).body("hello").send().await.unwrap().bytes().await.unwrap();
    let call = recorded.call();
    assert_eq!(call.text("input.json"), "\"hello\"\n");
    call.assert_meta(&[("/api_info/endpoint", json!("/my/model"))]);
}

#[tokio::test]
async fn a_request_that_the_user_matched_was_not_recorded_where_its_path_is_known_and_its_body_is_not() {
    let (recorded, _default) = recording();
    let api = Api::start([Answer::json(200, "{}")]).await;
    let url = format!("{}/v1/predictions", api.url);
    post(&client(), url.clone(), &json!({"forecast": "rain"})).await.unwrap().bytes().await.unwrap();
    assert!(recorded.calls().is_empty());
    let matching = LlmLogMiddleware::new().match_request(|_, url| url.path() == "/v1/predictions");
    let client = ClientBuilder::new(plain()).with(matching).build();
    post(&client, url, &json!({"forecast": "rain"})).await.unwrap().bytes().await.unwrap();
    recorded.call().assert_meta(&[("/api_info/endpoint", json!("/v1/predictions"))]);
}

#[tokio::test]
async fn a_host_can_be_registered_as_a_provider() {
    let (recorded, _default) = recording();
    let api = Api::start([Answer::json(200, REPLY)]).await;
    let middleware = LlmLogMiddleware::new().provider("127.0.0.1", "deepseek");
    let client = ClientBuilder::new(plain()).with(middleware).build();
    post(&client, api.chat(), &request()).await.unwrap().bytes().await.unwrap();
    recorded.call().assert_meta(&[("/api_info/provider", json!("deepseek"))]);
}

#[tokio::test]
async fn secrets_and_media_in_bodies_stay_out_of_every_file_and_the_caller_gets_them() {
    let (subscriber, recorded) = subscriber_with(|builder| {
        builder
            .keep_media(true)
            .max_media_bytes(1000)
            .redact(Redactor::new().pointer("/user").regex("hunter2").unwrap())
    });
    let _default = tracing::dispatcher::set_default(&subscriber);
    let planted = "sk-proj-planted0123456789abcdefgh";
    let reply = REPLY.replace("Hi!", &format!("your key is {planted} hunter2"));
    let error = RATE_LIMITED.replace("gpt-4o-mini", planted);
    let stream =
        EVENTS.map(|event| event.replace("Once ", "sk-proj-plan").replace("upon", "ted0123456789abcdefgh"));
    let api = Api::start([
        Answer::json(200, reply.clone()),
        Answer::json(401, error),
        Answer::events(&stream.each_ref().map(String::as_str)),
    ])
    .await;
    // A real picture is not needed: its type is declared.
    let picture = "iVBORw0KGgo".to_owned() + &"A".repeat(4000);
    let body = json!({"model": "m", "user": "planted@example.org", "messages": [{"role": "user", "content": [
        {"type": "text", "text": format!("my key is {planted}")},
        {"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{picture}")}}]}]});
    let span = tracing::info_span!("agent", phase = planted);
    for expected in [Some(reply), None, None] {
        let sent = post(&client(), api.chat(), &body).instrument(span.clone()).await.unwrap();
        let got = sent.text().await.unwrap();
        if let Some(expected) = expected {
            assert_eq!(got, expected);
        }
    }
    assert_eq!(serde_json::from_slice::<Value>(&api.received()[0].body).unwrap(), body);

    let calls = recorded.calls();
    assert_eq!(calls.len(), 3);
    for call in &calls {
        for file in ["metadata.json", "output.json", "output.txt", "input.json", "input.txt"] {
            let text = call.text(file);
            assert!(!text.contains("planted") && !text.contains("hunter2"), "{file}: {text}");
        }
        let input = call.json("input.json");
        assert_eq!(
            input["messages"][0]["content"][1]["image_url"]["url"]["elided"]["media_type"],
            "image/png"
        );
        assert!(call.text("input.txt").contains("[image/png, 2 KB]"), "{}", call.text("input.txt"));
    }
    let media: Vec<_> = std::fs::read_dir(recorded.guard.session_dir().join("media")).unwrap().collect();
    assert_eq!(media.len(), 1, "once a session");
    let index = std::fs::read_to_string(recorded.guard.session_dir().join("index.jsonl")).unwrap();
    assert!(!index.contains("planted"));
}

#[tokio::test]
async fn a_streaming_request_body_is_sent_whole_and_recorded_as_such() {
    let (recorded, _default) = recording();
    let api = Api::start([Answer::json(200, REPLY)]).await;
    let body = reqwest::Body::wrap(String::from("{\"model\":\"m\"}"));
    client().post(api.chat()).body(body).send().await.unwrap().bytes().await.unwrap();
    let call = recorded.call();
    assert_eq!(call.json("input.json"), json!({"streaming": true}));
    call.assert_meta(&[("/status", json!("ok")), ("/api_info/model", json!("unknown"))]);
    assert!(String::from_utf8_lossy(&api.received()[0].body).contains("{\"model\":\"m\"}"));
}

#[tokio::test]
async fn a_body_over_the_limit_is_cut_on_disk_and_whole_for_the_caller() {
    let (subscriber, recorded) = subscriber_with(|builder| builder.max_body_bytes(100));
    let _default = tracing::dispatcher::set_default(&subscriber);
    let api = Api::start([Answer::json(200, REPLY)]).await;
    let got = post(&client(), api.chat(), &request()).await.unwrap().text().await.unwrap();
    assert_eq!(got, REPLY);
    let call = recorded.call();
    call.assert_meta(&[
        ("/truncated/output", json!(true)),
        ("/truncated/input", json!(true)),
        ("/status", json!("ok")),
    ]);
    let output = call.json("output.json");
    assert_eq!(output["original_bytes"], json!(REPLY.len()));
    assert_eq!(output["text"].as_str().unwrap(), &REPLY[..100]);
}

fn retrying() -> RetryTransientMiddleware<ExponentialBackoff> {
    let policy = ExponentialBackoff::builder()
        .retry_bounds(Duration::from_millis(1), Duration::from_millis(5))
        .build_with_max_retries(3);
    RetryTransientMiddleware::new_with_policy(policy)
}

fn two_failures_then_success() -> [Answer; 3] {
    [
        Answer::json(429, RATE_LIMITED).header("retry-after", "2"),
        Answer::json(500, r#"{"error":{"message":"oops","type":"server_error"}}"#),
        Answer::json(200, REPLY),
    ]
}

#[tokio::test]
async fn around_and_inside_a_retry_middleware_all_tries_are_one_call() {
    let (recorded, _default) = recording();
    let api = Api::start(two_failures_then_success()).await;
    let client = ClientBuilder::new(plain())
        .with(LlmLogMiddleware::new())
        .with(retrying())
        .with(LlmLogMiddleware::new())
        .build();
    let got = post(&client, api.chat(), &request()).await.unwrap().text().await.unwrap();
    assert_eq!(got, REPLY);
    let call = recorded.call();
    call.assert_meta(&[
        ("/status", json!("ok")),
        ("/usage/total_tokens", json!(22)),
        ("/response_info/error", json!(false)),
    ]);
    let attempts = call.meta("/attempts");
    let told: Vec<_> = attempts
        .as_array()
        .unwrap()
        .iter()
        .map(|a| {
            (
                a["attempt"].clone(),
                a["http_status"].clone(),
                a["error_type"].clone(),
                a["error_code"].clone(),
                a["error_message"].clone(),
                a["retry_after_ms"].clone(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (
                json!(1),
                json!(429),
                json!("RateLimitError"),
                json!("rate_limit_exceeded"),
                json!("Rate limit reached for gpt-4o-mini"),
                json!(2000)
            ),
            (
                json!(2),
                json!(500),
                json!("InternalServerError"),
                json!("server_error"),
                json!("oops"),
                json!(null)
            ),
            (json!(3), json!(200), json!(""), json!(""), json!(""), json!(null)),
        ]
    );
    let index = std::fs::read_to_string(recorded.guard.session_dir().join("index.jsonl")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&index).unwrap()["attempts"], json!(3));
}

#[tokio::test]
async fn tries_that_all_fail_are_one_failed_call() {
    let (recorded, _default) = recording();
    let api = Api::start([Answer::json(500, RATE_LIMITED)]).await;
    let client = ClientBuilder::new(plain())
        .with(LlmLogMiddleware::new())
        .with(retrying())
        .with(LlmLogMiddleware::new())
        .build();
    let response = post(&client, api.chat(), &request()).await.unwrap();
    assert_eq!(response.status(), 500);
    drop(response);
    let call = recorded.call();
    call.assert_meta(&[
        ("/status", json!("error")),
        ("/response_info/error_type", json!("InternalServerError")),
    ]);
    assert_eq!(call.meta("/attempts").as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn tries_without_any_answer_are_one_failed_call() {
    let (recorded, _default) = recording();
    let api = Api::start([Answer::silence()]).await;
    let client = ClientBuilder::new(plain())
        .with(LlmLogMiddleware::new())
        .with(retrying())
        .with(LlmLogMiddleware::new())
        .build();
    let sent = client.post(api.chat()).timeout(Duration::from_millis(50)).json(&request()).send().await;
    sent.unwrap_err();
    let call = recorded.call();
    call.assert_meta(&[("/status", json!("error")), ("/response_info/error_type", json!("TimeoutError"))]);
    assert_eq!(call.meta("/attempts").as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn outside_a_retry_middleware_only_the_final_result_is_told() {
    let (recorded, _default) = recording();
    let api = Api::start(two_failures_then_success()).await;
    let client = ClientBuilder::new(plain()).with(LlmLogMiddleware::new()).with(retrying()).build();
    post(&client, api.chat(), &request()).await.unwrap().bytes().await.unwrap();
    recorded.call().assert_meta(&[("/status", json!("ok")), ("/attempts", json!([]))]);
}

#[tokio::test]
async fn inside_a_retry_middleware_each_try_is_a_call_unless_a_call_span_surrounds_them() {
    let (recorded, _default) = recording();
    let api = Api::start(two_failures_then_success()).await;
    let client = ClientBuilder::new(plain()).with(retrying()).with(LlmLogMiddleware::new()).build();
    post(&client, api.chat(), &request()).await.unwrap().bytes().await.unwrap();
    let calls = recorded.calls();
    let statuses: Vec<_> = calls.iter().map(|call| call.meta("/response_info/http_status")).collect();
    assert_eq!(statuses, [429, 500, 200]);

    let (recorded, _default) = recording();
    let api = Api::start(two_failures_then_success()).await;
    async {
        post(&client, api.chat(), &request()).await.unwrap().bytes().await.unwrap();
    }
    .instrument(tracing::info_span!("chat", gen_ai.operation.name = "chat", gen_ai.agent.name = "a"))
    .await;
    let call = recorded.call();
    assert_eq!(call.meta("/attempts").as_array().unwrap().len(), 3);
    call.assert_meta(&[("/status", json!("ok")), ("/context/gen_ai.agent.name", json!("a"))]);
}

#[tokio::test]
async fn sixty_four_calls_at_once_are_each_recorded_once() {
    let (subscriber, recorded) = subscriber();
    let _default = tracing::dispatcher::set_default(&subscriber);
    let api = Arc::new(Api::start([Answer::json(200, REPLY)]).await);
    let client = client();
    let calls = (0..64).map(|n| {
        let (api, client) = (Arc::clone(&api), client.clone());
        tokio::spawn(async move {
            let body = json!({"model": "m", "messages": [{"role": "user", "content": n.to_string()}]});
            post(&client, api.chat(), &body).await.unwrap().bytes().await.unwrap();
        })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap();
    }
    let calls = recorded.calls();
    let mut users: Vec<u64> =
        calls.iter().map(|c| c.meta("/context/user_message").as_str().unwrap().parse().unwrap()).collect();
    users.sort_unstable();
    assert_eq!(users, (0..64).collect::<Vec<_>>());
    assert_eq!((recorded.guard.stats().calls, recorded.guard.stats().lost), (64, 0));
}

#[tokio::test]
async fn without_any_subscriber_or_layer_the_client_works_as_before() {
    let api = Api::start([Answer::json(200, REPLY), Answer::json(400, RATE_LIMITED)]).await;
    for status in [200, 400] {
        let response = post(&client(), api.chat(), &request()).await.unwrap();
        assert_eq!(response.status(), status);
        response.bytes().await.unwrap();
    }
    let _default = tracing_subscriber::registry().set_default();
    assert_eq!(post(&client(), api.chat(), &request()).await.unwrap().status(), 400);
    let _default = tracing::subscriber::set_default(tracing::subscriber::NoSubscriber::default());
    assert_eq!(post(&client(), api.chat(), &request()).await.unwrap().status(), 400);
}

#[tokio::test]
async fn no_header_or_url_credential_reaches_disk_or_the_programs_logs() {
    let (layer, recorded) = recorder();
    let log = support::Log::default();
    let fmt = tracing_subscriber::fmt::layer().with_writer(log.clone()).with_ansi(false);
    let _default = tracing_subscriber::registry().with(layer).with(fmt).set_default();
    let api = Api::start([
        Answer::json(200, REPLY).header("set-cookie", "session=planted-7"),
        Answer::json(401, RATE_LIMITED),
        Answer::silence(),
    ])
    .await;
    let url = api.chat().replace("http://", "http://planted-1:planted-2@") + "?key=planted-3&api-version=1";
    for _ in 0..3 {
        let sent = client()
            .post(&url)
            .bearer_auth("planted-4")
            .header("api-key", "planted-5")
            .header("x-api-key", "planted-6")
            .header("x-goog-api-key", "planted-8")
            .header("cookie", "planted-9")
            .timeout(Duration::from_millis(150))
            .json(&request())
            .send()
            .await;
        if let Ok(response) = sent {
            response.bytes().await.unwrap();
        }
    }
    let calls = recorded.calls();
    assert_eq!(calls.len(), 3);
    for call in &calls {
        for file in ["metadata.json", "output.json", "output.txt", "input.json", "input.txt"] {
            assert!(!call.text(file).contains("planted"), "{file}: {}", call.text(file));
        }
    }
    // Ours only: what reqwest and hyper log of their own is theirs to keep clean.
    let ours: Vec<_> = log
        .text()
        .lines()
        .filter(|line| line.contains("llm_call") && line.contains("tracing_llmlogs"))
        .map(str::to_owned)
        .collect();
    assert!(!ours.iter().any(|line| line.contains("planted")), "{ours:?}");
}

#[tokio::test]
async fn without_bodies_the_metadata_is_whole() {
    let (subscriber, recorded) = subscriber_with(|builder| builder.bodies(false));
    let _default = tracing::dispatcher::set_default(&subscriber);
    let error = r#"{"error":{"message":"slow down","code":"rate_limit_exceeded"}}"#;
    let api = Api::start([Answer::json(200, REPLY), Answer::json(429, error)]).await;
    for _ in 0..2 {
        post(&client(), api.chat(), &request()).await.unwrap().bytes().await.unwrap();
    }
    let [good, bad] = &recorded.calls()[..] else { panic!("two calls") };
    good.assert_meta(&[
        ("/request_info/messages_count", json!(2)),
        ("/response_info/finish_reason", json!("stop")),
        ("/files/output", json!("")),
    ]);
    assert_ne!(good.meta("/usage/total_tokens"), 0);
    assert_ne!(good.meta("/context/user_message"), "");
    bad.assert_meta(&[
        ("/response_info/error_code", json!("rate_limit_exceeded")),
        ("/response_info/error_message", json!("slow down")),
    ]);
    for call in [good, bad] {
        assert_eq!(std::fs::read_dir(&call.dir).unwrap().count(), 1, "nothing but metadata.json");
    }
}

#[tokio::test]
async fn the_users_rules_hold_for_what_an_error_says_too() {
    let error = r#"{"error":{"message":"no account Z-4711","code":"Z-4711"}}"#;
    let rules: [fn() -> Redactor; 3] = [
        || Redactor::new().pointer("/error/message").pointer("/error/code"),
        || Redactor::new().regex("Z-[0-9]+").unwrap(),
        || {
            Redactor::new()
                .map_strings(|pointer, _| pointer.starts_with("/error/").then(|| "gone".to_owned()))
        },
    ];
    for rule in rules {
        let (subscriber, recorded) = subscriber_with(|builder| builder.redact(rule()));
        let _default = tracing::dispatcher::set_default(&subscriber);
        let api = Api::start([Answer::json(500, error), Answer::json(400, error)]).await;
        let client = ClientBuilder::new(plain())
            .with(LlmLogMiddleware::new())
            .with(retrying())
            .with(LlmLogMiddleware::new())
            .build();
        post(&client, api.chat(), &request()).await.unwrap();
        let call = recorded.call();
        assert_eq!(call.meta("/attempts").as_array().unwrap().len(), 2);
        for file in ["metadata.json", "output.json", "output.txt", "../index.jsonl"] {
            assert!(!call.text(file).contains("4711"), "{file}: {}", call.text(file));
        }
    }
}

#[tokio::test]
async fn a_binary_answer_stands_aside_like_any_medium() {
    let (subscriber, recorded) = subscriber_with(|builder| builder.keep_media(true));
    let _default = tracing::dispatcher::set_default(&subscriber);
    let sound: Vec<u8> = (0..60_000_u32).map(|n| (n % 251) as u8 | 0x80).collect();
    let api = Api::start([Answer::chunks("audio/mpeg", vec![sound.clone()])]).await;
    let url = format!("{}/v1/audio/speech", api.url);
    let got = post(&client(), url, &json!({"model": "tts-1", "input": "hi"})).await.unwrap().bytes().await;
    assert_eq!(got.unwrap(), sound);
    let call = recorded.call();
    let elided = call.json("output.json")["base64"]["elided"].clone();
    assert_eq!((&elided["media_type"], &elided["bytes"]), (&json!("audio/mpeg"), &json!(60_000)));
    let kept = format!("../media/{}.mp3", elided["sha256"].as_str().unwrap());
    assert_eq!(std::fs::read(call.dir.join(kept)).unwrap(), sound);
    assert!(call.text("output.txt").len() < 2000);
}

#[tokio::test]
async fn rules_that_go_by_place_leave_nothing_of_a_body_that_was_cut() {
    let (subscriber, recorded) = subscriber_with(|builder| {
        builder.max_body_bytes(75).redact(Redactor::new().pointer("/messages/*/content"))
    });
    let _default = tracing::dispatcher::set_default(&subscriber);
    let api = Api::start([Answer::json(200, REPLY)]).await;
    let body = json!({"messages": [{"content": "private question, and a long one, too", "role": "user"}], "model": "m"});
    post(&client(), api.chat(), &body).await.unwrap().bytes().await.unwrap();
    let call = recorded.call();
    for file in ["input.json", "input.txt", "metadata.json", "../index.jsonl"] {
        assert!(!call.text(file).contains("private"), "{file}: {}", call.text(file));
    }
}

#[tokio::test]
async fn a_time_limit_between_the_middlewares_is_a_timeout() {
    struct Limit;
    #[async_trait::async_trait]
    impl reqwest_middleware::Middleware for Limit {
        async fn handle(
            &self,
            request: reqwest::Request,
            extensions: &mut http::Extensions,
            next: reqwest_middleware::Next<'_>,
        ) -> reqwest_middleware::Result<reqwest::Response> {
            tokio::time::timeout(Duration::from_millis(100), next.run(request, extensions))
                .await
                .unwrap_or_else(|elapsed| Err(reqwest_middleware::Error::middleware(elapsed)))
        }
    }
    let (recorded, _default) = recording();
    let api = Api::start([Answer::silence()]).await;
    let client = ClientBuilder::new(plain())
        .with(LlmLogMiddleware::new())
        .with(Limit)
        .with(LlmLogMiddleware::new())
        .build();
    post(&client, api.chat(), &request()).await.unwrap_err();
    recorded
        .call()
        .assert_meta(&[("/status", json!("error")), ("/response_info/error_type", json!("TimeoutError"))]);
}

#[tokio::test]
async fn the_same_request_in_another_order_is_the_same_call() {
    let (recorded, _default) = recording();
    let api = Api::start([Answer::json(200, REPLY)]).await;
    let sent = r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;
    let written: Value = serde_json::from_str(sent).unwrap();
    let call = tracing_llmlogs::LlmCall::builder("openai", "m").request(&written).start();
    let span = call.span().clone();
    let send = client().post(api.chat()).header("content-type", "application/json").body(sent).send();
    let reply: Value = send.instrument(span).await.unwrap().json().await.unwrap();
    call.finish(&reply);
    recorded.call();
}

#[tokio::test]
async fn a_request_that_only_media_make_long_is_no_long_request() {
    let (subscriber, recorded) = subscriber_with(|builder| builder.max_body_bytes(3000).max_media_bytes(100));
    let _default = tracing::dispatcher::set_default(&subscriber);
    let api = Api::start([Answer::json(200, REPLY)]).await;
    let image = format!("data:image/png;base64,iVBORw0KGgo{}", "A".repeat(5001));
    let asked = |content: Value| json!({"model": "m", "messages": [{"role": "user", "content": content}]});
    let seen =
        asked(json!([{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": image}}]));
    let long = asked(json!(format!("long {}", "word ".repeat(1000))));
    for body in [&seen, &long] {
        post(&client(), api.chat(), body).await.unwrap().bytes().await.unwrap();
    }
    let [seen, long] = &recorded.calls()[..] else { panic!("two calls") };
    seen.assert_meta(&[("/truncated/input", json!(false)), ("/context/user_message", json!("look"))]);
    assert!(seen.json("input.json")["messages"][0]["content"][1]["image_url"]["url"]["elided"].is_object());
    long.assert_meta(&[("/truncated/input", json!(true)), ("/request_info/messages_count", json!(1))]);
    assert_eq!(long.json("input.json")["text"].as_str().unwrap().len(), 3000);
    assert!(long.text("input.txt").len() < 4000);
}
