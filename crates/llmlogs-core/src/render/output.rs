//! `output.txt`, the response or the failure as text.

use crate::api::{Choice, Part};
use crate::format::{Attempt, Usage};
use crate::json;

use super::{Language, Page, body, reasoning, tool_calls};

/// The parts of a response that `output.txt` shows.
pub struct Reply<'a> {
    /// The response's id.
    pub id: &'a str,
    /// The model that answered.
    pub model: &'a str,
    /// The provider's own finish reason.
    pub finish_reason: &'a str,
    /// Token counts.
    pub usage: Usage,
    /// The answers, as far as they arrived.
    pub choices: &'a [Choice<'a>],
    /// Replaces the choices if none were found in the response.
    pub raw: Option<&'a str>,
}

/// The parts of a failure that `output.txt` shows.
pub struct Failed<'a> {
    /// One of the format's error types.
    pub error_type: &'a str,
    /// The provider's message, or that of the transport failure.
    pub message: &'a str,
    /// The HTTP status of the response, if there was one.
    pub http_status: Option<u16>,
    /// The provider's own type or code; empty if there is none.
    pub code: &'a str,
    /// The provider's id of the request; empty if there is none.
    pub request_id: &'a str,
    /// The attempts, if there was more than one.
    pub attempts: &'a [Attempt],
    /// The language of the lines about the failure.
    pub language: Language,
}

/// The words of the lines about a failure.
struct Words {
    title: &'static str,
    kind: &'static str,
    message: &'static str,
    http_status: &'static str,
    code: &'static str,
    request_id: &'static str,
    attempts: &'static str,
    ok: &'static str,
}

const CHINESE: Words = Words {
    title: "⚠️ API 调用失败",
    kind: "错误类型",
    message: "错误消息",
    http_status: "HTTP 状态码",
    code: "错误代码",
    request_id: "请求 ID",
    attempts: "尝试次数",
    ok: "成功",
};

const ENGLISH: Words = Words {
    title: "⚠️ API call failed",
    kind: "Error type",
    message: "Error message",
    http_status: "HTTP status",
    code: "Error code",
    request_id: "Request ID",
    attempts: "Attempts",
    ok: "ok",
};

/// Returns `output.txt`: the response, or the failure and the part of the response that arrived before it.
pub fn output(reply: &Reply<'_>, failed: Option<&Failed<'_>>) -> String {
    let texts = reply.choices.iter().flat_map(|choice| &choice.parts).filter_map(Part::text);
    let mut page = Page(String::with_capacity(2048 + texts.map(str::len).sum::<usize>()));
    page.title("API RESPONSE OUTPUT");
    match failed {
        Some(failed) => failure(&mut page, failed, reply),
        None => success(&mut page, reply),
    }
    page.blank();
    page.end()
}

fn success(page: &mut Page, reply: &Reply<'_>) {
    page.pair("Response ID", reply.id);
    page.pair("Model", reply.model);
    page.pair("Finish Reason", reply.finish_reason);
    page.blank();
    page.line("USAGE:");
    page.pair("  Prompt Tokens", reply.usage.prompt_tokens);
    page.pair("  Completion Tokens", reply.usage.completion_tokens);
    page.pair("  Total Tokens", reply.usage.total_tokens);
    if let (Some(raw), true) = (reply.raw, reply.choices.is_empty()) {
        page.blank();
        page.heading("RESPONSE:");
        page.line(raw);
        return;
    }
    let empty = Choice::default();
    let choices = if reply.choices.is_empty() { std::slice::from_ref(&empty) } else { reply.choices };
    for (index, choice) in choices.iter().enumerate() {
        if choices.len() > 1 {
            page.blank();
            page.line(&format!("CHOICE {} (Finish Reason: {})", index + 1, choice.finish_reason));
        }
        let reasoning_text = reasoning(&choice.parts);
        if !reasoning_text.is_empty() {
            page.blank();
            page.heading("REASONING:");
            page.line(&reasoning_text);
        }
        page.blank();
        page.heading("ASSISTANT MESSAGE:");
        let text = body(&choice.parts);
        page.line(if text.is_empty() { "(No text content)" } else { &text });
        let mut calls = tool_calls(&choice.parts).enumerate().peekable();
        if calls.peek().is_some() {
            page.blank();
            page.heading("TOOL CALLS:");
            for (index, (name, arguments)) in calls {
                page.blank();
                page.item(index + 1, name);
                page.line(&pretty_arguments(arguments));
            }
        }
    }
}

fn failure(page: &mut Page, failed: &Failed<'_>, reply: &Reply<'_>) {
    let words = match failed.language {
        Language::Chinese => CHINESE,
        Language::English => ENGLISH,
    };
    page.line(words.title);
    page.blank();
    page.pair(words.kind, failed.error_type);
    page.pair(words.message, failed.message);
    if let Some(status) = failed.http_status {
        page.pair(words.http_status, status);
    }
    for (name, value) in [(words.code, failed.code), (words.request_id, failed.request_id)] {
        if !value.is_empty() {
            page.pair(name, value);
        }
    }
    if failed.attempts.len() > 1 {
        page.pair(words.attempts, failed.attempts.len());
        failed
            .attempts
            .iter()
            .for_each(|attempt| page.line(&format!("  {}", one_attempt(attempt, words.ok))));
    }
    let parts = || reply.choices.iter().flat_map(|choice| &choice.parts);
    if parts().next().is_none() && reply.raw.is_none() {
        return;
    }
    page.blank();
    page.heading("PARTIAL OUTPUT:");
    if let (Some(raw), true) = (reply.raw, reply.choices.is_empty()) {
        page.line(raw);
    }
    for choice in reply.choices {
        let reasoning_text = reasoning(&choice.parts);
        if !reasoning_text.is_empty() {
            page.line("REASONING:");
            page.line(&reasoning_text);
            page.blank();
        }
        let text = body(&choice.parts);
        if !text.is_empty() {
            page.line(&text);
        }
        for (name, arguments) in tool_calls(&choice.parts) {
            page.line(&format!("  - {name}"));
            page.line(&format!("    Args: {arguments}"));
        }
    }
}

/// Returns `[1] RateLimitError, HTTP 429, rate_limit_exceeded, 812 ms`.
fn one_attempt(attempt: &Attempt, ok: &str) -> String {
    let kind = if attempt.error_type.is_empty() { ok } else { &attempt.error_type };
    let mut line = format!("[{}] {kind}", attempt.attempt);
    if let Some(status) = attempt.http_status {
        line.push_str(&format!(", HTTP {status}"));
    }
    if !attempt.error_code.is_empty() {
        line.push_str(&format!(", {}", attempt.error_code));
    }
    line.push_str(&format!(", {} ms", attempt.latency_ms));
    if attempt.waited_ms > 0 {
        line.push_str(&format!(" (+{} ms)", attempt.waited_ms));
    }
    line
}

fn pretty_arguments(arguments: &str) -> String {
    let mut out = Vec::new();
    match json::reformat(arguments, &mut out) {
        Ok(()) => json::lossy(&out).into_owned(),
        Err(_not_json) => arguments.to_owned(),
    }
}
