//! The failures that the errors of `reqwest` and of `reqwest-middleware` stand for.

use std::any::Any;
use std::error::Error;

use llmlogs_core::capture::{ErrorType, Failure};
use llmlogs_core::redact;

/// Returns the failure of a request that got no response.
pub(crate) fn request_failure(error: &reqwest_middleware::Error) -> Failure {
    let kind = match error {
        reqwest_middleware::Error::Reqwest(error) => of_reqwest(error),
        reqwest_middleware::Error::Middleware(error) => of_chain(error.as_ref()),
    };
    let source: &(dyn Error + 'static) = match error {
        reqwest_middleware::Error::Reqwest(error) => error,
        reqwest_middleware::Error::Middleware(error) => error.as_ref(),
    };
    Failure::new(kind, redact::error_chain(source))
}

/// Returns the failure of a response whose body broke off.
pub(crate) fn body_failure(error: &reqwest::Error) -> Failure {
    let kind = if error.is_timeout() { ErrorType::Timeout } else { ErrorType::Stream };
    Failure::new(kind, redact::error_chain(error))
}

/// Returns the type of `error`, if it is one of `reqwest`, `reqwest-middleware` or tokio's timeout.
pub(super) fn error_type(error: &dyn Any) -> Option<ErrorType> {
    if let Some(error) = error.downcast_ref::<reqwest_middleware::Error>() {
        return Some(request_failure(error).kind);
    }
    if error.is::<tokio::time::error::Elapsed>() {
        return Some(ErrorType::Timeout);
    }
    error.downcast_ref::<reqwest::Error>().map(of_reqwest)
}

fn of_reqwest(error: &reqwest::Error) -> ErrorType {
    if error.is_timeout() {
        ErrorType::Timeout
    } else if error.is_body() || error.is_decode() {
        ErrorType::Stream
    } else if let Some(status) = error.status() {
        ErrorType::Http(status.as_u16())
    } else {
        ErrorType::Connection
    }
}

/// The type of another middleware's error: that of the first known error among its causes.
fn of_chain(error: &(dyn Error + 'static)) -> ErrorType {
    let mut source = Some(error);
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<reqwest::Error>() {
            return of_reqwest(error);
        }
        if error.is::<tokio::time::error::Elapsed>() {
            return ErrorType::Timeout;
        }
        source = error.source();
    }
    ErrorType::Api
}
