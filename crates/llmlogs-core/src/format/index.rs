//! A line of `index.jsonl`: its serde model, and its conversion from `metadata.json`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::metadata::{Context, Metadata, Status};
use super::prepared::PreparedFile;

/// How many characters of a text an index line holds.
const MAX_CHARACTERS: usize = 200;

/// How many fields `context` holds, and how many bytes they have together, written as JSON.
const MAX_CONTEXT_FIELDS: usize = 16;
const MAX_CONTEXT_BYTES: usize = 2048;

/// A line of `index.jsonl`: enough for listing and statistics without opening a call.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
#[allow(missing_docs, reason = "each field is Metadata's of the same name")]
pub struct IndexEntry {
    pub call_id: String,
    pub timestamp: f64,
    pub status: Status,
    pub provider: String,
    pub model: String,
    pub operation: String,
    pub http_status: Option<u16>,
    pub error_type: String,
    pub error_code: String,
    /// The first 200 characters.
    pub error_message: String,
    pub finish_reason: String,
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
    pub total_tokens: u64,
    pub cached_tokens: u64,
    pub reasoning_tokens: u64,
    pub latency_ms: u64,
    pub time_to_first_token_ms: Option<u64>,
    pub total_cost: f64,
    pub currency: String,
    /// How many attempts there were; 0 if there was only one.
    pub attempts: u64,
    /// How long it was waited between them, in milliseconds.
    pub waited_ms: u64,
    /// The model of the target that the call fell back to; empty if it did not.
    pub fallback_model: String,
    pub tool_names: Vec<String>,
    /// The first 200 characters.
    pub user_message: String,
    /// Names of the enclosing spans, joined by `/`.
    pub trace: String,
    /// Ids of the enclosing spans, in the order of `trace`.
    pub span_ids: Vec<String>,
    /// The scalar fields of the call's context that are set: strings of up to 200 characters, numbers and booleans; at
    /// most 16 of them, with at most 2 KiB. A field that does not fit is left out.
    pub context: Map<String, Value>,
    /// Whether `context` has every field that is set, but for `user_message` and `spans`; `false` if that is not known.
    pub context_complete: bool,
    /// [`RequestInfo::prompt_differs`](super::RequestInfo::prompt_differs).
    pub prompt_differs: Option<bool>,
}

impl IndexEntry {
    /// Returns the entry as a line, without the newline at its end.
    ///
    /// # Errors
    ///
    /// Those of serde; none are known.
    pub fn to_line(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(self)
    }

    /// Returns the line without the call's id, which must be empty, and without the newline at its end.
    ///
    /// # Errors
    ///
    /// Those of serde; none are known.
    pub fn prepare(&self) -> serde_json::Result<PreparedFile> {
        PreparedFile::compact(self)
    }
}

impl From<&Metadata> for IndexEntry {
    fn from(call: &Metadata) -> Self {
        let sent = call.attempts.iter().filter(|attempt| attempt.was_sent()).count();
        let (context, context_complete) = scalar_fields(&call.context);
        IndexEntry {
            call_id: call.call_id.clone(),
            timestamp: call.timestamp,
            status: call.status,
            provider: call.api_info.provider.clone(),
            model: call.api_info.model.clone(),
            operation: call.api_info.operation.clone(),
            http_status: call.response_info.http_status,
            error_type: call.response_info.error_type.clone(),
            error_code: call.response_info.error_code.clone(),
            error_message: first_characters(&call.response_info.error_message),
            finish_reason: call.response_info.finish_reason.clone(),
            prompt_tokens: call.usage.prompt_tokens,
            completion_tokens: call.usage.completion_tokens,
            total_tokens: call.usage.total_tokens,
            cached_tokens: call.usage.cached_tokens,
            reasoning_tokens: call.usage.reasoning_tokens,
            latency_ms: call.performance.latency_ms,
            time_to_first_token_ms: call.performance.time_to_first_token_ms,
            total_cost: call.cost_estimate.total_cost,
            currency: call.cost_estimate.currency.clone(),
            attempts: if sent > 1 { sent as u64 } else { 0 },
            waited_ms: call.attempts.iter().map(|attempt| attempt.waited_ms).sum(),
            fallback_model: call
                .fallback
                .as_ref()
                .map(|fallback| fallback.to.model.clone())
                .unwrap_or_default(),
            tool_names: call.response_info.tool_names.clone(),
            user_message: first_characters(&call.context.user_message),
            trace: call.context.spans.join("/"),
            span_ids: call.trace.spans.iter().map(|span| span.id.clone()).collect(),
            context,
            context_complete,
            prompt_differs: call.request_info.prompt_differs,
        }
    }
}

fn first_characters(text: &str) -> String {
    text.chars().take(MAX_CHARACTERS).collect()
}

/// Returns the fields that a line has, and whether they are all that are set.
fn scalar_fields(context: &Context) -> (Map<String, Value>, bool) {
    let named = [
        ("agent_iteration", &context.agent_iteration),
        ("phase", &context.phase),
        ("round", &context.round),
        ("task_id", &context.task_id),
    ];
    // Zero means that the iteration is not known.
    let named = named.into_iter().filter(|(name, value)| *name != "agent_iteration" || **value != 0);
    let others = context.other.iter().map(|(name, value)| (name.as_str(), value));
    let mut fields = Map::new();
    let mut complete = true;
    let mut bytes = "{}".len();
    for (name, value) in named.chain(others) {
        let length = match value {
            Value::String(text) if text.chars().nth(MAX_CHARACTERS).is_none() => quoted_length(text),
            Value::Number(number) => number.to_string().len(),
            Value::Bool(value) => value.to_string().len(),
            Value::Null => continue,
            Value::String(_) | Value::Array(_) | Value::Object(_) => {
                complete = false;
                continue;
            }
        };
        // With the name, the colon and the comma.
        let length = quoted_length(name) + length + 2;
        if fields.len() < MAX_CONTEXT_FIELDS && bytes + length <= MAX_CONTEXT_BYTES {
            bytes += length;
            fields.insert(name.to_owned(), value.clone());
        } else {
            complete = false;
        }
    }
    (fields, complete)
}

/// Returns the length of `text` as a JSON string.
fn quoted_length(text: &str) -> usize {
    let escaped = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0..0x20 => 6,
        _ => 1,
    };
    text.bytes().map(escaped).sum::<usize>() + 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(fields: Value) -> IndexEntry {
        let metadata: Metadata = serde_json::from_value(serde_json::json!({ "context": fields })).unwrap();
        IndexEntry::from(&metadata)
    }

    fn context(fields: Value) -> Map<String, Value> {
        entry(fields).context
    }

    #[test]
    fn a_line_says_whether_its_context_is_complete() {
        let whole = serde_json::json!({"user_message": "é".repeat(300), "phase": null, "tenant": "acme", "spans": ["a"]});
        assert!(entry(whole).context_complete && entry(serde_json::json!({})).context_complete);
        let many: Map<_, _> = (0..17).map(|n| (format!("field{n}"), Value::from(n))).collect();
        for incomplete in [
            serde_json::json!({"long": "é".repeat(201)}),
            serde_json::json!({"tags": []}),
            serde_json::json!({"user": {"plan": "pro"}}),
            Value::Object(many),
        ] {
            assert!(!entry(incomplete.clone()).context_complete, "{incomplete}");
        }
    }

    #[test]
    fn the_context_of_a_line_has_the_scalar_fields_that_are_set() {
        let fields = context(serde_json::json!({
            "user_message": "hi", "agent_iteration": 2, "phase": null, "round": 1.5, "task_id": "t-1",
            "cached": false, "tags": ["a"], "spans": ["agent"],
            "long": "é".repeat(201), "whole": "é".repeat(200),
        }));
        let expected = serde_json::json!({
            "agent_iteration": 2, "round": 1.5, "task_id": "t-1", "cached": false, "whole": "é".repeat(200),
        });
        assert_eq!(Value::Object(fields), expected);
        assert_eq!(context(serde_json::json!({ "agent_iteration": 0 })), Map::new());
    }

    #[test]
    fn the_context_of_a_line_stays_small() {
        let many: Map<_, _> = (0..40).map(|n| (format!("field{n}"), Value::from(n))).collect();
        assert_eq!(context(Value::Object(many)).len(), MAX_CONTEXT_FIELDS);
        let heavy: Map<_, _> = (0..14).map(|n| (format!("\n{n}"), Value::from("\n".repeat(99)))).collect();
        let fields = context(Value::Object(heavy));
        let written = serde_json::to_string(&fields).unwrap().len();
        assert!((MAX_CONTEXT_BYTES - 220..=MAX_CONTEXT_BYTES).contains(&written), "{written}");
        assert!(fields.values().all(|value| value.as_str().unwrap().len() == 99));
    }
}
