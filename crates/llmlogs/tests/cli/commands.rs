//! What each command prints on the usual tree.

use insta::assert_snapshot;
use serde_json::Value;

use crate::tree::Tree;

#[test]
fn without_a_command_the_latest_call_is_shown() {
    let tree = Tree::usual();
    assert_snapshot!("latest_interrupted", tree.out(&[]));
    std::fs::remove_dir_all(tree.root().join("20251027/session_20251027_050000")).unwrap();
    assert_snapshot!("latest_failed", tree.out(&[]));
}

#[test]
fn ls_lists_newest_first_across_sessions_and_days() {
    assert_snapshot!(Tree::usual().out(&["ls"]));
}

#[test]
fn ls_shows_calls_below_their_spans() {
    assert_snapshot!(Tree::usual().out(&["ls", "--tree", "--date", "20251027"]));
}

#[test]
fn ls_filters() {
    let tree = Tree::usual();
    let ids = |args: &[&str]| -> Vec<String> {
        let calls = tree.json(&[&["ls", "--json"], args].concat());
        calls.iter().map(|call| call["call_id"].as_str().unwrap()["call_2025".len()..].to_owned()).collect()
    };
    assert_eq!(ids(&["--date", "2025-10-26"]), ["1026_235800_001"]);
    assert_eq!(ids(&["--date", "20251026..20251026"]), ["1026_235800_001"]);
    assert_eq!(ids(&["--status", "cancelled"]), ["1027_050200_003"]);
    assert_eq!(ids(&["--status", "interrupted"]), ["1027_050300_004"]);
    assert_eq!(ids(&["--error-type", "timeouterror"]), ["1027_050100_002"]);
    assert_eq!(ids(&["--tool", "read_*"]), ["1027_040210_001"]);
    assert_eq!(ids(&["--min-latency", "1m"]), ["1027_050000_001"]);
    assert_eq!(ids(&["--session", "040210", "--limit", "1"]), ["1027_040305_004"]);
    assert_eq!(
        ids(&["--since", "2025-10-27 05:01", "--until", "2025-10-27 05:02"]),
        ["1027_050200_003", "1027_050100_002"]
    );
    assert_eq!(ids(&["--model", "deepseek*", "--provider", "DeepSeek", "--status", "ok"]).len(), 4);
    assert_eq!(tree.run(&["ls", "--model", "deepseek"]).code, 1);
}

#[test]
fn show_prints_a_call_whole() {
    let tree = Tree::usual();
    assert_snapshot!("show_tool_call", tree.out(&["show", "040210_001"]));
    assert_snapshot!("show_failure", tree.out(&["show", "040300_003"]));
    assert_snapshot!("show_cancelled", tree.out(&["show", "050200_003"]));
}

#[test]
fn show_prints_the_ids_of_the_exported_span() {
    let tree = Tree::usual();
    let call = tree.root().join("20251027/session_20251027_040210/call_20251027_040210_001");
    let metadata = std::fs::read_to_string(call.join("metadata.json")).unwrap();
    let mut metadata: Value = serde_json::from_str(&metadata).unwrap();
    metadata["trace"]["trace_id"] = "4bf92f3577b34da6a3ce929d0e0e4736".into();
    metadata["trace"]["span_id"] = "00f067aa0ba902b7".into();
    crate::tree::write(&call.join("metadata.json"), &metadata);
    let shown = tree.out(&["show", "040210_001"]);
    assert!(shown.contains("4bf92f3577b34da6a3ce929d0e0e4736  span 00f067aa0ba902b7"), "{shown}");
}

#[test]
fn show_prints_bodies_as_they_were_stored() {
    let tree = Tree::usual();
    let stored = tree.root().join("20251027/session_20251027_040210/call_20251027_040220_002");
    let body = r#"{"z": 1, "a": 1.10, "model": "m", "messages": [{"role":"user","content":"\u001b[31m"}]}"#;
    crate::tree::private(&stored.join("input.json"), body.as_bytes());
    assert_eq!(tree.out(&["show", "--input", "040220_002"]), format!("{body}\n"));
    let whole: Value = serde_json::from_str(&tree.out(&["show", "--json", "040220_002"])).unwrap();
    assert_eq!(whole["state"], "finished");
    assert_eq!(whole["metadata"]["usage"]["total_tokens"], 1463);
    assert_eq!(whole["input"]["z"], 1);
    assert!(tree.out(&["show", "--json", "040220_002"]).contains(r#""z":1,"a":1.10,"#));
    let path = tree.out(&["show", "--path", "040220_002"]);
    assert_eq!(path, "[FOLDER]/llmlogs/apiCall/20251027/session_20251027_040210/call_20251027_040220_002\n");
}

#[test]
fn stats_counts() {
    assert_snapshot!(Tree::usual().out(&["stats"]));
}

#[test]
fn stats_for_programs_has_every_number() {
    let stats = &Tree::usual().json(&["stats", "--json", "20251027"])[0];
    assert_eq!((&stats["calls"], &stats["ok"], &stats["errors"]), (&7.into(), &3.into(), &3.into()));
    assert_eq!((&stats["cancelled"], &stats["interrupted"]), (&1.into(), &1.into()));
    // One that was cancelled neither succeeded nor failed.
    assert_eq!((&stats["success_rate"], &stats["by_model"][0]["success_rate"]), (&0.5.into(), &0.5.into()));
    assert_eq!(stats["tokens"]["total"], 3 * 1463);
    assert_eq!(stats["latency_ms"]["max"], 120_000);
    assert_eq!(stats["latency_ms"]["p50"], 2500);
    assert!((stats["cost"]["CNY"].as_f64().unwrap() - 3.0 * 0.00163).abs() < 1e-9);
    assert_eq!(stats["by_session"][1]["session_id"], "20251027_040210");
    assert_eq!(stats["by_hour"][0]["hour"], "2025-10-27T04:00:00+00:00");
}

#[test]
fn failures_tells_causes_runs_and_examples() {
    let tree = Tree::usual();
    assert_snapshot!(tree.out(&["failures"]));
    let story = &tree.json(&["failures", "--json"])[0];
    assert_eq!(story["causes"][0]["message"], "Rate limit reached, try again in <n> ms");
    assert_eq!((&story["causes"][0]["count"], &story["runs"][0]["length"]), (&2.into(), &2.into()));
}

#[test]
fn search_finds_what_was_said() {
    let tree = Tree::usual();
    assert_snapshot!("search_user", tree.out(&["search", "config"]));
    assert_snapshot!("search_all", tree.out(&["search", "-i", "--in", "all", "RATE.LIMIT|映射"]));
    assert_eq!(tree.run(&["search", "tests", "20251026"]).code, 1);
    assert_eq!(tree.run(&["search", "("]).code, 2);
    assert_eq!(tree.out(&["search", "-F", "-n1", "(", "--in", "error"]).lines().count(), 2);
    // Quotes are escaped in JSON, and not in what was said.
    let found = &tree.json(&["search", "--json", "--in", "output", "\"path\": \"config"])[0];
    assert_eq!(found["matches"][0]["path"], "choices[0].message.tool_calls[0].function.arguments");
}

#[test]
fn diff_shows_what_changed_word_by_word() {
    assert_snapshot!(Tree::usual().out(&["diff", "040210_001", "040220_002"]));
}

#[test]
fn tail_ends_with_the_latest() {
    let tree = Tree::usual();
    let ids: Vec<_> =
        tree.json(&["tail", "-n", "2", "--json"]).iter().map(|call| call["call_id"].clone()).collect();
    assert_eq!(ids, ["call_20251027_050200_003", "call_20251027_050300_004"]);
}

#[test]
fn doctor_says_what_is_not_as_it_should_be() {
    let tree = Tree::usual();
    let ran = tree.run(&["doctor"]);
    assert_eq!(ran.code, 1);
    // Sizes are those of the bodies, which say nothing here.
    let told = ran.out.split_once("\n\n").unwrap().1.split_once("\n\n").unwrap().1.to_owned();
    assert_snapshot!(told);
}

#[test]
fn prune_asks_and_tells() {
    let tree = Tree::usual();
    assert_eq!(tree.run(&["prune"]).code, 2);
    let planned = tree.out(&["prune", "--older-than", "1d", "--dry-run"]);
    assert!(planned.starts_with("would go: 9 calls"), "{planned}");
    // Nobody can be asked here.
    assert_eq!(tree.run(&["prune", "--older-than", "1d"]).code, 2);
    assert!(tree.root().join("20251026").exists());
    let done = tree.out(&["prune", "--older-than", "1d", "--yes"]);
    assert!(done.contains("removed: "), "{done}");
    assert!(!tree.root().join("20251026/session_20251026_235800/call_20251026_235800_001").exists());
}

#[test]
fn completions_and_the_manual_know_every_command() {
    let tree = Tree::empty();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(tree.out(&["completions", shell]).contains("failures"), "{shell}");
    }
    let man = tree.out(&["man"]);
    for command in ["LLMLOGS LS", "LLMLOGS SEARCH", "LLMLOGS DOCTOR"] {
        assert!(man.contains(command), "{command}");
    }
}
