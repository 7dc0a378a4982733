//! What goes through, both ways.

use std::io::{ErrorKind, Read, Write};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::api::{Api, LONG, QUESTION, REPLY, json as answer, post, read_head};
use crate::command::{Proxy, calls, exchange, is_written};

#[test]
fn bytes_and_headers_are_those_of_a_direct_connection() {
    let root = tempfile::tempdir().unwrap();
    let api = Api::start(
        answer("200 OK", REPLY)
            .replace("\r\n\r\n", "\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nX-Own: ü\r\n\r\n"),
    );
    let proxy = Proxy::start(root.path(), &[&format!("{}/v1", api.url())], &[]);
    let more = "X-Stainless-Lang: python\r\nAccept-Encoding: gzip, zstd\r\nCookie: c=3\r\n";
    let path = "/v1/chat/completions?api-version=2024-10-21&x=%2F%20";
    let request = post("api.example", path, more, QUESTION.as_bytes());
    let (direct_head, direct_body) = exchange(api.port, &request);
    let direct = api.next_request();
    let host = proxy.host();
    let request = post(
        &host,
        path,
        &format!("{more}Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nTE: trailers\r\n"),
        QUESTION.as_bytes(),
    );
    let (head, body) = exchange(proxy.ports[0], &request);
    let passed = api.next_request();
    assert_eq!(passed.head.lines().next(), direct.head.lines().next());
    let direct_headers =
        in_lower_case(&direct.head).replace("api.example", &format!("127.0.0.1:{}", api.port));
    assert_eq!(in_lower_case(&passed.head), direct_headers, "in the same order, too");
    assert_eq!((passed.body, body), (direct.body, direct_body));
    assert_eq!(head.lines().next(), direct_head.lines().next());
    assert_eq!(in_lower_case(&head), in_lower_case(&direct_head), "not even a date is added");
    let calls = calls(root.path(), 1);
    assert_eq!(calls[0]["metadata"]["api_info"]["base_url"], api.url());
    assert_eq!(calls[0]["metadata"]["api_info"]["endpoint"], "/v1/chat/completions");
    assert_eq!(calls[0]["metadata"]["usage"]["total_tokens"], 7);
    assert!(!is_written(root.path(), "sk-planted-000"));
}

/// Returns the lines of a head but the first, with names in lower case.
fn in_lower_case(head: &str) -> String {
    let lines = head.lines().skip(1).map(|line| match line.split_once(':') {
        Some((name, value)) => format!("{}:{value}\n", name.to_ascii_lowercase()),
        None => format!("{line}\n"),
    });
    lines.collect()
}

#[test]
fn an_error_of_the_api_passes_and_is_recorded() {
    let root = tempfile::tempdir().unwrap();
    let body = r#"{"error":{"message":"slow down","type":"requests","code":"rate_limit_exceeded"}}"#;
    let api = Api::start(answer("429 Too Many Requests", body));
    let proxy = Proxy::start(root.path(), &[&api.url()], &[]);
    let (head, got) =
        exchange(proxy.ports[0], &post(&proxy.host(), "/v1/chat/completions", "", QUESTION.as_bytes()));
    assert!(head.starts_with("HTTP/1.1 429 Too Many Requests\r\n"), "{head}");
    assert_eq!(got, body.as_bytes());
    let calls = calls(root.path(), 1);
    assert_eq!(calls[0]["metadata"]["response_info"]["error_type"], "RateLimitError");
    // No retries of its own.
    api.next_request();
    assert!(api.has_no_request());
}

/// Returns an API that sends `chunks` one by one, each when the test says so.
fn stepwise(chunks: Vec<Vec<u8>>) -> (Api, std::sync::mpsc::Sender<()>) {
    let (go, steps) = channel::<()>();
    let steps = Mutex::new(steps);
    let chunks = Arc::new(chunks);
    let api = Api::with(Box::new(move |stream, _| {
        let steps = steps.lock().unwrap();
        stream
            .write_all(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n",
            )
            .unwrap();
        for chunk in chunks.iter() {
            if steps.recv_timeout(LONG).is_err() {
                return;
            }
            let framed = [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat();
            if stream.write_all(&framed).is_err() {
                return;
            }
        }
        let _gone = stream.write_all(b"0\r\n\r\n");
    }));
    (api, go)
}

fn event(text: &str) -> Vec<u8> {
    let chunk = json!({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o",
        "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}]});
    format!("data: {chunk}\n\n").into_bytes()
}

fn read_chunk(stream: &mut std::net::TcpStream) -> Vec<u8> {
    let mut size = Vec::new();
    while !size.ends_with(b"\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        size.push(byte[0]);
    }
    let size = usize::from_str_radix(std::str::from_utf8(&size).unwrap().trim(), 16).unwrap();
    let mut chunk = vec![0; size + 2];
    stream.read_exact(&mut chunk).unwrap();
    chunk.truncate(size);
    chunk
}

#[test]
fn each_chunk_is_passed_on_before_the_next_one_is_there() {
    let root = tempfile::tempdir().unwrap();
    let chunks = vec![event("Hel"), event("lo"), b"data: [DONE]\n\n".to_vec()];
    let (api, go) = stepwise(chunks.clone());
    let proxy = Proxy::start(root.path(), &[&api.url()], &[]);
    let mut stream = proxy.connect();
    let question = r#"{"model":"gpt-4o","stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
    stream.write_all(&post(&proxy.host(), "/v1/chat/completions", "", question.as_bytes())).unwrap();
    let head = read_head(&mut stream).unwrap();
    assert!(head.contains("transfer-encoding: chunked"), "{head}");
    for chunk in &chunks {
        go.send(()).unwrap();
        assert_eq!(&read_chunk(&mut stream), chunk);
    }
    assert_eq!(read_chunk(&mut stream), b"");
    let call = &calls(root.path(), 1)[0];
    assert_eq!(call["output"]["choices"][0]["message"]["content"], "Hello");
}

#[test]
fn a_client_that_goes_away_closes_the_way_to_the_api() {
    let root = tempfile::tempdir().unwrap();
    let (closed, is_closed) = channel();
    let closed = Mutex::new(closed);
    let api = Api::with(Box::new(move |stream, _| {
        stream
            .write_all(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n",
            )
            .unwrap();
        let chunk = event("Hel");
        stream.write_all(&[format!("{:x}\r\n", chunk.len()).as_bytes(), &chunk, b"\r\n"].concat()).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        let ended = match stream.read(&mut [0]) {
            Ok(0) => true,
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
            Ok(_) => false,
        };
        closed.lock().unwrap().send(ended).unwrap();
    }));
    let proxy = Proxy::start(root.path(), &[&api.url()], &[]);
    let mut stream = proxy.connect();
    let question = r#"{"model":"gpt-4o","stream":true,"messages":[]}"#;
    stream.write_all(&post(&proxy.host(), "/v1/chat/completions", "", question.as_bytes())).unwrap();
    read_head(&mut stream).unwrap();
    read_chunk(&mut stream);
    drop(stream);
    assert!(is_closed.recv_timeout(LONG).unwrap());
    let call = &calls(root.path(), 1)[0];
    assert_eq!(call["metadata"]["status"], "cancelled");
    assert_eq!(call["output"]["partial"]["choices"][0]["message"]["content"], "Hel");
}

#[test]
fn a_client_that_goes_away_before_the_answer_closes_it_too() {
    let root = tempfile::tempdir().unwrap();
    let (closed, is_closed) = channel();
    let closed = Mutex::new(closed);
    let api = Api::with(Box::new(move |stream, _| {
        stream.set_read_timeout(Some(LONG)).unwrap();
        let ended = matches!(stream.read(&mut [0]), Ok(0));
        closed.lock().unwrap().send(ended).unwrap();
    }));
    let proxy = Proxy::start(root.path(), &[&api.url()], &[]);
    let mut stream = proxy.connect();
    stream.write_all(&post(&proxy.host(), "/v1/chat/completions", "", QUESTION.as_bytes())).unwrap();
    api.next_request();
    drop(stream);
    assert!(is_closed.recv_timeout(LONG).unwrap());
    assert_eq!(calls(root.path(), 1)[0]["metadata"]["status"], "cancelled");
}

#[test]
fn an_api_that_is_not_there_is_a_502_that_says_so() {
    let root = tempfile::tempdir().unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let proxy = Proxy::start(root.path(), &[&format!("http://127.0.0.1:{free}")], &[]);
    let (head, body) = exchange(
        proxy.ports[0],
        &post(&proxy.host(), "/v1/chat/completions?key=planted-1", "", QUESTION.as_bytes()),
    );
    assert!(head.starts_with("HTTP/1.1 502 "), "{head}");
    let body = String::from_utf8(body).unwrap();
    assert!(
        body.contains(&format!("http://127.0.0.1:{free} could not be reached"))
            && !body.contains("planted-1"),
        "{body}"
    );
    assert_eq!(calls(root.path(), 1)[0]["metadata"]["response_info"]["error_type"], "ConnectionError");
    assert!(!is_written(root.path(), "planted-1"));
}

#[test]
fn a_reset_in_the_middle_reaches_the_client_as_a_broken_body() {
    let root = tempfile::tempdir().unwrap();
    let api = Api::with(Box::new(|stream, _| {
        stream
            .write_all(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{\"id\":",
            )
            .unwrap();
        stream.shutdown(std::net::Shutdown::Both).unwrap();
    }));
    let proxy = Proxy::start(root.path(), &[&api.url()], &[]);
    let mut stream = proxy.connect();
    stream.write_all(&post(&proxy.host(), "/v1/chat/completions", "", QUESTION.as_bytes())).unwrap();
    let head = read_head(&mut stream).unwrap();
    assert!(head.contains("content-length: 500"), "{head}");
    let mut rest = Vec::new();
    let ended = stream.read_to_end(&mut rest);
    assert!(rest.len() < 500 && (ended.is_ok() || ended.unwrap_err().kind() == ErrorKind::ConnectionReset));
    assert_eq!(calls(root.path(), 1)[0]["metadata"]["status"], "error");
}

#[test]
fn the_body_of_an_http_1_0_api_has_an_end_that_the_client_can_tell() {
    let root = tempfile::tempdir().unwrap();
    let api = Api::with(Box::new(|stream, _| {
        let head = "HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n\r\n";
        stream.write_all([head, REPLY].concat().as_bytes()).unwrap();
        stream.shutdown(std::net::Shutdown::Both).unwrap();
    }));
    let proxy = Proxy::start(root.path(), &[&api.url()], &[]);
    let mut stream = proxy.connect();
    stream.write_all(&post(&proxy.host(), "/v1/chat/completions", "", QUESTION.as_bytes())).unwrap();
    let head = read_head(&mut stream).unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("transfer-encoding: chunked"), "{head}");
    let mut body = Vec::new();
    loop {
        match &*read_chunk(&mut stream) {
            [] => break,
            chunk => body.extend_from_slice(chunk),
        }
    }
    assert_eq!(body, REPLY.as_bytes());
    assert_eq!(calls(root.path(), 1)[0]["metadata"]["status"], "ok");
}

#[test]
fn a_body_in_chunks_has_a_length_upstream_even_if_it_is_empty() {
    let root = tempfile::tempdir().unwrap();
    let api = Api::start(answer("200 OK", REPLY));
    let proxy = Proxy::start(root.path(), &[&api.url()], &[]);
    for body in [&b""[..], QUESTION.as_bytes()] {
        let request = post(&proxy.host(), "/v1/chat/completions", "", b"");
        let request = String::from_utf8(request).unwrap();
        let mut request = request.replace("Content-Length: 0", "Transfer-Encoding: chunked").into_bytes();
        if !body.is_empty() {
            request.extend([format!("{:x}\r\n", body.len()).as_bytes(), body, b"\r\n"].concat());
        }
        exchange(proxy.ports[0], &[&request, &b"0\r\n\r\n"[..]].concat());
        let passed = api.next_request();
        assert_eq!(crate::api::header(&passed.head, "content-length"), Some(body.len().to_string()));
        assert_eq!(passed.body, body);
    }
}

#[test]
fn a_large_request_in_zstd_passes_as_it_is_and_is_read_for_the_record() {
    let root = tempfile::tempdir().unwrap();
    let api = Api::start(answer("200 OK", REPLY));
    let proxy = Proxy::start(root.path(), &[&api.url()], &[]);
    let text = "x".repeat(9 << 20);
    let question = format!(r#"{{"messages":[{{"role":"user","content":"{text}"}}],"model":"gpt-4o"}}"#);
    // A frame of blocks that are not compressed, of 128 KiB each but for the last one.
    let mut body = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 0x60];
    let blocks = question.as_bytes().chunks(128 << 10);
    let last = blocks.len() - 1;
    for (place, block) in blocks.enumerate() {
        let header = (block.len() as u32) << 3 | u32::from(place == last);
        body.extend_from_slice(&header.to_le_bytes()[..3]);
        body.extend_from_slice(block);
    }
    let request = post(&proxy.host(), "/v1/chat/completions", "Content-Encoding: zstd\r\n", &body);
    exchange(proxy.ports[0], &request);
    assert!(api.next_request().body == body, "not a byte is changed");
    proxy.end("TERM");
    let metadata = &calls(root.path(), 1)[0]["metadata"];
    assert_eq!(metadata["api_info"]["model"], "gpt-4o");
    assert_eq!(metadata["request_info"]["content_encoding"], "zstd");
    assert_eq!(metadata["truncated"]["input"], true);
}

#[test]
fn a_large_request_passes_whole() {
    let root = tempfile::tempdir().unwrap();
    let api = Api::start(answer("200 OK", REPLY));
    let proxy = Proxy::start(root.path(), &[&api.url()], &[]);
    let text = "x".repeat(9 << 20);
    let body = format!(r#"{{"model":"gpt-4o","messages":[{{"role":"user","content":"{text}"}}]}}"#);
    let request = post(&proxy.host(), "/v1/chat/completions", "", body.as_bytes());
    let (head, _) = exchange(proxy.ports[0], &request);
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert_eq!(api.next_request().body.len(), body.len());
    proxy.end("TERM");
    assert_eq!(calls(root.path(), 1)[0]["metadata"]["truncated"]["input"], true);
}

#[test]
fn what_is_no_call_passes_and_is_not_recorded() {
    let root = tempfile::tempdir().unwrap();
    let api = Api::start("HTTP/1.1 204 No Content\r\nx-own: 1\r\n\r\n");
    let proxy = Proxy::start(root.path(), &[&api.url()], &[]);
    let mut stream = proxy.connect();
    write!(stream, "DELETE /v1/files/f1 HTTP/1.1\r\nHost: {}\r\nAccept: */*\r\n\r\n", proxy.host()).unwrap();
    let head = read_head(&mut stream).unwrap();
    assert!(head.starts_with("HTTP/1.1 204 No Content\r\n") && head.contains("x-own: 1"), "{head}");
    assert!(api.next_request().head.starts_with("DELETE /v1/files/f1 HTTP/1.1\r\n"));
    drop(stream);
    proxy_ended_without_calls(proxy);
}

fn proxy_ended_without_calls(proxy: Proxy) {
    let root = proxy.root.clone();
    proxy.end("TERM");
    calls(&root, 0);
}

#[test]
fn two_upstreams_have_two_ports_and_health_is_answered_here() {
    let root = tempfile::tempdir().unwrap();
    let (first, second) = (Api::start(answer("200 OK", REPLY)), Api::start(answer("200 OK", REPLY)));
    let proxy = Proxy::start(root.path(), &[&first.url(), &second.url()], &["--health", "/healthz"]);
    let (head, body) = exchange(proxy.ports[0], &post(&proxy.host(), "/healthz", "", b""));
    assert!(head.starts_with("HTTP/1.1 200 ") && body.is_empty(), "{head}");
    let (head, _) = exchange(proxy.ports[0], &post("evil.example", "/healthz", "", b""));
    assert!(head.starts_with("HTTP/1.1 421 "), "{head}");
    let host = format!("127.0.0.1:{}", proxy.ports[1]);
    exchange(proxy.ports[1], &post(&host, "/v1/chat/completions", "", QUESTION.as_bytes()));
    second.next_request();
    assert!(first.has_no_request());
}

#[test]
fn a_call_on_its_way_is_finished_before_the_end() {
    let root = tempfile::tempdir().unwrap();
    let api = Api::with(Box::new(|stream, _| {
        thread::sleep(Duration::from_millis(300));
        stream.write_all(answer("200 OK", REPLY).as_bytes()).unwrap();
    }));
    let proxy = Proxy::start(root.path(), &[&api.url()], &[]);
    let (host, port, root) = (proxy.host(), proxy.ports[0], proxy.root.clone());
    let client =
        thread::spawn(move || exchange(port, &post(&host, "/v1/chat/completions", "", QUESTION.as_bytes())));
    api.next_request();
    let said = proxy.end("TERM");
    assert!(said.contains("recorded in "), "{said}");
    assert!(client.join().unwrap().0.starts_with("HTTP/1.1 200 "));
    assert_eq!(calls(&root, 1)[0]["metadata"]["status"], "ok");
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
}

#[test]
fn a_rule_is_told_and_noted() {
    let root = tempfile::tempdir().unwrap();
    let api = Api::start(answer("500 Internal Server Error", r#"{"error":{"message":"broken"}}"#));
    let proxy = Proxy::start(root.path(), &[&api.url()], &["--rule", "in_a_row>=2"]);
    for _ in 0..2 {
        exchange(proxy.ports[0], &post(&proxy.host(), "/v1/chat/completions", "", QUESTION.as_bytes()));
    }
    calls(root.path(), 2);
    let root = proxy.root.clone();
    let said = proxy.end("TERM");
    assert!(said.contains("2 calls in a row failed"), "{said}");
    assert!(is_written(&root, r#""rule":"in_a_row>=2""#));
}

#[test]
fn retries_on_request_are_one_call() {
    let root = tempfile::tempdir().unwrap();
    let count = std::sync::atomic::AtomicUsize::new(0);
    let api = Api::with(Box::new(move |stream, _| {
        let first = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0;
        let refusal =
            answer("503 Service Unavailable", "{}").replace("\r\n\r\n", "\r\nretry-after-ms: 60\r\n\r\n");
        let _gone = stream.write_all(if first { refusal } else { answer("200 OK", REPLY) }.as_bytes());
    }));
    let proxy = Proxy::start(root.path(), &[&api.url()], &["--retry"]);
    let (head, _) =
        exchange(proxy.ports[0], &post(&proxy.host(), "/v1/chat/completions", "", QUESTION.as_bytes()));
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let call = &calls(root.path(), 1)[0];
    assert_eq!(call["metadata"]["attempts"].as_array().unwrap().len(), 2);
}
