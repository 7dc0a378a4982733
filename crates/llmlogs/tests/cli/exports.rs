//! Calls for other programs.

use std::fs;

use std::path::Path;

use serde_json::{Value, json};

use crate::tree::{Call, Tree, call, private, write};

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

#[test]
fn dash_was_a_file_of_that_name() {
    let tree = Tree::usual();
    assert_eq!(tree.out(&["export", "csv", "-o", "-"]), tree.out(&["export", "csv"]));
    assert!(!tree.folder().join("-").exists());
}

#[test]
fn a_spreadsheet_ran_what_was_in_a_cell() {
    let tree = Tree::empty();
    let session = tree.session("20251027", "20251027_040210", true);
    let said = [
        "=HYPERLINK(\"http://x\",\"y\")",
        "+1+cmd|' /C calc'!A0",
        "-2+3",
        "@SUM(1)",
        "\tx",
        "\rx",
        "plain = text",
        "-5",
    ];
    for (place, said) in said.into_iter().enumerate() {
        tree.call(&session, place as u64 + 1, &simple().said(said, "ok"));
    }
    let table = tree.out(&["export", "csv"]);
    let mut rows = csv::Reader::from_reader(table.as_bytes());
    let column =
        |name: &str| table.lines().next().unwrap().split(',').position(|column| column == name).unwrap();
    let (messages, tokens) = (column("user_message"), column("prompt_tokens"));
    let mut cells: Vec<_> = rows.records().map(|row| row.unwrap()).collect();
    cells.reverse();
    let found: Vec<&str> = cells.iter().map(|row| &row[messages]).collect();
    for (found, said) in found.iter().zip(said).take(6) {
        assert_eq!(*found, format!("'{said}"));
    }
    assert_eq!(found[6..], said[6..]);
    assert!(cells.iter().all(|row| &row[tokens] == "1296"));
}

#[test]
fn null_answers_and_elided_media_were_training_examples() {
    let tree = Tree::empty();
    let session = tree.session("20251027", "20251027_040210", true);
    for (number, input, output) in [
        (1, chat(json!("Hi")), answer(json!("Hello"))),
        (2, chat(json!("Hi")), answer(json!(null))),
        (3, chat(json!("Hi")), answer(json!(""))),
        (
            4,
            chat(
                json!([{"type": "image_url", "image_url": {"url": {"elided": {"media_type": "image/png", "bytes": 9, "sha256": "x"}}}}]),
            ),
            answer(json!("A cat.")),
        ),
        (
            5,
            json!({"model": "m", "messages": [{"role": "assistant", "content": null}, {"role": "user", "content": "?"}]}),
            answer(json!("!")),
        ),
    ] {
        let call = tree.call(&session, number, &simple().said("Hi", "Hello"));
        write(&call.join("input.json"), &input);
        write(&call.join("output.json"), &output);
    }
    tree.call(&session, 6, &simple().failed("APIError", "", "no", Some(500)));
    let ran = tree.run(&["export", "fine-tuning"]);
    let lines: Vec<Value> = ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 1, "{}", ran.out);
    assert_eq!(lines[0]["messages"][1]["content"], "Hello");
    let expected = "5 calls left out: 1 failed, 2 without an answer, 1 with an empty answer among the messages, 1 with media";
    assert!(ran.err.contains(expected), "{}", ran.err);
}

#[cfg(unix)]
#[test]
fn a_call_that_cannot_be_read_ended_an_export() {
    use std::os::unix::fs::PermissionsExt;
    let tree = Tree::empty();
    let session = tree.session("20251027", "20251027_040210", true);
    let calls = [1, 2, 3].map(|number| tree.call(&session, number, &simple()));
    let file = calls[1].join("input.json");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read(&file).is_ok() {
        return; // Root may read everything.
    }
    let ran = tree.run(&["export", "jsonl"]);
    assert_eq!((ran.code, ran.out.lines().count()), (0, 2), "{}", ran.err);
    assert!(ran.err.contains("1 call left out: 1 not readable"), "{}", ran.err);
    // Nor was a file that cannot be read reported once.
    fs::set_permissions(calls[1].join("metadata.json"), fs::Permissions::from_mode(0o000)).unwrap();
    let doctor = tree.run(&["doctor"]);
    assert!(doctor.out.contains("2 × unreadable"), "{}", doctor.out);
}

#[test]
fn calls_that_were_all_left_out_read_as_no_calls() {
    let tree = Tree::empty();
    let session = tree.session("20251027", "20251027_040210", true);
    tree.call(&session, 1, &simple().failed("APIError", "", "no", Some(500)));
    let ran = tree.run(&["export", "fine-tuning"]);
    assert_eq!(
        (ran.code, ran.out.as_str(), ran.err.as_str()),
        (1, "", "llmlogs: 1 call left out: 1 failed\n")
    );
}

#[test]
fn curl_lost_the_query_and_sent_stand_ins() {
    let tree = Tree::empty();
    let session = tree.session("20251027", "20251027_040210", true);
    let call = tree.call(&session, 1, &simple().said("Hi", "Hello"));
    change(&call, "metadata.json", |metadata| metadata["api_info"]["query"] = json!("api-version=1&alt=sse"));
    let script = tree.out(&["export", "curl", "@1"]);
    let url = "'https://api.deepseek.com/v1/chat/completions?api-version=1&alt=sse'";
    assert!(script.contains(url), "{script}");
    // A text is sent as such, and never read from a file.
    private(&call.join("input.json"), b"\"@/etc/passwd\"");
    let script = tree.out(&["export", "curl", "@1"]);
    assert!(script.ends_with("--data-raw '@/etc/passwd'\n"), "{script}");
    private(&call.join("input.json"), br#"{"streaming": true}"#);
    let ran = tree.run(&["export", "curl", "@1"]);
    assert!(ran.out.is_empty() && ran.err.contains("1 with a body that is no text"), "{ran:?}");
}

#[test]
fn an_archive_was_not_valid_for_calls_without_an_address_or_a_status() {
    let tree = Tree::empty();
    let session = tree.session("20251027", "20251027_040210", true);
    let call = tree.call(&session, 1, &simple().said("Hi", "Hello"));
    change(&call, "metadata.json", |metadata| {
        metadata["api_info"]["base_url"] = json!("");
        metadata["api_info"]["endpoint"] = json!("");
        metadata["response_info"]["http_status"] = json!(null);
    });
    let entry = only_entry(&tree);
    assert_eq!(entry["request"]["url"], "https://address-not-recorded.invalid/");
    assert!(entry["request"]["comment"].as_str().unwrap().contains("address"));
    assert_eq!((&entry["response"]["status"], &entry["response"]["statusText"]), (&json!(0), &json!("")));
}

#[test]
fn an_archive_had_the_recorders_words_for_the_servers() {
    let tree = Tree::empty();
    let session = tree.session("20251027", "20251027_040210", true);
    let failed = simple().failed("RateLimitError", "rate_limit", "slow down", Some(429));
    let call = tree.call(&session, 1, &failed);
    change(&call, "metadata.json", |metadata| {
        metadata["api_info"]["query"] = json!("alt=sse");
        metadata["response_info"]["content_type"] = json!("application/problem+json; charset=utf-8");
    });
    let entry = only_entry(&tree);
    let response = &entry["response"];
    assert_eq!((&response["status"], &response["statusText"]), (&json!(429), &json!("Too Many Requests")));
    let content = &response["content"];
    assert_eq!(content["mimeType"], "application/problem+json; charset=utf-8");
    let body: Value = serde_json::from_str(content["text"].as_str().unwrap()).unwrap();
    assert_eq!(body, json!({"error": {"message": "slow down"}}));
    assert_eq!(content["size"], content["text"].as_str().unwrap().len());
    assert_eq!(entry["request"]["queryString"], json!([{"name": "alt", "value": "sse"}]));
    assert!(entry["request"]["url"].as_str().unwrap().ends_with("?alt=sse"));

    change(&call, "metadata.json", |metadata| metadata["response_info"]["status_text"] = json!("Slow Down"));
    assert_eq!(only_entry(&tree)["response"]["statusText"], "Slow Down");
}

#[test]
fn an_archive_had_streams_and_binary_bodies_as_json() {
    let tree = Tree::empty();
    let session = tree.session("20251027", "20251027_040210", true);
    let call = tree.call(&session, 1, &simple().said("Hi", "Hello"));
    let content_of = |content_type: &str, output: &[u8]| {
        change(&call, "metadata.json", |metadata| {
            metadata["response_info"]["content_type"] = json!(content_type)
        });
        private(&call.join("output.json"), output);
        only_entry(&tree)["response"]["content"].clone()
    };
    let stream = content_of("text/event-stream", b"{\n  \"z\": 1.0,\n  \"a\": 2\n}\n");
    assert_eq!(stream["mimeType"], "text/event-stream");
    assert_eq!(stream["text"], "data: {\"z\":1.0,\"a\":2}\n\n");
    assert!(stream["comment"].as_str().unwrap().contains("events"));
    let lines = content_of("application/x-ndjson", b"{\"done\": true}");
    assert_eq!(
        (&lines["mimeType"], &lines["text"]),
        (&json!("application/x-ndjson"), &json!("{\"done\":true}\n"))
    );
    let text = content_of("text/event-stream", b"\"no stream\\n\"");
    assert_eq!(text["text"], "no stream\n");
    let binary = content_of("audio/mpeg", br#"{"base64": "//4AAQ=="}"#);
    let expected = json!({"size": 4, "mimeType": "audio/mpeg", "text": "//4AAQ==", "encoding": "base64"});
    assert_eq!(binary, expected);
    let elided = content_of(
        "audio/mpeg",
        br#"{"base64": {"elided": {"media_type": "audio/mpeg", "bytes": 99, "sha256": "x"}}}"#,
    );
    assert_eq!((&elided["size"], &elided["text"]), (&json!(99), &Value::Null));
}

#[test]
fn an_archive_left_out_calls_without_bodies() {
    let tree = Tree::empty();
    let session = tree.session("20251027", "20251027_040210", true);
    let call = tree.call(&session, 1, &simple().said("Hi", "Hello"));
    for file in ["input.json", "output.json"] {
        fs::remove_file(call.join(file)).unwrap();
    }
    let entry = only_entry(&tree);
    assert_eq!(entry["request"].get("postData"), None);
    assert_eq!(entry["response"]["content"], json!({"size": 0, "mimeType": "x-unknown"}));
}

fn simple() -> Call {
    call("2025-10-27 04:02:10", 1_761_537_730.0)
}

fn chat(content: Value) -> Value {
    json!({"model": "m", "messages": [{"role": "user", "content": content}]})
}

fn answer(content: Value) -> Value {
    json!({"id": "r", "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content}}]})
}

/// Changes a file of a call.
fn change(call: &Path, file: &str, change: impl FnOnce(&mut Value)) {
    let path = call.join(file);
    let mut value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut value);
    write(&path, &value);
}

/// The entry of an archive of one call, which has everything that HAR 1.2 asks for.
fn only_entry(tree: &Tree) -> Value {
    let har: Value = serde_json::from_str(&tree.out(&["export", "har"])).unwrap();
    let entries = har["log"]["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 1);
    let entry = &entries[0];
    let (request, response) = (&entry["request"], &entry["response"]);
    for (object, texts, numbers, lists) in [
        (entry, &["startedDateTime"][..], &["time"][..], &[][..]),
        (
            request,
            &["method", "url", "httpVersion"],
            &["headersSize", "bodySize"],
            &["cookies", "headers", "queryString"],
        ),
        (
            response,
            &["statusText", "httpVersion", "redirectURL"],
            &["status", "headersSize", "bodySize"],
            &["cookies", "headers"],
        ),
        (&response["content"], &["mimeType"], &["size"], &[]),
        (&entry["timings"], &[], &["send", "wait", "receive"], &[]),
    ] {
        assert!(texts.iter().all(|name| object[name].is_string()), "{object}");
        assert!(numbers.iter().all(|name| object[name].is_i64()), "{object}");
        assert!(lists.iter().all(|name| object[name].is_array()), "{object}");
    }
    if let Some(body) = request.get("postData") {
        assert!(body["mimeType"].is_string() && body["text"].is_string(), "{body}");
    }
    assert!(entry["cache"].is_object());
    assert!(request["url"].as_str().unwrap().contains("://"));
    entry.clone()
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
