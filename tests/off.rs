//! What is left of the middleware while every recorder of the program is switched off. A binary of its own, for a recorder
//! of another test that is switched on would change it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use llmlogs_test_support as support;

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use serde_json::json;
use support::api::{Answer, Api};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing_llmlogs::LlmLogMiddleware;
use tracing_subscriber::layer::Context;
use tracing_subscriber::prelude::*;

/// A recorder of the other test that is switched on would change this one.
static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// The fields of all spans of calls that another layer sees, and how many of them have closed.
#[derive(Clone, Default)]
struct Other(Arc<Mutex<(HashMap<&'static str, String>, usize)>>);

impl Visit for Other {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.lock().unwrap().0.insert(field.name(), format!("{value:?}"));
    }
}

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Other {
    fn on_new_span(&self, span: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        span.record(&mut self.clone());
    }

    fn on_record(&self, _: &Id, values: &Record<'_>, _: Context<'_, S>) {
        values.record(&mut self.clone());
    }

    fn on_close(&self, _: Id, _: Context<'_, S>) {
        self.0.lock().unwrap().1 += 1;
    }
}

#[tokio::test]
async fn while_recording_is_off_only_address_and_status_are_told() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let reply = json!({"id": "r", "model": "m-1", "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}});
    let (layer, recorded) = support::recorder();
    let other = Other::default();
    let calls_only = tracing_subscriber::filter::filter_fn(|metadata| metadata.target() == "tracing_llmlogs");
    let subscriber = tracing_subscriber::registry().with(layer).with(other.clone().with_filter(calls_only));
    let _default = subscriber.set_default();
    let api = Api::start(vec![
        Answer::json(200, reply.to_string()),
        Answer::json(429, "{}"),
        Answer::json(200, reply.to_string()),
    ])
    .await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let client = reqwest_middleware::ClientBuilder::new(http).with(LlmLogMiddleware::new()).build();
    let send = || client.post(api.chat()).json(&json!({"model": "m", "messages": []})).send();
    let told = |name: &str| other.0.lock().unwrap().0.get(name).cloned();

    recorded.guard.set_enabled(false);
    let response = send().await.unwrap();
    assert_eq!(other.0.lock().unwrap().1, 1, "the span ends with the head");
    assert_eq!(response.text().await.unwrap(), reply.to_string());
    assert_eq!(told("server.address").as_deref(), Some("\"127.0.0.1\""));
    assert_eq!(told("http.response.status_code").as_deref(), Some("200"));
    assert_eq!(
        (told("gen_ai.request.model"), told("gen_ai.usage.input_tokens"), told("error.type")),
        (None, None, None)
    );
    assert_eq!(send().await.unwrap().status(), 429);
    assert_eq!(told("error.type").as_deref(), Some("\"RateLimitError\""));
    assert!(recorded.calls().is_empty());

    recorded.guard.set_enabled(true);
    let response = send().await.unwrap();
    assert_eq!(other.0.lock().unwrap().1, 2, "the span ends with the body");
    assert_eq!(response.text().await.unwrap(), reply.to_string());
    assert_eq!(told("gen_ai.request.model").as_deref(), Some("\"m\""));
    assert_eq!(told("gen_ai.usage.input_tokens").as_deref(), Some("3"));
    assert_eq!(recorded.calls().len(), 1);
}

#[tokio::test]
async fn retries_and_fallbacks_work_while_recording_is_off() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let (layer, recorded) = support::recorder();
    recorded.guard.set_enabled(false);
    let _default = tracing_subscriber::registry().with(layer).set_default();
    let reply = json!({"id": "r", "model": "m-1", "choices": []}).to_string();
    let busy = Answer::json(503, "{}").header("retry-after-ms", "1");
    let api = Api::start(vec![busy.clone(), busy.clone(), busy, Answer::json(200, reply.clone())]).await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let middleware = LlmLogMiddleware::new()
        .retry(tracing_llmlogs::Retry::new())
        .fallback(tracing_llmlogs::Fallback::model("m", "other"));
    let client = reqwest_middleware::ClientBuilder::new(http).with(middleware).build();
    let request = client.post(api.chat()).json(&json!({"model": "m", "messages": []}));
    assert_eq!(request.send().await.unwrap().text().await.unwrap(), reply);
    let models = api.received().into_iter().map(|request| {
        serde_json::from_slice::<serde_json::Value>(&request.body).unwrap()["model"]
            .as_str()
            .unwrap()
            .to_owned()
    });
    assert_eq!(models.collect::<Vec<_>>(), ["m", "m", "m", "other"]);
    assert!(recorded.calls().is_empty());
}

#[tokio::test]
async fn a_breaker_judges_streams_while_recording_is_off() {
    use tracing_llmlogs::{Breaker, Fallback};
    let _alone = ONE_AT_A_TIME.lock().await;
    let (layer, recorded) = support::recorder();
    recorded.guard.set_enabled(false);
    let _default = tracing_subscriber::registry().with(layer).set_default();
    let event = r#"{"id":"c","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}"#;
    let error = r#"{"error":{"message":"The server is overloaded","type":"server_error"}}"#;
    let failing = Answer::events(&[event, error]);
    let whole = Answer::events(&[event, "[DONE]"]);
    let api = Api::start(vec![failing.clone(), failing, whole.clone(), whole]).await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let middleware = LlmLogMiddleware::new()
        .breaker(Breaker::new().failures_in_a_row(2))
        .fallback(Fallback::model("m", "other"));
    let circuits = middleware.circuits();
    let client = reqwest_middleware::ClientBuilder::new(http).with(middleware).build();
    for failures in 1..=4 {
        let request = client.post(api.chat()).json(&json!({"model": "m", "stream": true, "messages": []}));
        assert!(request.send().await.unwrap().text().await.unwrap().contains("Hi"));
        assert_eq!(circuits.degraded().len(), usize::from(failures >= 2), "after {failures}");
    }
    let models = api.received().into_iter().map(|request| {
        let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        body["model"].as_str().unwrap().to_owned()
    });
    assert_eq!(models.collect::<Vec<_>>(), ["m", "m", "other", "other"]);
    assert!(recorded.calls().is_empty());
}
