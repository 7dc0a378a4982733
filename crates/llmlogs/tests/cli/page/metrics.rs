//! `/metrics`: the counts of `stats`, in Prometheus' text format.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};

use crate::tree::{Tree, call};

use super::Server;

/// The samples by name and labels, of a text that is checked against the format.
struct Scrape(Vec<Sample>);

struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

impl Scrape {
    fn of(server: &Server, path: &str) -> Self {
        let response = server.get(path);
        assert_eq!(response.status, 200, "{}", response.body);
        assert_eq!(response.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
        assert!(response.body.ends_with('\n'));
        let mut kinds = BTreeMap::new();
        let mut samples = Vec::new();
        for line in response.body.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                assert_eq!(kinds.insert(name.to_owned(), kind), None, "{name} is there twice");
            } else if !line.starts_with("# HELP ") {
                let sample = Sample::parse(line);
                let of = |end: &str| sample.name.strip_suffix(end).and_then(|name| kinds.get(name));
                let kind = kinds
                    .get(&sample.name)
                    .or_else(|| ["_bucket", "_sum", "_count"].iter().find_map(|end| of(end)));
                assert!(kind.is_some(), "{line} has no type");
                assert_eq!(sample.name.ends_with("_total"), kind == Some(&"counter"), "{line}");
                samples.push(sample);
            }
        }
        Scrape(samples)
    }

    /// The sum of the samples with these labels.
    fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let has = |sample: &&Sample| {
            sample.name == name
                && labels
                    .iter()
                    .all(|(label, value)| sample.labels.get(*label).map(String::as_str) == Some(*value))
        };
        self.0.iter().filter(has).map(|sample| sample.value).sum()
    }
}

impl Sample {
    fn parse(line: &str) -> Self {
        let end = line.find(['{', ' ']).unwrap();
        let name = &line[..end];
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{line}");
        let mut labels = BTreeMap::new();
        let mut rest = &line[end..];
        while let Some(behind) = rest.strip_prefix(['{', ',']) {
            let (label, value) = behind.split_once("=\"").unwrap();
            let mut text = String::new();
            let mut characters = value.char_indices();
            let end = loop {
                match characters.next().unwrap() {
                    (at, '"') => break at,
                    (_, '\\') => text.push(match characters.next().unwrap().1 {
                        'n' => '\n',
                        escaped @ ('"' | '\\') => escaped,
                        other => panic!("\\{other} in {line}"),
                    }),
                    (_, other) => text.push(other),
                }
            };
            assert_eq!(labels.insert(label.to_owned(), text), None, "{line}");
            rest = &value[end + 1..];
        }
        let value = rest.strip_prefix('}').unwrap_or(rest).strip_prefix(' ').unwrap();
        Sample { name: name.to_owned(), labels, value: value.parse().unwrap() }
    }
}

#[test]
fn counts_are_those_of_stats() {
    let tree = Tree::usual();
    let server = Server::start(tree.folder(), &[]);
    let scrape = Scrape::of(&server, "/metrics");
    let stats = &tree.json(&["stats", "--json"])[0];
    let number = |value: &Value| value.as_f64().unwrap();
    assert_eq!(number(&stats["calls"]), 8.0);
    for (status, field) in [("ok", "ok"), ("error", "errors"), ("cancelled", "cancelled")] {
        assert_eq!(
            scrape.sum("llmlogs_calls_total", &[("status", status)]),
            number(&stats[field]),
            "{status}"
        );
    }
    for (kind, field) in
        [("input", "prompt"), ("cached", "cached"), ("output", "completion"), ("reasoning", "reasoning")]
    {
        let tokens = scrape.sum("llmlogs_tokens_total", &[("kind", kind)]);
        assert_eq!(tokens, number(&stats["tokens"][field]), "{kind}");
    }
    for (currency, amount) in stats["cost"].as_object().unwrap() {
        let cost = scrape.sum("llmlogs_cost_total", &[("currency", currency)]);
        assert!((cost - number(amount)).abs() < 1e-9, "{currency}: {cost}");
    }
    for group in stats["by_model"].as_array().unwrap() {
        let model = group["model"].as_str().unwrap();
        assert_eq!(
            scrape.sum("llmlogs_calls_total", &[("model", model)]),
            number(&group["calls"]),
            "{model}"
        );
        let count =
            scrape.sum("gen_ai_client_operation_duration_seconds_count", &[("gen_ai_request_model", model)]);
        assert_eq!(count, number(&group["calls"]), "{model}");
    }
    let failures: Value = serde_json::from_str(&tree.run(&["failures", "--json"]).out).unwrap();
    let mut by_type: BTreeMap<&str, f64> = BTreeMap::new();
    for failed in failures["by_type"].as_array().unwrap() {
        *by_type.entry(failed["error_type"].as_str().unwrap()).or_default() += number(&failed["count"]);
    }
    assert!(!by_type.is_empty());
    for (error_type, count) in by_type {
        assert_eq!(scrape.sum("llmlogs_errors_total", &[("error_type", error_type)]), count, "{error_type}");
    }
    assert_eq!(scrape.sum("llmlogs_calls_interrupted", &[]), number(&stats["interrupted"]));
    assert_eq!(scrape.sum("llmlogs_calls_in_flight", &[]), number(&stats["in_flight"]));
    assert_eq!(scrape.sum("llmlogs_unreadable", &[]), 0.0);
    // Twice the same, from what is kept.
    let again = Scrape::of(&server, "/metrics?root=0");
    assert_eq!(again.sum("llmlogs_calls_total", &[]), 8.0);
    assert_eq!(again.sum("llmlogs_calls_interrupted", &[]), number(&stats["interrupted"]));
}

#[test]
fn buckets_add_up() {
    let tree = Tree::usual();
    let server = Server::start(tree.folder(), &[]);
    let scrape = Scrape::of(&server, "/metrics");
    for name in [
        "gen_ai_client_operation_duration_seconds",
        "gen_ai_client_operation_time_to_first_chunk_seconds",
        "gen_ai_client_token_usage",
    ] {
        let mut series: BTreeMap<_, Vec<(f64, f64)>> = BTreeMap::new();
        for sample in scrape.0.iter().filter(|sample| sample.name == format!("{name}_bucket")) {
            let mut labels = sample.labels.clone();
            let bound = labels.remove("le").unwrap();
            series.entry(labels).or_default().push((bound.replace('+', "").parse().unwrap(), sample.value));
        }
        // None of the tree's calls is streamed: without a first token there is no series.
        assert_eq!(series.is_empty(), name.contains("first_chunk"), "{name}");
        for (labels, buckets) in series {
            assert!(buckets.is_sorted(), "{name} {labels:?}: {buckets:?}");
            assert!(buckets.iter().map(|(_, count)| count).is_sorted(), "{name} {labels:?}: {buckets:?}");
            let labels: Vec<_> = labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let (last, count) = buckets[buckets.len() - 1];
            assert_eq!(
                (last, count),
                (f64::INFINITY, scrape.sum(&format!("{name}_count"), &labels)),
                "{labels:?}"
            );
        }
    }
}

#[test]
fn a_name_with_quotes_and_lines_stays_one_label() {
    let tree = Tree::usual();
    let session = tree.session("20251027", "20251027_090000", true);
    let hostile = "a\"} 1\nllmlogs_calls_total{model=\"b\\";
    let mut story = call("2025-10-27 09:00:00", 1_761_555_600.0).said("Hello?", "Hello.");
    story = story.model(hostile);
    tree.call(&session, 1, &story);
    let server = Server::start(tree.folder(), &[]);
    let scrape = Scrape::of(&server, "/metrics");
    assert_eq!(scrape.sum("llmlogs_calls_total", &[("model", hostile)]), 1.0);
    assert_eq!(scrape.sum("llmlogs_calls_total", &[("model", "b\\")]), 0.0);
}

#[test]
fn counters_grow_with_calls_and_do_not_fall_when_a_day_is_removed() {
    let tree = Tree::usual();
    let server = Server::start(tree.folder(), &[]);
    let calls = || Scrape::of(&server, "/metrics").sum("llmlogs_calls_total", &[]);
    assert_eq!(calls(), 8.0);
    let session = tree.session("20251028", "20251028_090000", true);
    tree.call(&session, 1, &call("2025-10-28 09:00:00", 1_761_642_000.0).said("Hello?", "Hello."));
    assert_eq!(calls(), 9.0);
    fs::remove_dir_all(tree.root().join("20251027")).unwrap();
    assert!(tree.json(&["stats", "--json"])[0]["calls"].as_u64().unwrap() < 9);
    let scrape = Scrape::of(&server, "/metrics");
    assert_eq!(scrape.sum("llmlogs_calls_total", &[]), 9.0);
    // What is not there is in no state.
    let stats = &tree.json(&["stats", "--json"])[0];
    assert_eq!(scrape.sum("llmlogs_calls_interrupted", &[]), stats["interrupted"].as_f64().unwrap());
}

#[test]
fn the_token_is_a_bearer_too() {
    let tree = Tree::usual();
    let server = Server::start(tree.folder(), &[]);
    let bearer = format!("Bearer {}", server.token);
    assert_eq!(server.request("GET", "/metrics", &[("Authorization", &bearer)]).status, 200);
    let refused = server.request("GET", "/metrics", &[]);
    assert_eq!((refused.status, refused.body.contains("llmlogs_calls")), (401, false));
    for (path, named) in [("/metrics?q=status:error", "q"), ("/metrics?root=9", "9")] {
        let response = server.get(path);
        let error: Value = serde_json::from_str(&response.body).unwrap();
        assert_eq!(
            (response.status, error["error"].as_str().unwrap().contains(named)),
            (400, true),
            "{error}"
        );
    }
    // A root that is still to come counts nothing.
    let empty = tempfile::tempdir().unwrap();
    let server = Server::start(empty.path(), &["--root", "later"]);
    assert_eq!(Scrape::of(&server, "/metrics").sum("llmlogs_calls_total", &[]), 0.0);
    assert_eq!(json!(server.json("/api/overview")["exists"]), json!(false));
}
