//! Request parameters that spans carry.

use crate::json::Json;
use crate::semconv;

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
