//! A session's waterfall: the tree of `llmlogs ls --tree`, at any size, of whatever names.

use std::fs;
use std::path::Path;

use crate::tree::{Call, Tree, call, private};

use super::Server;
use super::compare::text_of;

const OPENED: &str = "2025-10-27T04:02:00.000+00:00";
const SESSION: &str = "20251027/session_20251027_040210";

/// Returns a call that started so many seconds after the session's first.
fn at(second: u64) -> Call {
    call("2025-10-27 04:02:10", 1_761_537_730.0 + second as f64).said("hi", "ho").span("agent", "01", OPENED)
}

/// Two workers below an agent, one of which fails, and a call outside of all spans.
fn agents(tree: &Tree) {
    let session = tree.session("20251027", "20251027_040210", true);
    let worker = |second, id| at(second).span("worker", id, OPENED);
    tree.call(&session, 1, &worker(0, "0a"));
    tree.call(&session, 2, &worker(10, "0b").latency(5000));
    tree.call(&session, 3, &worker(20, "0a"));
    tree.call(&session, 4, &worker(30, "0b").failed("TimeoutError", "", "timed <b>out</b>", None));
    tree.call(&session, 5, &call("2025-10-27 04:02:50", 1_761_537_770.0).said("alone", "ok").model("gpt-4o"));
}

/// Returns the rows of a page: the level, and the texts of the cells.
fn rows(page: &str) -> Vec<(usize, Vec<String>)> {
    let rows = page.split(" role=\"row\" aria-level=\"").skip(1);
    let row = |row: &str| {
        let (level, row) = row.split_once('"').unwrap();
        let row = row.split("</summary>").next().unwrap().split("class=\"row").next().unwrap();
        let cells = row.split("role=\"rowheader\"").nth(1).unwrap().split("role=\"gridcell\"");
        let text = |cell: &str| {
            let text = text_of(cell.split_once('>').unwrap().1.rsplit_once("</span>").unwrap().0);
            text.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        (level.parse().unwrap(), cells.map(text).collect())
    };
    rows.map(row).collect()
}

#[test]
fn the_page_has_the_tree_of_the_command() {
    let tree = Tree::empty();
    agents(&tree);
    let server = Server::start(tree.folder(), &[]);
    let page = server.get(&format!("/trace/{SESSION}"));
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let rows = rows(&page.body);
    let shown: Vec<_> =
        rows.iter().map(|(level, cells)| (*level, cells[0].as_str(), cells[1].as_str())).collect();
    assert_eq!(
        shown,
        [
            (1, "agent", "4 calls 1 failed"),
            (2, "worker", "2 calls"),
            (3, "deepseek-chat 040210_001", "ok"),
            (3, "deepseek-chat 040210_003", "ok"),
            (2, "worker", "2 calls 1 failed"),
            (3, "deepseek-chat 040210_002", "ok"),
            (3, "deepseek-chat 040210_004 timed <b>out</b>", "TimeoutError"),
            (1, "agent", "1 call"),
            (2, "plan", "1 call"),
            (3, "gpt-4o 040250_005", "ok"),
        ],
        "{}",
        page.body
    );
    // Start, time, waits, first token, tokens, cost.
    assert_eq!(rows[0].1[2..], ["−10.0s", "", "42.5s", "", "", "4,389", "0.00489 CNY"]);
    assert_eq!(rows[5].1[2..], ["+10.0s", "", "5.00s", "", "", "1,463", "0.00163 CNY"]);
    // Each span of the command's tree, with its sums.
    let command = tree.out(&["ls", "--tree"]);
    for sums in ["agent  4 calls  1 failed  4,389 tokens  0.00489 CNY", "worker  2 calls  2,926 tokens"] {
        assert!(command.contains(sums), "{command}");
    }
    assert!(page.body.contains("<rect class=\"error\""), "{}", page.body);
    assert!(
        page.body.contains(&format!("href=\"/call/{SESSION}/call_20251027_040210_004\"")),
        "{}",
        page.body
    );
}

#[test]
fn failed_calls_are_named_at_once() {
    let tree = Tree::empty();
    agents(&tree);
    let server = Server::start(tree.folder(), &[]);
    let page = server.get(&format!("/trace/{SESSION}?q=status%3Aok&root=0")).body;
    let above = page.split_once("role=\"treegrid\"").unwrap().0;
    assert!(above.contains("1 failed call<") && above.contains("timed &lt;b&gt;out&lt;/b&gt;"), "{above}");
    let link = format!("href=\"/trace/{SESSION}?q=status%3Aok&amp;root=0#call_20251027_040210_004\"");
    assert!(above.contains(&link), "{above}");
    // A span with a failure is unfolded.
    assert_eq!(page.matches("<details role=\"none\" open").count(), 5, "{page}");
}

#[test]
fn a_range_has_its_own_sums() {
    let tree = Tree::empty();
    agents(&tree);
    let server = Server::start(tree.folder(), &[]);
    let page = server.get(&format!("/trace/{SESSION}?from=9&to=21")).body;
    let shown: Vec<_> = rows(&page).into_iter().map(|(_, cells)| cells[0].clone()).collect();
    assert_eq!(shown, ["agent", "worker", "deepseek-chat 040210_002", "worker", "deepseek-chat 040210_003"]);
    assert!(page.contains("2 calls</a> in this range of 5") && !page.contains("failed call"), "{page}");
    assert!(
        server.get(&format!("/trace/{SESSION}?from=100&to=200")).body.contains("No call is in this range.")
    );
    for wrong in ["from=x", "to=inf", "page=-1", "a=1"] {
        assert_eq!(server.get(&format!("/trace/{SESSION}?{wrong}")).status, 400, "{wrong}");
    }
}

#[test]
fn a_session_is_found_without_its_day_and_on_all_of_its_days() {
    let tree = Tree::empty();
    agents(&tree);
    let next = tree.session("20251028", "20251027_040210", true);
    tree.call(&next, 9, &call("2025-10-28 00:00:01", 1_761_609_601.0).said("late", "ok"));
    let server = Server::start(tree.folder(), &[]);
    for name in ["20251027_040210", "session_20251027_040210"] {
        let answer = server.get(&format!("/trace/{name}?root=0"));
        assert_eq!(answer.status, 303, "{name}");
        assert_eq!(answer.header("location"), Some("/trace/20251028/session_20251027_040210?root=0"));
    }
    let page = server.get(&format!("/trace/{SESSION}")).body;
    assert!(page.contains("href=\"/trace/20251028/session_20251027_040210\">on 20251028</a>"), "{page}");
    assert_eq!(server.get("/trace/20250101_000000").status, 404);
}

#[test]
fn a_session_without_spans_is_flat_and_one_of_the_older_logger_is_shown() {
    let tree = Tree::empty();
    let session = tree.session("20251027", "20251027_040210", true);
    let dir = tree.call(&session, 1, &call("2025-10-27 04:02:10", 1_761_537_730.0).said("hi", "ho"));
    let path = dir.join("metadata.json");
    let mut metadata: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    metadata["context"]["spans"] = serde_json::json!([]);
    crate::tree::write(&path, &metadata);
    let index = session.join("index.jsonl");
    let line = fs::read_to_string(&index).unwrap().replace("agent/plan", "");
    private(&index, line.as_bytes());
    let server = Server::start(tree.folder(), &[]);
    let page = server.get(&format!("/trace/{SESSION}"));
    assert_eq!(rows(&page.body).len(), 1, "{}", page.body);
    // The older logger writes neither.
    fs::remove_file(session.join("session.json")).unwrap();
    fs::remove_file(index).unwrap();
    let page = server.get(&format!("/trace/{SESSION}"));
    assert_eq!((page.status, rows(&page.body).len()), (200, 1), "{}", page.body);
}

#[test]
fn a_call_in_flight_is_drawn_until_now() {
    let tree = Tree::usual();
    let session = tree.root().join("20251027/session_20251027_050000");
    let server = Server::start(tree.folder(), &[]);
    let page = server.get("/trace/20251027/session_20251027_050000").body;
    assert!(page.contains("<span class=\"badge interrupted\">interrupted</span>"), "{page}");
    // A recorder that lives holds the session's file.
    let held = fs::File::open(session.join("session.json")).unwrap();
    held.lock().unwrap();
    let page = server.get("/trace/20251027/session_20251027_050000").body;
    assert!(page.contains("data-in-flight=\"1\"") && page.contains("<rect class=\"in-flight\""), "{page}");
    assert!(page.contains("data-start=\"1761541380\""), "{page}");
}

#[test]
fn names_of_spans_and_tools_are_text() {
    let tree = Tree::empty();
    let session = tree.session("20251027", "20251027_040210", true);
    let hostile = "</summary><script>alert(1)</script>\u{202e}\u{1b}[31m\" onclick=\"x";
    let story =
        call("2025-10-27 04:02:10", 1_761_537_730.0).said("hi", "").tool(hostile, "{}").model(hostile);
    tree.call(&session, 1, &story.clone().span(hostile, "01", hostile).span("", "02", OPENED));
    tree.call(&session, 2, &story.span(hostile, "01", OPENED).failed(hostile, "", hostile, None));
    let server = Server::start(tree.folder(), &[]);
    let page = server.get(&format!("/trace/{SESSION}"));
    assert_eq!(page.status, 200);
    for hostile in ["<script>", "\u{202e}", "\u{1b}", "\" onclick", " style="] {
        assert!(!page.body.contains(hostile), "{hostile}: {}", page.body);
    }
    assert!(page.body.contains("(no name)"), "{}", page.body);
    for path in [
        "20251027/..",
        "20251027/%2e%2e",
        "..%2f..",
        "20251027%2fsession_20251027_040210/x",
        "20251027/session_20251027_040210%2f..",
        "%2fetc/passwd",
    ] {
        let answer = server.get(&format!("/trace/{path}"));
        assert_eq!(answer.status, 404, "{path}: {}", answer.body);
    }
}

#[test]
fn spans_within_spans_without_end_are_cut() {
    let tree = Tree::empty();
    let session = tree.session("20251027", "20251027_040210", true);
    let mut story = call("2025-10-27 04:02:10", 1_761_537_730.0).said("hi", "ho");
    for _ in 0..5000 {
        story = story.span("deeper", "01", OPENED);
    }
    tree.call(&session, 1, &story);
    let server = Server::start(tree.folder(), &[]);
    let page = server.get(&format!("/trace/{SESSION}"));
    assert_eq!((page.status, rows(&page.body).len()), (200, 101));
    assert!(page.body.contains("… 4901 more spans"), "{}", page.body);
    assert!(tree.out(&["ls", "--tree"]).contains("… 4901 more spans"));
}

#[test]
fn a_large_session_opens_a_page_at_a_time() {
    let tree = Tree::empty();
    let session = tree.session("20251027", "20251027_040210", true);
    let mut index = String::new();
    for number in 1..=1200 {
        let group = if number <= 600 { "0a" } else { "0b" };
        let story = at(number).span("group", group, OPENED);
        let story = if number == 1100 { story.failed("TimeoutError", "", "late", None) } else { story };
        index.push_str(&format!("{}\n", story.line(&session, number)));
        fs::create_dir(session.join(story.id(number))).unwrap();
        story.write(&session, number);
    }
    private(&session.join("index.jsonl"), index.as_bytes());
    let server = Server::start(tree.folder(), &[]);
    let calls = |page: &str| page.matches("class=\"row call\"").count();
    let first = server.get(&format!("/trace/{SESSION}")).body;
    assert_eq!(calls(&first), 500);
    assert!(first.contains("Calls 1 to 500 of 1,200") && first.contains("1,200 calls</a>"), "{first}");
    // The failed call is on another page, and the first names it.
    assert!(
        first.contains(&format!("href=\"/trace/{SESSION}?page=3#call_20251027_040210_1100\"")),
        "{first}"
    );
    let last = server.get(&format!("/trace/{SESSION}?page=3")).body;
    assert_eq!(calls(&last), 200);
    assert!(last.contains("call_20251027_040210_1100") && !last.contains("rel=\"next\""));
    // A span that goes on has the sums of all of its calls on each page.
    for page in [&server.get(&format!("/trace/{SESSION}?page=2")).body, &last] {
        assert!(rows(page).iter().any(|(level, cells)| *level == 2 && cells[1].starts_with("600 calls")));
    }
    assert_eq!(calls(&server.get(&format!("/trace/{SESSION}?page=99")).body), 200);
}

/// Names, sizes, times and modes of everything below `dir`.
fn listing(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let about = entry.metadata().unwrap();
        found.push(format!(
            "{:?} {} {:?} {:?}",
            entry.path(),
            about.len(),
            about.modified().unwrap(),
            about.permissions()
        ));
        if about.is_dir() {
            found.extend(listing(&entry.path()));
        }
    }
    found.sort();
    found
}

#[test]
fn comparison_and_trace_touch_nothing_on_disk() {
    let tree = Tree::usual();
    let before = listing(tree.folder());
    let server = Server::start(tree.folder(), &[]);
    for page in [
        format!("/trace/{SESSION}"),
        "/trace/20251027_050000".to_owned(),
        "/trace/20251027/session_20251027_050000".to_owned(),
        "/trace/20251027/session_no".to_owned(),
        format!("/compare?a={SESSION}/call_20251027_040210_001&b={SESSION}/call_20251027_040300_003"),
        format!("/compare?a={SESSION}/call_20251027_040220_002"),
        format!("/compare?a={SESSION}/call_no&b=x"),
    ] {
        server.get(&page);
        for method in ["POST", "DELETE", "PUT"] {
            assert_eq!(server.request(method, &page, &[("Cookie", &server.cookie())]).status, 405, "{page}");
        }
    }
    assert_eq!(listing(tree.folder()), before);
}
