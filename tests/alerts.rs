//! Health and alerts of a recorder, against a failing API and over real sockets.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::fs;
#[cfg(feature = "webhooks")]
use std::path::Path;
use std::sync::{OnceLock, mpsc};
use std::time::{Duration, Instant};

use llmlogs_test_support as support;
use llmlogs_test_support::api::{Answer, Api};
use serde_json::{Value, json};
use support::Recorded;
use tracing_llmlogs::read::{AlertState, Root};
use tracing_llmlogs::{Alert, AlertCommand, AlertEvent, Alerts, LlmCall, LlmLogMiddleware, Rule};
use tracing_subscriber::prelude::*;

const MINUTE: Duration = Duration::from_secs(60);
const SOON: Duration = Duration::from_secs(30);

/// A rule of failures that is resolved by two successes, without waiting.
fn in_a_row(failures: u64) -> Rule {
    Rule::failures_in_a_row(failures).resolve_after(2, Duration::ZERO)
}

/// Ends a call as its model says.
fn call(model: &str) {
    let call = LlmCall::builder("openai", model).start();
    match model {
        "bad" => call.fail(&std::io::Error::other("it broke")),
        "cancelled" => drop(call),
        _ => call.finish(&json!({"id": "r", "model": model, "choices": [], "usage": {"total_tokens": 12}})),
    }
}

/// Waits until `is_done` returns `true`.
#[track_caller]
fn eventually(is_done: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_done() {
        assert!(start.elapsed() < SOON, "it does not happen");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Alerts whose notices a channel of the test receives.
fn received(rules: Vec<Rule>) -> (Alerts, mpsc::Receiver<Alert>) {
    let (sender, receiver) = mpsc::channel();
    let alerts = rules.into_iter().fold(Alerts::new(), Alerts::rule);
    // A test may have ended before its recorder.
    (alerts.notify(move |alert: &Alert| drop(sender.send(alert.clone()))), receiver)
}

fn client() -> reqwest_middleware::ClientWithMiddleware {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    reqwest_middleware::ClientBuilder::new(http).with(LlmLogMiddleware::new()).build()
}

async fn send(api: &Api) {
    let request = client().post(api.chat()).json(&json!({"model": "gpt-4o", "messages": []}));
    request.send().await.unwrap().bytes().await.unwrap();
}

#[tokio::test]
async fn a_failing_api_fires_once_and_resolves_once() {
    let (alerts, notices) = received(vec![in_a_row(3)]);
    let (layer, recorded) = support::recorder_with(|builder| builder.alerts(alerts));
    let _default = tracing_subscriber::registry().with(layer).set_default();
    let failed = Answer::json(
        500,
        r#"{"error": {"message": "sk-0123456789abcdefghijABCDEFGHIJ0123456789abcdefgh broke"}}"#,
    );
    let ok = Answer::json(
        200,
        r#"{"id": "r", "object": "chat.completion", "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}]}"#,
    );
    let answers: Vec<Answer> = std::iter::repeat_n(failed, 8).chain([ok]).collect();
    let api = Api::start(answers).await;
    for _ in 0..8 {
        send(&api).await;
    }
    let fired = notices.recv_timeout(SOON).unwrap();
    assert_eq!((fired.event, fired.notice, fired.value), (AlertEvent::Firing, 1, 3.0));
    let error = fired.last_error.as_ref().unwrap();
    assert_eq!((&*error.error_type, error.http_status), ("InternalServerError", Some(500)));
    assert!(error.call_id.ends_with("_003") && fired.message.contains("[REDACTED] broke"), "{fired:?}");
    let root = Root::open(recorded.root.path()).unwrap();
    eventually(|| root.firing().unwrap().len() == 1);
    assert_eq!(recorded.guard.alerts().firing.len(), 1);

    for _ in 0..5 {
        send(&api).await;
    }
    let resolved = notices.recv_timeout(SOON).unwrap();
    assert_eq!((resolved.event, &resolved.alert_id), (AlertEvent::Resolved, &fired.alert_id));
    let session = recorded.guard.session_dir();
    let health = recorded.guard.health();
    let provider = recorded.calls()[0].meta("/api_info/provider").as_str().unwrap().to_owned();
    assert_eq!(health.success_rate(&provider, "gpt-4o", MINUTE), Some(5.0 / 13.0));
    let stats = recorded.guard.alerts();
    assert_eq!((stats.fired, stats.resolved, stats.firing.len(), stats.channels[0].delivered), (1, 1, 0, 2));
    recorded.guard.shutdown(SOON);
    assert!(notices.try_recv().is_err(), "one notice a change");
    let lines = fs::read_to_string(session.join("alerts.jsonl")).unwrap();
    let lines: Vec<Alert> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines, [fired, resolved]);
    let alerts = root.alerts().unwrap();
    assert_eq!((alerts.len(), alerts[0].state()), (1, AlertState::Resolved));
}

#[test]
fn every_finished_call_counts_whatever_made_its_span() {
    let (subscriber, recorded) = support::subscriber();
    tracing::dispatcher::with_default(&subscriber, || {
        for model in ["good", "good", "good", "bad", "cancelled"] {
            call(model);
        }
        let span =
            tracing::info_span!("chat", gen_ai.operation.name = "chat", gen_ai.request.model = "spans");
        span.in_scope(|| tracing::info!(error_type = "TimeoutError", "late"));
    });
    recorded.guard.flush(SOON).unwrap();
    let health = recorded.guard.health();
    let rate = |model| health.success_rate("openai", model, MINUTE);
    assert_eq!((rate("good"), rate("bad"), rate("cancelled")), (Some(1.0), Some(0.0), None));
    let snapshot = serde_json::to_value(health.snapshot()).unwrap();
    assert_eq!(snapshot["window_ms"], 300_000);
    let of = |model: &str| -> Value {
        let series = snapshot["series"].as_array().unwrap().iter().find(|series| series["model"] == model);
        series.unwrap_or_else(|| panic!("no {model} in {snapshot:#}")).clone()
    };
    assert_eq!((&of("good")["ok"], &of("good")["total_tokens"]), (&json!(3), &json!(36)));
    assert_eq!((&of("cancelled")["cancelled"], &of("cancelled")["success_rate"]), (&json!(1), &Value::Null));
    assert_eq!(of("spans")["errors"], 1);
    assert_eq!(health.model("openai", "good", MINUTE).unwrap().calls, 3);
}

#[test]
fn a_call_without_its_bodies_counts() {
    let (alerts, notices) = received(vec![in_a_row(2)]);
    let (subscriber, recorded) =
        support::subscriber_with(|builder| builder.alerts(alerts).max_queue_bytes(1));
    tracing::dispatcher::with_default(&subscriber, || (0..2).for_each(|_| call("bad")));
    recorded.guard.flush(SOON).unwrap();
    assert_eq!(recorded.guard.health().success_rate("openai", "bad", MINUTE), Some(0.0));
    assert_eq!(notices.recv_timeout(SOON).unwrap().errors, 2);
}

#[test]
fn a_call_that_cannot_be_written_counts() {
    let (alerts, notices) = received(vec![in_a_row(1)]);
    let (subscriber, recorded) = support::subscriber_with(|builder| builder.alerts(alerts));
    let Recorded { root, guard } = recorded;
    fs::remove_dir_all(root.path()).unwrap();
    fs::write(root.path(), "no folder").unwrap();
    tracing::dispatcher::with_default(&subscriber, || call("bad"));
    assert_eq!(notices.recv_timeout(SOON).unwrap().errors, 1);
    assert_eq!(guard.health().success_rate("openai", "bad", MINUTE), Some(0.0));
    let stats = guard.shutdown(Duration::from_millis(100));
    assert_eq!((stats.calls, stats.lost), (0, 1));
    fs::remove_file(root.path()).unwrap();
}

#[test]
fn what_panics_or_hangs_delays_neither_calls_nor_other_channels_nor_the_end() {
    let (alerts, notices) = received(vec![in_a_row(1)]);
    let alerts = alerts
        .rule(Rule::custom("bad", MINUTE, |_| panic!("a bug of the user's rule")))
        .notify(|_: &Alert| panic!("a bug of the user's callback"))
        .notify(|_: &Alert| std::thread::sleep(Duration::from_secs(3600)));
    let (subscriber, recorded) = support::subscriber_with(|builder| builder.alerts(alerts));
    tracing::dispatcher::with_default(&subscriber, || {
        for _ in 0..20 {
            ["bad", "good", "good"].into_iter().for_each(call);
        }
    });
    recorded.guard.flush(SOON).unwrap();
    let told: Vec<AlertEvent> = (0..40).map(|_| notices.recv_timeout(SOON).unwrap().event).collect();
    assert!(told.chunks(2).all(|pair| pair == [AlertEvent::Firing, AlertEvent::Resolved]), "{told:?}");
    eventually(|| recorded.guard.alerts().channels[1].panics == 40);
    let stats = recorded.guard.alerts();
    assert_eq!((stats.rule_panics >= 60, stats.missed), (true, 0));
    assert_eq!((stats.channels[1].undelivered, stats.channels[2].queued), (40, 40));
    let session = recorded.guard.session_dir();
    let start = Instant::now();
    assert_eq!(recorded.guard.shutdown(SOON).calls, 60);
    assert!(start.elapsed() < MINUTE, "{:?}", start.elapsed());
    let lines = fs::read_to_string(session.join("alerts.jsonl")).unwrap();
    assert_eq!(lines.lines().filter(|line| line.contains(r#""event":"undelivered""#)).count(), 40);
}

#[test]
fn a_rule_that_hangs_delays_no_call() {
    let (sender, judged) = mpsc::sync_channel(1);
    let alerts = Alerts::new().rule(Rule::custom("slow", MINUTE, move |_| {
        let _full = sender.try_send(());
        std::thread::sleep(Duration::from_secs(3600));
        false
    }));
    let (subscriber, recorded) = support::subscriber_with(|builder| builder.alerts(alerts).bodies(false));
    tracing::dispatcher::with_default(&subscriber, || {
        call("good");
        recorded.guard.flush(SOON).unwrap();
        judged.recv_timeout(SOON).unwrap();
        (0..1100).for_each(|_| call("good"));
    });
    recorded.guard.flush(MINUTE).unwrap();
    assert_eq!(recorded.guard.alerts().missed, 1100 - 1024);
    let start = Instant::now();
    assert_eq!(recorded.guard.shutdown(SOON).calls, 1101);
    assert!(start.elapsed() < MINUTE);
}

#[test]
#[cfg(unix)]
fn the_last_alert_of_a_program_is_delivered_and_written_before_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("alert.json");
    let script = format!("cat > {}", file.display());
    let alerts = Alerts::new().rule(in_a_row(1)).notify(AlertCommand::new("/bin/sh").arg("-c").arg(script));
    let (subscriber, recorded) = support::subscriber_with(|builder| builder.alerts(alerts));
    tracing::dispatcher::with_default(&subscriber, || call("bad"));
    let session = recorded.guard.session_dir();
    recorded.guard.shutdown(SOON);
    let written = fs::read_to_string(session.join("alerts.jsonl")).unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), written);
    let alerts = Root::open(recorded.root.path()).unwrap().alerts().unwrap();
    assert_eq!(alerts[0].state(), AlertState::Ended);
}

/// The global subscriber of this program, which has no recorder.
fn global_log() -> support::Log {
    static LOG: OnceLock<support::Log> = OnceLock::new();
    let start = || {
        let log = support::Log::default();
        let format = tracing_subscriber::fmt::layer().with_writer(log.clone()).with_ansi(false);
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(format)).unwrap();
        log
    };
    LOG.get_or_init(start).clone()
}

#[test]
fn a_notice_is_an_event_of_another_thread() {
    let log = global_log();
    let alerts = Alerts::new().rule(in_a_row(1).model("event-*")).events();
    let (subscriber, recorded) = support::subscriber_with(|builder| builder.alerts(alerts));
    tracing::dispatcher::with_default(&subscriber, || {
        let failing = LlmCall::builder("openai", "event-model").start();
        failing.fail(&std::io::Error::other("it broke"));
        call("event-good");
        call("event-good");
    });
    eventually(|| log.text().contains("INFO tracing_llmlogs::alert: resolved after"));
    let text = log.text();
    assert!(text.contains("WARN tracing_llmlogs::alert: 1 call failed (event-*)"), "{text}");
    assert!(text.contains(r#"alert.state="firing""#), "{text}");
    assert_eq!(recorded.calls().len(), 3);
}

#[test]
fn with_recording_off_there_is_neither_health_nor_an_alert() {
    let (alerts, notices) = received(vec![in_a_row(1)]);
    let (subscriber, recorded) = support::subscriber_with(|builder| builder.alerts(alerts).enabled(false));
    tracing::dispatcher::with_default(&subscriber, || call("bad"));
    assert_eq!(recorded.guard.health().snapshot().series, []);
    assert_eq!(recorded.guard.alerts(), Default::default());
    assert!(notices.try_recv().is_err());
}

/// Every file below `dir`, one after the other.
#[cfg(feature = "webhooks")]
fn everything(dir: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        text += &path.display().to_string();
        text += &if path.is_dir() {
            everything(&path)
        } else {
            String::from_utf8_lossy(&fs::read(path).unwrap()).into()
        };
    }
    text
}

#[cfg(feature = "webhooks")]
mod webhooks {
    use llmlogs_test_support::child;
    use tracing_llmlogs::Webhook;

    use super::*;

    const TOKEN: &str = "SECRET-TOKEN-0123456789";

    fn url(api: &Api) -> String {
        format!("{}/hook/{TOKEN}?access_token={TOKEN}", api.url)
    }

    fn said(api: &Api) -> Vec<Value> {
        api.received().iter().map(|request| serde_json::from_slice(&request.body).unwrap()).collect()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn each_shape_arrives_and_a_hanging_webhook_delays_nothing() {
        let slack = Api::start([Answer::json(200, "ok")]).await;
        let feishu = Api::start([Answer::json(200, r#"{"code":0,"msg":"success"}"#)]).await;
        let dingtalk = Api::start([Answer::json(200, r#"{"errcode":0}"#)]).await;
        let discord = Api::start([Answer::json(204, "")]).await;
        let plain = Api::start([Answer::json(200, "")]).await;
        let hanging = Api::start([Answer::silence()]).await;
        let alerts = Alerts::new()
            .rule(in_a_row(2))
            .notify(Webhook::json(url(&hanging)))
            .notify(Webhook::slack(url(&slack)))
            .notify(Webhook::feishu(url(&feishu)).secret("s"))
            .notify(Webhook::dingtalk(url(&dingtalk)).secret("s"))
            .notify(Webhook::discord(url(&discord)))
            .notify(Webhook::json(url(&plain)).secret("s"));
        let (subscriber, recorded) = support::subscriber_with(|builder| builder.alerts(alerts));
        let start = Instant::now();
        tracing::dispatcher::with_default(&subscriber, || (0..5).for_each(|_| call("bad")));
        recorded.guard.flush(SOON).unwrap();
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
        let delivered =
            || recorded.guard.alerts().channels.iter().map(|channel| channel.delivered).sum::<u64>();
        eventually(|| delivered() == 5);
        assert!(said(&slack)[0]["text"].as_str().unwrap().contains("2 calls in a row failed"));
        assert!(said(&feishu)[0]["sign"].is_string());
        assert_eq!(said(&dingtalk)[0]["msgtype"], "text");
        assert!(dingtalk.received()[0].head.contains("&sign="));
        assert!(said(&discord)[0]["content"].is_string());
        assert_eq!(said(&plain)[0]["event"], "firing");
        let start = Instant::now();
        recorded.guard.shutdown(SOON);
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    }

    /// The child: it fires one alert at webhooks that fail, and reports what it knows of them.
    #[tokio::test(flavor = "multi_thread")]
    #[ignore = "a test starts it"]
    async fn child_fires_at_failing_webhooks() {
        let feishu =
            Api::start([Answer::json(200, format!(r#"{{"code":19001,"msg":"bad token {TOKEN}"}}"#))]).await;
        let dingtalk =
            Api::start([Answer::json(200, r#"{"errcode":310000,"errmsg":"sign not match"}"#)]).await;
        let missing = Api::start([Answer::json(404, format!("no {TOKEN}"))]).await;
        let alerts = Alerts::new()
            .rule(in_a_row(1))
            .notify(Webhook::feishu(url(&feishu)).secret(format!("sec-{TOKEN}")))
            .notify(Webhook::dingtalk(url(&dingtalk)).secret(format!("sec-{TOKEN}")))
            .notify(Webhook::slack(url(&missing)))
            .notify(Webhook::json(format!("http://127.0.0.1:1/{TOKEN}")));
        eprintln!("{alerts:?}");
        let (layer, guard) =
            tracing_llmlogs::LlmLogLayer::builder().root(child::root()).alerts(alerts).build().unwrap();
        eprintln!(
            "{:?}",
            tracing_llmlogs::LlmLogLayer::builder().alerts(Alerts::new().notify(Webhook::slack(TOKEN)))
        );
        let invalid =
            tracing_llmlogs::LlmLogLayer::builder().alerts(Alerts::new().notify(Webhook::slack(TOKEN)));
        eprintln!("{:?}", invalid.build().err().unwrap());
        let subscriber = tracing::Dispatch::new(tracing_subscriber::registry().with(layer));
        tracing::dispatcher::with_default(&subscriber, || call("bad"));
        eventually(|| guard.alerts().channels.iter().all(|channel| channel.undelivered == 1));
        eprintln!("{:?}", guard.alerts());
        child::report(format!(
            "{} {} {}",
            feishu.received().len(),
            dingtalk.received().len(),
            missing.received().len()
        ));
        guard.shutdown(SOON);
    }

    #[test]
    fn what_could_not_be_delivered_is_told_and_no_address_is_written_anywhere() {
        let root = tempfile::tempdir().unwrap();
        let output = child::role("webhooks::child_fires_at_failing_webhooks", root.path()).output().unwrap();
        let printed = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{printed}");
        // Three tries, but one where another cannot help.
        assert!(printed.contains("@@ 3 3 1"), "{printed}");
        assert!(
            printed.contains("an alert (in_a_row>=1 successes=2 quiet=0ms) could not be delivered to"),
            "{printed}"
        );
        let files = everything(root.path());
        for text in [&*printed, &*files] {
            assert!(!text.contains(TOKEN) && !text.contains("/hook"), "{text}");
        }
        let alerts = Root::open(root.path()).unwrap().alerts().unwrap();
        let mut told: Vec<(String, String)> =
            alerts[0].undelivered().iter().map(|lost| (lost.channel.clone(), lost.reason.clone())).collect();
        told.sort();
        let told: Vec<String> =
            told.into_iter().map(|(channel, reason)| format!("{channel}: {reason}")).collect();
        assert_eq!(told[0], "dingtalk: HTTP 200, but errcode 310000: sign not match");
        assert_eq!(told[1], "feishu: HTTP 200, but code 19001: bad token [REDACTED]");
        assert!(told[2].starts_with("json: error sending request"), "{told:?}");
        assert_eq!(told[3], "slack: HTTP 404: no [REDACTED]");
    }
}
