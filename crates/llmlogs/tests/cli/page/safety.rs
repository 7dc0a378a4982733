//! Who gets an answer: not a rebinding page, not another user, not another site.

use std::fs;
use std::io::Read;

use crate::tree::{Tree, call};

use super::{Response, Server};

/// What every response carries.
pub fn assert_protected(response: &Response, what: &str) {
    let policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                  frame-ancestors 'self'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'";
    for (name, value) in [
        ("content-security-policy", policy),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(response.header(name), Some(value), "{what}: {name}");
    }
    assert_eq!(response.header("access-control-allow-origin"), None, "{what}");
}

#[test]
fn one_address_and_nothing_else_is_printed() {
    let tree = Tree::usual();
    let mut server = Server::start(tree.folder(), &[]);
    assert_eq!(server.token.len(), 64, "{}", server.line);
    server.get("/api/overview");
    server.child.kill().unwrap();
    let mut rest = String::new();
    server.child.stdout.take().unwrap().read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
}

#[test]
fn two_runs_have_two_tokens() {
    let tree = Tree::usual();
    let (one, other) = (Server::start(tree.folder(), &[]), Server::start(tree.folder(), &[]));
    assert_ne!(one.token, other.token);
    let stolen = format!("Bearer {}", other.token);
    assert_eq!(one.request("GET", "/api/calls", &[("Authorization", &stolen)]).status, 401);
}

#[test]
fn the_token_of_the_address_becomes_a_cookie() {
    let tree = Tree::usual();
    let server = Server::start(tree.folder(), &[]);
    let path = format!("/calls?q=status%3Aerror&token={}&root=0", server.token);
    let response = server.request("GET", &path, &[("Sec-Fetch-Site", "none")]);
    assert_eq!(response.status, 303);
    assert_eq!(response.header("location"), Some("/calls?q=status%3Aerror&root=0"));
    let cookie = response.header("set-cookie").unwrap();
    assert_eq!(cookie, format!("{}; Path=/; HttpOnly; SameSite=Lax", server.cookie()));
    assert_protected(&response, "redirect");
    assert_eq!(server.get("/calls").status, 200);
    // It never leads elsewhere.
    for path in ["//evil.example/", "/\\evil.example/"] {
        let response = server.request("GET", &format!("{path}?token={}", server.token), &[]);
        assert_eq!(response.status, 400, "{path}");
        assert_eq!(response.header("location"), None);
    }
}

#[test]
fn another_user_of_the_machine_gets_nothing() {
    let tree = Tree::usual();
    let server = Server::start(tree.folder(), &[]);
    let wrong = "0".repeat(64);
    let other_port = format!("llmlogs_1={}", server.token);
    let cookies = format!("llmlogs_{}={wrong}", server.port);
    let short = format!("Bearer {}", &server.token[..63]);
    for path in
        ["/", "/calls", "/api/overview", "/api/calls", "/%61pi/calls", "/api/live", "/assets/page.css", "/no"]
    {
        for headers in [
            vec![],
            vec![("Cookie", cookies.as_str())],
            vec![("Cookie", other_port.as_str())],
            vec![("Authorization", short.as_str())],
            vec![("Authorization", "Bearer ")],
        ] {
            let response = server.request("GET", path, &headers);
            assert_eq!(response.status, 401, "{path} {headers:?}");
            assert!(!response.body.contains("call_"), "{path}");
            assert_protected(&response, path);
        }
        assert_eq!(server.request("GET", &format!("{path}?token={wrong}"), &[]).status, 401, "{path}");
    }
    let bearer = format!("Bearer {}", server.token);
    assert_eq!(server.request("GET", "/api/calls", &[("Authorization", &bearer)]).status, 200);
}

#[test]
fn a_rebinding_page_gets_nothing() {
    let tree = Tree::usual();
    let server = Server::start(tree.folder(), &["--no-token"]);
    let port = server.port;
    assert_eq!(server.line, format!("http://127.0.0.1:{port}/\n"));
    let with =
        |host: &str| server.send(&format!("GET /api/calls HTTP/1.1\r\n{host}Connection: close\r\n\r\n"));
    for host in [
        format!("Host: evil.example:{port}\r\n"),
        "Host: evil.example\r\n".to_owned(),
        "Host: 127.0.0.1\r\n".to_owned(),
        "Host: 127.0.0.1:1\r\n".to_owned(),
        format!("Host: localhost.evil.example:{port}\r\n"),
        format!("Host: localhost:{port}@evil.example\r\n"),
        format!("Host: 127.0.0.1:{port}\r\nHost: evil.example:{port}\r\n"),
        "Host: \r\n".to_owned(),
        String::new(),
    ] {
        let response = with(&host);
        assert_eq!(response.status, 421, "{host}");
        assert!(!response.body.contains("call_"), "{host}");
        assert_protected(&response, &host);
    }
    for host in [format!("Host: 127.0.0.1:{port}\r\n"), format!("Host: LocalHost:{port}\r\n")] {
        assert_eq!(with(&host).status, 200, "{host}");
    }
    let absolute = format!(
        "GET http://evil.example/api/calls HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
    );
    assert_eq!(server.send(&absolute).status, 421);
}

#[test]
fn a_host_that_is_allowed_is_answered() {
    let tree = Tree::usual();
    let server = Server::start(tree.folder(), &["--no-token", "--allow-host", "box.example"]);
    let with = |host: &str, origin: &str| {
        let text = format!(
            "GET /api/calls HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\nConnection: close\r\n\r\n"
        );
        server.send(&text).status
    };
    assert_eq!(with("box.example", "https://box.example"), 200);
    assert_eq!(with("box.example:8443", "https://box.example:8443"), 200);
    assert_eq!(with("box.example", "https://evil.example"), 403);
    assert_eq!(with("other.example", "https://other.example"), 421);
}

#[test]
fn another_site_gets_nothing() {
    let tree = Tree::usual();
    let server = Server::start(tree.folder(), &[]);
    let cookie = server.cookie();
    let neighbour = "http://127.0.0.1:1".to_owned();
    let own = format!("http://127.0.0.1:{}", server.port);
    let other_name = format!("http://localhost:{}", server.port);
    for (name, value) in [
        ("Origin", "https://evil.example"),
        ("Origin", "null"),
        ("Origin", ""),
        ("Origin", &neighbour),
        ("Origin", &other_name),
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
        ("Sec-Fetch-Site", "same-origin, cross-site"),
    ] {
        for path in ["/", "/api/calls", "/api/live", "/%61pi/calls", &format!("/?token={}", server.token)] {
            // The browser sends the cookie of its own accord.
            let response = server.request("GET", path, &[("Cookie", &cookie), (name, value)]);
            assert_eq!(response.status, 403, "{path} {name}: {value}");
            assert_protected(&response, path);
        }
    }
    assert_eq!(server.request("GET", "/api/calls", &[("Cookie", &cookie), ("Origin", &own)]).status, 200);
}

#[test]
fn only_reading_is_possible() {
    let tree = Tree::usual();
    let server = Server::start(tree.folder(), &[]);
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECTS"] {
        let response = server.request(method, "/api/calls", &[("Cookie", &server.cookie())]);
        assert_eq!(response.status, 405, "{method}");
        assert_eq!(response.header("allow"), Some("GET, HEAD"));
        assert_protected(&response, method);
    }
    let head = server.request("HEAD", "/api/calls", &[("Cookie", &server.cookie())]);
    assert_eq!((head.status, head.body.as_str()), (200, ""));
}

#[test]
fn every_response_is_protected() {
    let tree = Tree::usual();
    let server = Server::start(tree.folder(), &[]);
    for (path, status) in [
        ("/", 200),
        ("/calls", 200),
        ("/assets/page.css", 200),
        ("/favicon.ico", 200),
        ("/assets/overview.js", 200),
        ("/assets/calls.js", 200),
        ("/api/overview", 200),
        ("/api/calls", 200),
        ("/api/calls?q=colour:red", 400),
        ("/api/call/20251027/session_20251027_040210/call_20251027_040210_001", 200),
        ("/api/call/20251027/session_20251027_040210/call_20251027_040210_999", 404),
        ("/call/20251027/session_20251027_040210/call_20251027_040210_001", 200),
        ("/call/20251027/session_20251027_040210/call_20251027_040210_999", 404),
        ("/no/such/page", 404),
    ] {
        let response = server.get(path);
        assert_eq!(response.status, status, "{path}: {}", response.body);
        assert_protected(&response, path);
    }
}

#[test]
fn numbers_beyond_all_reason_are_answered() {
    let tree = Tree::usual();
    let server = Server::start(tree.folder(), &[]);
    let trace = "/trace/20251027/session_20251027_040210";
    for path in [
        "/api/calls?offset=18446744073709551615".to_owned(),
        "/api/calls?limit=18446744073709551615".to_owned(),
        "/api/series?buckets=18446744073709551615".to_owned(),
        format!("{trace}?page=18446744073709551615"),
        format!("{trace}?from=1e308&to=-1e308"),
        format!("{trace}?from=-1e308&to=1e308"),
    ] {
        let response = server.get(&path);
        assert_eq!(response.status, 200, "{path}: {}", response.body);
        assert_protected(&response, &path);
    }
}

#[test]
fn a_path_leads_to_a_call_of_the_root_or_nowhere() {
    let tree = Tree::usual();
    let outside = tempfile::tempdir().unwrap();
    let elsewhere = outside.path().join("call_20251027_040210_001");
    fs::create_dir(&elsewhere).unwrap();
    fs::write(elsewhere.join("input.json"), "\"outside\"").unwrap();
    let day = tree.root().join("20251027");
    #[cfg(unix)]
    std::os::unix::fs::symlink(outside.path(), day.join("session_20251027_080000")).unwrap();
    let server = Server::start(tree.folder(), &[]);
    for path in [
        "20251027/session_20251027_080000/call_20251027_040210_001",
        "20251027/session_20251027_040210/..",
        "20251027/session_20251027_040210/%2e%2e",
        "20251027/%2e%2e%2f20251027%2fsession_20251027_040210/call_20251027_040210_001",
        "20251027/session_20251027_040210/call_20251027_040210_001%2f..",
        "20251027/session_20251027_040210/call_20251027_040210_001%00",
        "20251027/session_20251027_040210/%2563all_20251027_040210_001",
        "20251027/session_20251027_040210/session.json",
        "%2e%2e/%2e%2e/etc",
    ] {
        for page in ["/api/call", "/call"] {
            let response = server.get(&format!("{page}/{path}"));
            assert_eq!(response.status, 404, "{path}: {}", response.body);
            assert!(!response.body.contains("outside"), "{path}");
        }
    }
}

#[test]
fn what_a_model_writes_is_text() {
    let tree = Tree::usual();
    let session = tree.session("20251027", "20251027_090000", true);
    let hostile = "</pre><script>alert(1)</script><img src=x onerror=alert(1)> \u{202e}gpj.exe \u{1b}[31m";
    let story = call("2025-10-27 09:00:00", 1_761_555_600.0).said(hostile, hostile);
    tree.call(&session, 1, &story);
    let server = Server::start(tree.folder(), &[]);
    let page = server.get(&format!("/call/20251027/session_20251027_090000/{}", story.id(1)));
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    let shown = "&lt;/pre&gt;&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt; [U+202E]gpj.exe \u{241b}[31m";
    assert_eq!(page.body.matches(shown).count(), 2, "{}", page.body);
    // The page has one script of its own.
    assert_eq!(page.body.matches("<script").count(), 1, "{}", page.body);
    for hostile in ["<script>", "<img", "\u{202e}", "\u{1b}"] {
        assert!(!page.body.contains(hostile), "{hostile}");
    }
    // Text of others never becomes a page.
    let calls = server.get("/api/calls");
    assert_eq!(calls.header("content-type"), Some("application/json"));
}
