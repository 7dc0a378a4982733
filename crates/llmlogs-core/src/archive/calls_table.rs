//! `calls.parquet`: what is known of a call, a column each, under OpenTelemetry's names with underscores.

use crate::format::{Metadata, SessionInfo, Status};
use crate::semconv;

use super::columns::{Column, Kind, Storage, Value};

/// The name of the table's schema.
pub(super) const NAME: &str = "llmlogs_calls";

/// The table's columns, in the order of [`values`]. Columns are only ever added, at the end.
pub(super) const COLUMNS: [Column; 48] = [
    Column { name: "call_uid", attribute: "", kind: Kind::Text, storage: Storage::Key },
    text("session_uid", ""),
    Column { name: "call_id", attribute: "", kind: Kind::Text, storage: Storage::Key },
    text("host", "host.name"),
    text("program", "service.name"),
    text("recorder_version", ""),
    text("status", ""),
    text("gen_ai_operation_name", semconv::GEN_AI_OPERATION_NAME),
    text("gen_ai_provider_name", semconv::GEN_AI_PROVIDER_NAME),
    text("gen_ai_request_model", semconv::GEN_AI_REQUEST_MODEL),
    text("gen_ai_response_model", semconv::GEN_AI_RESPONSE_MODEL),
    text("server_address", "server.address"),
    text("error_type", "error.type"),
    text("error_code", ""),
    text("error_message", ""),
    text("finish_reason", ""),
    whole("http_response_status_code", "http.response.status_code"),
    time("start_time"),
    time("end_time"),
    whole("latency_ms", ""),
    whole("time_to_first_token_ms", ""),
    whole("gen_ai_usage_input_tokens", semconv::GEN_AI_USAGE_INPUT_TOKENS),
    whole("gen_ai_usage_output_tokens", semconv::GEN_AI_USAGE_OUTPUT_TOKENS),
    whole("gen_ai_usage_cache_read_input_tokens", semconv::GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS),
    whole("gen_ai_usage_cache_creation_input_tokens", semconv::GEN_AI_USAGE_CACHE_CREATION_INPUT_TOKENS),
    whole("gen_ai_usage_reasoning_output_tokens", semconv::GEN_AI_USAGE_REASONING_OUTPUT_TOKENS),
    whole("attempts", ""),
    whole("messages_count", ""),
    whole("tools_count", ""),
    number("gen_ai_request_temperature", semconv::GEN_AI_REQUEST_TEMPERATURE),
    number("cost_input", ""),
    number("cost_output", ""),
    number("cost_total", ""),
    text("currency", ""),
    text("cost_source", ""),
    Column {
        name: "stream",
        attribute: semconv::GEN_AI_REQUEST_STREAM,
        kind: Kind::Flag,
        storage: Storage::Dictionary,
    },
    texts("tool_names"),
    texts("spans"),
    text("gen_ai_response_id", semconv::GEN_AI_RESPONSE_ID),
    text("request_id", ""),
    text("gen_ai_conversation_id", semconv::GEN_AI_CONVERSATION_ID),
    text("gen_ai_agent_name", semconv::GEN_AI_AGENT_NAME),
    text("context_json", ""),
    text("attempts_json", ""),
    text("trace_id", ""),
    text("span_id", ""),
    text("session_id", ""),
    text("user_message", ""),
];

const fn text(name: &'static str, attribute: &'static str) -> Column {
    Column { name, attribute, kind: Kind::Text, storage: Storage::Dictionary }
}

const fn texts(name: &'static str) -> Column {
    Column { name, attribute: "", kind: Kind::Texts, storage: Storage::Dictionary }
}

const fn whole(name: &'static str, attribute: &'static str) -> Column {
    Column { name, attribute, kind: Kind::Integer, storage: Storage::Dictionary }
}

const fn number(name: &'static str, attribute: &'static str) -> Column {
    Column { name, attribute, kind: Kind::Number, storage: Storage::Dictionary }
}

const fn time(name: &'static str) -> Column {
    Column { name, attribute: "", kind: Kind::Time, storage: Storage::Dictionary }
}

/// Returns which column stands for which of OpenTelemetry's attributes, as a JSON object.
pub(super) fn attributes() -> String {
    let named = COLUMNS.iter().filter(|column| !column.attribute.is_empty());
    let pairs: serde_json::Map<_, _> =
        named.map(|column| (column.name.to_owned(), column.attribute.into())).collect();
    serde_json::Value::Object(pairs).to_string()
}

/// A session, as each of its calls' rows has it.
pub(super) struct SessionColumns {
    /// The session's unique id.
    pub(super) uid: String,
    /// What `session.json` says.
    pub(super) info: SessionInfo,
}

/// Returns the values of a call's row.
pub(super) fn values(
    session: &SessionColumns,
    call_uid: &str,
    call_id: &str,
    call: &Metadata,
) -> [Value; COLUMNS.len()] {
    let known = Value::known_text;
    let (request, response, usage) = (&call.request_info, &call.response_info, &call.usage);
    let is_priced = !call.cost_estimate.currency.is_empty();
    let cost = |cost: f64| if is_priced { Value::Number(cost) } else { Value::Null };
    let context = |name: &str| match call.context.other.get(name) {
        Some(serde_json::Value::String(text)) => known(text),
        Some(serde_json::Value::Null) | None => Value::Null,
        Some(other) => Value::text(&other.to_string()),
    };
    let start = millis(call.timestamp);
    let sent = call.attempts.iter().filter(|attempt| attempt.was_sent()).count();
    [
        Value::text(call_uid),
        Value::text(&session.uid),
        Value::text(call_id),
        known(&session.info.hostname),
        known(&session.info.program),
        known(&session.info.recorder_version),
        Value::text(match call.status {
            Status::Ok => "ok",
            Status::Error => "error",
            Status::Cancelled => "cancelled",
        }),
        known(&call.api_info.operation),
        known(&call.api_info.provider),
        known(&call.api_info.model),
        known(&response.model),
        known(host(&call.api_info.base_url)),
        known(&response.error_type),
        known(&response.error_code),
        known(&response.error_message),
        known(&response.finish_reason),
        response.http_status.map(u64::from).into(),
        Value::Time(start * 1000),
        Value::Time(start.saturating_add_unsigned(call.performance.latency_ms).saturating_mul(1000)),
        call.performance.latency_ms.into(),
        call.performance.time_to_first_token_ms.into(),
        usage.prompt_tokens.into(),
        usage.completion_tokens.into(),
        usage.cached_tokens.into(),
        usage.cache_creation_tokens.into(),
        usage.reasoning_tokens.into(),
        if call.attempts.is_empty() { Value::Integer(1) } else { Value::count(sent as u64) },
        request.messages_count.into(),
        request.tools_count.into(),
        request.temperature.as_ref().and_then(serde_json::Number::as_f64).map_or(Value::Null, Value::Number),
        cost(call.cost_estimate.input_cost),
        cost(call.cost_estimate.output_cost),
        cost(call.cost_estimate.total_cost),
        known(&call.cost_estimate.currency),
        known(&call.cost_estimate.source),
        Value::Flag(request.stream),
        list(&response.tool_names),
        list(&call.context.spans),
        known(&response.id),
        known(&response.request_id),
        context(semconv::GEN_AI_CONVERSATION_ID),
        context(semconv::GEN_AI_AGENT_NAME),
        context_json(call),
        match call.attempts.as_slice() {
            [] => Value::Null,
            attempts => serde_json::to_vec(attempts).ok().into(),
        },
        call.trace.trace_id.as_deref().map_or(Value::Null, known),
        call.trace.span_id.as_deref().map_or(Value::Null, known),
        known(&session.info.session_id),
        known(&call.context.user_message),
    ]
}

fn list(texts: &[String]) -> Value {
    Value::Texts(texts.iter().map(|text| text.clone().into_bytes().into()).collect())
}

/// Returns the context's fields that are set, without those that have columns of their own.
fn context_json(call: &Metadata) -> Value {
    let Ok(serde_json::Value::Object(mut members)) = serde_json::to_value(&call.context) else {
        return Value::Null;
    };
    members.retain(|name, value| {
        let is_unset = value.is_null() || (name == semconv::CONTEXT_AGENT_ITERATION && *value == 0);
        !is_unset && !matches!(name.as_str(), semconv::CONTEXT_USER_MESSAGE | "spans")
    });
    if members.is_empty() {
        Value::Null
    } else {
        Value::text(&serde_json::Value::Object(members).to_string())
    }
}

fn millis(timestamp: f64) -> i64 {
    (timestamp * 1000.0).round() as i64
}

/// Returns the host of an address such as `https://api.openai.com:443`.
fn host(base_url: &str) -> &str {
    let authority = base_url.split_once("://").map_or(base_url, |(_, rest)| rest);
    let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
    if let Some(end) = authority.find(']') {
        return &authority[..=end];
    }
    authority.split(':').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_s_address_is_its_host() {
        for (base_url, expected) in [
            ("https://api.openai.com", "api.openai.com"),
            ("http://localhost:8000", "localhost"),
            ("http://[::1]:8000", "[::1]"),
            ("", ""),
        ] {
            assert_eq!(host(base_url), expected);
        }
    }
}
