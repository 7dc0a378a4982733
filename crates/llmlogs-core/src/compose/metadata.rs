//! The parts of `metadata.json`.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::api::{Interpretation, RequestView, ResponseView};
use crate::capture::{CallRecord, CapturedResponse, EnclosingSpan, Endpoint, Failure, FieldValue};
use crate::format::time::LocalTime;
use crate::format::{ApiInfo, Context, Performance, RequestInfo, ResponseInfo, Trace, TraceSpan, Usage};
use crate::json::{self, Json};
use crate::redact::Redactor;

use super::context_text;
use super::from_fields::SpanAttributes;

pub fn api_info(endpoint: Endpoint, model: String) -> ApiInfo {
    ApiInfo {
        provider: endpoint.provider.into_owned(),
        model,
        base_url: endpoint.base_url,
        endpoint: endpoint.path,
        operation: endpoint.operation.into_owned(),
        method: endpoint.method,
        query: endpoint.query,
    }
}

/// `prompt`: the last user message of the request; `context`: what `metadata.json` has of the context.
pub fn request_info(
    view: &RequestView<'_>,
    content_encoding: &str,
    prompt: &str,
    context: &Context,
) -> RequestInfo {
    let number = |json: Option<&Json<'_>>| json.and_then(to_number);
    RequestInfo {
        messages_count: view.messages_count as u64,
        tools_count: view.tools.len() as u64,
        has_tools: !view.tools.is_empty(),
        tool_choice: view.tool_choice.map_or_else(|| "auto".into(), to_value),
        temperature: number(view.temperature),
        max_tokens: number(view.max_tokens),
        stream: view.stream,
        prompt_differs: Some(!prompt.is_empty() && prompt != context.user_message),
        content_encoding: content_encoding.to_owned(),
    }
}

fn to_number(json: &Json<'_>) -> Option<serde_json::Number> {
    match json {
        Json::Number(digits) => digits.parse().ok(),
        _ => None,
    }
}

fn to_value(json: &Json<'_>) -> Value {
    let mut out = Vec::new();
    json::compact(json, &mut out);
    serde_json::from_slice(&out).unwrap_or_default()
}

/// Returns the properties of the response: from the body, or else from the span's fields. `content_encoding` is that of
/// the body before it was decoded.
pub fn response_info(
    view: &ResponseView<'_>,
    failure: Option<&Failure>,
    response: Option<&CapturedResponse>,
    content_encoding: &str,
    attributes: &SpanAttributes<'_>,
    answer: &Interpretation<'_>,
) -> ResponseInfo {
    let or = |in_body: &str, in_fields: String| {
        if in_body.is_empty() { in_fields } else { in_body.to_owned() }
    };
    let tool_names: Vec<String> = view.tool_names().map(|name| name.clone().into_owned()).collect();
    let head = response.map(|response| &response.head);
    ResponseInfo {
        id: or(&view.id, attributes.response_id()),
        object: view.object.clone().into_owned(),
        created: view.created.unwrap_or(0),
        model: or(&view.model, attributes.response_model()),
        http_status: head.and_then(|head| head.status),
        request_id: answer.request_id().into_owned(),
        error: failure.is_some(),
        error_type: failure.map(|failure| failure.kind.word().into_owned()).unwrap_or_default(),
        error_code: failure.map(|failure| failure.code.clone()).unwrap_or_default(),
        error_message: failure.map(|failure| failure.message.clone()).unwrap_or_default(),
        finish_reason: or(view.finish_reason(), attributes.finish_reason()),
        tool_calls_count: tool_names.len() as u64,
        has_tool_calls: !tool_names.is_empty(),
        tool_names,
        content_type: head.map(|head| head.content_type.clone()).unwrap_or_default(),
        content_encoding: content_encoding.to_owned(),
        retry_after_ms: head.and_then(|head| head.retry_after_ms),
        status_text: head.map(|head| head.status_text.clone().into_owned()).unwrap_or_default(),
    }
}

pub fn performance(
    latency_ms: u64,
    usage: Usage,
    failed: bool,
    first_content: Option<Instant>,
    record: &CallRecord,
) -> Performance {
    let mut tokens_per_second = 0.0;
    if !failed && latency_ms > 0 {
        let rate = usage.completion_tokens as f64 / (latency_ms as f64 / 1000.0);
        tokens_per_second = (rate * 100.0).round() / 100.0;
    }
    Performance {
        latency_ms,
        tokens_per_second,
        time_to_first_token_ms: first_content.map(|at| milliseconds(record.own.started.until(at))),
    }
}

/// Returns a duration in whole milliseconds.
pub fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Returns the fields of the enclosing spans and the other fields of the call's own spans.
///
/// `http`: whether there is a request; its body has the values that the span's fields repeat. `prompt`: the last user
/// message of the request. A long text is cut; `was_cut` is set then.
pub fn context(
    record: &CallRecord,
    attributes: &SpanAttributes<'_>,
    http: bool,
    prompt: &str,
    redact: &Redactor,
    was_cut: &mut bool,
) -> Context {
    let mut context = Context { agent_iteration: 0.into(), ..Context::default() };
    let mut iteration = None;
    for (name, value) in record.context.iter().chain(attributes.unknown(http)) {
        let value = match value {
            FieldValue::Str(text) => Value::String(context_text::redacted(text, redact, was_cut)),
            number => number.to_json(),
        };
        match name {
            "user_message" => {
                context.user_message = match value {
                    Value::String(text) => text,
                    other => other.to_string(),
                }
            }
            "agent_iteration" => context.agent_iteration = value,
            "iteration" => iteration = Some(value),
            "phase" => context.phase = value,
            "round" => context.round = value,
            "task_id" => context.task_id = value,
            // The key `spans` holds the names of the spans.
            "spans" => drop(context.other.insert("field.spans".to_owned(), value)),
            name => drop(context.other.insert(name.to_owned(), value)),
        }
    }
    if let (Some(iteration), true) = (iteration, context.agent_iteration == 0) {
        context.agent_iteration = iteration;
    }
    if context.user_message.is_empty() {
        context.user_message = context_text::limited(prompt, was_cut).into_owned();
    }
    context.spans = record.spans.iter().map(|span| span.name.to_owned()).collect();
    context
}

/// Returns the enclosing spans.
pub fn trace(record: &CallRecord) -> Trace {
    let span = |span: &EnclosingSpan| TraceSpan {
        id: format!("{:016x}", span.id),
        name: span.name.to_owned(),
        started_at: span.started.map(|started| LocalTime::of(started).rfc3339()),
    };
    // Where a span of the program's own surrounds the attempts, the last of them is exported in any case.
    let ids = std::iter::once(&record.own).chain(record.attempts.iter().rev()).find_map(|span| span.trace);
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    Trace {
        trace_id: ids.map(|ids| hex(&ids.trace)),
        span_id: ids.map(|ids| hex(&ids.span)),
        spans: record.spans.iter().map(span).collect(),
    }
}
