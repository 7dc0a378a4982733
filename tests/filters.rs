//! A filter that hides the middleware's spans: the user is told, once. A binary of its own, since it
//! is told once a process, in a child whose standard error is read.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use llmlogs_test_support as support;

use std::process::Command;

use serde_json::json;
use support::api::{Answer, Api};
use tracing_llmlogs::LlmLogMiddleware;
use tracing_subscriber::{EnvFilter, Layer, fmt, prelude::*};

const CHILD: &str = "LLMLOGS_TEST_FILTER";

/// Three calls under the arrangement that the parent names.
#[test]
fn child() {
    let Ok(arrangement) = std::env::var(CHILD) else {
        return;
    };
    let (layer, recorded) = support::recorder();
    let filter = EnvFilter::new("myapp=debug");
    let quiet = std::io::sink;
    let registry = tracing_subscriber::registry();
    match &*arrangement {
        "global filter" => registry.with(layer).with(fmt::layer().with_writer(quiet)).with(filter).init(),
        "filter on our layer" => {
            registry.with(layer.with_filter(filter)).with(fmt::layer().with_writer(quiet)).init()
        }
        "filter on fmt" => {
            registry.with(layer).with(fmt::layer().with_writer(quiet).with_filter(filter)).init()
        }
        "target added" => {
            registry.with(layer).with(EnvFilter::new("myapp=debug,tracing_llmlogs=info")).init();
        }
        other => panic!("{other}"),
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let api = Api::start([Answer::json(200, "{}")]).await;
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let client = reqwest_middleware::ClientBuilder::new(http).with(LlmLogMiddleware::new()).build();
        for _ in 0..3 {
            client.post(api.chat()).json(&json!({"model": "m"})).send().await.unwrap().bytes().await.unwrap();
        }
    });
    eprintln!("recorded {}", recorded.calls().len());
}

fn run(arrangement: &str) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(CHILD, arrangement)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_filter_that_hides_the_calls_is_told_once() {
    for arrangement in ["global filter", "filter on our layer"] {
        let said = run(arrangement);
        assert_eq!(
            said.matches("tracing-llmlogs: a call was not recorded").count(),
            1,
            "{arrangement}: {said}"
        );
        assert!(said.contains("recorded 0"), "{said}");
    }
}

#[test]
fn the_ways_that_the_word_recommends_record_every_call() {
    for arrangement in ["filter on fmt", "target added"] {
        let said = run(arrangement);
        assert!(said.contains("recorded 3") && !said.contains("tracing-llmlogs:"), "{arrangement}: {said}");
    }
}
