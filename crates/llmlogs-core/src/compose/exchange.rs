//! Selects the request and the response of a call that made several attempts.

use std::borrow::Cow;

use crate::api;
use crate::capture::{Body, CallRecord, CapturedRequest, CapturedResponse, Completion, Endpoint, SpanRecord};

/// The request and the response of a call as a whole.
pub struct Exchange<'r> {
    pub request: Option<&'r CapturedRequest>,
    response: Option<Cow<'r, CapturedResponse>>,
    /// Where the attempt went whose response is the call's; `None` if no request is known.
    pub answered_by: Option<&'r Endpoint>,
}

impl<'r> Exchange<'r> {
    /// Returns the caller's own request and the response of the last attempt, unless the call ended differently from its
    /// last attempt.
    pub fn of(record: &'r CallRecord) -> Self {
        let own = &record.own;
        let is_alone = || own.request.is_some() || !record.attempts.iter().any(is_http);
        if !own.attempts.is_empty() && own.response.is_some() && is_alone() {
            // Whoever made the attempts says how the call ended.
            let (request, response) = (own.request.as_deref(), own.response.as_deref().map(Cow::Borrowed));
            return Exchange { request, response, answered_by: answering(own) };
        }
        let last = record.attempts.iter().rev().find(|span| is_http(span)).unwrap_or(own);
        let response = match (own.response.as_deref(), last.response.as_deref()) {
            (Some(own), Some(last)) => Some(match own.body {
                _ if has_same_completion(own, last) => Cow::Borrowed(last),
                // Keeps what the last attempt received, however the call ended afterwards.
                Body::Empty => Cow::Owned(CapturedResponse {
                    completion: own.completion.clone(),
                    ended: own.ended,
                    ..last.clone()
                }),
                _ => Cow::Borrowed(own),
            }),
            (own, last) => last.or(own).map(Cow::Borrowed),
        };
        let first = record.attempts.iter().find_map(|span| span.request.as_deref());
        let request = own.request.as_deref().or(first);
        let acting = if own.attempts.is_empty() || own.request.is_none() { last } else { own };
        let answered_by = answering(acting).or(request.map(|request| &*request.endpoint));
        Exchange { request, response, answered_by }
    }

    /// Returns the response; `None` for a call without one, or with span fields only.
    pub fn response(&self) -> Option<&CapturedResponse> {
        self.response.as_deref()
    }
}

/// Returns where the last attempt of `span` went.
fn answering(span: &SpanRecord) -> Option<&Endpoint> {
    let request = || span.request.as_ref().map(|request| &request.endpoint);
    span.attempts.last().map(|attempt| &attempt.endpoint).or_else(request).map(|endpoint| &**endpoint)
}

/// Returns whether the last attempt ended as the call did.
fn has_same_completion(own: &CapturedResponse, last: &CapturedResponse) -> bool {
    match own.completion {
        Completion::Complete => true,
        Completion::Dropped => last.completion == Completion::Dropped,
        // An attempt that was dropped has no reason of its own; the call has.
        Completion::Failed(_) => last.completion != Completion::Dropped && api::has_failed(last),
    }
}

/// Returns whether a span carried an HTTP request or its response.
pub fn is_http(span: &SpanRecord) -> bool {
    span.request.is_some() || span.response.is_some()
}
