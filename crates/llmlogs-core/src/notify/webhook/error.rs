//! Why a text names no webhook.

use std::fmt;

/// Why a text names no webhook. It never repeats the text, which may hold a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookError(String);

impl WebhookError {
    pub(super) fn new(message: impl Into<String>) -> Self {
        WebhookError(message.into())
    }
}

impl fmt::Display for WebhookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WebhookError {}
