//! Calls of the older logger, a class in Python, with the format's meaning of each field.
//!
//! It writes the same tree and fewer keys, and some of its values mean something else: its `timestamp` is the end of the
//! call, its `base_url` is the client's, path included, its `usage` is the provider's own, and its failures have the names
//! and messages of OpenAI's library. Its metadata have neither `schema_version` nor `started_at`.

use std::borrow::Cow;
use std::time::Duration;

use chrono::{DateTime, FixedOffset, Local, NaiveDateTime, Offset, TimeZone};
use serde_json::Value;

use crate::api::{self, Request, detect_endpoint};
use crate::capture::{Api, Endpoint};
use crate::format::layout::SESSION_FILE;
use crate::format::{ApiInfo, Metadata, ResponseInfo};
use crate::json;

use super::{files, python_repr, sdk_errors};

/// What the path of its `endpoint` always is, whatever the client's address.
const ENDPOINT: &str = "/v1/chat/completions";

/// The first millisecond of the year 10,000.
const YEAR_10000: i64 = 253_402_300_800_000;

/// How the messages of OpenAI's library begin if there was a response; its HTTP status follows.
const ERROR_PREFIX: &str = "Error code: ";

/// How long the logger may take to write a call. A folder that is not whole by then has no more to come.
pub(crate) const WRITES: Duration = Duration::from_secs(10);

/// Returns whether `metadata` are the older logger's.
pub(super) fn wrote(metadata: &Metadata) -> bool {
    metadata.schema_version == 0 && metadata.started_at.is_empty()
}

/// Returns whether the session in the folder `session` is the older logger's, which writes no `session.json`.
pub(crate) fn is_session(session: &std::path::Path) -> bool {
    !files::is_file(&session.join(SESSION_FILE))
}

/// Gives the older logger's `metadata`, whose file has `contents`, the meaning that the format has. `output` reads
/// `output.json`, which is needed if tools were called.
pub(super) fn complete(metadata: &mut Metadata, contents: &[u8], output: impl FnOnce() -> Option<Vec<u8>>) {
    times(metadata);
    let endpoint = address(&mut metadata.api_info);
    let stored: Value = serde_json::from_slice(contents).unwrap_or_default();
    if metadata.response_info.error {
        failure(&mut metadata.response_info);
    }
    if let Ok(text) = serde_json::to_string(&stored["usage"])
        && let Ok(usage) = json::parse(&text)
        && let Some(usage) = api::usage(&endpoint, &usage)
    {
        metadata.usage = usage;
    }
    let response = &stored["response_info"];
    if response["tool_names"].is_null() && response["has_tool_calls"] != Value::Bool(false) {
        let output = output().unwrap_or_default();
        tools(&mut metadata.response_info, &endpoint, &json::lossy(&output));
    }
}

/// Sets start and end from the end and the duration.
fn times(metadata: &mut Metadata) {
    let end = (metadata.timestamp * 1000.0).round() as i64;
    let latency = i64::try_from(metadata.performance.latency_ms).unwrap_or(i64::MAX);
    // Times that no clock shows are left as they are.
    let start = end.saturating_sub(latency);
    if start <= 0 || end >= YEAR_10000 {
        return;
    }
    let (Some(start), Some(end)) =
        (DateTime::from_timestamp_millis(start), DateTime::from_timestamp_millis(end))
    else {
        return;
    };
    // Its local time beside its Unix time shows its time zone.
    let offset = NaiveDateTime::parse_from_str(&metadata.datetime, "%Y-%m-%d %H:%M:%S")
        .ok()
        .map(|local| local.and_utc().timestamp() - end.timestamp())
        .filter(|seconds| seconds % 900 == 0)
        .and_then(|seconds| FixedOffset::east_opt(i32::try_from(seconds).ok()?))
        .unwrap_or_else(|| Local.offset_from_utc_datetime(&end.naive_utc()).fix());
    let (start, end) = (start.with_timezone(&offset), end.with_timezone(&offset));
    metadata.timestamp = start.timestamp_millis() as f64 / 1000.0;
    metadata.datetime = start.format("%Y-%m-%d %H:%M:%S").to_string();
    let rfc3339 = |time: DateTime<FixedOffset>| time.format("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string();
    (metadata.started_at, metadata.ended_at) = (rfc3339(start), rfc3339(end));
}

/// Parts the client's address and the path as the format has them; returns the endpoint.
fn address(info: &mut ApiInfo) -> Endpoint {
    // The format has neither the query of an address, nor user and password: they may be credentials.
    let base = info.base_url.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    let host = base.find("://").map_or(0, |scheme| scheme + "://".len());
    let (base, path) = base.split_at(base[host..].find('/').map_or(base.len(), |path| host + path));
    let (scheme, authority) = base.split_at(host);
    let base = format!("{scheme}{}", authority.rsplit('@').next().unwrap_or_default());
    // The client appends `/chat/completions` to its address; only without a path there is the `/v1` its own.
    let endpoint = if path.is_empty() || info.endpoint != ENDPOINT {
        info.endpoint.as_str()
    } else {
        &ENDPOINT["/v1".len()..]
    };
    (info.endpoint, info.base_url) = (format!("{path}{endpoint}"), base);
    if info.method.is_empty() {
        info.method = "POST".to_owned();
    }
    let url = format!("{}{}", info.base_url, info.endpoint);
    let known = detect_endpoint(Request { method: &info.method, url: &url });
    let known = known.filter(|endpoint| endpoint.api == Api::OpenAiChat);
    // It records chat completions alone.
    if info.operation.is_empty() {
        info.operation = "chat".to_owned();
    }
    known.unwrap_or_else(|| Endpoint {
        api: Api::OpenAiChat,
        provider: Cow::Owned(info.provider.clone()),
        operation: Cow::Borrowed("chat"),
        path_model: None,
        base_url: info.base_url.clone(),
        path: info.endpoint.clone(),
        query: info.query.clone(),
        method: info.method.clone(),
    })
}

/// Sets status, code and type from the exception's name and message.
fn failure(info: &mut ResponseInfo) {
    let reported = sdk_errors::is_reported(&info.error_type);
    info.error_type = sdk_errors::format_name(&info.error_type).to_owned();
    let Some((status, body)) = error_code(&info.error_message) else { return };
    info.http_status = info.http_status.or(Some(status));
    let body = python_repr::to_json(body).unwrap_or_default();
    let failure = api::failure_with_status(status, json::parse(&body).ok().as_ref());
    if info.error_code.is_empty() {
        info.error_code = failure.code;
    }
    if reported {
        info.error_type = failure.kind.word().into_owned();
    }
}

/// Returns the HTTP status in a message such as `Error code: 429 - {'error': …}`, and what follows it.
fn error_code(message: &str) -> Option<(u16, &str)> {
    let after = message.strip_prefix(ERROR_PREFIX)?;
    let (digits, body) = after.split_once(" - ").unwrap_or((after, ""));
    let status = digits.trim().parse().ok().filter(|status| (400..=599).contains(status))?;
    Some((status, body))
}

/// Sets the tools that were called from the response.
fn tools(info: &mut ResponseInfo, endpoint: &Endpoint, output: &str) {
    let Ok(output) = json::parse(output) else { return };
    let response = api::dialect(endpoint.api).response(endpoint, &output);
    info.tool_names = response.tool_names().map(|name| name.to_string()).collect();
    info.tool_calls_count = info.tool_calls_count.max(info.tool_names.len() as u64);
    info.has_tool_calls |= !info.tool_names.is_empty();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::lenient;

    fn read(stored: &Value, output: &str) -> Metadata {
        let contents = stored.to_string().into_bytes();
        let mut metadata = lenient::metadata(&contents).unwrap();
        assert!(wrote(&metadata));
        complete(&mut metadata, &contents, || Some(output.as_bytes().to_vec()));
        metadata
    }

    fn with_base_url(base_url: &str, endpoint: &str) -> String {
        let stored = serde_json::json!({"api_info": {"base_url": base_url, "endpoint": endpoint}});
        let info = read(&stored, "").api_info;
        format!("{} {}", info.base_url, info.endpoint)
    }

    fn failed(error_type: &str, message: &str) -> (String, String, Option<u16>) {
        let stored = serde_json::json!({
            "response_info": {"error": true, "error_type": error_type, "error_message": message},
        });
        let info = read(&stored, "").response_info;
        assert_eq!(info.error_message, message);
        (info.error_type, info.error_code, info.http_status)
    }

    #[test]
    fn the_end_of_an_older_loggers_call_was_its_start() {
        let stored = serde_json::json!({
            "timestamp": 1_761_537_732.623, "datetime": "2025-10-27 12:02:12", "performance": {"latency_ms": 2500},
        });
        let metadata = read(&stored, "");
        assert_eq!((metadata.timestamp, &*metadata.datetime), (1_761_537_730.123, "2025-10-27 12:02:10"));
        assert_eq!(metadata.started_at, "2025-10-27T12:02:10.123+08:00");
        assert_eq!(metadata.ended_at, "2025-10-27T12:02:12.623+08:00");
    }

    #[test]
    fn times_that_cannot_be_are_left_as_they_are() {
        for (timestamp, latency) in
            [(0.0, 5), (1e300, 5), (8.2e12, 5), (-5.0, 5), (1.0, 2000), (1_761_537_732.0, u64::MAX)]
        {
            let mut metadata = Metadata { timestamp, datetime: "odd".into(), ..Metadata::default() };
            metadata.performance.latency_ms = latency;
            times(&mut metadata);
            assert_eq!((metadata.timestamp, &*metadata.datetime), (timestamp, "odd"));
        }
    }

    #[test]
    fn a_base_url_that_ends_in_v1_was_followed_by_another_v1() {
        for (base_url, expected) in [
            ("https://api.openai.com/v1", "https://api.openai.com /v1/chat/completions"),
            ("https://api.openai.com/v1/", "https://api.openai.com /v1/chat/completions"),
            ("https://openrouter.ai/api/v1", "https://openrouter.ai /api/v1/chat/completions"),
            (
                "https://open.bigmodel.cn/api/paas/v4/",
                "https://open.bigmodel.cn /api/paas/v4/chat/completions",
            ),
            ("https://api.deepseek.com", "https://api.deepseek.com /v1/chat/completions"),
            ("http://localhost:8000", "http://localhost:8000 /v1/chat/completions"),
            ("", " /v1/chat/completions"),
            ("https://user:secret@h.example/v1/?key=secret#a", "https://h.example /v1/chat/completions"),
        ] {
            assert_eq!(with_base_url(base_url, ENDPOINT), expected);
        }
        assert_eq!(with_base_url("https://h/v1", "/completions"), "https://h /v1/completions");
    }

    #[test]
    fn the_cached_tokens_of_its_usage_were_lost() {
        let cached = |usage: Value| read(&serde_json::json!({ "usage": usage }), "").usage.cached_tokens;
        let details = serde_json::json!({"prompt_tokens": 10, "prompt_tokens_details": {"cached_tokens": 4}});
        assert_eq!(cached(details), 4);
        assert_eq!(cached(serde_json::json!({"prompt_tokens": 10, "prompt_cache_hit_tokens": 6})), 6);
        assert_eq!(cached(serde_json::json!({"prompt_tokens": 10, "prompt_tokens_details": null})), 0);
        assert_eq!(cached(Value::Null), 0);
    }

    #[test]
    fn tools_without_tool_names_were_not_found() {
        let output = r#"{"choices":[{"message":{"tool_calls":[{"function":{"name":"read_file"}},
            {"function":{"name":"list_files"}}]}}]}"#;
        let stored = serde_json::json!({"response_info": {"has_tool_calls": true, "tool_calls_count": 2}});
        let info = read(&stored, output).response_info;
        assert_eq!((info.tool_names.join(","), info.tool_calls_count), ("read_file,list_files".into(), 2));
        let info = read(&serde_json::json!({}), output).response_info;
        assert!(info.has_tool_calls && info.tool_calls_count == 2);
        let named = serde_json::json!({"response_info": {"tool_names": ["other"]}});
        assert_eq!(read(&named, output).response_info.tool_names, ["other"]);
        assert_eq!(read(&stored, "no json").response_info.tool_names, [""; 0]);
    }

    #[test]
    fn the_status_and_code_of_a_failure_stood_in_its_message_alone() {
        let body = "{'error': {'message': \"You've hit the limit\", 'type': 'rate_limit_error', 'code': 'rate_limit_exceeded'}}";
        for (error_type, message, expected) in [
            (
                "RateLimitError",
                format!("Error code: 429 - {body}"),
                ("RateLimitError", "rate_limit_exceeded", Some(429)),
            ),
            (
                "BadRequestError",
                "Error code: 400 - {'error': {'message': 'm', 'type': 'invalid_request_error', 'code': None}}".into(),
                ("BadRequestError", "invalid_request_error", Some(400)),
            ),
            (
                "InternalServerError",
                "Error code: 529 - {'type': 'error', 'error': {'type': 'overloaded_error', 'message': 'm'}}".into(),
                ("OverloadedError", "overloaded_error", Some(529)),
            ),
            ("APIStatusError", "Error code: 413".into(), ("RequestTooLargeError", "", Some(413))),
            ("ConflictError", "Error code: 409 - cut {'er".into(), ("APIError", "", Some(409))),
            ("MyError", "Error code: 429 - {}".into(), ("MyError", "", Some(429))),
            ("APIError", "Error code: 12".into(), ("APIError", "", None)),
            ("APIError", "Request timed out after 30 seconds".into(), ("APIError", "", None)),
        ] {
            let (kind, code, status) = failed(error_type, &message);
            assert_eq!((&*kind, &*code, status), expected, "{message}");
        }
    }

    #[test]
    fn the_failures_of_openai_s_library_had_names_of_their_own() {
        for (theirs, ours) in [
            ("APITimeoutError", "TimeoutError"),
            ("APIConnectionError", "ConnectionError"),
            ("APIResponseValidationError", "InvalidResponseError"),
            ("AuthenticationError", "AuthenticationError"),
            ("ValueError", "ValueError"),
        ] {
            assert_eq!(failed(theirs, "m").0, ours);
        }
    }
}
