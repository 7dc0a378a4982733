//! What the examples show: answers of a chat API, and a folder as `tree` shows it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
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

/// How many folders and files there are.
#[derive(Default)]
struct Counts {
    directories: usize,
    files: usize,
}

/// Returns what lies below `dir`, as `tree` prints it.
///
/// # Errors
///
/// If a folder below `dir` cannot be read.
pub fn tree(dir: &Path) -> io::Result<String> {
    let mut shown = format!("{}\n", dir.display());
    let mut counts = Counts::default();
    below(dir, "", &mut shown, &mut counts)?;
    let plural = |count: usize, one, more| format!("{count} {}", if count == 1 { one } else { more });
    let directories = plural(counts.directories, "directory", "directories");
    let files = plural(counts.files, "file", "files");
    let _infallible = writeln!(shown, "\n{directories}, {files}");
    Ok(shown)
}

/// Returns the first call's folder in a session's, whose name has the second of the call and not of the session.
///
/// # Errors
///
/// If the folder cannot be read, or has no call.
pub fn first_call(session: &Path) -> io::Result<PathBuf> {
    let mut calls = fs::read_dir(session)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    calls.retain(|path| path.is_dir() && path.to_string_lossy().ends_with("_001"));
    calls.pop().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no call was recorded"))
}

fn below(dir: &Path, indent: &str, shown: &mut String, counts: &mut Counts) -> io::Result<()> {
    let mut paths = fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    for (place, path) in paths.iter().enumerate() {
        // After a bar `tree` has two spaces that do not break.
        let (branch, inside) = if place + 1 == paths.len() {
            ("└── ", "    ")
        } else {
            ("├── ", "│\u{a0}\u{a0} ")
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let _infallible = writeln!(shown, "{indent}{branch}{name}");
        if path.is_dir() {
            counts.directories += 1;
            below(path, &format!("{indent}{inside}"), shown, counts)?;
        } else {
            counts.files += 1;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_in_another_second_than_its_session_was_not_found() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["media", "call_20251027_040211_001", "call_20251027_040211_002"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        assert!(first_call(dir.path()).unwrap().ends_with("call_20251027_040211_001"));
    }

    #[test]
    fn a_folder_was_not_shown_as_tree_shows_it() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("a/b")).unwrap();
        for file in ["a/b/1", "a/2", "c"] {
            fs::write(dir.path().join(file), "text").unwrap();
        }
        let shown = tree(dir.path()).unwrap();
        let expected = "\n├── a\n│\u{a0}\u{a0} ├── 2\n│\u{a0}\u{a0} └── b\n│\u{a0}\u{a0}     └── 1\n└── c\n\n2 directories, 3 files\n";
        assert_eq!(shown, format!("{}{expected}", dir.path().display()));
    }
}
