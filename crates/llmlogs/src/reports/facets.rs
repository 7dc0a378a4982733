//! Which values there are to choose from, as JSON.

use serde_json::{Value, json};

use llmlogs_core::query::{Facets, NamedCount};

/// How many values of a field are named, the most frequent ones.
const VALUES: usize = 50;

/// Returns the values of each field, by the field's name in a filter.
pub(crate) fn json(facets: &Facets) -> Value {
    json!({
        "status": list(&facets.status),
        "model": list(&facets.model),
        "provider": list(&facets.provider),
        "error_type": list(&facets.error_type),
        "tool": list(&facets.tool),
        "session": list(&facets.session),
        "finish_reason": list(&facets.finish_reason),
    })
}

fn list(counts: &[NamedCount]) -> Value {
    counts.iter().take(VALUES).map(|count| json!({"value": count.name, "calls": count.count})).collect()
}
