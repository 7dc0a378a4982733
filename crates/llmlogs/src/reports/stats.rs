//! How many, how much, how long, as JSON.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use llmlogs_core::query::{Cost, Group, GroupBy, GroupTotals, LatencySummary, Totals};

use crate::output::format::Clock;

/// Returns what `llmlogs stats --json` prints; `by` is what the calls were grouped by.
pub(crate) fn json(clock: Clock, totals: &Totals, by: Option<&GroupBy>) -> Value {
    let all = &totals.all;
    let mut hours: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for traffic in &totals.over_time {
        let (calls, errors) = hours.entry(clock.hour_start(traffic.start)).or_default();
        *calls += traffic.calls;
        *errors += traffic.errors;
    }
    let mut value = of(all);
    value.insert("in_flight".into(), totals.in_flight.into());
    value.insert("interrupted".into(), totals.interrupted.into());
    value.insert("not_recorded".into(), totals.not_recorded.into());
    value.insert("first".into(), totals.first.into());
    value.insert("last".into(), totals.last.into());
    value.insert("time_to_first_token_ms".into(), latencies(&totals.time_to_first_token_ms));
    value.insert("tokens_per_second".into(), totals.tokens_per_second.into());
    value.insert("by_model".into(), list("model", &totals.by_model));
    value.insert("by_provider".into(), list("provider", &totals.by_provider));
    value.insert("by_session".into(), list("session_id", &totals.by_session));
    value.insert(
        "by_tool".into(),
        totals.by_tool.iter().map(|tool| json!({"tool": tool.name, "calls": tool.count})).collect(),
    );
    value.insert(
        "by_finish_reason".into(),
        totals
            .by_finish_reason
            .iter()
            .map(|reason| json!({"finish_reason": reason.name, "calls": reason.count}))
            .collect(),
    );
    let hour = |(hour, (calls, errors)): (&String, &(u64, u64))| json!({"hour": hour, "calls": calls, "errors": errors});
    if let Some(by) = by {
        value.insert("by".into(), by.to_string().into());
        value.insert("groups".into(), list("name", &totals.groups));
    }
    value.insert("by_hour".into(), hours.iter().map(hour).collect());
    value.into()
}

fn of(sums: &GroupTotals) -> Map<String, Value> {
    let value = json!({
        "calls": sums.calls, "ok": sums.ok, "errors": sums.errors, "cancelled": sums.cancelled,
        "success_rate": sums.success_rate(),
        "tokens": {
            "prompt": sums.prompt_tokens, "completion": sums.completion_tokens, "total": sums.total_tokens,
            "cached": sums.cached_tokens, "reasoning": sums.reasoning_tokens,
        },
        "cost": cost(&sums.cost), "unpriced": sums.unpriced, "latency_ms": latencies(&sums.latency_ms),
    });
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

pub(super) fn cost(costs: &[Cost]) -> Value {
    Value::Object(costs.iter().map(|cost| (cost.currency.clone(), cost.amount.into())).collect())
}

fn latencies(latencies: &LatencySummary) -> Value {
    if latencies.count == 0 {
        return Value::Null;
    }
    json!({
        "mean": latencies.mean, "p50": latencies.p50, "p95": latencies.p95, "p99": latencies.p99,
        "max": latencies.max,
    })
}

fn list(key: &str, groups: &[Group]) -> Value {
    let object = |group: &Group| {
        let mut members = Map::new();
        members.insert(key.to_owned(), group.name.as_str().into());
        members.extend(of(&group.totals));
        Value::Object(members)
    };
    groups.iter().map(object).collect()
}
