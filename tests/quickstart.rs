//! The quickstart, run as a newcomer runs it with its output piped.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use llmlogs_test_support as support;

#[path = "../examples/quickstart.rs"]
mod quickstart;

#[test]
#[ignore = "the other test starts it"]
fn child() {
    quickstart::main().unwrap();
}

#[test]
fn an_empty_key_was_one_and_the_end_did_not_say_how_to_go_on() {
    let root = tempfile::tempdir().unwrap();
    let ran = support::child::role("child", root.path())
        .env("LLMLOGS_ROOT", root.path())
        .env("OPENAI_API_KEY", "")
        .output()
        .unwrap();
    let out = String::from_utf8(ran.stdout).unwrap();
    assert!(ran.status.success(), "{out}");
    assert!(out.contains("a loopback API stands in"), "{out}");
    assert!(!out.contains('\u{1b}'), "{out}");
    assert!(out.contains("├── index.jsonl\n└── session.json\n\n4 directories, 22 files\n"), "{out}");
    for command in ["ls", "show @1", "stats", "failures", "--help"] {
        assert!(
            out.contains(&format!("\n  cargo run -qp llmlogs -- {command} "))
                || out.contains(&format!("-- {command}\n")),
            "{command}"
        );
    }
}
