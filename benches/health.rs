//! What health and alerts add to a finished call: the first on the recorder's thread, the second on that of the alerts.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use llmlogs_core::alert::{Machine, Rule};
use llmlogs_core::format::IndexEntry;
use llmlogs_core::health::SeriesSet;

const LINE: &str = r#"{"call_id":"call_20251027_040210_001","timestamp":1761537730.123,"status":"ok","provider":"deepseek",
"model":"deepseek-chat","operation":"chat","http_status":200,"prompt_tokens":1296,"completion_tokens":167,
"total_tokens":1463,"latency_ms":2500,"time_to_first_token_ms":812,"total_cost":0.00163,"currency":"CNY"}"#;

fn health(c: &mut Criterion) {
    let mut group = c.benchmark_group("health");
    let call: IndexEntry = serde_json::from_str(LINE).expect("a line of the format");
    let start = Duration::from_secs(1_761_537_730);
    // A hundred calls a second.
    let step = Duration::from_millis(10);

    let mut now = start;
    let mut series = SeriesSet::default();
    group.bench_function("count", |b| {
        b.iter(|| {
            now += step;
            series.add(black_box(&call), now, now);
        });
    });
    for (name, rules) in [
        ("one rule", vec![Rule::failures_in_a_row(5)]),
        (
            "three rules",
            vec![
                Rule::failures_in_a_row(5),
                Rule::failure_rate(0.2, Duration::from_secs(300)),
                Rule::latency(95.0, Duration::from_secs(10), Duration::from_secs(300)),
            ],
        ),
    ] {
        let mut now = start;
        let mut machine = Machine::new(rules, "s", "s", now);
        group.bench_function(name, |b| {
            b.iter(|| {
                now += step;
                black_box(machine.observe(black_box(&call), now, now))
            });
        });
    }
    group.finish();
}

criterion_group!(benches, health);
criterion_main!(benches);
