//! Requests in the shapes of their receivers.

use std::time::Duration;

use reqwest::Url;
use serde_json::{Value, json};

use crate::format::{Alert, AlertEvent};
use crate::notify::channel::NotifyError;

use super::kind::WebhookKind;
use super::sign;

/// The longest message that is sent, in characters; Discord takes 2,000.
const MAX_TEXT: usize = 1900;

/// What is sent.
pub(super) struct Payload {
    pub(super) url: Url,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
}

impl Payload {
    /// Returns the request for `alert`, signed at `now`, the time since the epoch.
    pub(super) fn new(
        kind: WebhookKind,
        url: &Url,
        secret: Option<&str>,
        alert: &Alert,
        now: Duration,
    ) -> Result<Self, NotifyError> {
        let (mut url, mut headers) = (url.clone(), Vec::new());
        let text = text(alert);
        let body = match kind {
            WebhookKind::Slack => json!({ "text": escape_slack(&text) }),
            WebhookKind::Discord => json!({ "content": text, "allowed_mentions": { "parse": [] } }),
            WebhookKind::Feishu => {
                let mut body = json!({ "msg_type": "text", "content": { "text": without_tags(&text) } });
                if let Some(secret) = secret {
                    body["timestamp"] = now.as_secs().to_string().into();
                    body["sign"] = sign::feishu(now.as_secs(), secret).into();
                }
                body
            }
            WebhookKind::DingTalk => {
                if let Some(secret) = secret {
                    let timestamp = now.as_millis();
                    url.query_pairs_mut()
                        .append_pair("timestamp", &timestamp.to_string())
                        .append_pair("sign", &sign::dingtalk(timestamp, secret));
                }
                json!({ "msgtype": "text", "text": { "content": text } })
            }
            WebhookKind::Json => serde_json::to_value(alert).unwrap_or(Value::Null),
        };
        let body = match kind {
            // In the order of the format's keys.
            WebhookKind::Json => serde_json::to_vec(alert),
            _ => serde_json::to_vec(&body),
        };
        let body = body.map_err(|error| NotifyError::new(error.to_string()).permanent())?;
        if let (WebhookKind::Json, Some(secret)) = (kind, secret) {
            let timestamp = now.as_secs();
            headers.push(("x-llmlogs-timestamp", timestamp.to_string()));
            headers.push(("x-llmlogs-signature", sign::json(timestamp, secret, &body)));
        }
        Ok(Payload { url, headers, body })
    }
}

/// Returns the message of an alert.
fn text(alert: &Alert) -> String {
    let head = match (alert.event, alert.notice) {
        // Its message says that it is resolved.
        (AlertEvent::Resolved, _) => "✅ llmlogs",
        (_, 0 | 1) => "🔴 llmlogs: firing",
        _ => "🔴 llmlogs: still firing",
    };
    let mut text = format!("{head}: {}\nrule {}\nsince {}", alert.message, alert.rule, alert.since);
    if let Some(error) = alert.last_error.as_ref().filter(|error| !error.call_id.is_empty()) {
        text.push_str(&format!("\nlast failed call {}", error.call_id));
    }
    text.chars().take(MAX_TEXT).collect()
}

/// Returns the text with what Slack reads as mentions and links made plain.
fn escape_slack(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Returns the text without tags, by which Feishu mentions people: a message of an API is nobody's wish to call everybody.
fn without_tags(text: &str) -> String {
    text.replace('<', "‹").replace('>', "›")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert() -> Alert {
        Alert {
            alert_id: "s-1".into(),
            notice: 1,
            message: "5 calls failed; last: <at user_id=\"all\"> & <!channel>".into(),
            rule: "in_a_row>=5".into(),
            ..Alert::default()
        }
    }

    fn body(kind: WebhookKind, secret: Option<&str>) -> (Value, Payload) {
        let url = Url::parse("https://example.org/hook?access_token=t").unwrap();
        let now = Duration::from_millis(1_599_360_473_000);
        let payload = Payload::new(kind, &url, secret, &alert(), now).unwrap();
        (serde_json::from_slice(&payload.body).unwrap(), payload)
    }

    #[test]
    fn each_receiver_gets_its_own_shape() {
        let (slack, _) = body(WebhookKind::Slack, None);
        let text = slack["text"].as_str().unwrap();
        assert!(
            text.starts_with("🔴 llmlogs: firing: 5 calls failed") && text.contains("in_a_row&gt;=5"),
            "{text}"
        );
        assert!(!text.contains('<'), "{text}");
        let (discord, _) = body(WebhookKind::Discord, None);
        assert_eq!(discord["allowed_mentions"]["parse"], json!([]));
        assert!(discord["content"].as_str().unwrap().contains("rule in_a_row>=5"));
        let (feishu, _) = body(WebhookKind::Feishu, Some("demo"));
        assert_eq!((&feishu["msg_type"], &feishu["timestamp"]), (&json!("text"), &json!("1599360473")));
        assert_eq!(feishu["sign"], sign::feishu(1_599_360_473, "demo"));
        assert!(!feishu["content"]["text"].as_str().unwrap().contains('<'));
        let (dingtalk, payload) = body(WebhookKind::DingTalk, Some("SECdemo"));
        assert_eq!(dingtalk["msgtype"], "text");
        assert!(dingtalk["text"]["content"].as_str().unwrap().contains("llmlogs"));
        let query: Vec<(String, String)> = payload.url.query_pairs().into_owned().collect();
        assert_eq!(query[1], ("timestamp".into(), "1599360473000".into()));
        assert_eq!(query[2], ("sign".into(), sign::dingtalk(1_599_360_473_000, "SECdemo")));
        assert!(!payload.url.query().unwrap().contains('+'), "a plus would be read as a space");
        let (plain, payload) = body(WebhookKind::Json, Some("demo"));
        assert_eq!(plain["alert_id"], "s-1");
        assert_eq!(payload.headers[1].1, sign::json(1_599_360_473, "demo", &payload.body));
        assert!(body(WebhookKind::Json, None).1.headers.is_empty());
    }

    #[test]
    fn a_long_message_is_cut() {
        let long = Alert { message: "é".repeat(5000), ..alert() };
        assert_eq!(text(&long).chars().count(), MAX_TEXT);
    }
}
