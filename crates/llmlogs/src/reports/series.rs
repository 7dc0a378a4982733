//! How many, how much, how long, from one stretch of time to the next, as JSON.

use serde_json::{Value, json};

use llmlogs_core::query::{LatencySummary, Series, SeriesBucket};

use super::stats::cost;

/// Returns the stretches of time in order, and what the models cost in each.
pub(crate) fn json(series: &Series) -> Value {
    let models = series.models.iter();
    json!({
        "start": series.start,
        "step": series.step,
        "buckets": series.buckets.iter().map(bucket).collect::<Vec<_>>(),
        "models": models.map(|costs| json!({
            "model": costs.model, "currency": costs.currency, "cost": costs.cost,
        })).collect::<Vec<_>>(),
    })
}

fn bucket(bucket: &SeriesBucket) -> Value {
    json!({
        "ok": bucket.ok, "errors": bucket.errors, "cancelled": bucket.cancelled,
        "prompt_tokens": bucket.prompt_tokens, "completion_tokens": bucket.completion_tokens,
        "cached_tokens": bucket.cached_tokens, "reasoning_tokens": bucket.reasoning_tokens,
        "latency_ms": percentiles(&bucket.latency_ms),
        "time_to_first_token_ms": percentiles(&bucket.time_to_first_token_ms),
        "cost": cost(&bucket.cost),
        "tokens_per_second": bucket.tokens_per_second,
    })
}

fn percentiles(latencies: &LatencySummary) -> Value {
    match latencies.count {
        0 => Value::Null,
        _ => json!({"p50": latencies.p50, "p95": latencies.p95, "p99": latencies.p99}),
    }
}
