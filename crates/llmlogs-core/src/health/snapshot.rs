//! The numbers of health, for programs and for people.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::window::{Percentile, WindowStats};

/// How every provider and model did within a span of time.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct HealthSnapshot {
    /// The span, in milliseconds. It is rounded up to whole slices of 15 seconds.
    pub window_ms: u64,
    /// What was counted, by provider and model; only those with calls within the span.
    pub series: Vec<SeriesHealth>,
}

/// How one model of one provider did.
///
/// The calls of models beyond the first 64 of an hour are counted together, with `other` as provider and model.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct SeriesHealth {
    /// The provider, as `metadata.json` has it.
    pub provider: String,
    /// The model that was asked for.
    pub model: String,
    /// Finished calls.
    pub calls: u64,
    /// Those of them that succeeded.
    pub ok: u64,
    /// Those of them that failed.
    pub errors: u64,
    /// Those of them that the caller cancelled.
    pub cancelled: u64,
    /// Successes among successes and failures, from 0 to 1; `None` if there are neither.
    pub success_rate: Option<f64>,
    /// Half of the calls took no longer, in milliseconds; `None` if there are none. Cancelled calls do not count.
    pub latency_p50_ms: Option<u64>,
    /// 95 % of the calls took no longer.
    pub latency_p95_ms: Option<u64>,
    /// 99 % of the calls took no longer.
    pub latency_p99_ms: Option<u64>,
    /// The longest call.
    pub latency_max_ms: Option<u64>,
    /// Half of the streamed calls had their first content by then, in milliseconds; `None` if there are none.
    pub first_token_p50_ms: Option<u64>,
    /// 95 % of the streamed calls had their first content by then.
    pub first_token_p95_ms: Option<u64>,
    /// Input tokens.
    pub prompt_tokens: u64,
    /// Output tokens.
    pub completion_tokens: u64,
    /// All tokens.
    pub total_tokens: u64,
    /// Costs by currency; calls without a known price are not in it.
    pub cost: BTreeMap<String, f64>,
}

impl SeriesHealth {
    pub(super) fn new(provider: &str, model: &str, stats: &WindowStats) -> Self {
        let latency = |share| stats.percentile(Percentile::Latency, share);
        let first_token = |share| stats.percentile(Percentile::FirstToken, share);
        SeriesHealth {
            provider: provider.to_owned(),
            model: model.to_owned(),
            calls: stats.calls(),
            ok: stats.ok,
            errors: stats.errors,
            cancelled: stats.cancelled,
            success_rate: stats.success_rate(),
            latency_p50_ms: latency(0.5),
            latency_p95_ms: latency(0.95),
            latency_p99_ms: latency(0.99),
            latency_max_ms: stats.longest(Percentile::Latency),
            first_token_p50_ms: first_token(0.5),
            first_token_p95_ms: first_token(0.95),
            prompt_tokens: stats.prompt_tokens,
            completion_tokens: stats.completion_tokens,
            total_tokens: stats.total_tokens,
            cost: stats.cost.clone(),
        }
    }
}
