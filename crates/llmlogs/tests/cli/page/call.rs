//! The page of a call, its files, and its request as a command.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::tree::{Tree, call, write};

use super::safety::assert_protected;
use super::{Response, Server};

const SESSION: &str = "20251027/session_20251027_040210";
const OK: &str = "20251027/session_20251027_040210/call_20251027_040210_001";

/// Changes a JSON file of a call.
fn change(path: &Path, change: impl FnOnce(&mut Value)) {
    let mut value: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    change(&mut value);
    write(path, &value);
}

fn page(server: &Server, path: &str) -> String {
    let response = server.get(&format!("/call/{path}"));
    assert_eq!(response.status, 200, "{path}: {}", response.body);
    assert_eq!(response.header("content-type"), Some("text/html; charset=utf-8"));
    response.body
}

/// A response whose body is no text.
fn bytes(server: &Server, path: &str) -> (Response, Vec<u8>) {
    let mut stream = server.connect();
    let (port, cookie) = (server.port, server.cookie());
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut all = Vec::new();
    stream.read_to_end(&mut all).unwrap();
    let end = all.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    (Response::parse(std::str::from_utf8(&all[..end]).unwrap()), all[end..].to_vec())
}

/// Asserts that the texts are on the page, in this order.
fn in_order(page: &str, texts: &[&str]) {
    let mut rest = page;
    for text in texts {
        let place =
            rest.find(text).unwrap_or_else(|| panic!("{text} is not there, or not after the others: {page}"));
        rest = &rest[place + text.len()..];
    }
}

#[test]
fn what_went_wrong_is_read_first() {
    let tree = Tree::usual();
    let server = Server::start(tree.folder(), &[]);
    let page = page(&server, &format!("{SESSION}/call_20251027_040300_003"));
    in_order(
        &page,
        &[
            "RateLimitError",
            "HTTP 429",
            "rate_limit_exceeded",
            "Rate limit reached, try again in 20 ms",
            "Model asked",
            "Conversation",
        ],
    );
    let tab = server.get(&format!("/call/{SESSION}/call_20251027_040300_003?tab=error")).body;
    in_order(&tab, &["What the server said", "Rate limit reached, try again in 20 ms"]);
}

#[test]
fn the_head_says_what_is_known() {
    let tree = Tree::usual();
    change(&tree.root().join(OK).join("metadata.json"), |metadata| {
        metadata["response_info"]["model"] = "deepseek-chat-0324".into();
        metadata["response_info"]["request_id"] = "req_17".into();
        metadata["usage"]["cached_tokens"] = 1024.into();
        metadata["usage"]["reasoning_tokens"] = 77.into();
        metadata["performance"]["time_to_first_token_ms"] = 400.into();
        metadata["truncated"] = json!({"input": true, "output": false, "context": false});
    });
    let server = Server::start(tree.folder(), &[]);
    let page = page(&server, OK);
    for fact in [
        "deepseek-chat-0324",
        "POST https://api.deepseek.com/v1/chat/completions",
        "1,296",
        "1,024",
        "77",
        "0.00163 CNY",
        "by your prices",
        "req_17",
        "400ms",
        "2.50s",
        "The request was cut when it was recorded",
    ] {
        assert!(page.contains(fact), "{fact}: {page}");
    }
    assert!(page.contains("<line class=\"first\" x1=\"160.0\""), "{page}");
}

#[test]
fn attempts_waits_and_a_fallback_are_drawn_and_listed() {
    let tree = Tree::usual();
    change(&tree.root().join(OK).join("metadata.json"), |metadata| {
        metadata["started_at"] = "2025-10-27T04:02:10.000+00:00".into();
        metadata["performance"]["latency_ms"] = 4000.into();
        let attempt = |number: u64,
                       at: &str,
                       ms: u64,
                       waited: u64,
                       error: &str,
                       decision: &str,
                       model: &str| {
            json!({"attempt": number, "started_at": format!("2025-10-27T04:02:{at}+00:00"), "latency_ms": ms, "waited_ms": waited,
                "error_type": error, "error_message": "busy", "http_status": if error.is_empty() { 200 } else { 429 },
                "decision": decision, "model": model, "provider": "p", "base_url": "https://p", "retry_after_ms": 2000})
        };
        metadata["attempts"] = json!([
            attempt(1, "10.000", 500, 0, "RateLimitError", "retry", "first-model"),
            attempt(2, "12.500", 500, 2000, "RateLimitError", "fallback", "first-model"),
            attempt(3, "13.000", 1000, 0, "", "final", "second-model"),
        ]);
        metadata["fallback"] = json!({"from": {"provider": "p", "model": "first-model"},
            "to": {"provider": "q", "model": "second-model"}, "reason": "RateLimitError"});
    });
    let server = Server::start(tree.folder(), &[]);
    let page = page(&server, OK);
    in_order(&page, &["Fallback:", "first-model", "second-model", "because of RateLimitError"]);
    assert!(page.contains("<rect class=\"bar wait\" x=\"125.0\" y=\"3\" width=\"500.0\""), "{page}");
    assert_eq!(page.matches("<rect class=\"bar failed\" x=").count(), 2);
    in_order(
        &page,
        &[
            "The timeline as a table",
            "Attempt 1",
            "tried again",
            "Attempt 2",
            "another target was asked",
            "Attempt 3",
        ],
    );
}

#[test]
fn parts_are_links() {
    let tree = Tree::usual();
    change(&tree.root().join(OK).join("input.json"), |request| {
        request["tools"] = json!([{"type": "function", "function": {"name": "read_file", "description": "Reads.",
            "parameters": {"type": "object", "required": ["path"], "properties": {"path": {"type": "string", "description": "Where it is."}}}}}]);
    });
    let server = Server::start(tree.folder(), &[]);
    let first = page(&server, &format!("{OK}?q=model%3Adeep*"));
    for tab in ["tools", "request", "response", "context", "metadata"] {
        let address = format!("/call/{OK}?tab={tab}&amp;q=model%3Adeep*");
        assert!(first.contains(&address), "{tab}: {first}");
    }
    for (tab, texts) in [
        ("tools", &["read_file", "path", "string", "yes", "Where it is.", "Definition as it was sent"][..]),
        ("request", &["input.json", "&quot;model&quot;: &quot;deepseek-chat&quot;"]),
        ("response", &["output.json", "&quot;chat.completion&quot;"]),
        ("context", &["phase", "Plan", "agent"]),
        ("metadata", &["metadata.json", "&quot;call_id&quot;"]),
    ] {
        in_order(&page(&server, &format!("{OK}?tab={tab}")), texts);
    }
    assert_eq!(server.get(&format!("/call/{OK}?tab=x")).status, 400);
}

#[test]
fn what_the_call_before_had_is_folded() {
    let tree = Tree::usual();
    let session = tree.session("20251027", "20251027_090000", true);
    let (one, two) =
        (call("2025-10-27 09:00:00", 1_761_555_600.0), call("2025-10-27 09:00:05", 1_761_555_605.0));
    let (first, second) = (tree.call(&session, 1, &one), tree.call(&session, 2, &two));
    let said = |role: &str, text: &str| json!({"role": role, "content": text});
    let mut messages =
        vec![said("system", "Be brief."), said("user", "Old question"), said("assistant", "Old answer")];
    write(&first.join("input.json"), &json!({"model": "m", "messages": messages}));
    messages.push(said("user", "New question"));
    write(&second.join("input.json"), &json!({"model": "m", "messages": messages}));
    let server = Server::start(tree.folder(), &[]);
    let path = |dir: &PathBuf| dir.strip_prefix(tree.root()).unwrap().to_str().unwrap().to_owned();
    let shown = page(&server, &path(&second));
    in_order(
        &shown,
        &[
            "Be brief.",
            "<details class=\"shared\">",
            "3 messages as in the call before",
            "Old question",
            "Old answer",
            "</details>",
            "New question",
        ],
    );
    assert!(!page(&server, &path(&first)).contains("as in the call before"));
}

#[test]
fn a_body_as_it_is_is_plain_text() {
    let tree = Tree::usual();
    let hostile = "<script>alert(1)</script>";
    write(&tree.root().join(OK).join("input.json"), &json!({"model": hostile}));
    let server = Server::start(tree.folder(), &[]);
    for file in ["input.json", "output.json", "metadata.json"] {
        let response = server.get(&format!("/call/{OK}/file/{file}"));
        assert_eq!(response.status, 200);
        assert_eq!(response.header("content-type"), Some("text/plain; charset=utf-8"));
        assert_eq!(response.header("x-content-type-options"), Some("nosniff"));
        assert_protected(&response, file);
        assert_eq!(response.body, fs::read_to_string(tree.root().join(OK).join(file)).unwrap());
    }
    for file in
        ["session.json", "..%2fsession.json", "index.jsonl", "%2e%2e", "input.json%00", "input.json.tmp"]
    {
        assert_eq!(server.get(&format!("/call/{OK}/file/{file}")).status, 404, "{file}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_body_of_hundreds_of_megabytes_takes_neither_memory_nor_the_tab() {
    const BYTES: u64 = 300 << 20;
    let tree = Tree::usual();
    let mut body = fs::File::create(tree.root().join(OK).join("input.json")).unwrap();
    body.write_all(format!("{{\n\"text\": \"beginning\n{}", "line ä\n".repeat(20_000)).as_bytes()).unwrap();
    body.set_len(BYTES).unwrap();
    let server = Server::start(tree.folder(), &[]);
    let shown = page(&server, OK);
    assert!(shown.contains("beginning") && shown.contains("314.6 MB"), "{shown}");
    assert!(shown.len() < 300_000, "{}", shown.len());
    assert!(!shown.contains('\u{fffd}'), "whole characters");
    let mut stream = server.connect();
    let (port, cookie) = (server.port, server.cookie());
    let request = format!(
        "GET /call/{OK}/file/input.json HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut piece = vec![0; 1 << 20];
    let mut sum = 0;
    loop {
        match stream.read(&mut piece).unwrap() {
            0 => break,
            length => sum += length as u64,
        }
    }
    assert!(sum > BYTES && sum < BYTES + 2000, "{sum}");
    let status = fs::read_to_string(format!("/proc/{}/status", server.child.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak < 100_000, "{peak} kB");
}

#[test]
fn json_of_a_million_nodes_and_json_without_bottom_are_shown_in_part() {
    let tree = Tree::usual();
    let file = tree.root().join(OK).join("input.json");
    let server = Server::start(tree.folder(), &[]);
    let messages = "{\"role\":\"user\",\"content\":\"x\"},".repeat(100_000);
    for body in [
        format!("[{}1]", "1,".repeat(3_000_000)),
        format!("{{\"a\":{}{}}}", "[".repeat(1_000_000), "]".repeat(1_000_000)),
        format!("{{\"messages\":[{messages}{{\"role\":\"user\",\"content\":\"last\"}}]}}"),
        format!("{{\"messages\":[{{\"role\":\"user\",\"content\":\"{}\"}}]}}", "long ".repeat(1_000_000)),
    ] {
        fs::write(&file, &body).unwrap();
        let shown = page(&server, OK);
        assert!(shown.len() < 1_000_000, "{} of {}", shown.len(), &body[..40]);
        assert!(shown.contains("left out here"), "{}", &body[..40]);
    }
}

#[test]
fn media_are_what_their_bytes_say() {
    let tree = Tree::usual();
    let media = tree.root().join(SESSION).join("media");
    fs::create_dir(&media).unwrap();
    let (png, svg, link) = ("a".repeat(64), "b".repeat(64), "c".repeat(64));
    let picture = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff\xfe";
    fs::write(media.join(format!("{png}.png")), picture).unwrap();
    fs::write(media.join(format!("{svg}.png")), "<svg onload=alert(1)>").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("/etc/hostname", media.join(format!("{link}.png"))).unwrap();
    let elided = |hash: &str| {
        json!({"type": "image_url", "image_url": {"url":
        {"elided": {"media_type": "image/png", "bytes": 40_000, "sha256": hash}}}})
    };
    change(&tree.root().join(OK).join("input.json"), |request| {
        request["messages"][1]["content"] = json!([elided(&png), elided(&svg), elided(&link)]);
    });
    let server = Server::start(tree.folder(), &[]);
    let shown = page(&server, OK);
    assert!(shown.contains(&format!("<img src=\"/call/{OK}/media/{png}\"")), "{shown}");
    assert_eq!(shown.matches("<img").count(), 1, "{shown}");
    let (response, body) = bytes(&server, &format!("/call/{OK}/media/{png}"));
    assert_eq!((response.header("content-type"), body.as_slice()), (Some("image/png"), &picture[..]));
    assert_protected(&response, "a picture");
    let response = server.get(&format!("/call/{OK}/media/{svg}"));
    assert_eq!(response.header("content-type"), Some("application/octet-stream"));
    assert!(response.header("content-disposition").unwrap().starts_with("attachment"));
    for hash in [link.as_str(), "..%2f..%2fx", &"A".repeat(64), &format!("{}.png", "a".repeat(60))] {
        assert_eq!(server.get(&format!("/call/{OK}/media/{hash}")).status, 404, "{hash}");
    }
}

#[test]
fn only_a_page_that_plays_a_sound_may_load_one() {
    let tree = Tree::usual();
    let media = tree.root().join(SESSION).join("media");
    fs::create_dir(&media).unwrap();
    let sound = "d".repeat(64);
    fs::write(media.join(format!("{sound}.wav")), b"RIFF\0\0\0\0WAVEfmt ").unwrap();
    let server = Server::start(tree.folder(), &[]);
    let before = server.get(&format!("/call/{OK}"));
    assert_protected(&before, "a call without sounds");
    change(&tree.root().join(OK).join("input.json"), |request| {
        request["messages"][1]["content"] = json!([{"type": "input_audio", "input_audio": {"format": "wav", "data":
            {"elided": {"media_type": "audio/wav", "bytes": 40_000, "sha256": sound}}}}]);
    });
    let page = server.get(&format!("/call/{OK}"));
    assert!(page.body.contains("<audio"), "{}", page.body);
    let [policy, playing] = [&before, &page].map(|page| page.header("content-security-policy").unwrap());
    assert_eq!(playing, policy.replace("img-src 'self';", "img-src 'self'; media-src 'self';"));
    let other_tab = server.get(&format!("/call/{OK}?tab=metadata"));
    assert_protected(&other_tab, "a tab without sounds");
    let (response, _) = bytes(&server, &format!("/call/{OK}/media/{sound}"));
    assert_eq!(response.header("content-type"), Some("audio/wav"));
    assert_protected(&response, "the sound itself");
}

#[test]
#[cfg(unix)]
fn files_that_are_links_are_not_there() {
    let tree = Tree::usual();
    let secret = tree.folder().join("secret.json");
    fs::write(
        &secret,
        "{\"model\":\"the secret\",\"messages\":[{\"role\":\"user\",\"content\":\"the secret\"}]}",
    )
    .unwrap();
    let dir = tree.root().join(OK);
    for file in ["input.json", "output.json", "metadata.json", "input.txt"] {
        let _was_there = fs::remove_file(dir.join(file));
        std::os::unix::fs::symlink(&secret, dir.join(file)).unwrap();
    }
    // The older logger's session has a link in the place of a call.
    std::os::unix::fs::symlink(tree.folder(), tree.root().join(SESSION).join("call_link")).unwrap();
    let server = Server::start(tree.folder(), &[]);
    for path in [format!("/call/{OK}"), format!("/api/call/{OK}"), format!("/call/{OK}?tab=request")] {
        let response = server.get(&path);
        assert_eq!(response.status, 200, "{path}");
        assert!(!response.body.contains("the secret"), "{path}: {}", response.body);
    }
    for path in [format!("{OK}/file/input.json"), format!("{OK}/curl"), format!("{SESSION}/call_link")] {
        assert_eq!(server.get(&format!("/call/{path}")).status, 404, "{path}");
    }
}

#[test]
fn no_name_leads_elsewhere() {
    let tree = Tree::usual();
    let server = Server::start(tree.folder(), &[]);
    let [day, session, id] = OK.split('/').collect::<Vec<_>>()[..] else { panic!() };
    for below in ["", "/curl", "/file/input.json", &format!("/media/{}", "a".repeat(64))] {
        for path in [
            format!("{day}/{session}/.."),
            format!("{day}/{session}/%2e%2e"),
            format!("{day}/%2e%2e/{id}"),
            format!("%2e%2e/{session}/{id}"),
            format!("{day}%2f{session}/{session}/{id}"),
            format!("{day}/{session}/{id}%2f..%2f{id}"),
            format!("{day}/{session}/call_%2e%2e%2f{id}"),
            format!("{day}/{session}/call_%5c..%5c{id}"),
            format!("{day}/{session}/{id}%00"),
            format!("{day}/{session}/%63all_20251027_040210_009"),
            format!("{day}/{session}/%2563all_20251027_040210_001"),
        ] {
            let response = server.get(&format!("/call/{path}{below}"));
            assert_eq!(response.status, 404, "{path}{below}: {}", response.body);
        }
        assert_eq!(server.get(&format!("/%63all/{OK}{below}")).status, 404, "{below}");
    }
    assert_eq!(server.get(&format!("/%61pi/call/{OK}")).status, 404);
    // Decoded once, it is the call's name.
    assert_eq!(server.get(&format!("/call/{day}/{session}/%63all_20251027_040210_001")).status, 200);
}

/// Text that wants to be more than text.
fn hostile() -> Vec<String> {
    let payloads = [
        "<script>window.pwned=1</script>",
        "<img src=x onerror=pwned()>",
        "<svg/onload=pwned()>",
        "\"><b class=pwn>",
        "'><b class=pwn>",
        "</title><b class=pwn>",
        "</pre><b class=pwn>",
        "</textarea><b>",
        "<style>@import 'http://pwned'</style>",
        "<base href=http://pwned/>",
        "<iframe srcdoc=\"<script>1</script>\">",
        "<a href=\"javascript:pwned()\">",
        "<!--",
        "]]><b>",
        "<meta http-equiv=refresh content=\"0;url=http://pwned/\">",
        "\" onfocus=pwned() autofocus x=\"",
        "<details open ontoggle=pwned()>",
        "<form action=http://pwned/><button>",
        "<math><mtext></mtext><script>1</script></math>",
        "<link rel=stylesheet href=http://pwned>",
        "$(touch pwned)<b>",
        "`touch pwned`<b>",
        "';touch pwned;'<b>",
        "\"; touch pwned; \"<b>",
        "\nEOF\ntouch pwned\n<b>",
        "\u{202e}exe.<b>\u{2066}",
        "\u{200f}\u{200e}\u{61c}<b>",
        "\u{1b}[2J\u{1b}]0;x\u{7}<b>",
        "\u{9b}31m\u{85}<b>",
        "\\';touch pwned;<b>\\",
    ];
    let ways: [fn(&str) -> String; 10] = [
        str::to_owned,
        |text| text.to_uppercase(),
        |text| format!("{text}{text}"),
        |text| format!("A{text}"),
        |text| text.replace('>', ">\u{2028}"),
        |text| format!("```html\n{text}\n```"),
        |text| format!("&lt;{text}"),
        |text| format!("-->{text}"),
        |text| format!("%3Cscript%3E{text}"),
        |text| format!("{}{text}", "long ".repeat(1500)),
    ];
    ways.iter().flat_map(|way| payloads.map(way)).collect()
}

/// A call in which every field that comes from outside is this text.
fn hostile_call(dir: &Path, text: &str) {
    write(
        &dir.join("input.json"),
        &json!({
            "model": text, "temperature": text, "stop": [text], "tool_choice": text, "messages": [
                {"role": "system", "content": text}, {"role": "user", "content": text}, {"role": text, "content": text},
                {"role": "assistant", "content": null, "tool_calls": [{"id": text, "type": "function", "function": {"name": text, "arguments": text}}]},
                {"role": "tool", "tool_call_id": text, "content": text},
                {"role": "user", "content": [{"type": "image_url", "image_url": {"url": text}}, {"type": text, text: text},
                    {"type": "image_url", "image_url": {"url": {"elided": {"media_type": text, "bytes": 1, "sha256": "a".repeat(64)}}}}]}],
            "tools": [{"type": "function", "function": {"name": text, "description": text, "parameters": {"type": "object",
                "properties": {text: {"type": text, "description": text, "enum": [text]}}}}}],
        }),
    );
    write(
        &dir.join("output.json"),
        &json!({"error": true, "body": text, "partial": {"choices": [{"finish_reason": text,
        "message": {"role": "assistant", "content": text, "reasoning_content": text, "refusal": text}}]}}),
    );
    let target = json!({"provider": text, "model": text, "base_url": text});
    write(
        &dir.join("metadata.json"),
        &json!({
            "schema_version": 1, "call_id": text, "session_id": text, "timestamp": 1.0, "datetime": text, "started_at": text, "ended_at": text,
            "status": "error", "api_info": {"provider": text, "model": text, "base_url": text, "endpoint": text, "operation": "chat", "method": text, "query": text},
            "request_info": {"tool_choice": text, "has_tools": true},
            "response_info": {"id": text, "model": text, "request_id": text, "error": true, "error_type": text, "error_code": text, "error_message": text,
                "finish_reason": text, "content_type": text, "status_text": text, "http_status": 500},
            "context": {"user_message": text, "phase": text, text: text, "nested": {text: [text]}, "spans": [text]},
            "trace": {"trace_id": text, "span_id": text, "spans": [{"id": text, "name": text, "started_at": text}]},
            "attempts": [{"attempt": 1, "started_at": text, "error_type": text, "error_code": text, "error_message": text, "provider": text, "model": text, "base_url": text, "decision": text}],
            "fallback": {"from": target, "to": target, "reason": text},
            "cost_estimate": {"total_cost": 1.0, "currency": text, "source": text},
        }),
    );
}

#[test]
fn three_hundred_strings_in_every_field_are_text() {
    let tree = Tree::usual();
    let server = Server::start(tree.folder(), &[]);
    let dir = tree.root().join(OK);
    let strings = hostile();
    assert_eq!(strings.len(), 300);
    let tabs = ["", "?tab=error", "?tab=tools", "?tab=request", "?tab=context", "?tab=metadata"];
    for (number, text) in strings.iter().enumerate() {
        hostile_call(&dir, text);
        // Each string in the conversation, and in one of the other parts.
        for tab in [tabs[0], tabs[1 + number % 5]] {
            let page = page(&server, &format!("{OK}{tab}"));
            assert!(!page.contains(text.as_str()), "{text} in {tab}");
            let own = |tag: &str| page.matches(tag).count();
            assert_eq!(
                (own("<script"), own("<link"), own("<meta"), own("<title")),
                (1, 2, 3, page.matches("</title").count()),
                "{text} in {tab}"
            );
            // The header has no text of the call.
            let (before, header) = page.split_once("<header>").unwrap();
            let page = format!("{before}{}", header.split_once("</header>").unwrap().1);
            for tag in [
                "<img src=x",
                "<b",
                "<iframe",
                "<base",
                "<style",
                "<form",
                "<math",
                "javascript:pwned()\"",
                "\" onfocus",
            ] {
                let allowed = tag == "<b" && (page.matches("<b").count() == page.matches("<body").count());
                assert!(allowed || !page.to_lowercase().contains(tag), "{tag} of {text} in {tab}");
            }
            let hidden = |c: char| {
                c.is_control() && c != '\n' && c != '\t'
                    || "\u{202e}\u{2066}\u{200e}\u{200f}\u{61c}\u{2028}".contains(c)
            };
            assert!(!page.contains(hidden), "{text:?} in {tab}");
        }
    }
}

/// Runs a command in an empty folder with a stand-in for curl; returns its arguments and what it read.
#[cfg(unix)]
fn run(command: &str) -> (Vec<String>, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let stand_in = "curl() { for one; do printf '%s\\0' \"$one\"; done > arguments; cat > body; }\n";
    fs::write(folder.path().join("script"), format!("{stand_in}{command}")).unwrap();
    let ran = Command::new("sh")
        .current_dir(folder.path())
        .arg("script")
        .env("X_API_KEY", "k")
        .env("OPENAI_API_KEY", "key of the user")
        .env("DEEPSEEK_API_KEY", "key of the user")
        .env("API_KEY", "k")
        .output()
        .unwrap();
    assert!(ran.status.success() && ran.stderr.is_empty(), "{command}: {ran:?}");
    let mut there: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    there.sort();
    assert_eq!(there, ["arguments", "body", "script"], "{command}");
    let arguments = fs::read_to_string(folder.path().join("arguments")).unwrap();
    let arguments = arguments.split_terminator('\0').map(str::to_owned).collect();
    (arguments, fs::read(folder.path().join("body")).unwrap())
}

#[test]
#[cfg(unix)]
fn the_request_as_a_command_sends_what_was_recorded_and_runs_nothing() {
    let tree = Tree::usual();
    let server = Server::start(tree.folder(), &[]);
    let dir = tree.root().join(OK);
    let command = |what: &str| {
        let response = server.get(&format!("/call/{OK}/curl"));
        assert_eq!(response.status, 200, "{what}: {}", response.body);
        assert_eq!(response.header("content-type"), Some("text/plain; charset=utf-8"));
        response.body
    };
    let plain = command("as it is");
    assert!(plain.contains("${DEEPSEEK_API_KEY:?") && plain.contains("--data-binary @-"), "{plain}");
    let (arguments, body) = run(&plain);
    assert_eq!(arguments[..4], ["-sSg", "-X", "POST", "https://api.deepseek.com/v1/chat/completions"]);
    assert!(arguments.contains(&"authorization: Bearer key of the user".to_owned()), "{arguments:?}");
    let recorded: Value = serde_json::from_slice(&fs::read(dir.join("input.json")).unwrap()).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), recorded);
    // A body that has no room in an argument.
    write(&dir.join("input.json"), &json!({"model": "m", "text": "x".repeat(1 << 20)}));
    assert!(run(&command("long")).1.len() > 1 << 20);

    for text in hostile().iter().take(60) {
        hostile_call(&dir, text);
        change(&dir.join("metadata.json"), |metadata| metadata["api_info"]["provider"] = "openai".into());
        let printed = command(text);
        let hidden =
            |c: char| c.is_control() && c != '\n' || "\u{202e}\u{2066}\u{200e}\u{200f}\u{61c}".contains(c);
        assert!(!printed.contains(hidden), "a terminal may obey it: {printed:?}");
        let (_, body) = run(&printed);
        let recorded: Value = serde_json::from_slice(&fs::read(dir.join("input.json")).unwrap()).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), recorded, "{text}");
        // A body that is text comes to the last byte.
        write(&dir.join("input.json"), &json!(text));
        assert_eq!(String::from_utf8(run(&command(text)).1).unwrap(), *text);
    }
    // A provider that is any text names the variable, and nothing more.
    hostile_call(&dir, "$(touch pwned)`touch pwned`\"'");
    let printed = command("provider");
    assert!(printed.contains("${__TOUCH_PWNED__TOUCH_PWNED____API_KEY:?"), "{printed}");
}

#[test]
fn a_call_in_flight_shows_its_request_and_one_that_was_interrupted_says_so() {
    let tree = Tree::usual();
    let session = tree.session("20251027", "20251027_070000", false);
    let alive = fs::File::open(session.join("session.json")).unwrap();
    alive.lock().unwrap();
    tree.begun(&session, "call_20251027_070001_001", "Asked just now");
    let server = Server::start(tree.folder(), &[]);
    let path = "20251027/session_20251027_070000/call_20251027_070001_001";
    let shown = page(&server, path);
    in_order(
        &shown,
        &["data-state=\"in_flight\"", "in flight", "id=\"age\"", "has not ended", "Asked just now"],
    );
    drop(alive);
    let shown = page(&server, path);
    in_order(
        &shown,
        &[
            "data-state=\"interrupted\"",
            "interrupted",
            "The program ended before the call did",
            "Asked just now",
        ],
    );
}

#[test]
fn what_the_older_logger_did_not_record_is_not_zero() {
    let tree = Tree::empty();
    let dir = tree.root().join("20250901/session_unknown/call_20250901_100001_001");
    fs::create_dir_all(&dir).unwrap();
    write(
        &dir.join("input.json"),
        &json!({"model": "deepseek-chat", "messages": [{"role": "user", "content": "你好"}]}),
    );
    write(
        &dir.join("output.json"),
        &json!({"choices": [{"message": {"role": "assistant", "content": "你好！"}}]}),
    );
    write(
        &dir.join("metadata.json"),
        &json!({
            "call_id": "call_20250901_100001_001", "timestamp": 1_756_720_801.5, "datetime": "2025-09-01 10:00:01",
            "api_info": {"model": "deepseek-chat", "base_url": "https://api.deepseek.com", "endpoint": "/chat/completions"},
            "response_info": {"error": false}, "usage": {"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14},
            "performance": {"latency_ms": 1500.7}, "context": {"user_message": "你好"},
        }),
    );
    let server = Server::start(tree.folder(), &[]);
    let shown = page(&server, "20250901/session_unknown/call_20250901_100001_001");
    for name in ["HTTP status", "First token", "cached", "reasoning", "Cost", "Request id", "Model answering"]
    {
        let value = shown.split(&format!(">{name}</dt>")).nth(1).unwrap_or_else(|| panic!("{name}: {shown}"));
        assert!(value.starts_with("<dd class=\"dim\">not recorded</dd>"), "{name}: {}", &value[..60]);
    }
    assert!(shown.contains("你好！"));
}

#[test]
fn damaged_metadata_hide_no_body() {
    let tree = Tree::usual();
    fs::write(tree.root().join(OK).join("metadata.json"), "{\"schema_ver").unwrap();
    let server = Server::start(tree.folder(), &[]);
    in_order(&page(&server, OK), &["metadata damaged", "You are terse."]);
    let gone = server.get(&format!("/call/{SESSION}/call_20251027_040210_999"));
    assert_eq!(gone.status, 404);
    assert!(gone.body.contains("There is no such call"), "{}", gone.body);
}
