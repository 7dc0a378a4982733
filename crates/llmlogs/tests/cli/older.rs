//! Roots of the older logger in Python: the same tree, fewer keys, no index, no session.json.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::tree::{Tree, private, private_folders, write};

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

/// A call as the older logger writes it, without an index: when it ended, in UTC and in Unix seconds.
struct Logged {
    id: &'static str,
    ended: (&'static str, f64),
    latency_ms: u64,
    response: Value,
}

fn answer(tools: &[&str]) -> Value {
    let calls = tools
        .iter()
        .map(|name| json!({"id": "t", "type": "function", "function": {"arguments": "{}", "name": name}}));
    let mut message = json!({"content": "Done.", "role": "assistant"});
    if !tools.is_empty() {
        message["tool_calls"] = calls.collect();
    }
    json!({
        "choices": [{"finish_reason": if tools.is_empty() { "stop" } else { "tool_calls" }, "index": 0, "message": message}],
        "id": "chatcmpl-1", "model": "deepseek-chat", "object": "chat.completion",
        "usage": {
            "completion_tokens": 167, "prompt_cache_hit_tokens": 1024, "prompt_cache_miss_tokens": 272,
            "prompt_tokens": 1296, "prompt_tokens_details": {"cached_tokens": 1024}, "total_tokens": 1463,
        },
    })
}

fn failure(error_type: &str, message: &str) -> Value {
    json!({
        "choices": [], "created": 1, "error": true, "error_message": message, "error_type": error_type, "id": "error_1",
        "model": "deepseek-chat", "object": "error", "usage": {"completion_tokens": 0, "prompt_tokens": 0, "total_tokens": 0},
    })
}

impl Logged {
    fn new(id: &'static str, ended: (&'static str, f64), latency_ms: u64, response: Value) -> Self {
        Logged { id, ended, latency_ms, response }
    }

    /// Writes the call and its entry of the root's index.
    fn write(&self, tree: &Tree) {
        let (datetime, timestamp) = self.ended;
        let day = datetime[..10].replace('-', "");
        let directory = format!("{day}/session_20251027_235000/{}", self.id);
        let dir = tree.root().join(&directory);
        private_folders(&dir);
        let choice = &self.response["choices"][0];
        let tools = choice["message"]["tool_calls"].as_array().map_or(0, Vec::len);
        let error = self.response["error"] == true;
        let of_error = |key: &str| if error { self.response[key].clone() } else { json!("") };
        let metadata = json!({
            "call_id": self.id, "session_id": "20251027_235000", "timestamp": timestamp, "datetime": datetime,
            "api_info": {
                "provider": "deepseek", "model": "deepseek-chat", "base_url": "https://api.openai.com/v1",
                "endpoint": "/v1/chat/completions",
            },
            "request_info": {"messages_count": 1, "tools_count": 0, "tool_choice": "auto", "temperature": 0.3, "has_tools": false},
            "response_info": {
                "id": self.response["id"], "object": self.response["object"], "created": 1, "error": error,
                "error_type": of_error("error_type"), "error_message": of_error("error_message"),
                "finish_reason": choice["finish_reason"].as_str().unwrap_or_default(),
                "has_tool_calls": tools > 0, "tool_calls_count": tools,
            },
            "usage": self.response["usage"],
            "performance": {"latency_ms": self.latency_ms, "tokens_per_second": 66.8},
            "context": {"user_message": "读取文件", "agent_iteration": 1, "phase": "Plan", "round": null, "task_id": null},
            "files": {"input": "input.json", "output": "output.json", "input_txt": "input.txt", "output_txt": "output.txt"},
            "cost_estimate": {"input_cost": 0.001296, "output_cost": 0.000334, "total_cost": 0.00163, "currency": "CNY"},
        });
        write(&dir.join("metadata.json"), &metadata);
        let request = json!({"messages": [{"content": "读取文件", "role": "user"}], "model": "deepseek-chat", "temperature": 0.3});
        write(&dir.join("input.json"), &request);
        write(&dir.join("output.json"), &self.response);
        private(&dir.join("input.txt"), b"API REQUEST INPUT\n");
        private(&dir.join("output.txt"), b"API RESPONSE OUTPUT\n");
        let index = tree.root().join("index.json");
        let known = fs::read(&index).ok().and_then(|text| serde_json::from_slice::<Value>(&text).ok());
        let mut known = known.unwrap_or_else(|| json!({"calls": [], "total_count": 0}));
        let calls = known["calls"].as_array_mut().unwrap();
        calls.push(json!({
            "call_id": self.id, "timestamp": timestamp, "session_id": "20251027_235000", "user_message": "读取文件",
            "tokens": 1463, "cost": 0.00163, "directory": directory,
        }));
        known["total_count"] = json!(calls.len());
        write(&index, &known);
    }
}

/// A root of the older logger: calls with tools and failures, one that went on past midnight, one that it could not
/// write.
fn logged() -> Tree {
    let tree = Tree::empty();
    let limit = "Error code: 429 - {'error': {'message': \"You've hit the limit\", 'type': 'rate_limit_error', 'param': None, 'code': 'rate_limit_exceeded'}}";
    for call in [
        Logged::new(
            "call_20251027_235210_001",
            ("2025-10-27 23:52:10", 1_761_609_130.25),
            2500,
            answer(&["read_file", "list_files"]),
        ),
        Logged::new(
            "call_20251027_235500_002",
            ("2025-10-27 23:55:00", 1_761_609_300.0),
            60_000,
            failure("APITimeoutError", "Request timed out."),
        ),
        Logged::new(
            "call_20251027_235600_003",
            ("2025-10-27 23:56:00", 1_761_609_360.0),
            800,
            failure("RateLimitError", limit),
        ),
        Logged::new(
            "call_20251027_235700_004",
            ("2025-10-27 23:57:00", 1_761_609_420.0),
            100,
            failure("APIConnectionError", "Connection error."),
        ),
        Logged::new(
            "call_20251028_000003_005",
            ("2025-10-28 00:00:03", 1_761_609_603.0),
            20_000,
            answer(&[]),
        ),
        Logged::new("call_20251028_000010_006", ("2025-10-28 00:00:10", 1_761_609_610.0), 1000, answer(&[])),
    ] {
        call.write(&tree);
    }
    private_folders(&tree.root().join("20251028/session_20251027_235000/call_20251028_000100_007"));
    tree
}

/// The numbers of the calls that a command lists.
fn numbers(tree: &Tree, args: &[&str]) -> Vec<u64> {
    let ran = tree.run(args);
    let id =
        |line: &str| serde_json::from_str::<Value>(line).unwrap()["call_id"].as_str().unwrap().to_owned();
    ran.out.lines().map(|line| id(line).rsplit('_').next().unwrap().parse().unwrap()).collect()
}

#[test]
fn the_tools_of_an_older_call_were_in_its_answer_alone() {
    let tree = logged();
    assert_eq!(numbers(&tree, &["ls", "--json", "--tool", "list_files"]), [1]);
    let stats = &tree.json(&["stats", "--json"])[0];
    assert_eq!(stats["by_tool"].as_array().unwrap().len(), 2);
    assert_eq!(stats["tokens"]["cached"], 3 * 1024);
    assert!(tree.out(&["export", "csv"]).contains("read_file list_files"));
    tree.run(&["doctor", "--repair"]);
    let index = tree.root().join("20251027/session_20251027_235000/index.jsonl");
    let index = fs::read_to_string(index).unwrap();
    assert!(index.contains(r#""tool_names":["read_file","list_files"]"#), "{index}");
    assert_eq!(numbers(&tree, &["ls", "--json", "--tool", "list_files"]), [1]);
}

#[test]
fn an_older_failure_was_not_found_by_the_format_s_name() {
    let tree = logged();
    for (name, number) in [
        ("TimeoutError", 2),
        ("APITimeoutError", 2),
        ("RateLimitError", 3),
        ("ConnectionError", 4),
        ("apiconnectionerror", 4),
    ] {
        assert_eq!(numbers(&tree, &["ls", "--json", "--error-type", name]), [number], "{name}");
    }
    let limited = &tree.json(&["ls", "--json", "--error-type", "RateLimitError"])[0];
    assert_eq!(
        (&limited["http_status"], &limited["error_code"]),
        (&json!(429), &json!("rate_limit_exceeded"))
    );
    let stored = tree.out(&["show", "235500_002", "--json"]);
    assert!(stored.contains("APITimeoutError"), "{stored}");
}

#[test]
fn an_older_call_s_base_url_with_v1_was_exported_with_v1_twice() {
    let tree = logged();
    let exported = tree.out(&["export", "curl", "000010_006"]);
    assert!(exported.contains("'https://api.openai.com/v1/chat/completions'"), "{exported}");
    assert!(tree.out(&["show", "000010_006"]).contains("https://api.openai.com/v1/chat/completions"));
}

#[test]
fn an_empty_folder_of_an_older_session_was_an_interrupted_call() {
    let tree = logged();
    assert_eq!(numbers(&tree, &["ls", "--json", "--status", "not-recorded"]), [7]);
    assert_eq!(tree.run(&["ls", "--status", "interrupted"]).code, 1);
    let stats = &tree.json(&["stats", "--json"])[0];
    assert_eq!((&stats["interrupted"], &stats["not_recorded"]), (&json!(0), &json!(1)));
    assert!(tree.out(&["ls"]).contains("not recorded"));
    assert!(tree.out(&["show"]).contains("could not write the call"));
}

#[test]
fn an_older_call_that_started_before_midnight_was_of_the_day_on_which_it_ended() {
    let tree = logged();
    let before = [5, 4, 3, 2, 1];
    for filter in [
        &["--date", "20251027"][..],
        &["--until", "2025-10-27"],
        &["--until", "2025-10-27 23:59:59"],
        &["--since", "2025-10-27", "--until", "2025-10-27T23:59:45Z"],
    ] {
        assert_eq!(numbers(&tree, &[&["ls", "--json"], filter].concat()), before, "{filter:?}");
    }
    for filter in [&["--date", "2025-10-28"][..], &["--since", "2025-10-28"]] {
        assert_eq!(numbers(&tree, &[&["ls", "--json"], filter].concat()), [7, 6], "{filter:?}");
    }
    assert_eq!(tree.json(&["stats", "20251027", "--json"])[0]["calls"], 5);
    assert_eq!(tree.json(&["stats", "20251028", "--json"])[0]["calls"], 1);
    assert_eq!(numbers(&tree, &["search", "读取文件", "20251027", "--json"]).len(), 5);
    tree.run(&["doctor", "--repair"]);
    assert_eq!(numbers(&tree, &["ls", "--json", "--date", "20251027"]), before);
    assert_eq!(tree.json(&["stats", "20251027", "--json"])[0]["calls"], 5);
    assert_eq!(numbers(&tree, &["ls", "--json"]), [7, 6, 5, 4, 3, 2, 1]);
}

#[test]
fn prune_left_the_entries_of_removed_calls_in_the_older_index() {
    let tree = logged();
    let index =
        || -> Value { serde_json::from_slice(&fs::read(tree.root().join("index.json")).unwrap()).unwrap() };
    let before = index();
    let size = |path: &str| -> u64 {
        let call = tree.root().join(path);
        fs::read_dir(call).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
    };
    let newest = size("20251028/session_20251027_235000/call_20251028_000003_005")
        + size("20251028/session_20251027_235000/call_20251028_000010_006");
    let limit = newest.to_string();
    assert_eq!(tree.run(&["prune", "--max-size", &limit, "--dry-run"]).code, 0);
    assert_eq!(index(), before);
    let ran = tree.run(&["prune", "--max-size", &limit, "--yes"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
    assert!(!tree.root().join("20251027").exists());
    let after = index();
    assert_eq!(after["total_count"], 2);
    assert_eq!(after["calls"].as_array().unwrap()[..], before["calls"].as_array().unwrap()[4..]);
}

#[test]
fn doctor_found_fault_with_what_the_older_logger_leaves() {
    let tree = logged();
    let ran = tree.run(&["doctor"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
    assert!(ran.out.contains("1 × not recorded") && ran.out.contains("Nothing wrong."), "{}", ran.out);
    tree.run(&["doctor", "--repair"]);
    // It goes on.
    Logged::new(
        "call_20251028_000200_008",
        ("2025-10-28 00:02:00", 1_761_609_720.0),
        1000,
        answer(&["read_file"]),
    )
    .write(&tree);
    assert_eq!(tree.run(&["doctor"]).code, 0);
    assert_eq!(numbers(&tree, &["ls", "--json", "--limit", "2"]), [8, 7]);
    assert!(tree.out(&["doctor", "--repair"]).contains("repaired"));
    assert!(!tree.out(&["doctor", "--repair"]).contains("repaired"));
    // An index that an earlier version made has the end of a call for its start.
    let index = tree.root().join("20251028/session_20251027_235000/index.jsonl");
    let made = fs::read_to_string(&index).unwrap();
    private(&index, made.replace("1761609583.0", "1761609603.0").as_bytes());
    tree.run(&["doctor", "--repair"]);
    assert_eq!(fs::read_to_string(&index).unwrap(), made);
}

#[test]
fn a_call_that_the_older_logger_is_writing_is_no_fault_and_not_indexed() {
    let tree = logged();
    let dir = tree.root().join("20251028/session_20251027_235000/call_20251028_000010_006");
    for name in ["output.txt", "input.txt", "output.json"] {
        fs::remove_file(dir.join(name)).unwrap();
    }
    // The clock of a file system may tell the same time for both.
    for entry in fs::read_dir(&dir).unwrap() {
        let file = fs::File::options().append(true).open(entry.unwrap().path()).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(3600)).unwrap();
    }
    let ran = tree.run(&["doctor"]);
    assert!(ran.code == 1 && ran.out.contains("3 × missing file"), "{}", ran.out);
    // As if it were the last one that was written, and its folder made this instant, however long the command takes.
    let folder = fs::File::open(&dir).unwrap();
    let written = fs::File::options().append(true).open(dir.join("input.json")).unwrap();
    written.set_modified(SystemTime::now() + Duration::from_secs(3600)).unwrap();
    folder.set_modified(SystemTime::now()).unwrap();
    let repaired = AtomicBool::new(false);
    let code = thread::scope(|scope| {
        scope.spawn(|| {
            while !repaired.load(Ordering::Relaxed) {
                folder.set_modified(SystemTime::now()).unwrap();
                thread::sleep(Duration::from_millis(50));
            }
        });
        let code = tree.run(&["doctor", "--repair"]).code;
        repaired.store(true, Ordering::Relaxed);
        code
    });
    assert_eq!(code, 0);
    let index = tree.root().join("20251028/session_20251027_235000/index.jsonl");
    assert!(!fs::read_to_string(index).unwrap().contains("000010_006"));
    assert_eq!(numbers(&tree, &["ls", "--json"]), [7, 6, 5, 4, 3, 2, 1]);
}
