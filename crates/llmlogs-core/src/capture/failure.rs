//! Why a call failed, and the values of `error_type`.

use std::borrow::Cow;

/// The type of a failure: a value of `error_type` in the format. They are the names that OpenAI's and Anthropic's SDKs
/// give their exceptions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErrorType {
    /// The client's time limit ran out.
    Timeout,
    /// No connection was made: DNS, refused, TLS.
    Connection,
    /// An error that the API reports with this HTTP status of 400 or more, or with a code of its own that stands for it.
    Http(u16),
    /// Any other failure that the API reports.
    Api,
    /// The body has arrived with a status of success, and cannot be an answer of the API.
    InvalidResponse,
    /// The connection broke in the middle of the body, or a stream ended without its end.
    Stream,
    /// The caller dropped the future or the stream before its end.
    Cancelled,
    /// A panic unwound through the call's span.
    Panic,
    /// The program's own name for it, from a span field or an event.
    Named(String),
}

impl ErrorType {
    /// Returns the value of `error_type`.
    #[must_use]
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
            ErrorType::InvalidResponse => "InvalidResponseError",
            ErrorType::Stream => "StreamError",
            ErrorType::Cancelled => "CancelledError",
            ErrorType::Panic => "PanicError",
            ErrorType::Named(name) => name,
        })
    }

    /// Parses an `error.type` attribute: an HTTP status, a value of `error_type`, or a name of the program's own.
    #[must_use]
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

/// A failure of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Its type.
    pub kind: ErrorType,
    /// The provider's own code, verbatim; empty if there is none.
    pub code: String,
    /// The provider's message, or the chain of errors.
    pub message: String,
}

impl Failure {
    /// Returns a failure without a code.
    pub fn new(kind: ErrorType, message: impl Into<String>) -> Self {
        Failure { kind, code: String::new(), message: message.into() }
    }

    /// Returns the size of its heap memory in bytes.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.code.len() + self.message.len()
    }
}
