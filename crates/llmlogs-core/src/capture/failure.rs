//! The words of `error_type`.

use std::borrow::Cow;

/// Why a call failed, in FORMAT.md's words. They are the names that OpenAI's and Anthropic's SDKs
/// give their exceptions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErrorType {
    Timeout,
    Connection,
    /// An HTTP status of 400 or more.
    Http(u16),
    /// Any other failure that the API reports.
    Api,
    /// The connection broke in the middle of the body.
    Stream,
    /// The caller dropped the future or the stream before its end.
    Cancelled,
    /// A panic unwound through the call's span.
    Panic,
    /// The program's own word, from a span field or an event.
    Named(String),
}

impl ErrorType {
    pub fn word(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            ErrorType::Timeout => "TimeoutError",
            ErrorType::Connection => "ConnectionError",
            ErrorType::Http(400) => "BadRequestError",
            ErrorType::Http(401) => "AuthenticationError",
            ErrorType::Http(403) => "PermissionDeniedError",
            ErrorType::Http(404) => "NotFoundError",
            ErrorType::Http(413) => "RequestTooLargeError",
            ErrorType::Http(422) => "UnprocessableEntityError",
            ErrorType::Http(429) => "RateLimitError",
            ErrorType::Http(529) => "OverloadedError",
            ErrorType::Http(500..=599) => "InternalServerError",
            ErrorType::Http(_) | ErrorType::Api => "APIError",
            ErrorType::Stream => "StreamError",
            ErrorType::Cancelled => "CancelledError",
            ErrorType::Panic => "PanicError",
            ErrorType::Named(name) => name,
        })
    }

    /// Reads an `error.type` attribute: an HTTP status, one of the words above, or a word of the
    /// program's own.
    pub fn from_attribute(value: &str) -> Self {
        match value {
            "" | "_OTHER" => ErrorType::Api,
            "timeout" => ErrorType::Timeout,
            _ => match value.parse() {
                Ok(status @ 400..=599) => ErrorType::Http(status),
                _ => ErrorType::Named(value.to_owned()),
            },
        }
    }
}

/// A failure: its type, the provider's own code and the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub kind: ErrorType,
    pub code: String,
    pub message: String,
}

impl Failure {
    pub fn new(kind: ErrorType, message: impl Into<String>) -> Self {
        Failure { kind, code: String::new(), message: message.into() }
    }

    /// What it takes in memory beside itself, in bytes.
    pub fn weight(&self) -> usize {
        self.code.len() + self.message.len()
    }
}
