//! What reqwest's errors mean.

use std::any::Any;
use std::error::Error;

use llmlogs_core::capture::{ErrorType, Failure};
use llmlogs_core::redact;

/// The failure that a request ended with before there was a response.
pub(super) fn failure(error: &reqwest_middleware::Error) -> Failure {
    let kind = match error {
        reqwest_middleware::Error::Reqwest(error) => of_reqwest(error),
        reqwest_middleware::Error::Middleware(error) => of_chain(error.as_ref()),
    };
    let source: &(dyn Error + 'static) = match error {
        reqwest_middleware::Error::Reqwest(error) => error,
        reqwest_middleware::Error::Middleware(error) => error.as_ref(),
    };
    Failure::new(kind, redact::chain(source))
}

/// The failure that a response's body ended with.
pub(super) fn body_failure(error: &reqwest::Error) -> Failure {
    let kind = if error.is_timeout() { ErrorType::Timeout } else { ErrorType::Stream };
    Failure::new(kind, redact::chain(error))
}

/// The type of an error that is one of reqwest's.
pub(crate) fn error_type(error: &dyn Any) -> Option<ErrorType> {
    if let Some(error) = error.downcast_ref::<reqwest_middleware::Error>() {
        return Some(failure(error).kind);
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

/// An error of another middleware: what of reqwest's is in its chain decides.
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
