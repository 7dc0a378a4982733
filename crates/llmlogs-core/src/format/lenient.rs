//! Lenient parsing of `metadata.json`, whichever program wrote it.
//!
//! An older logger in Python writes the same tree with fewer keys, and with fractions or nulls where the format has
//! whole numbers and strings. Values that cannot be converted are left out; everything else is kept.

use serde_json::{Map, Value};

use super::metadata::{Attempt, Metadata, Status, TraceSpan};

/// Reads the contents of a `metadata.json`.
///
/// # Errors
///
/// If `contents` is not a JSON object.
pub fn metadata(contents: &[u8]) -> serde_json::Result<Metadata> {
    // Serde takes a list for a struct, too.
    if contents.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|first| *first != b'{') {
        return Err(serde::de::Error::custom("not a JSON object"));
    }
    let mut metadata = match serde_json::from_slice::<Metadata>(contents) {
        Ok(metadata) => metadata,
        Err(_another_writer) => {
            let mut found: Value = serde_json::from_slice(contents)?;
            convert(&mut found, &template_metadata()?);
            serde_json::from_value(found)?
        }
    };
    if metadata.status == Status::Ok && metadata.response_info.error {
        let cancelled = metadata.response_info.error_type == "CancelledError";
        metadata.status = if cancelled { Status::Cancelled } else { Status::Error };
    }
    let usage = &mut metadata.usage;
    if usage.total_tokens == 0 {
        usage.total_tokens = usage.prompt_tokens + usage.completion_tokens;
    }
    Ok(metadata)
}

/// Returns metadata with one element in each list of objects.
fn template_metadata() -> serde_json::Result<Value> {
    let mut metadata = Metadata::default();
    metadata.attempts.push(Attempt::default());
    metadata.trace.spans.push(TraceSpan::default());
    serde_json::to_value(metadata)
}

/// Converts the members of `found` to the types of `template`; removes those that cannot be converted.
fn convert(found: &mut Value, template: &Value) {
    let (Some(members), Some(template)) = (found.as_object_mut(), template.as_object()) else {
        *found = Value::Object(Map::new());
        return;
    };
    members.retain(|key, value| match template.get(key) {
        // A field of a later version, or of the user's own.
        None => true,
        Some(Value::Object(_)) => {
            convert(value, &template[key]);
            true
        }
        Some(Value::Array(elements)) => match (value.as_array_mut(), elements.first()) {
            (Some(items), Some(element)) => {
                items.iter_mut().for_each(|item| convert(item, element));
                true
            }
            (Some(items), None) => {
                items.retain(Value::is_string);
                true
            }
            (None, _) => false,
        },
        // The older logger took over whatever a response has there.
        Some(Value::Bool(_)) if key == "error" => {
            let is_set = match value {
                Value::Bool(is_set) => *is_set,
                Value::String(text) => !text.is_empty(),
                Value::Object(members) => !members.is_empty(),
                Value::Null | Value::Number(_) | Value::Array(_) => false,
            };
            *value = Value::Bool(is_set);
            true
        }
        Some(Value::Bool(_)) => value.is_boolean(),
        Some(Value::String(_)) if key == "status" => {
            matches!(value.as_str(), Some("ok" | "error" | "cancelled"))
        }
        Some(Value::String(_)) => {
            if value.is_number() || value.is_boolean() {
                *value = Value::String(value.to_string());
            }
            value.is_string()
        }
        Some(Value::Number(number)) if number.is_f64() => value.is_number(),
        Some(Value::Number(_)) => round(value),
        Some(Value::Null) => match key.as_str() {
            "http_status" | "time_to_first_token_ms" | "retry_after_ms" => round(value),
            "temperature" | "max_tokens" => value.is_number(),
            "trace_id" | "span_id" | "started_at" => value.is_string(),
            "prompt_differs" => value.is_boolean(),
            _ => true,
        },
    });
}

/// Rounds a number to a whole number; returns `false` for a negative number and for anything else.
fn round(value: &mut Value) -> bool {
    match value.as_f64() {
        Some(number) if number >= 0.0 => {
            *value = Value::from(value.as_u64().unwrap_or(number.round() as u64));
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_loggers_fractions_nulls_and_missing_keys_lose_nothing_else() {
        let old = br#"{"call_id":"call_20251027_040210_001","session_id":"unknown","timestamp":1761537730,
            "api_info":{"model":"m","base_url":null,"endpoint":"/v1"},
            "request_info":{"messages_count":2.0,"tool_choice":{"type":"auto"},"temperature":"default","prompt_differs":"no"},
            "response_info":{"error":true,"error_type":"APIError","error_code":400,"tool_names":null,"http_status":400.0},
            "usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":null},
            "performance":{"latency_ms":2500.6,"tokens_per_second":1},
            "context":{"user_message":"hi","agent_iteration":"3","mood":"fine"}, "cost_estimate": null,
            "attempts":[{"attempt":1,"retry_after_ms":1.5}],
            "trace":{"trace_id":7,"spans":[{"id":"01","name":"agent","started_at":3}]}}"#;
        let metadata = metadata(old).unwrap();
        assert_eq!(metadata.status, Status::Error);
        assert_eq!(metadata.api_info.model, "m");
        assert_eq!(metadata.api_info.base_url, "");
        assert_eq!(metadata.response_info.error_code, "400");
        assert_eq!(metadata.response_info.http_status, Some(400));
        assert_eq!(metadata.performance.latency_ms, 2501);
        assert_eq!(metadata.usage.total_tokens, 7);
        assert_eq!(metadata.context.other["mood"], "fine");
        assert_eq!(metadata.attempts[0].retry_after_ms, Some(2));
        assert_eq!(metadata.trace.trace_id, None);
        assert_eq!((&*metadata.trace.spans[0].name, &metadata.trace.spans[0].started_at), ("agent", &None));
    }

    #[test]
    fn metadata_that_is_no_object_was_read_as_that_of_a_successful_call() {
        for odd in ["[]", " [1, 2]", "null", "\"text\"", "7", "", "  ", "{"] {
            assert!(metadata(odd.as_bytes()).is_err(), "{odd:?}");
        }
        assert_eq!(metadata(b" {}").unwrap(), Metadata::default());
    }

    #[test]
    fn an_error_that_an_older_logger_copied_from_the_response_was_a_success() {
        let status = |error: &str| {
            let text = format!(r#"{{"response_info":{{"error":{error}}}}}"#);
            metadata(text.as_bytes()).unwrap().status
        };
        assert_eq!(status(r#"{"message":"m"}"#), Status::Error);
        assert_eq!(status(r#""no credit""#), Status::Error);
        for none in ["{}", "null", "false", r#""""#] {
            assert_eq!(status(none), Status::Ok, "{none}");
        }
    }
}
