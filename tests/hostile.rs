//! Answers and requests that nobody should send: each is recorded as well as can be, and reaches the caller as
//! it came.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use llmlogs_test_support as support;

use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tracing_llmlogs::LlmLogMiddleware;

use support::{Call, subscriber};

fn client() -> ClientWithMiddleware {
    let http = reqwest::Client::builder().build().unwrap();
    ClientBuilder::new(http).with(LlmLogMiddleware::new()).build()
}

/// Where a server gives `answer`, byte for byte, to one request.
async fn server(answer: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        let head = loop {
            assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
            if let Some(head) = request.windows(4).position(|window| window == b"\r\n\r\n") {
                break head + 4;
            }
        };
        let text = String::from_utf8_lossy(&request[..head]).to_ascii_lowercase();
        let length =
            text.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
        while request.len() < head + length.unwrap_or(0) {
            assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
        }
        // A caller may have enough before the end.
        let _early = stream.write_all(&answer).await;
    });
    url
}

fn answer(head: &str, body: &[u8]) -> Vec<u8> {
    let mut answer =
        format!("HTTP/1.1 {head}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len())
            .into_bytes();
    answer.extend_from_slice(body);
    answer
}

fn ok(content_type: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    answer(&format!("200 OK\r\ncontent-type: {content_type}"), body.as_ref())
}

/// Sends `request` to the chat completions API that gives `answer`; gives what the caller got, and the call's
/// folder.
async fn exchange(request: &[u8], answer: Vec<u8>) -> (Vec<u8>, Kept) {
    let (subscriber, recorded) = subscriber();
    let _default = tracing::dispatcher::set_default(&subscriber);
    let url = server(answer).await;
    let sent = client().post(format!("{url}/v1/chat/completions")).header("content-type", "application/json");
    let got = match sent.body(request.to_vec()).send().await {
        Ok(response) => response.bytes().await.map(|bytes| bytes.to_vec()).unwrap_or_default(),
        Err(_) => Vec::new(),
    };
    let call = recorded.call();
    // Whatever was sent: each file is JSON, each key is there, and the text files are whole.
    for file in ["input.json", "output.json"] {
        let text = call.text(file);
        assert!(text.ends_with('\n'), "{file}");
        serde_json::from_str::<&RawValue>(&text)
            .unwrap_or_else(|error| panic!("{file}: {error}:\n{text:.300}"));
    }
    for file in ["input.txt", "output.txt"] {
        assert!(call.text(file).ends_with("==========\n"), "{file}");
    }
    assert!(call.text("metadata.json").ends_with("}\n"));
    for key in ["usage", "cost_estimate", "context", "response_info", "performance"] {
        assert!(call.metadata()[key].is_object());
    }
    let index = call.dir.parent().unwrap().join("index.jsonl");
    let lines = std::fs::read_to_string(index).unwrap();
    assert_eq!(lines.lines().count(), 1);
    serde_json::from_str::<Value>(&lines).unwrap();
    let stats = recorded.guard.stats();
    assert_eq!((stats.calls, stats.lost, stats.degraded, stats.write_errors), (1, 0, 0, 0));
    (got, Kept { call, _root: recorded.root })
}

/// A call, whose root is there for as long as it is looked at.
struct Kept {
    call: Call,
    _root: TempDir,
}

impl std::ops::Deref for Kept {
    type Target = Call;

    fn deref(&self) -> &Call {
        &self.call
    }
}

const REQUEST: &[u8] = br#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;

fn said(text: &str) -> String {
    format!(
        r#"{{"id":"r","model":"m","choices":[{{"index":0,"finish_reason":"stop","message":{{"role":"assistant","content":{text}}}}}],"usage":{{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}}}"#
    )
}

fn event(delta: &str) -> String {
    format!(
        "data: {{\"id\":\"r\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":{delta}}},\"finish_reason\":null}}]}}\n\n"
    )
}

const LAST: &str = "data: {\"id\":\"r\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2,\"total_tokens\":3}}\n\ndata: [DONE]\n\n";

#[tokio::test]
async fn bodies_that_are_barely_json_keep_their_usage() {
    for text in [
        // Lone surrogates, NUL, escapes of every kind, and what JavaScript does not like.
        r#""\ud800 and \udfff\u0000 \"\\\/\b\f\n\r\t""#,
        "\"\u{2028}\u{2029}\u{feff}\u{10ffff}\"",
        // No text at all, numbers beyond any float, a depth beyond any parser.
        "null",
        "-1e99999",
        "123456789012345678901234567890.000000000000000000001",
        &format!("{}1{}", "[".repeat(200), "]".repeat(200)),
        &format!("\"{}\"", "long ".repeat(400_000)),
    ] {
        let body = said(text);
        let (got, call) = exchange(REQUEST, ok("application/json", &body)).await;
        assert_eq!(got, body.as_bytes());
        assert_eq!(call.meta("/usage/total_tokens"), 3, "{text:.40}");
        assert_eq!(call.meta("/status"), "ok");
        assert!(call.text("output.json").contains(text.get(..7).unwrap_or(text)));
    }
}

#[tokio::test]
async fn bodies_that_are_no_json_at_all_are_kept_as_they_came() {
    let deep = "[".repeat(200_000);
    let invalid: &[u8] = b"{\"a\": \"\xff\xfe\"}";
    let gzip: &[u8] =
        &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xab, 0xae, 5, 0, 0x43, 0xbf, 0xa6, 0xa3, 2, 0, 0, 0];
    for (content_type, body) in [
        ("application/json", deep.as_bytes()),
        ("application/json", b"{\"choices\": [" as &[u8]),
        ("application/json", b"{\"id\":\"r\"} trailing"),
        ("application/json", invalid),
        ("application/json\r\ncontent-encoding: gzip", gzip),
        ("application/json\r\ncontent-encoding: br", gzip),
        ("text/html", b"<html>502</html>"),
        ("text/event-stream", b"<html>not a stream</html>"),
        ("text/event-stream", invalid),
        ("what \u{e9}; is=this", b"what is this?"),
        ("application/vnd.amazon.eventstream", &[0xff; 300]),
        ("application/x-ndjson", b"{\n{\n{\n\n\n"),
        ("application/json", b"\0\0\0\0"),
    ] {
        let (got, call) = exchange(REQUEST, ok(content_type, body)).await;
        assert_eq!(got, body, "{content_type}");
        assert_eq!(call.meta("/response_info/http_status"), 200, "{content_type}");
        assert_eq!(call.meta("/usage/total_tokens"), 0);
    }
}

#[tokio::test]
async fn duplicate_keys_stay() {
    let body = r#"{"id":"first","id":"r","usage":{"total_tokens":9},"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}"#;
    let (_, call) = exchange(REQUEST, ok("application/json", body)).await;
    assert_eq!(call.text("output.json").matches("\"id\"").count(), 2);
}

#[tokio::test]
async fn streams_of_a_hundred_thousand_events_and_events_of_a_megabyte_are_folded() {
    let many = event("\"word \"").repeat(100_000) + LAST;
    let (got, call) = exchange(REQUEST, ok("text/event-stream", &many)).await;
    assert_eq!(got.len(), many.len());
    assert_eq!(call.meta("/truncated/output"), many.len() > 8 << 20);
    let long = "x".repeat(1 << 20);
    let huge = event(&format!("\"{long}\"")).repeat(3) + LAST;
    let (_, call) = exchange(REQUEST, ok("text/event-stream", &huge)).await;
    assert_eq!(call.json("output.json")["choices"][0]["message"]["content"].as_str().unwrap().len(), 3 << 20);
    let tiny = event("\"\"").repeat(60_000) + LAST;
    let (_, call) = exchange(REQUEST, ok("text/event-stream", &tiny)).await;
    assert_eq!(call.meta("/usage/total_tokens"), 3);
}

#[tokio::test]
async fn streams_with_a_hundred_thousand_tools_and_choices_do_not_take_forever() {
    let mut stream = String::new();
    for n in 0..20_000 {
        stream += &format!(
            "data: {{\"choices\":[{{\"index\":{n},\"delta\":{{\"tool_calls\":[{{\"index\":{n},\"id\":\"c{n}\",\"function\":{{\"name\":\"f\",\"arguments\":\"{{}}\"}}}}]}}}}]}}\n\n"
        );
    }
    stream += LAST;
    let (_, call) = exchange(REQUEST, ok("text/event-stream", &stream)).await;
    assert_eq!(call.meta("/usage/total_tokens"), 3);
    // Places that no array could have.
    let far = "data: {\"choices\":[{\"index\":18446744073709551615,\"delta\":{\"tool_calls\":[{\"index\":4294967295,\"function\":{\"arguments\":\"{}\"}}]}},{\"index\":-1,\"delta\":{\"content\":\"x\"}},{\"index\":1e300,\"delta\":null},{\"index\":\"a\",\"delta\":[]}]}\n\n";
    let (_, call) = exchange(REQUEST, ok("text/event-stream", far.to_owned() + LAST)).await;
    assert_eq!(call.meta("/usage/total_tokens"), 3);
    // Comments, blank lines, carriage returns and no data for a megabyte.
    let noise = ": keep-alive\r\n\r\nevent: x\rid: 1\nretry: 10\n\n".repeat(30_000) + LAST;
    let (_, call) = exchange(REQUEST, ok("text/event-stream", noise)).await;
    assert_eq!(call.meta("/usage/total_tokens"), 3);
}

#[tokio::test]
async fn counts_that_cannot_be_are_not_believed_and_break_nothing() {
    for usage in [
        r#"{"prompt_tokens":-5,"completion_tokens":1e999,"total_tokens":"many"}"#,
        r#"{"prompt_tokens":18446744073709551615,"completion_tokens":18446744073709551615}"#,
        r#"{"prompt_tokens":99999999999999999999999,"completion_tokens":0.5,"total_tokens":null}"#,
        r#"[1,2,3]"#,
        r#""usage""#,
    ] {
        let body = format!(r#"{{"id":"r","model":"gpt-4o","choices":[],"usage":{usage}}}"#);
        let (_, call) = exchange(REQUEST, ok("application/json", &body)).await;
        let cost = call.meta("/cost_estimate/total_cost");
        assert!(cost.as_f64().is_some_and(|cost| cost.is_finite() && cost >= 0.0), "{usage}: {cost}");
    }
}

#[tokio::test]
async fn answers_without_a_body_and_answers_of_other_kinds() {
    for (head, status, kind) in [
        ("204 No Content", 204, ""),
        ("200 OK\r\ncontent-type: application/json", 200, "InvalidResponseError"),
        ("304 Not Modified", 304, ""),
        ("418 I'm a teapot", 418, "APIError"),
        ("599 Whatever", 599, "InternalServerError"),
    ] {
        let (got, call) = exchange(REQUEST, answer(head, b"")).await;
        assert_eq!(got, b"");
        call.assert_meta(&[
            ("/response_info/http_status", json!(status)),
            ("/response_info/error_type", json!(kind)),
        ]);
    }
    // An upgrade is no answer that a client without one understands.
    let upgrade =
        b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nxyz".to_vec();
    let (_, call) = exchange(REQUEST, upgrade).await;
    assert_ne!(call.meta("/status"), "");
    let mut trailers = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n".to_vec();
    let body = said("\"hi\"");
    trailers.extend_from_slice(format!("{:x}\r\n{body}\r\n0\r\nx-sum: 1\r\n\r\n", body.len()).as_bytes());
    let (got, call) = exchange(REQUEST, trailers).await;
    assert_eq!(got, body.as_bytes());
    assert_eq!(call.meta("/usage/total_tokens"), 3);
    // No HTTP at all.
    let (_, call) = exchange(REQUEST, b"SSH-2.0-OpenSSH_9.6\r\n".to_vec()).await;
    assert_eq!(call.meta("/status"), "error");
}

#[tokio::test]
async fn redirects_are_followed_by_the_client_and_recorded_once() {
    let elsewhere = server(ok("application/json", said("\"moved\""))).await;
    for status in ["307 Temporary Redirect", "308 Permanent Redirect"] {
        let head = format!("{status}\r\nlocation: {elsewhere}/v1/chat/completions");
        let (got, call) = exchange(REQUEST, answer(&head, b"")).await;
        if got.is_empty() {
            // The server answers one request only.
            assert_eq!(call.meta("/response_info/error_type"), "ConnectionError");
        } else {
            assert_eq!(call.meta("/usage/total_tokens"), 3);
        }
    }
    // In a circle.
    let (_, call) = exchange(REQUEST, answer("307 Again\r\nlocation: /v1/chat/completions", b"")).await;
    assert_eq!(call.meta("/status"), "error");
}

#[tokio::test]
async fn requests_of_every_kind_are_sent_as_they_are() {
    let deep = format!("{{\"model\":\"m\",\"messages\":{}{}}}", "[".repeat(50_000), "]".repeat(50_000));
    let long =
        format!(r#"{{"model":"m","messages":[{{"role":"user","content":"{}"}}]}}"#, "y".repeat(3 << 20));
    let many = format!(
        r#"{{"model":"m","messages":[{}1],"tools":[{}1]}}"#,
        "{\"role\":\"user\",\"content\":\"a\"},".repeat(30_000),
        "{},".repeat(30_000)
    );
    for request in [
        b"".as_slice(),
        b"not json",
        b"[]",
        b"\xff\xfe\x00",
        br#"{"model":7,"messages":"hi","tools":{"a":1},"temperature":"hot","stream":"yes"}"#,
        br#"{"model":"m\u0000\ud800","messages":[null,1,{"role":null,"content":{"a":[]}},{"role":"tool"}]}"#,
        deep.as_bytes(),
        long.as_bytes(),
        many.as_bytes(),
    ] {
        let (_, call) = exchange(request, ok("application/json", said("\"ok\""))).await;
        assert_eq!(call.meta("/usage/total_tokens"), 3, "{:.60}", String::from_utf8_lossy(request));
    }
}

#[tokio::test]
async fn a_call_folder_is_named_by_nothing_that_was_sent() {
    let request = br#"{"model":"../../../etc/passwd","messages":[{"role":"user","content":"../x"}]}"#;
    let body = said("\"/etc\"").replace("\"r\"", "\"../../r\"");
    let (_, call) = exchange(request, ok("application/json", body)).await;
    assert_eq!(call.meta("/api_info/model"), "../../../etc/passwd");
    assert_eq!(std::fs::read_dir(&call.dir).unwrap().count(), 5);
}
