//! The comparison of two calls: what `llmlogs diff` says, of calls that are there, and nothing of others.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::tree::{Tree, call, write};

use super::Server;

const DAY_SESSION: &str = "20251027/session_20251027_040210";
const FIRST: &str = "20251027/session_20251027_040210/call_20251027_040210_001";
const SECOND: &str = "20251027/session_20251027_040210/call_20251027_040220_002";

/// Returns what stands in the page between the first `start` and the next `end` behind it.
fn between<'p>(page: &'p str, start: &str, end: &str) -> &'p str {
    let rest = page.split_once(start).unwrap_or_else(|| panic!("no {start} in {page}")).1;
    rest.split_once(end).unwrap_or_else(|| panic!("no {end} behind {start}")).0
}

/// Returns the text of a piece of a page, without the summaries of what is folded and the marks of line breaks.
pub fn text_of(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html;
    while let Some((before, tag)) = rest.split_once('<') {
        text.push_str(before);
        let (tag, after) = tag.split_once('>').unwrap();
        rest = if tag == "summary" { after.split_once("</summary>").unwrap().1 } else { after };
    }
    text.push_str(rest);
    for (entity, character) in [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&amp;", "&"), ("↵\n", "\n")]
    {
        text = text.replace(entity, character);
    }
    text
}

/// Returns the changes that the page shows, as `llmlogs diff --json` has them, with the texts' headings.
fn changes(page: &str, section: &str, headed: bool) -> Vec<Value> {
    let section = between(page, &format!("<section aria-label=\"{section}\">"), "</section>");
    let mut changes = Vec::new();
    for piece in section.split("data-change=\"").skip(1) {
        let (kind, piece) = piece.split_once('"').unwrap();
        let texts = piece.split("<div class=\"text\">").skip(1);
        let texts: Vec<String> = texts.map(|text| text_of(text.split_once("</div>").unwrap().0)).collect();
        let with_heading =
            |head: &str, text: &str| if headed { format!("{head}\n{text}") } else { text.to_owned() };
        if kind == "same" {
            let heads: Vec<_> =
                piece.split("<h3>").skip(1).map(|head| head.split_once('<').unwrap().0).collect();
            for (place, text) in texts.iter().enumerate() {
                let text = with_heading(heads.get(place).unwrap_or(&""), text);
                changes.push(json!({"change": "same", "a": text, "b": text}));
            }
            continue;
        }
        let head = between(piece, "<h3>", " <span").trim_start_matches(['−', '+', '≠', ' ']);
        let side = |name: &str| {
            let place = piece.split("data-side=\"").skip(1).position(|side| side.starts_with(name))?;
            Some(with_heading(head, &texts[place]))
        };
        changes.push(json!({"change": kind, "a": side("A"), "b": side("B")}));
    }
    changes
}

/// Two calls of an agent: the prompt is edited, a message and a tool are new, 40 lines are the same.
fn edited() -> (Tree, PathBuf, PathBuf) {
    let tree = Tree::empty();
    let session = tree.session("20251027", "20251027_040210", true);
    let lines: String = (0..40).map(|line| format!("line {line}\n")).collect();
    let of = |prompt: &str, more: &[Value], tools: &[&str], answer: &str, number| {
        let story = call("2025-10-27 04:02:10", 1_761_537_730.0).said("x", answer).latency(1000 * number);
        let dir = tree.call(&session, number, &story);
        let mut messages = vec![
            json!({"role": "system", "content": format!("{lines}Be {prompt}.\n{lines}")}),
            json!({"role": "user", "content": "What <is> in \"config.py\" & co?"}),
        ];
        messages.extend(more.iter().cloned());
        let tools: Vec<_> =
            tools.iter().map(|name| json!({"type": "function", "function": {"name": name}})).collect();
        let input =
            json!({"model": "deepseek-chat", "temperature": number, "messages": messages, "tools": tools});
        write(&dir.join("input.json"), &input);
        dir
    };
    let reply = [
        json!({"role": "assistant", "content": "A map."}),
        json!({"role": "user", "content": "Go on.\nNow."}),
    ];
    let a = of("terse", &[], &["read_file", "write_file"], "One\n\ntwo three", 1);
    let b = of("very terse", &reply, &["grep", "read_file"], "One\ntwo four", 2);
    (tree, a, b)
}

fn name(dir: &Path) -> String {
    format!("{DAY_SESSION}/{}", dir.file_name().unwrap().to_str().unwrap())
}

#[test]
fn the_page_and_the_command_compare_alike() {
    let (tree, a, b) = edited();
    let (a, b) = (name(&a), name(&b));
    let server = Server::start(tree.folder(), &[]);
    let page = server.get(&format!("/compare?a={a}&b={b}"));
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let diff = &tree.json(&["diff", "--json", &a, &b])[0];
    for (section, key, headed) in
        [("Messages", "messages", true), ("Tools offered", "tools", true), ("Output", "output", false)]
    {
        assert_eq!(&Value::from(changes(&page.body, section, headed)), &diff[key], "{section}");
    }
    let kinds: Vec<_> = diff["messages"].as_array().unwrap().iter().map(|change| &change["change"]).collect();
    assert_eq!(kinds, ["changed", "same", "added", "added"]);
    let shown: Vec<_> = page.body.split("<th scope=\"row\">").skip(1).collect();
    let row = |name: &str| {
        let row = shown.iter().find(|row| row.starts_with(&format!("{name}<")));
        row.map(|row| {
            row.split("<td")
                .skip(1)
                .map(|cell| text_of(cell.split_once('>').unwrap().1.split_once("</td>").unwrap().0))
                .collect::<Vec<_>>()
        })
    };
    assert_eq!(row("Latency").unwrap(), ["1.00s", "2.00s", "+1.00s (+100%)"]);
    let deltas = diff["deltas"].as_array().unwrap();
    assert_eq!(
        deltas[0],
        json!({"name": "latency_ms", "a": 1000.0, "b": 2000.0, "change": 1000.0, "currency": ""})
    );
    let mut fields = 0;
    for field in diff["fields"].as_array().unwrap().iter().filter(|field| field["name"] != "latency") {
        let text = |side: &str| match field[side].as_str().unwrap() {
            "" => "(none)".to_owned(),
            value => value.to_owned(),
        };
        let of_page =
            row(field["name"].as_str().unwrap()).unwrap_or_else(|| panic!("{field}: {}", page.body));
        assert_eq!(of_page, [text("a"), text("b")]);
        fields += 1;
    }
    assert!(fields > 0, "{diff}");
}

#[test]
fn what_is_the_same_is_folded_with_its_count() {
    let (tree, a, b) = edited();
    let server = Server::start(tree.folder(), &[]);
    let page = server.get(&format!("/compare?a={}&b={}", name(&a), name(&b))).body;
    assert!(page.contains("<summary>1 message the same</summary>"), "{page}");
    assert_eq!(page.matches("<summary>38 lines the same</summary>").count(), 4, "{page}");
    assert!(page.contains("Be <ins>very </ins>terse."), "{page}");
    assert!(page.contains("2 added"), "{page}");
}

#[test]
fn one_call_alone_is_compared_with_the_one_before_it() {
    let tree = Tree::usual();
    let server = Server::start(tree.folder(), &[]);
    let answer = server.get(&format!("/compare?a={SECOND}&q=status%3Aok"));
    assert_eq!(answer.status, 303);
    assert_eq!(
        answer.header("location"),
        Some(format!("/compare?a={FIRST}&b={SECOND}&q=status%3Aok").as_str())
    );
    assert_eq!(server.get(&format!("/compare?b={SECOND}")).status, 303);
    let first = server.get(&format!("/compare?a={FIRST}"));
    assert_eq!(first.status, 404);
    assert!(first.body.contains("is the first call of its session"), "{}", first.body);
    let page = server.get(&format!("/compare?a={FIRST}&b={SECOND}&q=status%3Aok")).body;
    for link in [
        format!("/call/{FIRST}?q=status%3Aok"),
        format!("/call/{SECOND}?q=status%3Aok"),
        format!("/compare?a={SECOND}&amp;b={FIRST}&amp;q=status%3Aok"),
    ] {
        assert!(page.contains(&format!("href=\"{link}\"")), "{link}: {page}");
    }
    assert_eq!(server.get("/compare").status, 400);
}

#[test]
fn a_call_that_is_not_there_is_named_and_so_is_why() {
    let tree = Tree::usual();
    fs::remove_dir_all(tree.root().join(FIRST)).unwrap();
    let other = Tree::empty();
    let session = other.session("20251101", "20251101_000000", true);
    let story = call("2025-11-01 00:00:00", 1_761_955_200.0).said("a", "b");
    other.call(&session, 1, &story);
    let elsewhere = format!("20251101/session_20251101_000000/{}", story.id(1));
    let roots = [tree.root(), other.root()].map(|root| root.to_str().unwrap().to_owned());
    let server = Server::start(tree.folder(), &["--root", &roots[0], "--root", &roots[1]]);
    let said = |a: &str| {
        let page = server.get(&format!("/compare?a={a}&b={SECOND}"));
        assert_eq!(page.status, 404, "{a}");
        page.body
    };
    assert!(said(FIRST).contains("has been removed; the index still has a line of it"));
    assert!(said(&format!("{FIRST}9")).contains("there is no call"));
    assert!(said("call_20251027_040220_002").contains("is no path of a call"));
    assert!(
        said(&elsewhere)
            .contains(&format!("is in another root, {}; calls of two roots are not compared", roots[1]))
    );
    // Both in the other one.
    assert_eq!(server.get(&format!("/compare?a={elsewhere}&b={elsewhere}&root=1")).status, 200);
}

#[test]
fn names_of_calls_lead_nowhere_else() {
    let tree = Tree::usual();
    let outside = tempfile::tempdir().unwrap();
    let elsewhere = outside.path().join("call_20251027_040210_001");
    fs::create_dir(&elsewhere).unwrap();
    fs::write(elsewhere.join("input.json"), "\"outside\"").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(outside.path(), tree.root().join("20251027/session_20251027_080000")).unwrap();
    let server = Server::start(tree.folder(), &[]);
    for path in [
        "20251027/session_20251027_080000/call_20251027_040210_001",
        "20251027/session_20251027_040210/..",
        "20251027/session_20251027_040210/call_20251027_040210_001/..",
        "20251027%2f..%2f20251027/session_20251027_040210/call_20251027_040210_001",
        "20251027/session_x%2f..%2fsession_20251027_040210/call_20251027_040210_001",
        "20251027/session_20251027_040210/call_x%2f..%2fcall_20251027_040210_001",
        "20251027/session_20251027_040210/call_%00",
        "20251027/session_20251027_040210/session.json",
        "%2fetc%2fpasswd",
        "..%2f..%2fetc",
        "..%2f..%2f..",
    ] {
        for page in [
            format!("/compare?a={path}&b={SECOND}"),
            format!("/compare?a={SECOND}&b={path}"),
            format!("/compare?a={path}"),
        ] {
            let response = server.get(&page);
            assert_eq!(response.status, 404, "{page}: {}", response.body);
            assert!(!response.body.contains("outside"), "{page}");
        }
    }
}

#[test]
fn what_two_models_write_is_text() {
    let tree = Tree::empty();
    let session = tree.session("20251027", "20251027_040210", true);
    let hostile = |word: &str| {
        format!(
            "</div></ins><script>alert({word})</script><img src=x onerror=alert(1)> \u{202e}gpj.exe \u{1b}[31m"
        )
    };
    for (number, word) in [(1, "one"), (2, "two")] {
        let story = call("2025-10-27 04:02:10", 1_761_537_730.0);
        tree.call(&session, number, &story.said(&hostile(word), &hostile(word)).model("<b>gpt</b>"));
    }
    let server = Server::start(tree.folder(), &[]);
    let path = |number| format!("{DAY_SESSION}/call_20251027_040210_00{number}");
    let page = server.get(&format!("/compare?a={}&b={}", path(1), path(2)));
    assert_eq!(page.status, 200);
    for hostile in ["<script>", "<img", "<b>", "\u{202e}", "\u{1b}", " style=", " onerror=\""] {
        assert!(!page.body.contains(hostile), "{hostile}: {}", page.body);
    }
    assert!(page.body.contains("[U+202E]gpj.exe \u{241b}[31m"), "{}", page.body);
    let named = server.get("/compare?a=%3Cscript%3Ealert(1)%3C%2Fscript%3E/%E2%80%AE/%3Cimg%3E");
    assert!(
        named.status == 404 && !named.body.contains("<script>") && !named.body.contains('\u{202e}'),
        "{}",
        named.body
    );
}

#[test]
fn bodies_that_are_too_large_are_not_read_to_be_compared() {
    let (tree, a, b) = edited();
    write(&b.join("input.json"), &json!({"messages": [{"role": "user", "content": "x".repeat(9 << 20)}]}));
    let server = Server::start(tree.folder(), &[]);
    let page = server.get(&format!("/compare?a={}&b={}", name(&a), name(&b)));
    assert_eq!(page.status, 200);
    assert!(
        page.body.contains("too large to be compared here") && page.body.contains("B: request 9,4"),
        "{}",
        page.body
    );
    assert!(page.body.contains("+1.00s (+100%)") && page.body.len() < 20_000, "{}", page.body.len());
}

#[test]
fn of_a_hundred_thousand_differences_the_first_are_shown() {
    let (tree, a, b) = edited();
    let messages = |said: &str| {
        let texts = (0..100_000).map(|number| format!(r#"{{"role":"user","content":"{said} {number}"}}"#));
        format!(r#"{{"model":"m","messages":[{}]}}"#, texts.collect::<Vec<_>>().join(","))
    };
    fs::write(a.join("input.json"), messages("one")).unwrap();
    let server = Server::start(tree.folder(), &[]);
    let path = |dir: &Path| dir.strip_prefix(tree.root()).unwrap().display().to_string();
    let address = format!("/compare?a={}&b={}", path(&a), path(&b));
    let of_few = server.get(&address);
    fs::write(b.join("input.json"), messages("other")).unwrap();
    let of_many = server.get(&address);
    fs::write(b.join("input.json"), messages("one")).unwrap();
    let of_same = server.get(&address);
    for (page, says) in [(of_few, "left out here"), (of_many, "left out here"), (of_same, "… 99,800 more")]
    {
        assert_eq!(page.status, 200);
        assert!(page.body.len() < 4_000_000, "{}", page.body.len());
        assert!(page.body.contains(says), "{says}");
    }
}

#[test]
fn of_a_long_text_the_beginning_is_shown() {
    let (tree, a, b) = edited();
    let long: String = (0..30_000).map(|line| format!("{line} ")).collect();
    write(&b.join("input.json"), &json!({"messages": [{"role": "user", "content": long}]}));
    let server = Server::start(tree.folder(), &[]);
    let page = server.get(&format!("/compare?a={}&b={}", name(&a), name(&b)));
    assert!(page.body.len() < 150_000, "{}", page.body.len());
    assert!(page.body.contains("… 103.4 kB more; the call's page has it whole"), "{}", page.body);
}
