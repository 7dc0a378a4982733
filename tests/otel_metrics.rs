//! The metrics of calls, through the global meter of this process.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use llmlogs_test_support as support;

use std::collections::BTreeMap;

use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use reqwest_retry::RetryTransientMiddleware;
use reqwest_retry::policies::ExponentialBackoff;
use serde_json::json;
use support::api::{Answer, Api};
use tracing::Instrument;
use tracing_llmlogs::{LlmCall, LlmLogMiddleware};

/// The attributes of a data point, and its count, sum and boundaries.
type Points = Vec<(BTreeMap<String, String>, u64, f64, Vec<f64>)>;

struct Metrics {
    exporter: InMemoryMetricExporter,
    provider: SdkMeterProvider,
}

impl Metrics {
    fn start() -> Self {
        let exporter = InMemoryMetricExporter::default();
        let reader = PeriodicReader::builder(exporter.clone()).build();
        let provider = SdkMeterProvider::builder().with_reader(reader).build();
        opentelemetry::global::set_meter_provider(provider.clone());
        Metrics { exporter, provider }
    }

    /// Returns the points of the histogram `name`, with its unit.
    fn points(&self, name: &str) -> (String, Points) {
        self.provider.force_flush().unwrap();
        let finished = self.exporter.get_finished_metrics().unwrap();
        let last = finished.last().unwrap();
        let metric =
            last.scope_metrics().flat_map(|scope| scope.metrics()).find(|metric| metric.name() == name);
        let metric = metric.unwrap_or_else(|| panic!("no {name}"));
        let points = match metric.data() {
            AggregatedMetrics::F64(MetricData::Histogram(histogram)) => histogram
                .data_points()
                .map(|point| {
                    (named(point.attributes()), point.count(), point.sum(), point.bounds().collect())
                })
                .collect(),
            AggregatedMetrics::U64(MetricData::Histogram(histogram)) => histogram
                .data_points()
                .map(|point| {
                    (named(point.attributes()), point.count(), point.sum() as f64, point.bounds().collect())
                })
                .collect(),
            _ => panic!("{name} is no histogram"),
        };
        (metric.unit().to_owned(), points)
    }
}

fn named<'a>(attributes: impl Iterator<Item = &'a opentelemetry::KeyValue>) -> BTreeMap<String, String> {
    attributes.map(|attribute| (attribute.key.to_string(), attribute.value.to_string())).collect()
}

const REPLY: &str = r#"{"id":"c1","model":"gpt-4o-2024","choices":[{"finish_reason":"stop","message":{"content":"Hi"}}],"usage":{"prompt_tokens":9,"completion_tokens":4,"total_tokens":13}}"#;

async fn send(client: &ClientWithMiddleware, url: String) {
    let body = json!({"model": "gpt-4o", "messages": []});
    drop(client.post(url).json(&body).send().await.unwrap().bytes().await);
}

#[tokio::test]
async fn each_call_is_counted_once_with_its_duration_and_its_tokens() {
    let metrics = Metrics::start();
    let (subscriber, _recorded) = support::subscriber();
    let _default = tracing::dispatcher::set_default(&subscriber);
    let http = || reqwest::Client::builder().no_proxy().build().unwrap();
    let builder = || ClientBuilder::new(http());
    let plain = builder().with(LlmLogMiddleware::new()).build();

    // One layer of the middleware; several; a retry between them; an `LlmCall` around it.
    let api = Api::start([Answer::json(200, REPLY)]).await;
    send(&plain, api.chat()).await;
    let nested = builder().with(LlmLogMiddleware::new()).with(LlmLogMiddleware::new()).build();
    send(&nested, api.chat()).await;
    let policy = ExponentialBackoff::builder()
        .retry_bounds(std::time::Duration::from_millis(1), std::time::Duration::from_millis(2))
        .build_with_max_retries(3);
    let retrying = builder()
        .with(LlmLogMiddleware::new())
        .with(RetryTransientMiddleware::new_with_policy(policy))
        .with(LlmLogMiddleware::new())
        .build();
    let busy = Answer::json(503, r#"{"error":{"message":"busy"}}"#);
    let flaky = Api::start([busy.clone(), busy, Answer::json(200, REPLY)]).await;
    send(&retrying, flaky.chat()).await;
    assert_eq!(flaky.received().len(), 3);
    let port: u16 = flaky.url.rsplit(':').next().unwrap().parse().unwrap();
    let call = LlmCall::builder("openai", "gpt-4o").start();
    send(&plain, api.chat()).instrument(call.span().clone()).await;
    call.finish(&serde_json::from_str::<serde_json::Value>(REPLY).unwrap());

    let (unit, points) = metrics.points("gen_ai.client.operation.duration");
    assert_eq!(unit, "s");
    assert_eq!(points.iter().map(|(_, count, ..)| count).sum::<u64>(), 4, "{points:#?}");
    let (attributes, count, _, bounds) = points
        .iter()
        .find(|(attributes, ..)| attributes.get("server.port") == Some(&port.to_string()))
        .unwrap();
    let expected = [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.provider.name", "127.0.0.1"),
        ("gen_ai.request.model", "gpt-4o"),
        ("gen_ai.response.model", "gpt-4o-2024"),
        ("server.address", "127.0.0.1"),
        ("server.port", &port.to_string()),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!((attributes, *count), (&expected.into_iter().collect(), 1));
    assert_eq!((bounds[0], bounds.len(), *bounds.last().unwrap()), (0.01, 14, 81.92));
    let (unit, points) = metrics.points("gen_ai.client.token.usage");
    assert_eq!(unit, "{token}");
    for (kind, tokens) in [("input", 9.0), ("output", 4.0)] {
        let of_kind = points.iter().filter(|(attributes, ..)| attributes["gen_ai.token.type"] == kind);
        let (counts, sums): (Vec<u64>, Vec<f64>) = of_kind.map(|(_, count, sum, _)| (count, sum)).unzip();
        assert_eq!((counts.iter().sum::<u64>(), sums.iter().sum::<f64>()), (4, 4.0 * tokens));
    }
    assert_eq!((points[0].3[0], points[0].3.len()), (1.0, 14));

    // A provider that is set later is used from then on. A failure has its type, a cancelled call none.
    let metrics = Metrics::start();
    let failing = Api::start([Answer::json(429, "{}"), Answer::silence()]).await;
    send(&plain, failing.chat()).await;
    let silent = send(&plain, failing.chat());
    assert!(tokio::time::timeout(std::time::Duration::from_millis(50), silent).await.is_err());
    let (_, points) = metrics.points("gen_ai.client.operation.duration");
    let mut kinds: Vec<_> =
        points.iter().map(|(attributes, ..)| attributes.get("error.type").cloned()).collect();
    kinds.sort();
    assert_eq!(kinds, [None, Some("RateLimitError".to_owned())]);
}
