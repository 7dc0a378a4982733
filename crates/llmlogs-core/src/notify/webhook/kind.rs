//! The kinds of webhooks.

use std::str::FromStr;
use std::time::Duration;

use crate::notify::rate_limit::RateLimit;

use super::error::WebhookError;

/// What receives the messages of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WebhookKind {
    /// An incoming webhook of Slack.
    Slack,
    /// A custom bot of Feishu or Lark.
    Feishu,
    /// A custom robot of DingTalk.
    DingTalk,
    /// A webhook of Discord.
    Discord,
    /// Plain JSON.
    Json,
}

impl WebhookKind {
    const ALL: [WebhookKind; 5] = [
        WebhookKind::Slack,
        WebhookKind::Feishu,
        WebhookKind::DingTalk,
        WebhookKind::Discord,
        WebhookKind::Json,
    ];

    /// Returns the name: `slack`, `feishu`, `dingtalk`, `discord`, `json`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            WebhookKind::Slack => "slack",
            WebhookKind::Feishu => "feishu",
            WebhookKind::DingTalk => "dingtalk",
            WebhookKind::Discord => "discord",
            WebhookKind::Json => "json",
        }
    }

    /// Returns how many messages the receiver takes.
    pub(super) fn rate_limit(self) -> RateLimit {
        let (second, minute) = (Duration::from_secs(1), Duration::from_secs(60));
        let limit = RateLimit::unlimited();
        match self {
            WebhookKind::Slack => limit.and(1, second),
            WebhookKind::Feishu => limit.and(5, second).and(100, minute),
            WebhookKind::DingTalk => limit.and(20, minute),
            WebhookKind::Discord => limit.and(30, minute),
            WebhookKind::Json => limit.and(10, second),
        }
    }
}

impl FromStr for WebhookKind {
    type Err = WebhookError;

    fn from_str(name: &str) -> Result<Self, WebhookError> {
        let is = |kind: &WebhookKind| kind.as_str().eq_ignore_ascii_case(name);
        let found = WebhookKind::ALL.into_iter().find(is);
        let found = found.or_else(|| name.eq_ignore_ascii_case("lark").then_some(WebhookKind::Feishu));
        found.ok_or_else(|| {
            WebhookError::new("a webhook is slack:URL, feishu:URL, dingtalk:URL, discord:URL or json:URL")
        })
    }
}
