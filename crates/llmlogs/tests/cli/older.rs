//! Roots of the older logger in Python: the same tree, fewer keys, no index, no session.json.

use std::fs;

use serde_json::json;

use crate::tree::{Tree, private, write};

fn older() -> Tree {
    let tree = Tree::empty();
    let session = tree.root().join("20250901/session_unknown");
    for (number, failed) in [(1, false), (2, true)] {
        let dir = session.join(format!("call_20250901_10000{number}_00{number}"));
        fs::create_dir_all(&dir).unwrap();
        write(
            &dir.join("input.json"),
            &json!({"model": "deepseek-chat", "messages": [{"role": "user", "content": "你好"}]}),
        );
        let output = if failed {
            json!({"error": true, "error_type": "APIError", "error_message": "Request timed out after 30 seconds", "choices": []})
        } else {
            json!({"choices": [{"message": {"role": "assistant", "content": "你好！"}, "finish_reason": "stop"}]})
        };
        write(&dir.join("output.json"), &output);
        private(&dir.join("input.txt"), b"");
        private(&dir.join("output.txt"), b"");
        write(
            &dir.join("metadata.json"),
            &json!({
                "call_id": format!("call_20250901_10000{number}_00{number}"), "session_id": "unknown",
                "timestamp": 1_756_720_800.5 + f64::from(number), "datetime": format!("2025-09-01 10:00:0{number}"),
                "api_info": {"model": "deepseek-chat", "base_url": "https://api.deepseek.com", "endpoint": "/chat/completions"},
                "request_info": {"messages_count": 1, "tools_count": 0, "tool_choice": "auto", "temperature": 0.3, "has_tools": false, "max_tokens": null},
                "response_info": {
                    "error": failed, "error_type": if failed { "APIError" } else { "" }, "error_code": null,
                    "error_message": if failed { "Request timed out after 30 seconds" } else { "" },
                    "finish_reason": if failed { json!(null) } else { json!("stop") }, "has_tool_calls": false, "tool_calls_count": 0,
                },
                "usage": {"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14},
                "performance": {"latency_ms": 1500.7, "tokens_per_second": 2.67},
                "context": {"user_message": "你好", "agent_iteration": 0, "phase": null, "round": null, "task_id": null},
                "files": {"input": "input.json", "output": "output.json", "input_txt": "input.txt", "output_txt": "output.txt"},
                "cost_estimate": {"input_cost": 0.00001, "output_cost": 0.000008, "total_cost": 0.000018},
            }),
        );
    }
    tree
}

#[test]
fn every_command_reads_an_older_root() {
    let tree = older();
    insta::assert_snapshot!("older_latest", tree.out(&[]));
    insta::assert_snapshot!("older_ls", tree.out(&["ls"]));
    insta::assert_snapshot!("older_stats", tree.out(&["stats"]));
    assert_eq!(
        tree.json(&["failures", "--json"])[0]["causes"][0]["message"],
        "Request timed out after <n> seconds"
    );
    assert!(tree.out(&["show", "~2"]).contains("你好！"));
    assert_eq!(tree.json(&["search", "你好", "--json"]).len(), 2);
    assert_eq!(tree.json(&["ls", "--status", "error", "--json"])[0]["call_id"], "call_20250901_100002_002");
    assert!(tree.out(&["diff"]).contains("[-ok-]") || tree.out(&["diff"]).contains("error"));
    assert_eq!(tree.out(&["export", "csv"]).lines().count(), 3);
    assert_eq!(tree.out(&["export", "fine-tuning", "--status", "ok"]).lines().count(), 1);
    assert!(tree.out(&["export", "curl", "~2"]).contains("https://api.deepseek.com/chat/completions"));
}

#[test]
fn an_older_root_gains_an_index_and_reads_the_same() {
    let tree = older();
    let before = tree.out(&["ls"]);
    tree.run(&["doctor", "--repair"]);
    assert!(tree.root().join("20250901/session_unknown/index.jsonl").exists());
    assert_eq!(tree.out(&["ls"]), before);
}
