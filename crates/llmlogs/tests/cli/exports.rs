//! Calls for other programs.

use std::fs;

use serde_json::Value;

use crate::tree::{Tree, call};

#[test]
fn json_lines_have_bodies_as_they_were() {
    let tree = Tree::usual();
    let lines = tree.json(&["export", "jsonl", "--status", "ok", "--date", "20251027"]);
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0]["call_id"], "call_20251027_050000_001");
    assert_eq!(lines[0]["input"]["messages"][1]["content"], "Run the tests, please.");
    assert_eq!(lines[0]["output"]["choices"][0]["message"]["content"], "They pass.");
}

#[test]
fn csv_has_a_row_for_each_call() {
    let tree = Tree::usual();
    let table = tree.out(&["export", "csv"]);
    assert_eq!(table.lines().count(), 1 + 9);
    assert!(table.starts_with("call_id,session_id,state,timestamp,status,provider,model,"));
    assert!(table.contains("配置文件里有什么？"));
}

#[test]
fn a_har_archive_is_one_json_object() {
    let har: Value = serde_json::from_str(&Tree::usual().out_with_note(&["export", "har"])).unwrap();
    assert_eq!(har["log"]["version"], "1.2");
    let entries = har["log"]["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 8);
    assert_eq!(entries[0]["request"]["url"], "https://api.deepseek.com/v1/chat/completions");
    assert_eq!(entries[0]["timings"]["wait"], 2500);
}

#[test]
fn a_curl_command_runs_and_sends_what_was_recorded() {
    let tree = Tree::empty();
    let session = tree.session("20251027", "20251027_040210", true);
    tree.call(
        &session,
        1,
        &call("2025-10-27 04:02:10", 1_761_537_730.0).said("it's `id` $(id) \\ \"q\"", "no"),
    );
    let script = tree.out(&["export", "curl", "~1"]);
    assert!(script.contains("authorization: Bearer ${DEEPSEEK_API_KEY:?"), "{script}");
    // A curl that only shows the last thing that it is given.
    let stand_in = "curl() { for last; do :; done; printf %s \"$last\"; }\n";
    let run = std::process::Command::new("sh")
        .args(["-c", &format!("{stand_in}{script}")])
        .env("DEEPSEEK_API_KEY", "k")
        .output()
        .unwrap();
    let sent: Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(sent["messages"][1]["content"], "it's `id` $(id) \\ \"q\"");
    let without = std::process::Command::new("sh")
        .args(["-c", &format!("{stand_in}{script}")])
        .env_remove("DEEPSEEK_API_KEY")
        .output()
        .unwrap();
    assert!(!without.status.success());
}

#[test]
fn fine_tuning_takes_calls_that_ended_well() {
    let tree = Tree::usual();
    let lines: Vec<Value> = tree
        .out_with_note(&["export", "fine-tuning"])
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 4);
    let last = |line: &Value| line["messages"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(last(&lines[0])["content"], "They pass.");
    assert_eq!(last(&lines[2])["tool_calls"][0]["function"]["name"], "read_file");
}

#[test]
fn a_file_appears_whole_and_private() {
    let tree = Tree::usual();
    let ran = tree.run(&["export", "csv", "-o", "calls.csv"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, ""));
    assert_eq!(fs::read_to_string(tree.folder().join("calls.csv")).unwrap(), tree.out(&["export", "csv"]));
    let names: Vec<_> =
        fs::read_dir(tree.folder()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(tree.folder().join("calls.csv")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

impl Tree {
    /// What a run printed that also had something to say.
    fn out_with_note(&self, args: &[&str]) -> String {
        let ran = self.run(args);
        assert_eq!(ran.code, 0);
        assert!(ran.err.contains("left out"), "{}", ran.err);
        ran.out
    }
}
