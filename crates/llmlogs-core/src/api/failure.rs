//! Why an exchange failed, if it did.

use crate::capture::{CapturedResponse, Completion, ErrorType, Failure};
use crate::json;

use super::decode::DecodedBody;
use super::error::api_error;
use super::view::ResponseView;

/// The failure that the status or the end of an exchange tells; `decoded` where its body has been
/// read already.
pub fn exchange_failure(outcome: &CapturedResponse, decoded: Option<&DecodedBody<'_>>) -> Option<Failure> {
    if let Some(status) = outcome.head.status.filter(|status| *status >= 400) {
        // What has been read may have been redacted since.
        let read = decoded.filter(|decoded| !decoded.streamed).and_then(|decoded| decoded.json.as_ref());
        let streamed = decoded.and_then(|decoded| decoded.error.as_ref());
        let (mut code, mut message) = match read.or(streamed) {
            Some(body) => api_error(body),
            None => {
                let text = json::lossy(outcome.body.bytes());
                match json::parse(&text) {
                    Ok(body) => api_error(&body),
                    Err(_no_json) => (String::new(), text.trim().to_owned()),
                }
            }
        };
        if let (Completion::Failed(failure), true) = (&outcome.end, message.is_empty()) {
            message.clone_from(&failure.message);
        }
        if code.is_empty() {
            code.clone_from(&outcome.head.error_code);
        }
        let kind = ErrorType::Http(status);
        return Some(Failure { kind, code, message });
    }
    match &outcome.end {
        Completion::Failed(failure) => Some(failure.clone()),
        Completion::Complete => None,
        Completion::Dropped if decoded.is_some_and(|decoded| decoded.finished) => None,
        Completion::Dropped => {
            Some(Failure::new(ErrorType::Cancelled, "the caller dropped the call before its end"))
        }
    }
}

/// The error that a body or a stream reports though its status is no error.
pub fn reported_failure(decoded: &DecodedBody<'_>, response: &ResponseView<'_>) -> Option<Failure> {
    let error = decoded.error.as_ref().or(response.error)?;
    let (code, message) = api_error(error);
    let kind = ErrorType::Api;
    Some(Failure { kind, code, message })
}
