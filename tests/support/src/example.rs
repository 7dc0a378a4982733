//! What the examples show: answers of a chat API, and a folder as `tree` shows it.

use std::fmt::Write as _;
use std::path::Path;
use std::{fs, io};

/// A plain answer.
pub const REPLY: &str = r#"{
  "id": "chatcmpl-1", "object": "chat.completion", "created": 1761537731, "model": "deepseek-chat",
  "choices": [{"index": 0, "message": {"role": "assistant", "content": "Paris."}, "finish_reason": "stop"}],
  "usage": {"prompt_tokens": 24, "completion_tokens": 3, "total_tokens": 27}
}"#;

/// A streamed answer that calls a tool.
pub const TOOL_EVENTS: [&str; 6] = [
    r#"{"id":"chatcmpl-2","object":"chat.completion.chunk","created":1761537732,"model":"deepseek-chat","choices":[{"index":0,"delta":{"role":"assistant","content":null},"finish_reason":null}]}"#,
    r#"{"id":"chatcmpl-2","object":"chat.completion.chunk","created":1761537732,"model":"deepseek-chat","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"read_file","arguments":""}}]},"finish_reason":null}]}"#,
    r#"{"id":"chatcmpl-2","object":"chat.completion.chunk","created":1761537732,"model":"deepseek-chat","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"path\":"}}]},"finish_reason":null}]}"#,
    r#"{"id":"chatcmpl-2","object":"chat.completion.chunk","created":1761537732,"model":"deepseek-chat","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":" \"config.py\"}"}}]},"finish_reason":null}]}"#,
    r#"{"id":"chatcmpl-2","object":"chat.completion.chunk","created":1761537732,"model":"deepseek-chat","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":1296,"completion_tokens":167,"total_tokens":1463}}"#,
    "[DONE]",
];

/// The body of a refusal, for status 429.
pub const REFUSAL: &str = r#"{"error": {"message": "Rate limit reached for requests", "type": "requests", "code": "rate_limit_exceeded"}}"#;

/// Returns what lies below `dir`, as `tree` shows it, with the files' sizes.
///
/// # Errors
///
/// If a folder below `dir` cannot be read.
pub fn tree(dir: &Path) -> io::Result<String> {
    let mut shown = format!("{}\n", dir.display());
    below(dir, "", &mut shown)?;
    Ok(shown)
}

fn below(dir: &Path, indent: &str, shown: &mut String) -> io::Result<()> {
    let mut paths = fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    for (place, path) in paths.iter().enumerate() {
        let (branch, inside) =
            if place + 1 == paths.len() { ("└── ", "    ") } else { ("├── ", "│   ") };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            let _infallible = writeln!(shown, "{indent}{branch}{name}");
            below(path, &format!("{indent}{inside}"), shown)?;
        } else {
            let _infallible =
                writeln!(shown, "{indent}{branch}{name:<14} {:>6} bytes", fs::metadata(path)?.len());
        }
    }
    Ok(())
}
