//! What is not passed on.

use std::process::Stdio;

use crate::api::{Api, QUESTION, REPLY, json, post};
use crate::command::{Proxy, exchange, llmlogs};

#[test]
fn pages_other_hosts_websockets_and_signed_requests_do_not_reach_the_api() {
    let root = tempfile::tempdir().unwrap();
    let api = Api::start(json("200 OK", REPLY));
    let proxy = Proxy::start(root.path(), &[&api.url()], &[]);
    let host = proxy.host();
    for (host, more, status, word) in [
        ("evil.example", "", "421", "Host"),
        (&*host, "Origin: https://evil.example\r\n", "403", "browser"),
        (&*host, "Sec-Fetch-Site: cross-site\r\n", "403", "browser"),
        (&*host, "Connection: Upgrade\r\nUpgrade: websocket\r\n", "426", "WebSocket"),
    ] {
        let (head, body) = exchange(proxy.ports[0], &post(host, "/v1/responses", more, QUESTION.as_bytes()));
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{more}: {head}");
        assert!(String::from_utf8(body).unwrap().contains(word), "{more}");
    }
    let signed = String::from_utf8(post(&host, "/model/x/invoke", "", b"{}")).unwrap();
    let signed = signed.replace("Bearer sk-planted-000", "AWS4-HMAC-SHA256 Credential=AKIA/x, Signature=y");
    let (head, body) = exchange(proxy.ports[0], signed.as_bytes());
    assert!(head.starts_with("HTTP/1.1 501 "), "{head}");
    assert!(String::from_utf8(body).unwrap().contains("AWS_BEARER_TOKEN_BEDROCK"));
    let absolute = String::from_utf8(post(&host, "http://api.example/v1/x", "", b"{}")).unwrap();
    assert!(exchange(proxy.ports[0], absolute.as_bytes()).0.starts_with("HTTP/1.1 400 "));
    assert!(api.has_no_request());
}

#[test]
fn an_address_that_others_reach_is_not_listened_on() {
    let root = tempfile::tempdir().unwrap();
    for args in [
        &["--upstream", "https://api.example", "--listen", "0.0.0.0:0"][..],
        &["--upstream", "https://user:planted-2@api.example"],
        &["--upstream", "api.example"],
        &[],
    ] {
        let output = llmlogs(root.path()).arg("proxy").args(args).stdin(Stdio::null()).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty());
        assert!(!output.stderr.is_empty());
    }
}
