//! What went wrong with an attempt, and what follows from it.

use std::error::Error;

/// What went wrong with an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureKind {
    /// No connection, or one that broke before the response was there: DNS, refused, reset, an incomplete message.
    Connection,
    /// The client's time limit ran out.
    Timeout,
    /// The server's certificate is not to be trusted.
    Certificate,
    /// The client itself refused: the request cannot be built, too many redirects, another middleware's error.
    Client,
    /// HTTP 429.
    RateLimited,
    /// HTTP 529.
    Overloaded,
    /// Any other HTTP 5xx but 501 and 505.
    Server,
    /// HTTP 408, 409 or 425: the server could not deal with the request just now.
    Busy,
    /// The stream broke, reported an error or ended without an end mark before its first content.
    BrokenStream,
    /// The account has no quota or no credit left, or HTTP 402.
    Quota,
    /// The model's quota for the day is used up.
    ModelQuota,
    /// HTTP 401.
    Unauthorized,
    /// HTTP 403.
    Forbidden,
    /// HTTP 404.
    NotFound,
    /// HTTP 501 or 505.
    Unsupported,
    /// The request is longer than the model's context.
    ContextLength,
    /// The content was refused.
    ContentPolicy,
    /// Any other HTTP 4xx: the request is wrong, and will be.
    BadRequest,
    /// The breaker's circuit was open: nothing was sent.
    CircuitOpen,
}

/// What is to be done after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The attempt succeeded: its response goes to the caller.
    Accept,
    /// The same target is worth another attempt, and a fallback after that.
    Retry,
    /// The same target is not worth another attempt; a fallback is.
    Fallback,
    /// Nothing helps: the response or the error goes to the caller.
    Stop,
}

impl FailureKind {
    /// Returns the kind that a response of `status` is of; `None` for one that is no failure.
    pub(in crate::middleware) fn of_status(status: u16) -> Option<Self> {
        Some(match status {
            ..400 => return None,
            401 => FailureKind::Unauthorized,
            402 => FailureKind::Quota,
            403 => FailureKind::Forbidden,
            404 => FailureKind::NotFound,
            408 | 409 | 425 => FailureKind::Busy,
            429 => FailureKind::RateLimited,
            400..=499 => FailureKind::BadRequest,
            501 | 505 => FailureKind::Unsupported,
            529 => FailureKind::Overloaded,
            500.. => FailureKind::Server,
        })
    }

    /// Returns the kind that an error of `reqwest` is of.
    pub(in crate::middleware) fn of_reqwest(error: &reqwest::Error) -> Self {
        if error.is_timeout() {
            FailureKind::Timeout
        } else if error.is_builder() || error.is_redirect() || error.is_status() || error.is_upgrade() {
            FailureKind::Client
        } else if is_about_a_certificate(error) {
            FailureKind::Certificate
        } else {
            FailureKind::Connection
        }
    }

    /// Returns the kind that an error of a client with middlewares is of. What another middleware refuses by itself is no
    /// failure of the server.
    pub(in crate::middleware) fn of_error(error: &reqwest_middleware::Error) -> Self {
        let mut source: Option<&(dyn Error + 'static)> = match error {
            reqwest_middleware::Error::Reqwest(error) => return FailureKind::of_reqwest(error),
            reqwest_middleware::Error::Middleware(error) => Some(error.as_ref()),
        };
        while let Some(error) = source {
            if let Some(error) = error.downcast_ref::<reqwest::Error>() {
                return FailureKind::of_reqwest(error);
            }
            source = error.source();
        }
        FailureKind::Client
    }

    /// Returns what is to be done unless the server or the user says otherwise.
    pub(in crate::middleware) fn verdict(self) -> Verdict {
        match self {
            FailureKind::Connection
            | FailureKind::Timeout
            | FailureKind::RateLimited
            | FailureKind::Overloaded
            | FailureKind::Server
            | FailureKind::Busy
            | FailureKind::BrokenStream => Verdict::Retry,
            FailureKind::Certificate
            | FailureKind::Quota
            | FailureKind::ModelQuota
            | FailureKind::Unauthorized
            | FailureKind::Forbidden
            | FailureKind::NotFound
            | FailureKind::Unsupported
            | FailureKind::CircuitOpen => Verdict::Fallback,
            FailureKind::Client
            | FailureKind::ContextLength
            | FailureKind::ContentPolicy
            | FailureKind::BadRequest => Verdict::Stop,
        }
    }

    /// Returns whether the same credential will be refused with another model too.
    pub(in crate::middleware) fn is_of_the_credential(self) -> bool {
        matches!(self, FailureKind::Unauthorized | FailureKind::Quota)
    }
}

/// Returns whether a TLS handshake failed at a certificate: the libraries behind `reqwest` share no type for it, but the
/// word.
fn is_about_a_certificate(error: &reqwest::Error) -> bool {
    let mut source = error.source();
    while let Some(error) = source {
        let text = error.to_string().to_ascii_lowercase();
        if text.contains("certificate") || text.contains("unknownca") || text.contains("unknownissuer") {
            return true;
        }
        source = error.source();
    }
    false
}
