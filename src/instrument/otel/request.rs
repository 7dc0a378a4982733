//! The attributes of a request that no `tracing` field carries.

use opentelemetry::{Array, KeyValue, StringValue, Value};

use llmlogs_core::capture::{Api, Endpoint};
use llmlogs_core::json::Json;
use llmlogs_core::semconv;

use crate::instrument::attributes::clean;

/// Where the APIs put the texts at which the model stops.
const STOP_SEQUENCES: [&[&str]; 7] = [
    &["stop"],
    &["stop_sequences"],
    &["inferenceConfig", "stopSequences"],
    &["generationConfig", "stopSequences"],
    &["generation_config", "stop_sequences"],
    &["options", "stop"],
    &["stopSequences"],
];

/// Returns the attributes of `body`, a request to `endpoint`.
pub(super) fn attributes(endpoint: &Endpoint, body: &Json<'_>) -> Vec<KeyValue> {
    let mut attributes = Vec::new();
    let stops = stop_sequences(body);
    if !stops.is_empty() {
        attributes.push(KeyValue::new(semconv::GEN_AI_REQUEST_STOP_SEQUENCES, strings(stops)));
    }
    if let Some(output) = output_type(endpoint, body) {
        attributes.push(KeyValue::new(semconv::GEN_AI_OUTPUT_TYPE, output));
    }
    // The convention leaves out the default.
    let tier = body.get("service_tier").as_str().filter(|tier| is_openai(endpoint) && *tier != "auto");
    if let Some(tier) = tier {
        attributes.push(KeyValue::new(semconv::OPENAI_REQUEST_SERVICE_TIER, clean(&tier).into_owned()));
    }
    attributes
}

/// Returns whether `endpoint` is of the shape of OpenAI's APIs, whose service tiers have attributes.
pub(super) fn is_openai(endpoint: &Endpoint) -> bool {
    matches!(endpoint.api, Api::OpenAiChat | Api::OpenAiResponses)
}

/// Returns an attribute's value that is an array of strings.
pub(super) fn strings(texts: impl IntoIterator<Item = String>) -> Value {
    Value::Array(Array::String(texts.into_iter().map(StringValue::from).collect()))
}

fn stop_sequences(body: &Json<'_>) -> Vec<String> {
    let stops = STOP_SEQUENCES.iter().map(|path| body.at(path)).find(|stop| !stop.is_null());
    match stops {
        Some(Json::Array(stops)) => {
            let stops = stops.iter().map(Json::scalar).filter(|stop| !stop.is_empty());
            stops.map(|stop| clean(&stop).into_owned()).collect()
        }
        Some(Json::String(stop)) => vec![clean(&stop.plain()).into_owned()],
        _ => Vec::new(),
    }
}

/// Returns what the request asks for, `None` where it leaves that to the API.
fn output_type(endpoint: &Endpoint, body: &Json<'_>) -> Option<&'static str> {
    match &*endpoint.operation {
        "image_generation" => return Some("image"),
        "audio_generation" => return Some("speech"),
        _ => {}
    }
    let modalities = [
        body.get("modalities"),
        body.at(&["generationConfig", "responseModalities"]),
        body.get("response_modalities"),
    ];
    let modalities = modalities.into_iter().flat_map(Json::items).filter_map(Json::as_str);
    for modality in modalities {
        match &*modality.to_ascii_lowercase() {
            "image" => return Some("image"),
            "audio" => return Some("speech"),
            _ => {}
        }
    }
    let formats = [
        body.at(&["response_format", "type"]),
        body.at(&["text", "format", "type"]),
        body.at(&["output_format", "type"]),
        body.at(&["output_config", "format", "type"]),
        body.at(&["generationConfig", "responseMimeType"]),
        body.get("response_mime_type"),
        // Ollama: `json`, or a schema.
        body.get("format"),
    ];
    match formats.into_iter().find(|format| !format.is_null())? {
        Json::Object(_) => Some("json"),
        format => match &*format.as_str()? {
            "json" | "json_object" | "json_schema" | "application/json" => Some("json"),
            "text" | "text/plain" => Some("text"),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use llmlogs_core::{api, json};

    fn of(url: &str, body: &str) -> Vec<String> {
        let endpoint = api::detect_endpoint(api::Request { method: "POST", url }).unwrap();
        let body = json::parse(body).unwrap();
        let attributes = attributes(&endpoint, &body);
        attributes.iter().map(|attribute| format!("{}={}", attribute.key, attribute.value)).collect()
    }

    #[test]
    fn each_apis_request_has_its_stop_sequences_output_type_and_tier() {
        let openai = "https://api.openai.com/v1/chat/completions";
        let anthropic = "https://api.anthropic.com/v1/messages";
        let gemini = "https://generativelanguage.googleapis.com/v1beta/models/g:generateContent";
        for (url, body, expected) in [
            (
                openai,
                r#"{"stop":"END","response_format":{"type":"json_schema"},"service_tier":"flex"}"#,
                &[
                    "gen_ai.request.stop_sequences=[\"END\"]",
                    "gen_ai.output.type=json",
                    "openai.request.service_tier=flex",
                ][..],
            ),
            (
                openai,
                r#"{"service_tier":"auto","modalities":["text","audio"]}"#,
                &["gen_ai.output.type=speech"],
            ),
            (
                "https://api.openai.com/v1/responses",
                r#"{"text":{"format":{"type":"text"}}}"#,
                &["gen_ai.output.type=text"],
            ),
            (
                anthropic,
                r#"{"stop_sequences":["a","b"],"service_tier":"standard_only"}"#,
                &["gen_ai.request.stop_sequences=[\"a\",\"b\"]"],
            ),
            (
                gemini,
                r#"{"generationConfig":{"stopSequences":["x"],"responseMimeType":"application/json"}}"#,
                &["gen_ai.request.stop_sequences=[\"x\"]", "gen_ai.output.type=json"],
            ),
            (
                gemini,
                r#"{"generationConfig":{"responseModalities":["TEXT","IMAGE"]}}"#,
                &["gen_ai.output.type=image"],
            ),
            (
                "http://127.0.0.1:11434/api/chat",
                r#"{"format":{"type":"object"},"options":{"stop":["s"]}}"#,
                &["gen_ai.request.stop_sequences=[\"s\"]", "gen_ai.output.type=json"],
            ),
            (openai, r#"{"messages":[]}"#, &[]),
        ] {
            assert_eq!(of(url, body), expected, "{body}");
        }
    }
}
