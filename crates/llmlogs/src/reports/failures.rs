//! What failed, how often, and why, as JSON.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use llmlogs_core::query::{FailureCount, FailureReport};

use crate::output::format::Clock;

/// Calls and failures by stretch of time, in order.
pub(crate) fn rates(report: &FailureReport, name: impl Fn(f64) -> String) -> BTreeMap<String, (u64, u64)> {
    let mut rates: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for rate in &report.over_time {
        let sum = rates.entry(name(rate.start)).or_default();
        sum.0 += rate.calls;
        sum.1 += rate.failures;
    }
    rates
}

/// Returns what `llmlogs failures --json` prints.
pub(crate) fn json(clock: Clock, report: &FailureReport) -> Value {
    let count = |count: &FailureCount| {
        json!({
            "count": count.count, "first": count.first, "last": count.last, "http_status": count.http_status,
            "example": count.example.display().to_string(),
        })
    };
    let with = |mut value: Value, more: Value| {
        if let (Some(members), Value::Object(more)) = (value.as_object_mut(), more) {
            members.extend(more);
        }
        value
    };
    let over_time = rates(report, |start| clock.hour_start(start));
    let failures = report.failures;
    json!({
        "calls": report.calls,
        "failures": failures,
        "cancelled": report.cancelled,
        "failure_rate": if report.calls == 0 { Value::Null } else { (failures as f64 / report.calls as f64).into() },
        "over_time": over_time.iter().map(|(hour, (calls, failures))| json!({"hour": hour, "calls": calls, "failures": failures})).collect::<Vec<_>>(),
        "by_type": report.by_type.iter().map(|failed| with(
            json!({"error_type": failed.error_type, "error_code": failed.error_code}), count(&failed.count)
        )).collect::<Vec<_>>(),
        "causes": report.causes.iter().map(|cause| with(
            json!({"error_type": cause.error_type, "error_code": cause.error_code, "message": cause.message}), count(&cause.count)
        )).collect::<Vec<_>>(),
        "runs": report.runs.iter().take(100).map(|run| json!({
            "length": run.length, "first": run.first, "last": run.last, "session_id": run.session_id,
        })).collect::<Vec<_>>(),
        "retries": report.retries,
    })
}
