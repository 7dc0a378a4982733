//! Request parameters: those that are shown, and those that spans carry.

use crate::json::Json;
use crate::semconv;

/// Members of a request that are neither conversation nor tools, where most APIs have them.
pub const PARAMETERS: [&str; 14] = [
    "temperature",
    "top_p",
    "top_k",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "tool_choice",
    "response_format",
    "seed",
    "stop",
    "stream",
    "frequency_penalty",
    "presence_penalty",
    "reasoning_effort",
];

/// Returns the [`PARAMETERS`] that a body has, but for those that a view of the request has.
pub fn other_parameters<'j>(body: &'j Json<'j>) -> impl Iterator<Item = (&'static str, &'j Json<'j>)> {
    const IN_VIEW: [&str; 6] =
        ["temperature", "max_tokens", "max_completion_tokens", "max_output_tokens", "tool_choice", "stream"];
    let others = PARAMETERS.into_iter().filter(|name| !IN_VIEW.contains(name));
    others.map(|name| (name, body.get(name))).filter(|(_, value)| !value.is_null())
}

/// Returns the request parameters that a span carries, as pairs of attribute and value, without building a view; null
/// stands for a parameter that is missing.
pub fn parameters<'j>(body: &'j Json<'j>) -> impl Iterator<Item = (&'static str, &'j Json<'j>)> {
    const SPAN_PARAMETERS: [(&str, &str); 6] = [
        (semconv::GEN_AI_REQUEST_TOP_P, "top_p"),
        (semconv::GEN_AI_REQUEST_FREQUENCY_PENALTY, "frequency_penalty"),
        (semconv::GEN_AI_REQUEST_PRESENCE_PENALTY, "presence_penalty"),
        (semconv::GEN_AI_REQUEST_SEED, "seed"),
        (semconv::GEN_AI_REQUEST_CHOICE_COUNT, "n"),
        (semconv::GEN_AI_REQUEST_TOP_K, "top_k"),
    ];
    SPAN_PARAMETERS.into_iter().map(|(attribute, key)| (attribute, body.get(key)))
}
