//! Reads a call's attributes from the fields of its spans and events: all of them for a call without bodies, otherwise
//! those that the bodies lack.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use crate::capture::{Api, CallRecord, Endpoint, ErrorType, Failure, FieldValue, Fields};
use crate::format::Usage;
use crate::json::{self, Json, Object};
use crate::redact;
use crate::semconv;

use super::chat_messages::{chat_choice, chat_message, choice, joined_text, message};

/// The meaning of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Provider,
    Operation,
    Model,
    ResponseModel,
    ResponseId,
    FinishReason,
    PromptTokens,
    CompletionTokens,
    TotalTokens,
    CachedTokens,
    CacheCreationTokens,
    ReasoningTokens,
    Temperature,
    MaxTokens,
    Stream,
    LatencyMs,
    ErrorType,
    ErrorMessage,
    InputMessages,
    OutputMessages,
    SystemInstructions,
    ServerAddress,
    ServerPort,
    SpanKind,
}

/// The names for each meaning, by precedence: OpenTelemetry's current ones, those of its older versions, OpenInference's,
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
        Meaning::PromptTokens,
        &[
            semconv::GEN_AI_USAGE_INPUT_TOKENS,
            semconv::GEN_AI_USAGE_PROMPT_TOKENS,
            semconv::LLM_TOKEN_COUNT_PROMPT,
            semconv::SHORT_PROMPT_TOKENS,
        ],
    ),
    (
        Meaning::CompletionTokens,
        &[
            semconv::GEN_AI_USAGE_OUTPUT_TOKENS,
            semconv::GEN_AI_USAGE_COMPLETION_TOKENS,
            semconv::LLM_TOKEN_COUNT_COMPLETION,
            semconv::SHORT_COMPLETION_TOKENS,
        ],
    ),
    (
        Meaning::TotalTokens,
        &[semconv::GEN_AI_USAGE_TOTAL_TOKENS, semconv::LLM_TOKEN_COUNT_TOTAL, semconv::SHORT_TOTAL_TOKENS],
    ),
    (Meaning::CachedTokens, &[semconv::GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS]),
    (
        Meaning::CacheCreationTokens,
        &[semconv::GEN_AI_USAGE_CACHE_CREATION_INPUT_TOKENS, semconv::GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS],
    ),
    (
        Meaning::ReasoningTokens,
        &[semconv::GEN_AI_USAGE_REASONING_OUTPUT_TOKENS, semconv::GEN_AI_USAGE_REASONING_TOKENS],
    ),
    (Meaning::Temperature, &[semconv::GEN_AI_REQUEST_TEMPERATURE]),
    (Meaning::MaxTokens, &[semconv::GEN_AI_REQUEST_MAX_TOKENS]),
    (Meaning::Stream, &[semconv::GEN_AI_REQUEST_STREAM]),
    (Meaning::LatencyMs, &[semconv::SHORT_LATENCY_MS]),
    (Meaning::ErrorType, &[semconv::SHORT_ERROR_TYPE, semconv::ERROR_TYPE, semconv::EXCEPTION_TYPE]),
    (Meaning::ErrorMessage, &[semconv::SHORT_ERROR_MESSAGE, semconv::EXCEPTION_MESSAGE]),
    (Meaning::InputMessages, &[semconv::GEN_AI_INPUT_MESSAGES]),
    (Meaning::OutputMessages, &[semconv::GEN_AI_OUTPUT_MESSAGES]),
    (Meaning::SystemInstructions, &[semconv::GEN_AI_SYSTEM_INSTRUCTIONS]),
    (Meaning::ServerAddress, &[semconv::SERVER_ADDRESS]),
    (Meaning::ServerPort, &[semconv::SERVER_PORT]),
    (Meaning::SpanKind, &[semconv::OPENINFERENCE_SPAN_KIND]),
];

/// Returns the meaning of a name and the name's rank among those of the same meaning; 0 has precedence.
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

/// The attributes of a call: those of its own span first, then those of its last attempt's. Earlier
/// attempts are ignored, since the call did not end as they did.
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
        let address = self.text(Meaning::ServerAddress);
        let base_url = match self.value(Meaning::ServerPort).and_then(FieldValue::as_u64) {
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
            query: String::new(),
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
        // OpenTelemetry's attribute is a list, which tracing records as its `Debug` text.
        match json::parse(&text) {
            Ok(Json::Array(items)) => items.first().map(Json::scalar).unwrap_or_default(),
            _ => text,
        }
    }

    /// Returns the token counts; `None` if no attribute has any.
    pub fn usage(&self) -> Option<Usage> {
        let count = |names| self.value(names).and_then(FieldValue::as_u64);
        let (prompt, completion, total) =
            (count(Meaning::PromptTokens), count(Meaning::CompletionTokens), count(Meaning::TotalTokens));
        if prompt.is_none() && completion.is_none() && total.is_none() {
            return None;
        }
        let (prompt, completion) = (prompt.unwrap_or(0), completion.unwrap_or(0));
        Some(Usage {
            prompt_tokens: prompt,
            completion_tokens: completion,
            total_tokens: total.unwrap_or(prompt + completion),
            cached_tokens: count(Meaning::CachedTokens).unwrap_or(0),
            cache_creation_tokens: count(Meaning::CacheCreationTokens).unwrap_or(0),
            reasoning_tokens: count(Meaning::ReasoningTokens).unwrap_or(0),
        })
    }

    /// Returns the latency in milliseconds.
    pub fn latency_ms(&self) -> Option<u64> {
        self.value(Meaning::LatencyMs).and_then(FieldValue::as_u64)
    }

    /// Returns the failure that an attribute or an event reports.
    pub fn failure(&self) -> Option<Failure> {
        let (kind, message) = (self.value(Meaning::ErrorType), self.value(Meaning::ErrorMessage));
        if kind.is_none() && message.is_none() {
            return None;
        }
        let kind = kind.map_or(ErrorType::Api, |kind| ErrorType::from_attribute(&kind.to_text()));
        // An error message may contain a URL with a key.
        let message = message.map(|message| redact::scrub_urls(&message.to_text()));
        Some(Failure::new(kind, message.unwrap_or_default()))
    }

    /// Returns the fields that have no key of their own in the format. `http`: whether there is a request; its body has
    /// the values that the span's fields repeat.
    pub fn unknown(&self, http: bool) -> impl Iterator<Item = (&'static str, FieldValue<'r>)> {
        let fields = self.all().collect::<Vec<_>>().into_iter().rev();
        fields.flat_map(Fields::iter).filter(move |(name, _)| !is_known(name, http))
    }

    /// Returns a request in the shape of a chat completion, composed of the attributes.
    pub fn request(&self) -> Json<'static> {
        let mut body = Object::new();
        body.set("model", Json::string(self.model()));
        let mut messages = Vec::new();
        let system = self.text(Meaning::SystemInstructions);
        if !system.is_empty() {
            let text = match json::parse(&system) {
                Ok(parts @ Json::Array(_)) => joined_text(&parts),
                _ => system,
            };
            messages.push(message("system", Json::string(text)));
        }
        let input = self.text(Meaning::InputMessages);
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
        let output = self.text(Meaning::OutputMessages);
        let mut choices: Vec<Json<'static>> = match json::parse(&output) {
            Ok(Json::Array(items)) => {
                items.iter().enumerate().map(|(place, item)| choice(place, item)).collect()
            }
            _ if output.is_empty() => Vec::new(),
            _ => vec![chat_choice(0, message("assistant", Json::string(output)), Json::Null)],
        };
        let finish_reason = self.finish_reason();
        if !finish_reason.is_empty() {
            if choices.is_empty() {
                choices.push(chat_choice(0, message("assistant", Json::Null), Json::Null));
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

/// Returns whether a field has a key of its own in the format, or needs none because a body has its value.
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
