//! A folder with a root in it, written by hand, and the command run there.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::{Map, Value, json};

/// Where a project's root is, seen from its folder.
pub const ROOT: &str = "llmlogs/apiCall";

pub struct Tree {
    folder: tempfile::TempDir,
}

/// What a run printed.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Tree {
    pub fn empty() -> Self {
        let tree = Tree { folder: tempfile::tempdir().unwrap() };
        private_folders(&tree.root());
        tree
    }

    /// Two sessions of one day and one of the day before: a plain answer, a tool call, a rate limit, a
    /// timeout after two attempts, a cancelled stream, a call that was interrupted.
    pub fn usual() -> Self {
        let tree = Tree::empty();
        let old = tree.session("20251026", "20251026_235800", true);
        tree.call(
            &old,
            1,
            &call("2025-10-26 23:58:00", 1_761_523_080.0)
                .said("Summarise the release notes.", "Three fixes."),
        );

        let first = tree.session("20251027", "20251027_040210", true);
        tree.call(
            &first,
            1,
            &call("2025-10-27 04:02:10", 1_761_537_730.123)
                .said("What is in config.py?", "")
                .tool("read_file", r#"{"path": "config.py"}"#),
        );
        tree.call(
            &first,
            2,
            &call("2025-10-27 04:02:20", 1_761_537_740.0).said("配置文件里有什么？", "一个映射。"),
        );
        tree.call(
            &first,
            3,
            &call("2025-10-27 04:03:00", 1_761_537_780.0).said("What is in config.py?", "").failed(
                "RateLimitError",
                "rate_limit_exceeded",
                "Rate limit reached, try again in 20 ms",
                Some(429),
            ),
        );
        tree.call(
            &first,
            4,
            &call("2025-10-27 04:03:05", 1_761_537_785.0).said("What is in config.py?", "").failed(
                "RateLimitError",
                "rate_limit_exceeded",
                "Rate limit reached, try again in 715 ms",
                Some(429),
            ),
        );

        let second = tree.session("20251027", "20251027_050000", false);
        tree.call(
            &second,
            1,
            &call("2025-10-27 05:00:00", 1_761_541_200.0)
                .said("Run the tests, please.", "They pass.")
                .latency(2 * 60_000),
        );
        tree.call(&second, 2, &call("2025-10-27 05:01:00", 1_761_541_260.0).said("Run the tests, please.", "").failed("TimeoutError", "", "error sending request for url (https://api.deepseek.com/v1/chat/completions): operation timed out", None));
        tree.call(
            &second,
            3,
            &call("2025-10-27 05:02:00", 1_761_541_320.0)
                .said("Tell me a \u{1b}[31mred\u{1b}[0m story", "Once")
                .cancelled(),
        );
        tree.begun(&second, "call_20251027_050300_004", "Still there?");
        tree
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn root(&self) -> PathBuf {
        self.folder.path().join(ROOT)
    }

    /// A session's folder; `ended` when its program shut the recorder down.
    pub fn session(&self, day: &str, id: &str, ended: bool) -> PathBuf {
        let dir = self.root().join(day).join(format!("session_{id}"));
        private_folders(&dir);
        let ended_at = ended.then_some("2025-10-27T06:00:00.000+00:00");
        let session = json!({
            "schema_version": 1, "session_id": id, "started_at": "2025-10-27T04:02:10.000+00:00", "ended_at": ended_at,
            "pid": 1, "hostname": "h", "program": "agent", "recorder_version": "0.1.0", "counters": {"calls": 0},
        });
        write(&dir.join("session.json"), &session);
        dir
    }

    /// A finished call, with its line in the index.
    pub fn call(&self, session: &Path, number: u64, call: &Call) -> PathBuf {
        let dir = call.write(session, number);
        let mut index = fs::read_to_string(session.join("index.jsonl")).unwrap_or_default();
        index.push_str(&format!("{}\n", call.line(session, number)));
        private(&session.join("index.jsonl"), index.as_bytes());
        dir
    }

    /// A call without an end.
    pub fn begun(&self, session: &Path, id: &str, message: &str) -> PathBuf {
        let dir = session.join(id);
        private_folders(&dir);
        write(&dir.join("input.json"), &request(message));
        dir
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_llmlogs"));
        command.current_dir(self.folder()).args(args).env("TZ", "UTC");
        for name in ["LLMLOGS_ROOT", "NO_COLOR", "CLICOLOR_FORCE", "COLUMNS"] {
            command.env_remove(name);
        }
        command
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        let output = self.command(args).output().unwrap();
        let text = |bytes: Vec<u8>| {
            let folder = self.folder().canonicalize().unwrap();
            String::from_utf8(bytes).unwrap().replace(folder.to_str().unwrap(), "[FOLDER]")
        };
        Ran { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// What a run printed that found something.
    pub fn out(&self, args: &[&str]) -> String {
        let ran = self.run(args);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
        ran.out
    }

    /// The lines of JSON that a run printed.
    pub fn json(&self, args: &[&str]) -> Vec<Value> {
        self.out(args).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// A call on its way to disk.
#[derive(Clone)]
pub struct Call {
    datetime: &'static str,
    timestamp: f64,
    message: String,
    answer: String,
    tool: Option<(&'static str, &'static str)>,
    latency_ms: u64,
    failure: Option<Failure>,
    model: &'static str,
    context: Map<String, Value>,
    /// Whether the line of the index has the context, as today's recorder writes it.
    indexed: bool,
    /// Name, id and start of each.
    spans: Vec<(&'static str, &'static str, &'static str)>,
}

#[derive(Clone)]
struct Failure {
    status: &'static str,
    kind: &'static str,
    code: &'static str,
    message: &'static str,
    http_status: Option<u16>,
}

pub fn call(datetime: &'static str, timestamp: f64) -> Call {
    Call {
        datetime,
        timestamp,
        message: String::new(),
        answer: String::new(),
        tool: None,
        latency_ms: 2500,
        failure: None,
        model: "deepseek-chat",
        context: Map::new(),
        indexed: true,
        spans: Vec::new(),
    }
}

fn request(message: &str) -> Value {
    json!({
        "model": "deepseek-chat", "temperature": 0.3,
        "messages": [{"role": "system", "content": "You are terse."}, {"role": "user", "content": message}],
    })
}

impl Call {
    pub fn said(mut self, message: &str, answer: &str) -> Self {
        (self.message, self.answer) = (message.into(), answer.into());
        self
    }

    pub fn tool(mut self, name: &'static str, arguments: &'static str) -> Self {
        self.tool = Some((name, arguments));
        self
    }

    pub fn model(mut self, model: &'static str) -> Self {
        self.model = model;
        self
    }

    /// A field of the enclosing spans.
    pub fn context(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.context.insert(name.into(), value.into());
        self
    }

    /// The line of the index is one of an older recorder: it has neither context nor ids of spans.
    pub fn older(mut self) -> Self {
        self.indexed = false;
        self
    }

    /// A span within those before it: its name, its id, and when it was opened.
    pub fn span(mut self, name: &'static str, id: &'static str, started_at: &'static str) -> Self {
        self.spans.push((name, id, started_at));
        self
    }

    pub fn latency(mut self, ms: u64) -> Self {
        self.latency_ms = ms;
        self
    }

    pub fn failed(
        mut self,
        kind: &'static str,
        code: &'static str,
        message: &'static str,
        http_status: Option<u16>,
    ) -> Self {
        self.failure = Some(Failure { status: "error", kind, code, message, http_status });
        self
    }

    pub fn cancelled(mut self) -> Self {
        let (kind, message) = ("CancelledError", "the caller dropped the stream");
        self.failure = Some(Failure { status: "cancelled", kind, code: "", message, http_status: Some(200) });
        self
    }

    pub fn id(&self, number: u64) -> String {
        let stamp = self.datetime.replace(['-', ':'], "").replace(' ', "_");
        format!("call_{stamp}_{number:03}")
    }

    fn status(&self) -> &'static str {
        self.failure.as_ref().map_or("ok", |failure| failure.status)
    }

    /// The call's folder, without a line in the index.
    pub fn write(&self, session: &Path, number: u64) -> PathBuf {
        let dir = session.join(self.id(number));
        private_folders(&dir);
        write(&dir.join("input.json"), &request(&self.message));
        write(&dir.join("output.json"), &self.output());
        write(&dir.join("metadata.json"), &self.metadata(session, number));
        dir
    }

    fn output(&self) -> Value {
        let message = match self.tool {
            Some((name, arguments)) => json!({"role": "assistant", "content": null, "tool_calls": [
                {"id": "t1", "type": "function", "function": {"name": name, "arguments": arguments}}
            ]}),
            None => json!({"role": "assistant", "content": self.answer}),
        };
        let reply = json!({
            "id": "chatcmpl-1", "object": "chat.completion", "model": "deepseek-chat",
            "choices": [{"index": 0, "finish_reason": self.finish_reason(), "message": message}],
        });
        match &self.failure {
            None => reply,
            // Sorted by key: serde_json keeps this order or sorts, depending on the features of the whole build.
            Some(failure) => json!({
                "body": failure.http_status.map(|_| json!({"error": {"message": failure.message}})),
                "error": true, "error_code": failure.code, "error_message": failure.message, "error_type": failure.kind,
                "http_status": failure.http_status, "partial": (!self.answer.is_empty()).then_some(reply),
            }),
        }
    }

    fn finish_reason(&self) -> &'static str {
        match (&self.failure, self.tool) {
            (Some(_), _) => "",
            (None, Some(_)) => "tool_calls",
            (None, None) => "stop",
        }
    }

    fn tokens(&self) -> (u64, u64) {
        if self.failure.is_some() { (0, 0) } else { (1296, 167) }
    }

    fn metadata(&self, session: &Path, number: u64) -> Value {
        let (prompt, completion) = self.tokens();
        let failure = self.failure.as_ref();
        let tools: Vec<_> = self.tool.iter().map(|(name, _)| *name).collect();
        let names: Vec<_> = self.spans.iter().map(|(name, _, _)| *name).collect();
        let names = if names.is_empty() { vec!["agent", "plan"] } else { names };
        let mut context = self.context.clone();
        context.insert("agent_iteration".into(), 1.into());
        context.insert("phase".into(), "Plan".into());
        context.insert("spans".into(), names.into());
        context.entry("user_message").or_insert(self.message.as_str().into());
        let span = |(name, id, started_at): &(&str, &str, &str)| json!({"id": id, "name": name, "started_at": started_at});
        let spans: Vec<_> = self.spans.iter().map(span).collect();
        json!({
            "schema_version": 1, "call_id": self.id(number), "session_id": session_id(session),
            "timestamp": self.timestamp, "datetime": self.datetime, "started_at": "", "ended_at": "", "status": self.status(),
            "api_info": {"provider": "deepseek", "model": self.model, "base_url": "https://api.deepseek.com",
                         "endpoint": "/v1/chat/completions", "operation": "chat", "method": "POST"},
            "request_info": {"messages_count": 2},
            "response_info": {
                "model": "deepseek-chat", "http_status": failure.map_or(Some(200), |failure| failure.http_status),
                "error": failure.is_some(), "error_type": failure.map_or("", |failure| failure.kind),
                "error_code": failure.map_or("", |failure| failure.code),
                "error_message": failure.map_or("", |failure| failure.message),
                "finish_reason": self.finish_reason(), "tool_names": tools, "tool_calls_count": tools.len(),
            },
            "usage": {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion},
            "performance": {"latency_ms": self.latency_ms, "tokens_per_second": 66.8},
            "context": context, "trace": {"trace_id": null, "span_id": null, "spans": spans},
            "cost_estimate": {"total_cost": if failure.is_some() { 0.0 } else { 0.00163 }, "currency": "CNY", "source": "user"},
        })
    }

    pub fn line(&self, session: &Path, number: u64) -> Value {
        let metadata = self.metadata(session, number);
        let response = &metadata["response_info"];
        let usage = &metadata["usage"];
        let names: Vec<_> =
            metadata["context"]["spans"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let mut line = json!({
            "call_id": metadata["call_id"], "timestamp": self.timestamp, "status": self.status(), "provider": "deepseek",
            "model": self.model, "operation": "chat", "http_status": response["http_status"],
            "error_type": response["error_type"], "error_code": response["error_code"],
            "error_message": response["error_message"], "finish_reason": response["finish_reason"],
            "prompt_tokens": usage["prompt_tokens"], "completion_tokens": usage["completion_tokens"],
            "total_tokens": usage["total_tokens"], "cached_tokens": 0, "reasoning_tokens": 0, "latency_ms": self.latency_ms,
            "time_to_first_token_ms": null, "total_cost": metadata["cost_estimate"]["total_cost"], "currency": "CNY",
            "attempts": 0, "tool_names": response["tool_names"], "user_message": metadata["context"]["user_message"], "trace": names.join("/"),
        });
        let new = line
            .as_object_mut()
            .filter(|_| self.indexed && !(self.context.is_empty() && self.spans.is_empty()));
        if let Some(line) = new {
            let mut fields = self.context.clone();
            fields.remove("user_message");
            fields.retain(|_, value| !value.is_object() && !value.is_array());
            let prompt_differs = metadata["context"]["user_message"] != self.message;
            let complete = self.context.values().all(|value| !value.is_object() && !value.is_array());
            line.insert("context".into(), fields.into());
            line.insert("context_complete".into(), complete.into());
            line.insert("prompt_differs".into(), prompt_differs.into());
            line.insert("span_ids".into(), self.spans.iter().map(|(_, id, _)| *id).collect());
        }
        line
    }
}

fn session_id(session: &Path) -> String {
    session.file_name().unwrap().to_str().unwrap().trim_start_matches("session_").to_owned()
}

pub fn write(path: &Path, value: &Value) {
    private(path, serde_json::to_string_pretty(value).unwrap().as_bytes());
}

/// Whole or not at all, as the recorder writes it.
pub fn private(path: &Path, contents: &[u8]) {
    let temporary = path.with_file_name(format!("{}.tmp", path.file_name().unwrap().to_str().unwrap()));
    fs::write(&temporary, contents).unwrap();
    restrict(&temporary, 0o600);
    fs::rename(temporary, path).unwrap();
}

pub fn private_folders(path: &Path) {
    fs::create_dir_all(path).unwrap();
    for folder in path.ancestors().take_while(|folder| !folder.ends_with("llmlogs")) {
        restrict(folder, 0o700);
    }
}

#[cfg(unix)]
fn restrict(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(not(unix))]
fn restrict(_path: &Path, _mode: u32) {}
