//! Questions about the context of calls: the fields of the spans around them.

use serde_json::json;

use crate::tree::{Tree, call};

/// Three tenants; the index has the context of the first two calls, not that of the third.
fn tenants() -> Tree {
    let tree = Tree::empty();
    let session = tree.session("20251027", "20251027_040210", true);
    let calls = [
        call("2025-10-27 04:02:10", 1_761_537_730.0)
            .said("one", "1")
            .context("tenant", "acme")
            .context("shard", 7),
        call("2025-10-27 04:02:20", 1_761_537_740.0)
            .said("two", "2")
            .context("tenant", "globex")
            .context("dry", true)
            .context("user", json!({"plan": "pro"})),
        call("2025-10-27 04:02:30", 1_761_537_750.0)
            .said("three", "3")
            .context("tenant", "acme")
            .older()
            .failed("TimeoutError", "", "timed out", None),
        call("2025-10-27 04:02:40", 1_761_537_760.0).said("four", "4"),
    ];
    for (number, call) in (1..).zip(&calls) {
        tree.call(&session, number, call);
    }
    tree
}

fn messages(tree: &Tree, args: &[&str]) -> Vec<String> {
    let calls = tree.json(&[args, &["--json"]].concat());
    calls.iter().map(|call| call["user_message"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn calls_of_one_tenant_could_not_be_asked_for() {
    let tree = tenants();
    let ls = |terms: &[&str]| {
        let terms: Vec<_> = terms.iter().flat_map(|term| ["--context", term]).collect();
        messages(&tree, &[&["ls"], &terms[..]].concat())
    };
    assert_eq!(ls(&["tenant=acme"]), ["three", "one"]);
    assert_eq!(ls(&["tenant=ACME", "shard=7"]), ["one"]);
    assert_eq!(ls(&["tenant=g*"]), ["two"]);
    assert_eq!(ls(&["tenant"]), ["three", "two", "one"]);
    assert_eq!(ls(&["dry=true"]), ["two"]);
    assert_eq!(ls(&["user.plan=pro"]), ["two"]);
    assert_eq!(ls(&["spans=plan"]).len(), 4);
    assert_eq!(tree.run(&["ls", "--context", "tenant=nobody"]).code, 1);
}

#[test]
fn context_is_a_filter_of_every_command_that_has_filters() {
    let tree = tenants();
    let acme = ["--context", "tenant=acme"];
    let with = |args: &[&'static str]| [args, &acme[..]].concat();
    assert_eq!(messages(&tree, &with(&["search", "o|e"])), ["three", "one"]);
    assert_eq!(messages(&tree, &with(&["tail"])), ["one", "three"]);
    assert_eq!(tree.json(&with(&["stats", "--json"]))[0]["calls"], 2);
    assert_eq!(tree.json(&with(&["failures", "--json"]))[0]["calls"], 2);
    assert_eq!(tree.json(&with(&["export", "jsonl"])).len(), 2);
}

#[test]
fn a_context_without_a_name_is_refused() {
    let ran = tenants().run(&["ls", "--context", "=acme"]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains("names no field: write name=value"), "{}", ran.err);
}

#[test]
fn a_call_whose_context_cannot_be_read_is_named_and_does_not_pass() {
    let tree = tenants();
    let damaged = tree.root().join("20251027/session_20251027_040210/call_20251027_040230_003/metadata.json");
    std::fs::write(&damaged, "{").unwrap();
    for args in [&["ls"][..], &["stats"], &["search", "three"], &["failures"]] {
        let ran = tree.run(&[args, &["--context", "tenant=acme"]].concat());
        assert!(ran.err.contains("call_20251027_040230_003"), "{args:?}: {ran:?}");
        assert!(!ran.out.contains("three"), "{args:?}: {}", ran.out);
    }
    assert_eq!(tree.run(&["ls"]).err, "");
}
