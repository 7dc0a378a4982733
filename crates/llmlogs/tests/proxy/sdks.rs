//! The SDKs' own clients, unchanged: what they are told and what they send is the same under `llmlogs run` as without it.
//!
//! `.ci/sdks` installs them from PyPI and npm and runs these tests. Where they are not installed the tests say so and pass,
//! unless `LLMLOGS_SDK_TESTS` is `required`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::api::{Api, QUESTION, REPLY, Request, json as answer};
use crate::command::{calls, is_written, llmlogs};

const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Returns what runs a script of `tests/sdks`, with its SDK installed; `None`, said loudly, if it is not.
fn script(name: &str, interpreter: &str, installed: &str) -> Option<[PathBuf; 2]> {
    let place = Path::new(REPOSITORY).join("target/ci-tools/sdks");
    let script = place.join(name);
    if script.exists() && place.join(installed).exists() {
        let own = place.join(interpreter);
        return Some([if own.exists() { own } else { interpreter.into() }, script]);
    }
    let is_required = std::env::var("LLMLOGS_SDK_TESTS").is_ok_and(|value| value == "required");
    assert!(!is_required, "LLMLOGS_SDK_TESTS=required, but {name} has no {installed}: run .ci/sdks");
    // Past the test harness, which shows nothing of tests that pass.
    let message = format!("\nNOT TESTED: {name}: the SDK is not installed; .ci/sdks installs it\n\n");
    std::io::stderr().write_all(message.as_bytes()).unwrap();
    None
}

fn events(events: &[Value], has_names: bool, end: &str) -> String {
    let mut body = String::new();
    for event in events {
        if has_names {
            body.push_str(&format!("event: {}\n", event["type"].as_str().unwrap()));
        }
        body.push_str(&format!("data: {event}\n\n"));
    }
    body.push_str(end);
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\nx-request-id: req_2\r\n\
         transfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
        body.len()
    )
}

fn chat_stream() -> String {
    let chunk = |choices: Value, usage: Value| {
        json!({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o", "choices": choices,
            "usage": usage})
    };
    let usage = json!({"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7});
    let delta = |delta: Value, reason: Value| json!([{"index": 0, "delta": delta, "finish_reason": reason}]);
    let chunks = [
        chunk(delta(json!({"role": "assistant", "content": "Hel"}), Value::Null), Value::Null),
        chunk(delta(json!({"content": "lo"}), Value::Null), Value::Null),
        chunk(delta(json!({}), json!("stop")), Value::Null),
        chunk(json!([]), usage),
    ];
    events(&chunks, false, "data: [DONE]\n\n")
}

fn response(status: &str, output: Value) -> Value {
    json!({"id": "resp_1", "object": "response", "created_at": 1, "status": status, "model": "gpt-4o", "output": output,
        "error": null, "incomplete_details": null, "instructions": null, "metadata": {}, "parallel_tool_calls": true,
        "temperature": 1.0, "tool_choice": "auto", "tools": [], "top_p": 1.0,
        "usage": {"input_tokens": 3, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 4,
            "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 7}})
}

fn output_item(status: &str, content: Value) -> Value {
    json!({"type": "message", "id": "msg_1", "status": status, "role": "assistant", "content": content})
}

fn output_text(text: &str) -> Value {
    json!({"type": "output_text", "text": text, "annotations": []})
}

fn responses_stream() -> String {
    let (part, item) = (output_text("Hello"), output_item("completed", json!([output_text("Hello")])));
    let place = json!({"item_id": "msg_1", "output_index": 0, "content_index": 0, "logprobs": []});
    let with = |kind: &str, more: Value| {
        let mut event = place.clone();
        event["type"] = kind.into();
        for (name, value) in more.as_object().unwrap() {
            event[name] = value.clone();
        }
        event
    };
    let mut list = [
        with("response.created", json!({"response": response("in_progress", json!([]))})),
        with("response.output_item.added", json!({"item": output_item("in_progress", json!([]))})),
        with("response.content_part.added", json!({"part": output_text("")})),
        with("response.output_text.delta", json!({"delta": "Hello"})),
        with("response.output_text.done", json!({"text": "Hello"})),
        with("response.content_part.done", json!({"part": part})),
        with("response.output_item.done", json!({"item": item})),
        with("response.completed", json!({"response": response("completed", json!([item]))})),
    ];
    for (number, event) in list.iter_mut().enumerate() {
        event["sequence_number"] = number.into();
    }
    events(&list, true, "")
}

fn message(content: Value, reason: Value) -> Value {
    json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5", "content": content,
        "stop_reason": reason, "stop_sequence": null, "usage": {"input_tokens": 3, "output_tokens": 4}})
}

fn messages_stream() -> String {
    let list = [
        json!({"type": "message_start", "message": message(json!([]), Value::Null)}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": null},
            "usage": {"output_tokens": 4}}),
        json!({"type": "message_stop"}),
    ];
    events(&list, true, "")
}

/// Returns what the API answers: by path, whether a stream is asked for, and the model.
fn reply(request: &Request) -> String {
    let path = request.head.split(' ').nth(1).unwrap();
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    if body["model"] == "refused" {
        let error = json!({"type": "error", "error": {"type": "rate_limit_error", "message": "slow down",
            "code": "rate_limit_exceeded"}});
        return answer("429 Too Many Requests", &error.to_string());
    }
    let is_stream = body["stream"] == true;
    match path {
        "/v1/chat/completions" if is_stream => chat_stream(),
        "/v1/chat/completions" => answer("200 OK", REPLY),
        "/v1/responses" if is_stream => responses_stream(),
        "/v1/responses" => {
            let item = output_item("completed", json!([output_text("Hello")]));
            answer("200 OK", &response("completed", json!([item])).to_string())
        }
        "/v1/messages" if is_stream => messages_stream(),
        "/v1/messages" => {
            let content = json!([{"type": "text", "text": "Hello"}]);
            answer("200 OK", &message(content, json!("end_turn")).to_string())
        }
        other => panic!("{other} is asked for"),
    }
}

/// What a script wrote on its standard output, and what it sent.
fn ran(mut command: Command, api: &Api, requests: usize) -> (String, Vec<Request>) {
    command
        .env("OPENAI_API_KEY", "sk-planted-000")
        .env("ANTHROPIC_API_KEY", "sk-ant-planted-000")
        .env("OPENAI_BASE_URL", format!("{}/v1", api.url()))
        .env("ANTHROPIC_BASE_URL", api.url());
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    let sent = (0..requests).map(|_| api.next_request()).collect();
    assert!(api.has_no_request());
    (String::from_utf8(output.stdout).unwrap(), sent)
}

/// Runs a script directly and under `run`, and compares; there are `requests` calls, the last two of which are refused.
fn same_with_and_without(script: Option<[PathBuf; 2]>, requests: usize) {
    let Some([interpreter, script]) = script else { return };
    let root = tempfile::tempdir().unwrap();
    let api = Api::with(Box::new(|stream, request| {
        let _gone = stream.write_all(reply(request).as_bytes());
    }));
    let mut direct = Command::new(&interpreter);
    direct.arg(&script);
    let (told_directly, sent_directly) = ran(direct, &api, requests);
    assert!(told_directly.contains("Hello") && told_directly.contains("429"), "{told_directly}");
    let mut recorded = llmlogs(root.path());
    recorded.args(["run", "-q", "--"]).arg(&interpreter).arg(&script);
    let (told, sent) = ran(recorded, &api, requests);
    assert_eq!(told, told_directly);
    for (sent, directly) in sent.iter().zip(&sent_directly) {
        assert_eq!(sent.head.lines().next(), directly.head.lines().next());
        assert_eq!(end_to_end(sent), end_to_end(directly));
        assert_eq!(sent.body, directly.body);
    }
    let calls = calls(root.path(), requests);
    for (place, call) in calls.iter().enumerate() {
        let metadata = &call["metadata"];
        if place < requests - 2 {
            assert_eq!((&metadata["status"], &metadata["usage"]["total_tokens"]), (&json!("ok"), &json!(7)));
        } else {
            assert_eq!(metadata["response_info"]["error_type"], "RateLimitError", "{metadata}");
        }
    }
    assert!(!is_written(root.path(), "planted-000"));
}

/// Returns the headers but for those of one connection.
fn end_to_end(request: &Request) -> Vec<(String, String)> {
    let is_of_connection = |name: &str| matches!(name, "host" | "connection" | "keep-alive");
    request.headers().into_iter().filter(|(name, _)| !is_of_connection(name)).collect()
}

#[test]
fn openai_in_python() {
    same_with_and_without(script("openai_sdk.py", "python/bin/python", "python/ready"), 6);
}

#[test]
fn anthropic_in_python() {
    same_with_and_without(script("anthropic_sdk.py", "python/bin/python", "python/ready"), 4);
}

#[test]
fn openai_in_node() {
    same_with_and_without(script("openai_sdk.mjs", "node", "node_modules/openai"), 6);
}

#[test]
fn the_vercel_ai_sdk() {
    same_with_and_without(script("vercel_ai_sdk.mjs", "node", "node_modules/ai"), 6);
}

#[test]
fn the_replies_here_are_ones_that_the_recorder_understands() {
    let root = tempfile::tempdir().unwrap();
    let api = Api::with(Box::new(|stream, request| {
        let _gone = stream.write_all(reply(request).as_bytes());
    }));
    let proxy = crate::command::Proxy::start(root.path(), &[&api.url()], &[]);
    for path in ["/v1/chat/completions", "/v1/responses", "/v1/messages"] {
        let request = crate::api::post(&proxy.host(), path, "", QUESTION.as_bytes());
        crate::command::exchange(proxy.ports[0], &request);
    }
    for call in calls(root.path(), 3) {
        assert_eq!(call["metadata"]["usage"]["total_tokens"], 7);
    }
}
