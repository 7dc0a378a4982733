//! Pretty-printing a body of 100 KB with its own keys, numbers and strings, beside serde_json's way through a `Value`,
//! which keeps neither order nor digits.

#![allow(missing_docs, clippy::unwrap_used, reason = "a bench")]

mod support;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use llmlogs_core::json;
use serde_json::Value;

const SIZE: usize = 100_000;

/// A conversation: prose with line breaks and quotes, calls of tools, numbers.
fn body() -> String {
    let prose = "The recorder \\\"keeps\\\" what went over the wire.\\nIt is read by people, so it is printed for them; gr\\u00fc\u{df}e. ".repeat(8);
    let turn = format!(
        r#"{{"role":"user","content":[{{"type":"text","text":"{prose}"}}]}},{{"role":"assistant","content":null,"tool_calls":[{{"id":"call_1","type":"function","function":{{"name":"search","arguments":"{{\"query\":\"wire\",\"limit\":10}}"}}}}]}},{{"role":"tool","tool_call_id":"call_1","content":[{{"score":0.12345678901234567890,"rank":1,"hit":true}},{{"score":1e-7,"rank":2,"hit":null}}]}}"#
    );
    let turns = vec![turn.clone(); SIZE / turn.len()].join(",");
    format!(r#"{{"model":"gpt-4o","temperature":0.30,"messages":[{turns}]}}"#)
}

fn bench(criterion: &mut Criterion) {
    let body = body();
    let mut group = criterion.benchmark_group("pretty");
    group.throughput(Throughput::Bytes(body.len() as u64));
    group.bench_function("serde_json_value", |b| {
        b.iter(|| {
            let value: Value = serde_json::from_str(&body).unwrap();
            serde_json::to_vec_pretty(&value).unwrap()
        });
    });
    group.bench_function("llmlogs", |b| {
        b.iter(|| {
            let mut out = Vec::new();
            json::reformat(&body, &mut out).unwrap();
            out
        });
    });
    group.bench_function("llmlogs_by_tree", |b| {
        b.iter(|| {
            let mut out = Vec::new();
            json::pretty(&json::parse(&body).unwrap(), &mut out);
            out
        });
    });
    group.finish();
    support::ratios("pretty", "serde_json_value", &["llmlogs", "llmlogs_by_tree"], 1);
}

criterion_group!(name = benches; config = support::criterion(); targets = bench);
criterion_main!(benches);
