//! A secret in every place where a program has one, in success and in every failure: none of them reaches the
//! disk, a span, or anything else that the program logs.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use llmlogs_test_support as support;

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use base64::Engine;
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use reqwest_retry::RetryTransientMiddleware;
use reqwest_retry::policies::ExponentialBackoff;
use serde_json::{Value, json};
use tracing::Instrument;
use tracing_llmlogs::{LlmCall, LlmLogMiddleware};
use tracing_subscriber::prelude::*;

use support::api::{Answer, Api};
use support::{Log, Recorded, recorder};

const REPLY: &str = r#"{"id":"r","model":"m","choices":[{"index":0,"finish_reason":"stop",
    "message":{"role":"assistant","content":"hi"}}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}"#;

/// Every secret contains this, which nothing else does.
const MARK: &str = "plantedSECRET";

/// A secret of its own for each place, so that a leak tells where it came from.
fn secret(place: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{MARK}{}{place}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A key of a shape that the built-in rules know, for a body: there only the shape tells.
fn key() -> String {
    format!("sk-proj-{MARK}0123456789abcdefghij")
}

/// `url` with secrets in its user, its password and every query parameter that holds one somewhere.
fn with_secrets(url: &str) -> String {
    let user = format!("http://{}:{}@", secret("user"), secret("password"));
    let names = [
        "key",
        "api_key",
        "api-key",
        "apikey",
        "access_token",
        "token",
        "sig",
        "signature",
        "subscription-key",
        "X-Amz-Signature",
        "X-Amz-Credential",
        "X-Amz-Security-Token",
        "password",
        "secret",
        "code",
        "auth",
    ];
    let query: Vec<String> = names.iter().map(|name| format!("{name}={}", secret(name))).collect();
    // The values of harmless parameters are recorded, unless they have the shape of a secret.
    let harmless = format!("api-version=1&model={}", key());
    format!("{}?{harmless}&{}#{}", url.replacen("http://", &user, 1), query.join("&"), secret("fragment"))
}

fn request() -> Value {
    json!({"model": "m", "messages": [
        {"role": "system", "content": format!("OPENAI_API_KEY={}", key())},
        {"role": "user", "content": format!("my key is {}, use `Authorization: Bearer {}0123456789`", key(), secret("bearer"))},
    ]})
}

async fn send(client: &ClientWithMiddleware, url: &str) {
    let mut request = client.post(with_secrets(url)).json(&request()).timeout(Duration::from_millis(300));
    for name in [
        "authorization",
        "proxy-authorization",
        "api-key",
        "x-api-key",
        "x-goog-api-key",
        "cookie",
        "x-amz-security-token",
        "ocp-apim-subscription-key",
        "x-auth-token",
        "openai-organization",
    ] {
        request = request.header(name, secret(name));
    }
    if let Ok(response) = request.send().await {
        // What a broken body says is for the caller.
        let _body = response.bytes().await;
    }
}

fn client(http: reqwest::Client) -> ClientWithMiddleware {
    let policy = ExponentialBackoff::builder()
        .retry_bounds(Duration::from_millis(1), Duration::from_millis(2))
        .build_with_max_retries(1);
    ClientBuilder::new(http)
        .with(LlmLogMiddleware::new())
        .with(RetryTransientMiddleware::new_with_policy(policy))
        .with(LlmLogMiddleware::new())
        .build()
}

/// Returns a frame of AWS's event stream without its checksums, which are the client's to verify.
fn frame(event: &str, payload: &str) -> Vec<u8> {
    let mut headers = Vec::new();
    for (name, value) in [(":event-type", event), (":message-type", "event")] {
        headers.push(u8::try_from(name.len()).unwrap());
        headers.extend_from_slice(name.as_bytes());
        headers.push(7);
        headers.extend_from_slice(&u16::try_from(value.len()).unwrap().to_be_bytes());
        headers.extend_from_slice(value.as_bytes());
    }
    let length = u32::try_from(16 + headers.len() + payload.len()).unwrap();
    let lengths = [length.to_be_bytes(), u32::try_from(headers.len()).unwrap().to_be_bytes()].concat();
    [&lengths[..], &[0; 4], &headers, payload.as_bytes(), &[0; 4]].concat()
}

/// Asserts that no secret is in any file or name below the root, nor in the log.
fn assert_clean(recorded: &Recorded, log: &Log, calls: usize) {
    assert_eq!(recorded.calls().len(), calls);
    let mut files = 0;
    let mut look = |path: &Path| {
        assert!(!path.to_string_lossy().contains(MARK), "{}", path.display());
        if path.is_file() {
            files += 1;
            let text = String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
            assert!(!text.contains(MARK), "{}:\n{text}", path.display());
        }
    };
    let mut pending = vec![recorded.root.path().to_owned()];
    while let Some(folder) = pending.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            look(&entry.path());
            if entry.path().is_dir() {
                pending.push(entry.path());
            }
        }
    }
    assert_eq!(files, 5 * calls + 2);
    let log = log.text();
    assert!(log.contains("gen_ai.operation.name"), "the log was there to see it");
    // At TRACE, hyper-util's connection pool writes the user of a redirect's target, with or without us.
    let theirs = |line: &&str| line.contains(" hyper_util::client::legacy::pool: ");
    let leaks: Vec<_> = log.lines().filter(|line| line.contains(MARK) && !theirs(line)).collect();
    assert!(leaks.is_empty(), "{leaks:#?}");
}

/// A recorder beside a `fmt` layer that writes every span and event at every level.
fn recording() -> (Recorded, Log, tracing::subscriber::DefaultGuard) {
    let (layer, recorded) = recorder();
    let log = Log::default();
    let fmt = tracing_subscriber::fmt::layer()
        .with_writer(log.clone())
        .with_ansi(false)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
        .with_filter(tracing_subscriber::filter::LevelFilter::TRACE);
    let default = tracing_subscriber::registry().with(layer).with(fmt).set_default();
    (recorded, log, default)
}

#[tokio::test]
async fn in_success_and_in_every_failure_over_http() {
    let (recorded, log, _default) = recording();
    let plain = client(reqwest::Client::new());
    let echoing = json!({"error": {"message": format!("Incorrect API key provided: {}", key()), "code": "invalid_api_key"}});
    let elsewhere = Api::start([Answer::json(200, REPLY)]).await;
    let redirect = |status| Answer::json(status, "").header("location", &with_secrets(&elsewhere.chat()));
    let stream =
        || Answer::events(&[&json!({"choices": [{"index": 0, "delta": {"content": key()}}]}).to_string()]);
    let answers = [
        Answer::json(200, REPLY)
            .header("set-cookie", &secret("set-cookie"))
            .header("x-api-key", &secret("answered")),
        Answer::json(200, json!({"choices": [{"message": {"content": key()}}]}).to_string()),
        Answer::json(401, echoing.to_string()).header("www-authenticate", &secret("www-authenticate")),
        Answer::json(500, echoing.to_string()),
        Answer::json(429, "plain text with Bearer plantedSECRET0123456789abc"),
        stream(),
        stream().then_break(),
        stream().then_hang(),
        Answer::silence(),
        redirect(307),
        redirect(302),
    ];
    let calls = answers.len();
    for answer in answers {
        let api = Api::start([answer]).await;
        send(&plain, &api.chat()).await;
    }
    // No connection at all, directly and by way of a proxy that wants a password.
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    send(&plain, &format!("http://{closed}/v1/chat/completions")).await;
    let proxy = format!("http://{}:{}@{closed}", secret("proxy-user"), secret("proxy-password"));
    let proxied = reqwest::Client::builder().proxy(reqwest::Proxy::all(proxy).unwrap()).build().unwrap();
    send(&client(proxied), "http://api.example/v1/chat/completions").await;
    // Nobody is waiting any more.
    let silent = Api::start([Answer::silence()]).await;
    let _gone = tokio::time::timeout(Duration::from_millis(50), send(&plain, &silent.chat())).await;
    assert_clean(&recorded, &log, calls + 3);
}

#[tokio::test]
async fn in_names_ids_reasons_and_headers() {
    let (recorded, log, _default) = recording();
    let answer = json!({"id": key(), "model": key(), "choices": [{"finish_reason": key(), "message": {"content": "hi"}}]});
    let gemini = json!({"candidates": [{"finishReason": key(), "content": {"parts": [{"text": "hi"}]}}]});
    let chunk = json!({"type": "not known", "text": format!("my key is {}", key())}).to_string();
    let chunk = json!({"bytes": base64::engine::general_purpose::STANDARD.encode(chunk)}).to_string();
    let request =
        json!({"model": key(), "stop": [key()], "messages": [], "metadata": {(key()): "a table by key"}});
    let invoke = "model/anthropic.claude-v2/invoke-with-response-stream";
    for (path, answer) in [
        (
            "v1/chat/completions".to_owned(),
            Answer::chunks(&format!("application/json; key={}", key()), vec![answer.to_string().into()])
                .header("x-request-id", &key())
                .header("content-encoding", &key()),
        ),
        ("v1/chat/completions".to_owned(), Answer::json(200, answer.to_string())),
        (format!("v1beta/models/{}:generateContent", key()), Answer::json(200, gemini.to_string())),
        (
            invoke.to_owned(),
            Answer::chunks("application/vnd.amazon.eventstream", vec![frame("chunk", &chunk)]),
        ),
    ] {
        let api = Api::start([answer]).await;
        let url = format!("{}/{path}", api.url);
        let post = ClientBuilder::new(reqwest::Client::new()).with(LlmLogMiddleware::new()).build().post(url);
        post.header("content-encoding", key()).json(&request).send().await.unwrap().bytes().await.unwrap();
    }
    let kept = recorded.calls()[3].text("output.json");
    assert!(kept.contains("my key is [REDACTED]"), "{kept}");
    assert_clean(&recorded, &log, 4);
}

#[tokio::test]
async fn in_calls_without_http() {
    let (recorded, log, _default) = recording();
    let start = || {
        let url = with_secrets("http://api.example/v1/chat/completions");
        LlmCall::builder("openai", "m").url(url).request(&request()).start()
    };
    start().finish(&json!({"choices": [{"message": {"content": key()}}]}));
    let error = format!("no route to {}, key {}", with_secrets("http://api.example/v1"), key());
    start().fail(&error);
    drop(start());
    let call = start();
    async {}.instrument(call.span().clone()).await;
    call.fail(&std::io::Error::other(error));
    assert_clean(&recorded, &log, 4);
}
