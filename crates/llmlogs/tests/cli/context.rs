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
    assert_eq!(tree.json(&with(&["show", "--json"]))[0]["call_id"], "call_20251027_040230_003");
    assert_eq!(tree.json(&with(&["show", "--json", "~2"]))[0]["call_id"], "call_20251027_040210_001");
    assert_eq!(tree.run(&with(&["show", "~3"])).code, 1);
    let ran = tree.run(&with(&["show", "040210_001"]));
    assert!(ran.code == 2 && ran.err.contains("filters go with @1"), "{ran:?}");
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

/// Name, calls, failures.
fn groups(tree: &Tree, by: &str) -> Vec<(String, u64, u64)> {
    let stats = &tree.json(&["stats", "--json", "--by", by])[0];
    let group = |group: &serde_json::Value| {
        (
            group["name"].as_str().unwrap().to_owned(),
            group["calls"].as_u64().unwrap(),
            group["errors"].as_u64().unwrap(),
        )
    };
    stats["groups"].as_array().unwrap().iter().map(group).collect()
}

#[test]
fn stats_could_not_be_asked_for_by_a_context_field() {
    let tree = tenants();
    let by = |name: &str, calls, failed| (name.to_owned(), calls, failed);
    assert_eq!(groups(&tree, "tenant"), [by("acme", 2, 1), by("", 1, 0), by("globex", 1, 0)]);
    assert_eq!(groups(&tree, "user.plan"), [by("", 3, 1), by("pro", 1, 0)]);
    assert_eq!(groups(&tree, "provider"), [by("deepseek", 4, 1)]);
    assert_eq!(groups(&tree, "context.model"), [by("", 4, 1)]);
    assert_eq!(tree.json(&["stats", "--json", "--by", "tenant"])[0]["by"], "context.tenant");
    insta::assert_snapshot!(tree.out(&["stats", "--by", "tenant"]));
    let slip = tree.out(&["stats", "--by", "tenent"]);
    assert!(slip.ends_with("\nno call has context.tenent; --by takes model, provider, session, tool, or a field of the context\n"), "{slip}");
    assert_eq!(tree.run(&["stats", "--by", ""]).code, 2);
}

#[test]
fn stats_groups_by_whatever_has_a_name_of_its_own() {
    let tree = Tree::usual();
    let by = |name: &str, calls, failed| (name.to_owned(), calls, failed);
    assert_eq!(groups(&tree, "model"), [by("deepseek-chat", 8, 3)]);
    assert_eq!(groups(&tree, "tool"), [by("", 7, 3), by("read_file", 1, 0)]);
    let sessions = [by("20251027_050000", 3, 1), by("20251027_040210", 4, 2), by("20251026_235800", 1, 0)];
    assert_eq!(groups(&tree, "session"), sessions);
}

#[test]
fn stats_listed_the_busiest_session_first_instead_of_the_newest() {
    let tree = Tree::empty();
    for (session, calls) in
        [("20251027_040210", 3), ("20251027_050000", 1), ("20251027_050000_2", 2), ("20251027_050000_10", 1)]
    {
        let dir = tree.session("20251027", session, true);
        for number in 1..=calls {
            tree.call(&dir, number, &call("2025-10-27 04:02:10", 1_761_537_730.0).said("hi", "ho"));
        }
    }
    let stats = &tree.json(&["stats", "--json"])[0];
    let sessions: Vec<_> =
        stats["by_session"].as_array().unwrap().iter().map(|of| &of["session_id"]).collect();
    assert_eq!(sessions, ["20251027_050000_10", "20251027_050000_2", "20251027_050000", "20251027_040210"]);
    let out = tree.out(&["stats", "--top", "1"]);
    assert!(out.contains("20251027_050000_10 ") && !out.contains("20251027_040210 "), "{out}");
}

#[test]
fn csv_had_no_columns_for_the_context() {
    let tree = tenants();
    let out =
        tree.out(&["export", "csv", "--context-column", "tenant,user", "--context-column", "user.plan"]);
    let rows: Vec<Vec<String>> = csv_rows(&out);
    let context: Vec<_> = rows.iter().map(|row| row[row.len() - 3..].join("|")).collect();
    let user = r#"globex|{"plan":"pro"}|pro"#;
    assert_eq!(context, ["context.tenant|context.user|context.user.plan", "||", "acme||", user, "acme||"]);
    assert_eq!(csv_rows(&tree.out(&["export", "csv"]))[0].len() + 3, rows[0].len());
    let ran = tree.run(&["export", "jsonl", "--context-column", "tenant"]);
    assert!(ran.code == 2 && ran.err.contains("--context-column is for csv"), "{ran:?}");
}

#[test]
fn show_hid_a_span_s_user_message_and_fields_that_are_zero() {
    let tree = Tree::empty();
    let session = tree.session("20251027", "20251027_040210", true);
    let of = call("2025-10-27 04:02:10", 1_761_537_730.0).said("find a hotel", "ok");
    let call = tree.call(&session, 1, &of.context("user_message", "Plan my trip").context("shard", 0));
    let path = call.join("metadata.json");
    let mut metadata: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    for (differs, shown) in [(true, true), (false, false)] {
        metadata["request_info"]["prompt_differs"] = differs.into();
        crate::tree::write(&path, &metadata);
        let out = tree.out(&["show"]);
        assert_eq!(out.contains("message   Plan my trip\n"), shown, "{out}");
        assert!(out.contains("shard 0"), "{out}");
    }
}

#[test]
fn a_blank_after_the_comma_made_an_empty_column() {
    let tree = tenants();
    let heading = |columns: &str| {
        let out = tree.out(&["export", "csv", "--context-column", columns]);
        csv_rows(&out)[0].join(",").split_once(",context.").map(|(_, context)| context.to_owned())
    };
    assert_eq!(heading("tenant, phase"), Some("tenant,context.phase".to_owned()));
    assert_eq!(tree.run(&["export", "csv", "--context-column", "tenant,"]).code, 2);
}

fn csv_rows(text: &str) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
}

#[test]
fn parallel_spans_of_one_name_were_torn_apart_or_thrown_together() {
    let tree = Tree::empty();
    let session = tree.session("20251027", "20251027_040210", true);
    let opened = "2025-10-27T04:02:00.000+00:00";
    let of = |worker: &'static str| {
        let call =
            call("2025-10-27 04:02:10", 1_761_537_730.0).said(worker, "ok").span("agent", "01", opened);
        call.span("worker", worker, opened)
    };
    let failed = |call: crate::tree::Call| call.failed("TimeoutError", "", "timed out", None);
    tree.call(&session, 1, &of("0a"));
    tree.call(&session, 2, &of("0b"));
    tree.call(&session, 3, &of("0a"));
    tree.call(&session, 4, &failed(of("0b")));
    // The id of a span that has closed is used again.
    let again = call("2025-10-27 04:02:10", 1_761_537_730.0).said("again", "ok");
    tree.call(&session, 5, &again.span("agent", "01", "2025-10-27T04:05:00.000+00:00"));
    insta::assert_snapshot!(tree.out(&["ls", "--tree"]));
    // The folders are gone, the index still has the ids.
    for number in 1..=4 {
        std::fs::remove_dir_all(session.join(of("0a").id(number))).unwrap();
    }
    let out = tree.out(&["ls", "--tree"]);
    assert_eq!(out.matches("worker  2 calls").count(), 2, "{out}");
}

#[test]
fn search_missed_the_prompt_when_a_span_gave_a_user_message() {
    let tree = Tree::empty();
    let session = tree.session("20251027", "20251027_040210", true);
    let of = |second: u64| call("2025-10-27 04:02:10", 1_761_537_730.0 + second as f64);
    tree.call(&session, 1, &of(1).said("find a hotel in Oslo", "ok").context("user_message", "Plan my trip"));
    tree.call(
        &session,
        2,
        &of(2).said("find a hotel in Rome", "ok").context("user_message", "Plan my trip").older(),
    );
    tree.call(&session, 3, &of(3).said("find a hotel in Bern", "ok").context("tenant", "acme"));
    tree.begun(&session, "call_20251027_040214_004", "find a hotel in Nice");
    let found = |pattern: &str, parts: &str| -> Vec<String> {
        let calls = tree.json(&["search", pattern, "--in", parts, "--json"]);
        let matches = calls.iter().flat_map(|call| call["matches"].as_array().unwrap().clone());
        matches
            .map(|found| format!("{}: {}", found["path"].as_str().unwrap(), found["text"].as_str().unwrap()))
            .collect()
    };
    // With and without a pattern that may be looked for in the stored JSON.
    for hotel in ["hotel", "h.tel"] {
        let (nice, bern) = ("prompt: find a hotel in Nice", ": find a hotel in Bern");
        assert_eq!(
            found(hotel, "user"),
            [nice, bern, "prompt: find a hotel in Rome", "prompt: find a hotel in Oslo"]
        );
    }
    assert_eq!(found("Plan", "user"), [": Plan my trip", ": Plan my trip"]);
    assert_eq!(found("Oslo", "input"), ["messages[1].content: find a hotel in Oslo"]);
    assert_eq!(found("Oslo", "all"), ["messages[1].content: find a hotel in Oslo"]);
    assert!(tree.out(&["search", "Rome"]).contains("    user prompt: find a hotel in Rome\n"));
}
