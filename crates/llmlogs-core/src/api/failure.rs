//! Why an exchange failed, if it did.

use crate::capture::{CapturedResponse, Completion, ErrorType, Failure, ResponseHead};
use crate::json;
use crate::json::Json;

use super::content_encoding::is_encoded;
use super::decode::DecodedBody;
use super::error::api_error;
use super::error_status;
use super::view::ResponseView;

/// Returns whether the status or the end of an exchange is that of a failure, without a look at its body.
pub fn has_failed(response: &CapturedResponse) -> bool {
    response.head.status.is_some_and(|status| status >= 400) || response.completion != Completion::Complete
}

/// Returns the failure that the status or the end of an exchange is; `decoded` is its body.
pub(super) fn exchange_failure(response: &CapturedResponse, decoded: &DecodedBody<'_>) -> Option<Failure> {
    // The program's own name for it is more than its status.
    if let Completion::Failed(failure) = &response.completion
        && let ErrorType::Named(_) = failure.kind
    {
        return Some(failure.clone());
    }
    if let Some(status) = response.head.status.filter(|status| *status >= 400) {
        // The decoded body comes first: it may have been redacted since.
        let body = decoded.json.as_ref().filter(|_| !decoded.streamed).or(decoded.error.as_ref());
        let is_encoded = is_encoded(&response.head.content_encoding);
        let text = json::lossy(if is_encoded { &[] } else { response.body.bytes() });
        let parsed = if body.is_none() { json::parse(&text).ok() } else { None };
        let body = body.or(parsed.as_ref());
        let (mut code, mut message) = match body {
            Some(body) => api_error(body),
            None if is_encoded || text.chars().any(is_binary) => {
                (String::new(), what_came(&response.head, response.body.len()))
            }
            None => (String::new(), text.trim().to_owned()),
        };
        if let (Completion::Failed(failure), true) = (&response.completion, message.is_empty()) {
            message.clone_from(&failure.message);
        }
        if code.is_empty() {
            code.clone_from(&response.head.error_code);
        }
        let kind = ErrorType::Http(error_status::of_failed(status, body));
        return Some(Failure { kind, code, message });
    }
    match &response.completion {
        Completion::Failed(failure) => Some(failure.clone()),
        Completion::Complete => None,
        Completion::Dropped if decoded.finished => None,
        Completion::Dropped => {
            Some(Failure::new(ErrorType::Cancelled, "the caller dropped the call before its end"))
        }
    }
}

/// Returns the error that a body or a stream reports though its status is that of a success.
pub fn reported_failure(decoded: &DecodedBody<'_>, response: &ResponseView<'_>) -> Option<Failure> {
    let error = decoded.error.as_ref().or(response.error)?;
    let (code, message) = api_error(error);
    let kind = error_status::of_reported(error).map_or(ErrorType::Api, ErrorType::Http);
    Some(Failure { kind, code, message })
}

/// Returns the failure that an HTTP status of 400 or more is, with the API's error body if it is known.
pub fn failure_with_status(status: u16, body: Option<&Json<'_>>) -> Failure {
    let (code, message) = body.map(api_error).unwrap_or_default();
    Failure { kind: ErrorType::Http(error_status::of_failed(status, body)), code, message }
}

/// Returns whether a character is in no text: a control character that is no white space, or what replaced bytes that are
/// not UTF-8.
fn is_binary(c: char) -> bool {
    c == char::REPLACEMENT_CHARACTER || c.is_control() && !c.is_whitespace()
}

/// Returns the message of an error whose body cannot be read.
fn what_came(head: &ResponseHead, length: usize) -> String {
    let kinds = [&*head.content_type, &*head.content_encoding];
    let kinds: Vec<&str> = kinds.into_iter().filter(|kind| !kind.is_empty()).collect();
    let kinds = if kinds.is_empty() { "no content type".to_owned() } else { kinds.join(", ") };
    format!("an error without a text ({kinds}, {length} bytes)")
}
