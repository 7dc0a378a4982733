//! Webhooks: the shapes of Slack, Feishu, DingTalk and Discord, and plain JSON.
//!
//! The address of a webhook is a credential: it appears in no message, error, file or `Debug` output.

mod answer;
mod error;
mod http;
mod kind;
mod payload;
mod sign;

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::Url;

use crate::format::Alert;

use super::channel::{Notify, NotifyError};
use super::rate_limit::RateLimit;
use payload::Payload;

pub use error::WebhookError;
pub use kind::WebhookKind;

/// How long a delivery may take, from the connection to the end of the answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A webhook that each notice is sent to.
///
/// | | limit | signed |
/// | --- | --- | --- |
/// | [`slack`](Webhook::slack) | 1 a second | – |
/// | [`feishu`](Webhook::feishu) | 5 a second, 100 a minute | with a secret, as Feishu has it |
/// | [`dingtalk`](Webhook::dingtalk) | 20 a minute | with a secret, as DingTalk has it |
/// | [`discord`](Webhook::discord) | 30 a minute | – |
/// | [`json`](Webhook::json) | 10 a second | with a secret: `X-Llmlogs-Signature` |
///
/// Feishu and DingTalk report failures inside an answer with status 200; these count as failures. A delivery takes at
/// most 10 seconds, redirects are not followed, and proxies come from the environment.
#[derive(Clone)]
pub struct Webhook {
    kind: WebhookKind,
    /// `None` if what was given is no address.
    url: Option<Url>,
    secret: Option<String>,
    timeout: Duration,
}

impl Webhook {
    /// Returns the webhook of a kind at `url`. An address that is none is an error when the recorder is built.
    #[must_use]
    pub fn new(kind: WebhookKind, url: &str) -> Self {
        let is_http = |url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host();
        let url = Url::parse(url.trim()).ok().filter(is_http);
        Webhook { kind, url, secret: None, timeout: TIMEOUT }
    }

    /// Returns an incoming webhook of Slack.
    pub fn slack(url: impl AsRef<str>) -> Self {
        Webhook::new(WebhookKind::Slack, url.as_ref())
    }

    /// Returns a custom bot of Feishu or Lark.
    pub fn feishu(url: impl AsRef<str>) -> Self {
        Webhook::new(WebhookKind::Feishu, url.as_ref())
    }

    /// Returns a custom robot of DingTalk. Where it asks for a keyword, `llmlogs` is in every message.
    pub fn dingtalk(url: impl AsRef<str>) -> Self {
        Webhook::new(WebhookKind::DingTalk, url.as_ref())
    }

    /// Returns a webhook of Discord.
    pub fn discord(url: impl AsRef<str>) -> Self {
        Webhook::new(WebhookKind::Discord, url.as_ref())
    }

    /// Returns an endpoint of your own, which gets the alert as JSON, with the keys of a line of `alerts.jsonl`.
    ///
    /// With a [`secret`](Self::secret) the request has two more headers: `X-Llmlogs-Timestamp`, Unix seconds, and
    /// `X-Llmlogs-Signature`, `sha256=` and the hexadecimal HMAC-SHA256 of the timestamp, a dot and the body.
    pub fn json(url: impl AsRef<str>) -> Self {
        Webhook::new(WebhookKind::Json, url.as_ref())
    }

    /// Sets the secret with which requests are signed. Slack and Discord have none.
    #[must_use]
    pub fn secret(mut self, secret: impl Into<String>) -> Self {
        self.secret = Some(secret.into()).filter(|secret| !secret.is_empty());
        self
    }

    /// Returns `text` without any part of the address or the secret.
    fn scrub(&self, text: &str) -> String {
        /// Shorter parts of an address are names, not secrets.
        const MIN_SECRET: usize = 8;
        let mut parts: Vec<String> = Vec::new();
        if let Some(url) = &self.url {
            parts.push(url.to_string());
            parts.extend(url.path_segments().into_iter().flatten().map(str::to_owned));
            parts.extend(url.query_pairs().map(|(_, value)| value.into_owned()));
            parts.extend([url.username(), url.password().unwrap_or_default()].map(str::to_owned));
        }
        parts.extend(self.secret.clone());
        parts.retain(|part| part.len() >= MIN_SECRET);
        parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
        parts.iter().fold(text.to_owned(), |text, part| text.replace(part.as_str(), "[REDACTED]"))
    }
}

impl Notify for Webhook {
    fn notify(&mut self, alert: &Alert) -> Result<(), NotifyError> {
        self.check()?;
        let Some(url) = &self.url else { return Ok(()) };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let payload = Payload::new(self.kind, url, self.secret.as_deref(), alert, now)?;
        let answer =
            http::send(payload, self.timeout).map_err(|reason| NotifyError::new(self.scrub(&reason)))?;
        answer::check(self.kind, &answer).map_err(|error| error.map_reason(|reason| self.scrub(reason)))
    }

    fn name(&self) -> &'static str {
        self.kind.as_str()
    }

    fn rate_limit(&self) -> RateLimit {
        self.kind.rate_limit()
    }

    fn check(&self) -> Result<(), NotifyError> {
        match &self.url {
            Some(_) => Ok(()),
            None => {
                let kind = self.kind.as_str();
                Err(NotifyError::new(format!("the address of the {kind} webhook is no http or https URL"))
                    .permanent())
            }
        }
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// Parses `slack:URL`, or `feishu:URL SECRET`.
impl FromStr for Webhook {
    type Err = WebhookError;

    fn from_str(text: &str) -> Result<Self, WebhookError> {
        let (kind, rest) = text.split_once(':').unwrap_or_default();
        let kind: WebhookKind = kind.trim().parse()?;
        let mut words = rest.split_whitespace();
        let webhook = Webhook::new(kind, words.next().unwrap_or_default());
        let webhook = match words.next() {
            Some(secret) => webhook.secret(secret),
            None => webhook,
        };
        webhook.check().map_err(|error| WebhookError::new(error.to_string()))?;
        Ok(webhook)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    const TOKEN: &str = "SECRET-TOKEN-0123456789";

    /// Starts a server that answers each request with `answer`, or never if it is empty; returns its address, with a token
    /// in it, and what it gets.
    fn server(answer: &'static str) -> (String, mpsc::Receiver<(String, Vec<u8>)>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook/{TOKEN}?access_token={TOKEN}", listener.local_addr().unwrap());
        let (sender, received) = mpsc::channel();
        thread::spawn(move || {
            let mut open = Vec::new();
            for stream in listener.incoming().map_while(Result::ok) {
                let mut reader = BufReader::new(stream);
                let (mut head, mut length) = (String::new(), 0);
                while !head.ends_with("\r\n\r\n") {
                    let start = head.len();
                    if reader.read_line(&mut head).unwrap() == 0 {
                        break;
                    }
                    if let Some(value) = head[start..].strip_prefix("content-length: ") {
                        length = value.trim().parse().unwrap();
                    }
                }
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                let _nobody_waits = sender.send((head, body));
                if !answer.is_empty() {
                    reader.get_mut().write_all(answer.as_bytes()).unwrap();
                } else {
                    open.push(reader);
                }
            }
        });
        (url, received)
    }

    fn ok(body: &str) -> &'static str {
        let length = body.len();
        format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}").leak()
    }

    #[test]
    fn what_a_receiver_does_with_a_message_is_told_without_the_address() {
        let refused = format!("http://127.0.0.1:1/hook/{TOKEN}");
        let echo = ok(&format!(r#"{{"errcode":300001,"errmsg":"no robot {TOKEN}"}}"#));
        let cases = [
            (Webhook::slack(server(ok("ok")).0), ""),
            (Webhook::feishu(server(ok(r#"{"code":0}"#)).0), ""),
            (Webhook::feishu(server(ok(r#"{"code":19021,"msg":"sign match fail"}"#)).0), "but code 19021: sign match fail"),
            (Webhook::dingtalk(server(echo).0), "but errcode 300001: no robot [REDACTED]"),
            (Webhook::json(server("").0), "no answer within 0.3 s"),
            (Webhook::json(server("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nhalf").0), "error decoding response body"),
            (Webhook::discord(server("HTTP/1.1 302 Found\r\nlocation: http://example.org/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").0), "redirects are not followed"),
            (Webhook::slack(refused), "error sending request"),
            (Webhook::slack(TOKEN), "no http or https URL"),
        ];
        for (webhook, expected) in cases {
            let slow = Duration::from_secs(20);
            let timeout = if expected.starts_with("no answer") { Duration::from_millis(300) } else { slow };
            let mut webhook = Webhook { timeout, ..webhook.secret(format!("sec {TOKEN}")) };
            let delivered = webhook.notify(&Alert::default());
            let told = delivered.err().map(|error| format!("{error}")).unwrap_or_default();
            assert!(told.contains(expected) && told.is_empty() == expected.is_empty(), "{expected}: {told}");
            assert!(!told.contains(TOKEN) && !told.contains("/hook"), "{told}");
        }
    }

    #[test]
    fn the_body_and_the_signature_arrive() {
        let (url, received) = server(ok(""));
        let alert = Alert { alert_id: "s-1".into(), ..Alert::default() };
        Webhook::json(url).secret("shh").notify(&alert).unwrap();
        let (head, body) = received.recv().unwrap();
        assert_eq!(serde_json::from_slice::<Alert>(&body).unwrap(), alert);
        let header = |name: &str| {
            let found = head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            found.unwrap_or_else(|| panic!("{name} in {head}")).to_owned()
        };
        let timestamp = header("x-llmlogs-timestamp").parse().unwrap();
        assert_eq!(header("x-llmlogs-signature"), sign::json(timestamp, "shh", &body));
        assert_eq!(header("content-type"), "application/json");
    }

    const URL: &str = "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX";

    #[test]
    fn no_output_names_the_address_or_the_secret() {
        let webhook = Webhook::slack(URL).secret("whsec_0123456789");
        let debug = format!("{webhook:?}");
        let scrubbed = webhook.scrub(&format!("no {URL} for whsec_0123456789 in /services/T00000000"));
        for text in [debug, scrubbed] {
            for secret in ["T00000000", "XXXXXXXX", "whsec"] {
                assert!(!text.contains(secret), "{text}");
            }
        }
        for wrong in ["slack:whsec_1", "whsec_1", "mail:whsec_1", "slack:ftp://whsec_1/"] {
            let error = wrong.parse::<Webhook>().unwrap_err();
            assert!(!format!("{error} {error:?}").contains("whsec"), "{error}");
        }
    }

    #[test]
    fn a_text_names_kind_address_and_secret() {
        let webhook: Webhook = format!("feishu: {URL} shh").parse().unwrap();
        assert_eq!((webhook.kind, webhook.secret.as_deref()), (WebhookKind::Feishu, Some("shh")));
        assert_eq!(webhook.url.unwrap().as_str(), URL);
    }
}
