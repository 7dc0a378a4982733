//! What the fields of spans and events tell about a call: everything for calls without a body, the rest for others.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use crate::capture::{Api, CallRecord, Endpoint, ErrorType, Failure, FieldValue, Fields};
use crate::format::Usage;
use crate::json::{self, Json, Object};
use crate::redact;
use crate::semconv;

/// The meaning of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Provider,
    Operation,
    Model,
    ResponseModel,
    ResponseId,
    FinishReason,
    Prompt,
    Completion,
    Total,
    Cached,
    CacheCreation,
    Reasoning,
    Temperature,
    MaxTokens,
    Stream,
    Latency,
    ErrorType,
    ErrorMessage,
    Input,
    Output,
    System,
    Address,
    Port,
    Kind,
}

/// The names of each meaning, the strongest first: OpenTelemetry's of today, of its older versions, OpenInference's,
/// the short ones.
const NAMES: [(Meaning, &[&str]); 24] = [
    (
        Meaning::Provider,
        &[semconv::GEN_AI_PROVIDER_NAME, semconv::GEN_AI_SYSTEM, semconv::LLM_PROVIDER, semconv::LLM_SYSTEM],
    ),
    (Meaning::Operation, &[semconv::GEN_AI_OPERATION_NAME]),
    (Meaning::Model, &[semconv::GEN_AI_REQUEST_MODEL, semconv::LLM_MODEL_NAME]),
    (Meaning::ResponseModel, &[semconv::GEN_AI_RESPONSE_MODEL]),
    (Meaning::ResponseId, &[semconv::GEN_AI_RESPONSE_ID]),
    (
        Meaning::FinishReason,
        &[
            semconv::GEN_AI_RESPONSE_FINISH_REASONS,
            semconv::GEN_AI_RESPONSE_FINISH_REASON,
            semconv::SHORT_FINISH_REASON,
        ],
    ),
    (
        Meaning::Prompt,
        &[
            semconv::GEN_AI_USAGE_INPUT_TOKENS,
            semconv::GEN_AI_USAGE_PROMPT_TOKENS,
            semconv::LLM_TOKEN_COUNT_PROMPT,
            semconv::SHORT_PROMPT_TOKENS,
        ],
    ),
    (
        Meaning::Completion,
        &[
            semconv::GEN_AI_USAGE_OUTPUT_TOKENS,
            semconv::GEN_AI_USAGE_COMPLETION_TOKENS,
            semconv::LLM_TOKEN_COUNT_COMPLETION,
            semconv::SHORT_COMPLETION_TOKENS,
        ],
    ),
    (
        Meaning::Total,
        &[semconv::GEN_AI_USAGE_TOTAL_TOKENS, semconv::LLM_TOKEN_COUNT_TOTAL, semconv::SHORT_TOTAL_TOKENS],
    ),
    (Meaning::Cached, &[semconv::GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS]),
    (
        Meaning::CacheCreation,
        &[semconv::GEN_AI_USAGE_CACHE_CREATION_INPUT_TOKENS, semconv::GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS],
    ),
    (
        Meaning::Reasoning,
        &[semconv::GEN_AI_USAGE_REASONING_OUTPUT_TOKENS, semconv::GEN_AI_USAGE_REASONING_TOKENS],
    ),
    (Meaning::Temperature, &[semconv::GEN_AI_REQUEST_TEMPERATURE]),
    (Meaning::MaxTokens, &[semconv::GEN_AI_REQUEST_MAX_TOKENS]),
    (Meaning::Stream, &[semconv::GEN_AI_REQUEST_STREAM]),
    (Meaning::Latency, &[semconv::SHORT_LATENCY_MS]),
    (Meaning::ErrorType, &[semconv::SHORT_ERROR_TYPE, semconv::ERROR_TYPE, semconv::EXCEPTION_TYPE]),
    (Meaning::ErrorMessage, &[semconv::SHORT_ERROR_MESSAGE, semconv::EXCEPTION_MESSAGE]),
    (Meaning::Input, &[semconv::GEN_AI_INPUT_MESSAGES]),
    (Meaning::Output, &[semconv::GEN_AI_OUTPUT_MESSAGES]),
    (Meaning::System, &[semconv::GEN_AI_SYSTEM_INSTRUCTIONS]),
    (Meaning::Address, &[semconv::SERVER_ADDRESS]),
    (Meaning::Port, &[semconv::SERVER_PORT]),
    (Meaning::Kind, &[semconv::OPENINFERENCE_SPAN_KIND]),
];

/// Returns the meaning of a name and the name's rank among those of the same meaning; 0 is the strongest.
fn meaning(name: &str) -> Option<(Meaning, usize)> {
    static MEANINGS: LazyLock<HashMap<&str, (Meaning, usize)>> = LazyLock::new(|| {
        let ranked = |(meaning, names): (Meaning, &[&'static str])| {
            names.iter().enumerate().map(|(rank, name)| (*name, (meaning, rank))).collect::<Vec<_>>()
        };
        NAMES.into_iter().flat_map(ranked).collect()
    });
    MEANINGS.get(name).copied()
}

/// A value with the rank of its name.
type Ranked<'r> = Option<(usize, FieldValue<'r>)>;

/// The attributes of a call: those of its own span first, then those of its last attempt's. How an earlier attempt
/// ended is not how the call ended.
pub struct SpanAttributes<'r> {
    record: &'r CallRecord,
    /// By [`Meaning`].
    values: [Ranked<'r>; NAMES.len()],
}

impl<'r> SpanAttributes<'r> {
    /// Collects the attributes of a call.
    pub fn of(record: &'r CallRecord) -> Self {
        let mut attributes = SpanAttributes { record, values: [None; NAMES.len()] };
        for fields in attributes.all() {
            let mut values = [None; NAMES.len()];
            for (name, value) in fields.iter() {
                if let Some((meaning, rank)) = meaning(name) {
                    let known: &mut Ranked<'r> = &mut values[meaning as usize];
                    if known.is_none_or(|(known, _)| rank <= known) {
                        *known = Some((rank, value));
                    }
                }
            }
            for (known, value) in attributes.values.iter_mut().zip(values) {
                *known = known.or(value);
            }
        }
        attributes
    }

    /// Returns the fields of the call's own span, then those of its last attempt.
    fn all(&self) -> impl Iterator<Item = &'r Fields> + use<'r> {
        let last = self.record.attempts.last();
        std::iter::once(&self.record.own.fields).chain(last.map(|attempt| &attempt.fields))
    }

    fn value(&self, meaning: Meaning) -> Option<FieldValue<'r>> {
        self.values[meaning as usize].map(|(_, value)| value)
    }

    fn text(&self, meaning: Meaning) -> String {
        self.value(meaning).map(FieldValue::to_text).unwrap_or_default()
    }

    /// Returns the endpoint that the attributes describe.
    pub fn endpoint(&self) -> Endpoint {
        let unknown = |text: String| if text.is_empty() { "unknown".to_owned() } else { text };
        let address = self.text(Meaning::Address);
        let base_url = match self.value(Meaning::Port).and_then(FieldValue::as_u64) {
            _ if address.is_empty() => String::new(),
            None | Some(443) => format!("https://{address}"),
            Some(port) => format!("http://{address}:{port}"),
        };
        let operation = self.text(Meaning::Operation);
        Endpoint {
            api: Api::OpenAiChat,
            provider: Cow::Owned(unknown(self.text(Meaning::Provider))),
            operation: Cow::Owned(if operation.is_empty() { "chat".to_owned() } else { operation }),
            path_model: None,
            base_url,
            path: String::new(),
            method: String::new(),
        }
    }

    /// Returns the request's model; empty if it is not known.
    pub fn model(&self) -> String {
        self.text(Meaning::Model)
    }

    /// Returns the model that answered; empty if it is not known.
    pub fn response_model(&self) -> String {
        self.text(Meaning::ResponseModel)
    }

    /// Returns the response's id; empty if it is not known.
    pub fn response_id(&self) -> String {
        self.text(Meaning::ResponseId)
    }

    /// Returns the first finish reason; empty if it is not known.
    pub fn finish_reason(&self) -> String {
        let text = self.text(Meaning::FinishReason);
        // OpenTelemetry's is a list, which tracing can only carry as its `Debug` text.
        match json::parse(&text) {
            Ok(Json::Array(items)) => items.first().map(Json::scalar).unwrap_or_default(),
            _ => text,
        }
    }

    /// Returns the token counts; `None` if no attribute has any.
    pub fn usage(&self) -> Option<Usage> {
        let count = |names| self.value(names).and_then(FieldValue::as_u64);
        let (prompt, completion, total) =
            (count(Meaning::Prompt), count(Meaning::Completion), count(Meaning::Total));
        if prompt.is_none() && completion.is_none() && total.is_none() {
            return None;
        }
        let (prompt, completion) = (prompt.unwrap_or(0), completion.unwrap_or(0));
        Some(Usage {
            prompt_tokens: prompt,
            completion_tokens: completion,
            total_tokens: total.unwrap_or(prompt + completion),
            cached_tokens: count(Meaning::Cached).unwrap_or(0),
            cache_creation_tokens: count(Meaning::CacheCreation).unwrap_or(0),
            reasoning_tokens: count(Meaning::Reasoning).unwrap_or(0),
        })
    }

    /// Returns the latency in milliseconds.
    pub fn latency_ms(&self) -> Option<u64> {
        self.value(Meaning::Latency).and_then(FieldValue::as_u64)
    }

    /// Returns the failure that an attribute or an event reports.
    pub fn failure(&self) -> Option<Failure> {
        let (kind, message) = (self.value(Meaning::ErrorType), self.value(Meaning::ErrorMessage));
        if kind.is_none() && message.is_none() {
            return None;
        }
        let kind = kind.map_or(ErrorType::Api, |kind| ErrorType::from_attribute(&kind.to_text()));
        // An error's text may quote the URL with a key in it.
        let message = message.map(|message| redact::scrub_urls(&message.to_text()));
        Some(Failure::new(kind, message.unwrap_or_default()))
    }

    /// Returns the fields without a place of their own in the format. `http` tells whether there is a request body,
    /// which has what the span's fields repeat.
    pub fn unknown(&self, http: bool) -> impl Iterator<Item = (&'static str, FieldValue<'r>)> {
        let fields = self.all().collect::<Vec<_>>().into_iter().rev();
        fields.flat_map(Fields::iter).filter(move |(name, _)| !is_known(name, http))
    }

    /// Returns a request in the shape of a chat completion, composed of the attributes.
    pub fn request(&self) -> Json<'static> {
        let mut body = Object::new();
        body.set("model", Json::string(self.model()));
        let mut messages = Vec::new();
        let system = self.text(Meaning::System);
        if !system.is_empty() {
            let text = match json::parse(&system) {
                Ok(parts @ Json::Array(_)) => joined_text(&parts),
                _ => system,
            };
            messages.push(message("system", Json::string(text)));
        }
        let input = self.text(Meaning::Input);
        match json::parse(&input) {
            Ok(Json::Array(items)) => messages.extend(items.iter().map(chat_message)),
            _ if input.is_empty() => {}
            _ => messages.push(message("user", Json::string(input))),
        }
        body.set("messages", Json::Array(messages));
        for (key, names) in [("temperature", Meaning::Temperature), ("max_tokens", Meaning::MaxTokens)] {
            if let Some(number) = self.value(names).and_then(number) {
                body.set(key, number);
            }
        }
        if let Some(stream) = self.value(Meaning::Stream).and_then(FieldValue::as_bool) {
            body.set("stream", Json::Bool(stream));
        }
        Json::Object(body)
    }

    /// Returns a response in the shape of a chat completion, composed of the attributes.
    pub fn response(&self, created: i64) -> Json<'static> {
        let output = self.text(Meaning::Output);
        let mut choices: Vec<Json<'static>> = match json::parse(&output) {
            Ok(Json::Array(items)) => {
                items.iter().enumerate().map(|(place, item)| choice(place, item)).collect()
            }
            _ if output.is_empty() => Vec::new(),
            _ => vec![wrapped(0, message("assistant", Json::string(output)), Json::Null)],
        };
        let finish_reason = self.finish_reason();
        if !finish_reason.is_empty() {
            if choices.is_empty() {
                choices.push(wrapped(0, message("assistant", Json::Null), Json::Null));
            }
            for choice in choices.iter_mut().filter_map(Json::as_object_mut) {
                choice.set("finish_reason", Json::string(finish_reason.clone()));
            }
        }
        let mut body = Object::new();
        body.set("id", Json::string(self.response_id()));
        body.set("object", Json::string("chat.completion"));
        body.set("created", Json::number(created));
        let model = self.response_model();
        body.set("model", Json::string(if model.is_empty() { self.model() } else { model }));
        body.set("choices", Json::Array(choices));
        if let Some(usage) = self.usage() {
            let counts = [
                ("prompt_tokens", usage.prompt_tokens),
                ("completion_tokens", usage.completion_tokens),
                ("total_tokens", usage.total_tokens),
            ];
            let counts = counts.map(|(name, count)| (name, Json::number(count)));
            body.set("usage", Json::Object(counts.into_iter().collect()));
        }
        Json::Object(body)
    }
}

/// Returns whether a field's name has a place in the format, or none because a body has what it tells.
fn is_known(name: &str, http: bool) -> bool {
    const TRANSPORT: [&str; 6] = ["otel.", "http.", "url.", "network.", "server.", "error."];
    const IN_BODIES: [&str; 4] = [
        semconv::GEN_AI_REQUEST_PREFIX,
        semconv::GEN_AI_RESPONSE_PREFIX,
        semconv::GEN_AI_USAGE_PREFIX,
        semconv::GEN_AI_OUTPUT_PREFIX,
    ];
    meaning(name).is_some()
        || TRANSPORT.iter().any(|prefix| name.starts_with(prefix))
        || (http && IN_BODIES.iter().any(|prefix| name.starts_with(prefix)))
}

fn number(value: FieldValue<'_>) -> Option<Json<'static>> {
    match value {
        FieldValue::U64(n) => Some(Json::number(n)),
        FieldValue::I64(n) => Some(Json::number(n)),
        other => other.as_f64().map(Json::number),
    }
}

/// Returns a chat message.
fn message(role: &str, content: Json<'static>) -> Json<'static> {
    let members = [("role", Json::string(role.to_owned())), ("content", content)];
    Json::Object(members.into_iter().collect())
}

/// Returns a choice of a chat completion.
fn wrapped(index: usize, message: Json<'static>, finish_reason: Json<'static>) -> Json<'static> {
    let members = [("index", Json::number(index)), ("message", message), ("finish_reason", finish_reason)];
    Json::Object(members.into_iter().collect())
}

/// Returns the texts of OpenTelemetry's message parts, joined by newlines.
fn joined_text(parts: &Json<'_>) -> String {
    let texts = parts.items().iter().filter(|part| part.get("type").scalar() == "text");
    texts.map(|part| part.get("content").scalar()).collect::<Vec<_>>().join("\n")
}

/// Returns a message of OpenTelemetry's shape (`role`, `parts`) as a chat message; one without parts is a chat message
/// already.
/// <https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-input-messages.json>
fn chat_message(item: &Json<'_>) -> Json<'static> {
    let parts = item.get("parts");
    if parts.is_null() {
        return item.clone().into_owned();
    }
    let of_kind =
        |kind: &'static str| parts.items().iter().filter(move |part| part.get("type").scalar() == kind);
    let mut role = item.get("role").scalar();
    let text = joined_text(parts);
    let mut members = Object::new();
    let responses: Vec<_> = of_kind("tool_call_response").collect();
    let content = match responses.first() {
        Some(response) => {
            role = "tool".to_owned();
            let results = ["response", "result"].map(|key| response.get(key));
            let result = results.into_iter().find(|result| !result.is_null()).unwrap_or(&Json::Null);
            let mut plain = Vec::new();
            match result {
                Json::String(text) => plain.extend_from_slice(text.plain().as_bytes()),
                other => json::compact(other, &mut plain),
            }
            members.set("tool_call_id", Json::string(response.get("id").scalar()));
            Json::string(json::lossy(&plain).into_owned())
        }
        None if text.is_empty() => Json::Null,
        None => Json::string(text),
    };
    let Json::Object(mut chat) = message(&role, content) else {
        return Json::Null;
    };
    for (key, value) in members {
        chat.set_text(key, value);
    }
    let reasoning: Vec<_> = of_kind("reasoning").map(|part| part.get("content").scalar()).collect();
    if !reasoning.is_empty() {
        chat.set("reasoning_content", Json::string(reasoning.join("\n")));
    }
    let calls: Vec<_> = of_kind("tool_call").map(tool_call).collect();
    if !calls.is_empty() {
        chat.set("tool_calls", Json::Array(calls));
    }
    Json::Object(chat)
}

fn tool_call(part: &Json<'_>) -> Json<'static> {
    let arguments = match part.get("arguments") {
        Json::String(text) => text.plain().into_owned(),
        Json::Null => String::new(),
        other => {
            let mut out = Vec::new();
            json::compact(other, &mut out);
            json::lossy(&out).into_owned()
        }
    };
    let function =
        [("name", Json::string(part.get("name").scalar())), ("arguments", Json::string(arguments))];
    let members = [
        ("id", Json::string(part.get("id").scalar())),
        ("type", Json::string("function")),
        ("function", Json::Object(function.into_iter().collect())),
    ];
    Json::Object(members.into_iter().collect())
}

fn choice(place: usize, item: &Json<'_>) -> Json<'static> {
    let reason = match item.get("finish_reason") {
        // OpenTelemetry's word is not that of chat completions.
        Json::String(reason) if *reason == *"tool_call" => Json::string("tool_calls"),
        Json::String(reason) if *reason == *"unknown" => Json::Null,
        other => other.clone().into_owned(),
    };
    wrapped(place, chat_message(item), reason)
}
