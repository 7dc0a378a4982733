//! The serde model of `metadata.json`.

use serde::{Deserialize, Serialize};

use super::prepared::PreparedFile;

/// The version of the on-disk format that is written.
pub const SCHEMA_VERSION: u32 = 1;

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// The whole response arrived.
    #[default]
    Ok,
    /// The call failed.
    Error,
    /// The caller dropped the future or the stream before its end.
    Cancelled,
}

/// The contents of `metadata.json`: everything that is known of a finished call.
///
/// A field that an older recorder did not write has its "not known" value: an empty string, zero,
/// `None`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Metadata {
    /// The version of the format.
    pub schema_version: u32,
    /// The name of the call's folder.
    pub call_id: String,
    /// The name of the session's folder without `session_`.
    pub session_id: String,
    /// Start of the call: Unix seconds, with milliseconds.
    pub timestamp: f64,
    /// Start of the call: local time, `2025-10-27 04:02:10`.
    pub datetime: String,
    /// Start of the call: RFC 3339 with the local offset.
    pub started_at: String,
    /// End of the call: RFC 3339 with the local offset.
    pub ended_at: String,
    /// How the call ended.
    pub status: Status,
    /// Where the call went.
    pub api_info: ApiInfo,
    /// The parameters of the request.
    pub request_info: RequestInfo,
    /// The properties of the response.
    pub response_info: ResponseInfo,
    /// Tokens; zeros where none were reported.
    pub usage: Usage,
    /// How long it took.
    pub performance: Performance,
    /// Fields of the enclosing spans.
    pub context: Context,
    /// The call's position in the program's trace.
    pub trace: Trace,
    /// One entry per HTTP attempt when there was more than one, or when a single one was denied its retry.
    pub attempts: Vec<Attempt>,
    /// The change of the target that the call went through; `None` where there was none.
    pub fallback: Option<Fallback>,
    /// The other files of the folder.
    pub files: Files,
    /// What the call cost.
    pub cost_estimate: CostEstimate,
    /// Whether a body was truncated.
    pub truncated: Truncated,
}

impl Metadata {
    /// Returns the contents of `metadata.json`.
    ///
    /// # Errors
    ///
    /// Those of serde; none are known.
    pub fn to_file(&self) -> serde_json::Result<Vec<u8>> {
        let mut contents = serde_json::to_vec_pretty(self)?;
        contents.push(b'\n');
        Ok(contents)
    }

    /// Returns the contents of `metadata.json` without the call's id, which must be empty.
    ///
    /// # Errors
    ///
    /// Those of serde; none are known.
    pub fn prepare(&self) -> serde_json::Result<PreparedFile> {
        PreparedFile::pretty(self)
    }
}

/// Where a call went.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ApiInfo {
    /// OpenTelemetry's well-known [`gen_ai.provider.name`] where it has one, else a plain name,
    /// else the host.
    ///
    /// [`gen_ai.provider.name`]: https://opentelemetry.io/docs/specs/semconv/registry/attributes/gen-ai/
    pub provider: String,
    /// The request's model; `unknown`.
    pub model: String,
    /// Scheme, host and port, without credentials.
    pub base_url: String,
    /// The path.
    pub endpoint: String,
    /// OpenTelemetry's `gen_ai.operation.name`.
    pub operation: String,
    /// The HTTP method.
    pub method: String,
    /// The query parameters that are known to carry no credential, `api-version=2024-10-21&alt=sse`; empty if there are
    /// none.
    pub query: String,
}

/// The parameters of the request.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct RequestInfo {
    /// How many messages were sent.
    pub messages_count: u64,
    /// How many tools were offered.
    pub tools_count: u64,
    /// As the request has it; `auto` when it has none.
    pub tool_choice: serde_json::Value,
    /// As the request has it.
    pub temperature: Option<serde_json::Number>,
    /// Whether tools were offered.
    pub has_tools: bool,
    /// As the request has it.
    pub max_tokens: Option<serde_json::Number>,
    /// Whether a stream was requested.
    pub stream: bool,
    /// Whether the last user message of the request is another text than the context's `user_message`, which comes from
    /// a span then; `None` if that is not known.
    pub prompt_differs: Option<bool>,
    /// The content coding in which the body went over the wire, from its headers; empty when it has none.
    pub content_encoding: String,
}

/// The properties of the response.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ResponseInfo {
    /// The response's own id.
    pub id: String,
    /// The response's own type, such as `chat.completion`.
    pub object: String,
    /// When the response was created, according to the provider, in Unix seconds.
    pub created: u64,
    /// The model that answered.
    pub model: String,
    /// The HTTP status; `None` without a response.
    pub http_status: Option<u16>,
    /// The provider's id of the request, from the response headers.
    pub request_id: String,
    /// Whether the call failed or was cancelled.
    pub error: bool,
    /// One of the format's error types, such as `RateLimitError`.
    pub error_type: String,
    /// The provider's own type or code.
    pub error_code: String,
    /// The provider's message, or the error chain of a transport failure.
    pub error_message: String,
    /// The provider's own finish reason.
    pub finish_reason: String,
    /// Whether the model called tools.
    pub has_tool_calls: bool,
    /// How many tool calls there are.
    pub tool_calls_count: u64,
    /// The tools called, in order.
    pub tool_names: Vec<String>,
    /// The media type of the response, from its headers; empty when it is not known.
    pub content_type: String,
    /// The content coding in which the client left the body, from its headers; empty when it was in none, or decoded by the
    /// client itself.
    pub content_encoding: String,
    /// The delay in the response's `Retry-After` header, in milliseconds.
    pub retry_after_ms: Option<u64>,
    /// The reason phrase of the response's status line; empty where none was sent, as in HTTP/2.
    pub status_text: String,
}

/// Tokens of a call; zero where the provider reports none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Usage {
    /// Every input token, cached ones included.
    pub prompt_tokens: u64,
    /// Every output token, reasoning ones included.
    pub completion_tokens: u64,
    /// The provider's own total, else the sum.
    pub total_tokens: u64,
    /// Input tokens read from a cache.
    pub cached_tokens: u64,
    /// Input tokens written to a cache.
    pub cache_creation_tokens: u64,
    /// Output tokens spent on reasoning.
    pub reasoning_tokens: u64,
}

/// How long a call took.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Performance {
    /// From the start until the last byte, the failure or the drop, in milliseconds.
    pub latency_ms: u64,
    /// Completion tokens over latency; zero for a failure.
    pub tokens_per_second: f64,
    /// Until the first content of a streamed response, in milliseconds.
    pub time_to_first_token_ms: Option<u64>,
}

/// Fields of the enclosing spans; the innermost value of a name is kept.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Context {
    /// From the spans, else the last user message of the request.
    pub user_message: String,
    /// Which turn of an agent's loop this was.
    pub agent_iteration: serde_json::Value,
    /// From the spans.
    pub phase: serde_json::Value,
    /// From the spans.
    pub round: serde_json::Value,
    /// From the spans.
    pub task_id: serde_json::Value,
    /// Other fields, under their own names.
    #[serde(flatten)]
    pub other: serde_json::Map<String, serde_json::Value>,
    /// Names of the enclosing spans, outermost first.
    pub spans: Vec<String>,
}

/// A call's position in the program's trace.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Trace {
    /// OpenTelemetry's id of the trace; `None` without OpenTelemetry.
    pub trace_id: Option<String>,
    /// OpenTelemetry's id of the call's span; `None` without OpenTelemetry.
    pub span_id: Option<String>,
    /// The enclosing spans, outermost first.
    pub spans: Vec<TraceSpan>,
}

/// A span that encloses a call.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct TraceSpan {
    /// Sixteen hexadecimal digits. No two spans that are open at the same time in a session have the same; a
    /// closed span's id may be used again.
    pub id: String,
    /// The span's name.
    pub name: String,
    /// When the span was opened, RFC 3339 with the local offset; `None` when it is not known.
    pub started_at: Option<String>,
}

/// One of several HTTP attempts at a call.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Attempt {
    /// Counts from 1.
    pub attempt: u64,
    /// RFC 3339 with the local offset.
    pub started_at: String,
    /// In milliseconds.
    pub latency_ms: u64,
    /// `None` without a response.
    pub http_status: Option<u16>,
    /// Empty for an attempt that succeeded.
    pub error_type: String,
    /// The provider's own type or code.
    pub error_code: String,
    /// The provider's message, or the error chain of a transport failure.
    pub error_message: String,
    /// The delay in the `Retry-After` header, in milliseconds.
    pub retry_after_ms: Option<u64>,
    /// The provider that was asked.
    pub provider: String,
    /// The model that was asked for.
    pub model: String,
    /// Scheme, host and port, without credentials.
    pub base_url: String,
    /// How long it was waited before the attempt, in milliseconds.
    pub waited_ms: u64,
    /// What was decided after it: `retry`, `fallback`, `final`, `circuit_open`, `over_cap`, `budget`, `deadline`,
    /// `permanent`; empty where the recorder did not decide.
    pub decision: String,
}

impl Attempt {
    /// Returns whether a request was sent: none is while a breaker's circuit is open.
    #[must_use]
    pub fn was_sent(&self) -> bool {
        self.decision != "circuit_open"
    }
}

/// The change of a call's target.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Fallback {
    /// The caller's own target.
    pub from: Target,
    /// The target whose result is the call's.
    pub to: Target,
    /// The error type of the first attempt that was not repeated at the caller's own target.
    pub reason: String,
}

/// Where an attempt goes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Target {
    /// As in `api_info`.
    pub provider: String,
    /// As in `api_info`.
    pub model: String,
    /// As in `api_info`.
    pub base_url: String,
}

/// The names of the files beside `metadata.json`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Files {
    /// The request body.
    pub input: String,
    /// The response body, or the failure.
    pub output: String,
    /// The request for people; empty when text files are switched off.
    pub input_txt: String,
    /// The response for people; empty when text files are switched off.
    pub output_txt: String,
}

impl Files {
    /// Returns the names of the files that were written.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let names = [&self.input, &self.input_txt, &self.output, &self.output_txt];
        names.into_iter().map(String::as_str).filter(|name| !name.is_empty())
    }
}

/// What a call cost.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct CostEstimate {
    /// Of the prompt tokens.
    pub input_cost: f64,
    /// Of the completion tokens.
    pub output_cost: f64,
    /// Of the whole call.
    pub total_cost: f64,
    /// ISO 4217; empty when the cost is not known.
    pub currency: String,
    /// `provider`, `user`, `table`, or `table:` and the provider that the model's name stands for; empty when the cost
    /// is not known.
    pub source: String,
}

/// Whether a body was truncated at the configured limit, or dropped because memory ran short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Truncated {
    /// The request body.
    pub input: bool,
    /// The response body.
    pub output: bool,
    /// A text in `context`, which ends with `… [cut]` then.
    pub context: bool,
}
