//! Calls that took several attempts, or went elsewhere.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::tree::{Tree, call, write};

fn edit(path: &Path, change: impl FnOnce(&mut Value)) {
    let mut value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    change(&mut value);
    write(path, &value);
}

/// A call that was retried once, went to another model and succeeded there.
fn tree() -> Tree {
    let tree = Tree::empty();
    let session = tree.session("20251027", "20251027_040210", true);
    let dir = tree.call(
        &session,
        1,
        &call("2025-10-27 04:02:10", 1_761_537_730.0).said("Which port?", "8080.").model("gpt-4o"),
    );
    let attempt = |number: u64, model: &str, error: &str, waited: u64, decision: &str| {
        json!({"attempt": number, "started_at": "2025-10-27T04:02:10.000+00:00", "latency_ms": 300,
            "http_status": if error.is_empty() { 200 } else { 503 }, "error_type": error, "error_code": "",
            "error_message": "", "retry_after_ms": null, "provider": "openai", "model": model,
            "base_url": "https://api.openai.com", "waited_ms": waited, "decision": decision})
    };
    let target = |model| json!({"provider": "openai", "model": model, "base_url": "https://api.openai.com"});
    edit(&dir.join("metadata.json"), |metadata| {
        metadata["attempts"] = json!([
            attempt(1, "gpt-4o", "InternalServerError", 0, "retry"),
            attempt(2, "gpt-4o", "InternalServerError", 450, "fallback"),
            attempt(3, "gpt-4o-mini", "", 0, "final"),
        ]);
        metadata["fallback"] =
            json!({"from": target("gpt-4o"), "to": target("gpt-4o-mini"), "reason": "InternalServerError"});
    });
    edit(&session.join("index.jsonl"), |line| {
        line["attempts"] = 3.into();
        line["waited_ms"] = 450.into();
        line["fallback_model"] = "gpt-4o-mini".into();
    });
    let line = fs::read_to_string(session.join("index.jsonl")).unwrap();
    let line: Value = serde_json::from_str(&line).unwrap();
    fs::write(session.join("index.jsonl"), format!("{line}\n")).unwrap();
    let other = tree.session("20251026", "20251026_040210", true);
    let failed = call("2025-10-26 04:02:10", 1_761_451_330.0).said("Which host?", "");
    tree.call(&other, 1, &failed.failed("RateLimitError", "slow", "Slow down", Some(429)));
    tree
}

#[test]
fn every_view_tells_of_retries_waits_and_fallbacks() {
    let tree = tree();
    let latest = tree.out(&[]);
    let attempts = "InternalServerError 300ms → (waited 450ms) InternalServerError 300ms → ok 300ms";
    assert!(latest.contains(attempts), "{latest}");
    assert!(latest.contains("gpt-4o → gpt-4o-mini (InternalServerError)"), "{latest}");
    let listed = tree.out(&["ls"]);
    assert!(listed.contains("ok ×3") && listed.contains("gpt-4o → gpt-4o-mini"), "{listed}");
    let stats = tree.out(&["stats"]);
    assert!(stats.contains("1 call tried 2 times more, 450ms waited, 1 saved (1 by a fallback)"), "{stats}");
    let failures = tree.out(&["failures"]);
    assert!(failures.contains("1 call tried 2 times more, 450ms waited: 1 saved"), "{failures}");
    assert!(failures.contains("1 call elsewhere: 1 saved"), "{failures}");
    let csv = tree.out(&["export", "csv"]);
    assert!(csv.contains("attempts,waited_ms,fallback_model") && csv.contains("3,450,gpt-4o-mini"), "{csv}");
}
