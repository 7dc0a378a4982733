//! What a response means: the one place where it is interpreted, for the span's attributes as for `metadata.json` and
//! its attempts.

use std::borrow::Cow;

use crate::capture::{CapturedResponse, Endpoint, ErrorType, Failure};
use crate::json::Json;
use crate::redact::Redactor;

use super::decode::{self, DecodedBody};
use super::detect::api_of_answer;
use super::error;
use super::failure::{exchange_failure, reported_failure};
use super::invalid_response::{incomplete_stream, invalid_response, quotation};
use super::registry::dialect;
use super::view::{Choice, ResponseView};

/// How much of a body is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// What a span carries: ids, the model, tokens, finish reasons, failures. Cheap enough for the caller's thread,
    /// whatever the size of the body.
    Summary,
    /// All of it.
    Whole,
}

/// A response with its decoded body.
///
/// The views borrow from the body, so that it can be [redacted](Self::redact) before they are made.
#[derive(Debug)]
pub struct Interpretation<'r> {
    endpoint: &'r Endpoint,
    /// `None` where the body was composed from span fields.
    response: Option<&'r CapturedResponse>,
    body: DecodedBody<'r>,
    /// The beginning of a body that may be no answer, redacted; `None` before the body was redacted.
    quotation: Option<String>,
}

/// Decodes `response` as an answer of `endpoint`'s API.
pub fn interpret<'r>(
    endpoint: &'r Endpoint,
    response: &'r CapturedResponse,
    depth: Depth,
) -> Interpretation<'r> {
    let body = match depth {
        Depth::Summary => decode::decode_summary(endpoint, response),
        Depth::Whole => decode::decode(endpoint, response),
    };
    Interpretation { endpoint, response: Some(response), body, quotation: None }
}

impl<'r> Interpretation<'r> {
    /// Returns the interpretation of a body without an HTTP response around it.
    pub fn of_body(endpoint: &'r Endpoint, body: Json<'r>) -> Self {
        let body = DecodedBody { json: Some(body), finished: true, ..DecodedBody::default() };
        Interpretation { endpoint, response: None, body, quotation: None }
    }

    /// Applies `redact`, which stands for `rules`, to everything that was decoded; returns whether anything changed.
    ///
    /// A failure quotes the body only after this.
    pub fn redact(&mut self, rules: &Redactor, redact: impl Fn(&mut Json<'_>) -> bool) -> bool {
        let mut changed = false;
        // Of an answer there is nothing to quote.
        if let (Some(response), false) = (self.response, self.body.is_answer()) {
            self.quotation = Some(quotation(&response.body, rules));
        }
        for decoded in [&mut self.body.json, &mut self.body.error].into_iter().flatten() {
            changed |= redact(decoded);
        }
        changed
    }

    /// Returns the decoded body.
    pub fn body(&self) -> &DecodedBody<'r> {
        &self.body
    }

    /// Returns the decoded body as JSON; null where it is none.
    pub fn json(&self) -> &Json<'r> {
        self.body.json.as_ref().unwrap_or(&Json::Null)
    }

    /// Returns whether the HTTP status is that of an error: such a body is an error's, not an answer.
    pub fn has_error_status(&self) -> bool {
        self.response.and_then(|response| response.head.status).is_some_and(|status| status >= 400)
    }

    /// Returns what the body says in the terms that all APIs share; the view of an error's body is empty.
    pub fn view(&self) -> ResponseView<'_> {
        match &self.body.json {
            Some(json) if !self.has_error_status() => {
                dialect(api_of_answer(self.endpoint, json)).response(self.endpoint, json)
            }
            _ => ResponseView::default(),
        }
    }

    /// Returns why the exchange failed, if it did: the status or the end of the exchange first, then what the body
    /// reports. A caller that drops a response after an error in its stream has that error as the reason.
    pub fn failure(&self, view: &ResponseView<'_>) -> Option<Failure> {
        let reported = || reported_failure(&self.body, view);
        match self.response.and_then(|response| exchange_failure(response, &self.body)) {
            Some(dropped) if dropped.kind == ErrorType::Cancelled => {
                reported().or_else(|| Some(dropped).filter(|_| !self.has_all_reasons(view)))
            }
            Some(failure) => Some(failure),
            None => reported().or_else(|| self.no_answer(view)),
        }
    }

    /// Returns whether each answer in a stream has a finish reason. Callers stop reading there, and some servers send
    /// nothing more.
    fn has_all_reasons(&self, view: &ResponseView<'_>) -> bool {
        let has_reason = |choice: &Choice<'_>| !choice.finish_reason.is_empty();
        self.body.streamed && !view.choices.is_empty() && view.choices.iter().all(has_reason)
    }

    /// Returns the failure of a response with a status of success that is no answer, or not all of one.
    fn no_answer(&self, view: &ResponseView<'_>) -> Option<Failure> {
        let response = self.response?;
        let invalid = || invalid_response(self.endpoint, response, &self.body, self.quotation.as_deref());
        incomplete_stream(response, &self.body, view).or_else(invalid)
    }

    /// Returns the provider's id of the request: that of the headers, else that of the body; empty where neither has
    /// one.
    pub fn request_id(&self) -> Cow<'r, str> {
        match self.response.map(|response| &*response.head.request_id) {
            Some(id) if !id.is_empty() => Cow::Borrowed(id),
            _ => Cow::Owned(error::request_id(self.json())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::capture::{Api, Body, ChunkTimings, Completion, ResponseHead};

    fn endpoint() -> Endpoint {
        Endpoint {
            api: Api::OpenAiChat,
            provider: "openai".into(),
            operation: "chat".into(),
            path_model: None,
            base_url: "https://api.openai.com".into(),
            path: "/v1/chat/completions".into(),
            query: String::new(),
            method: "POST".into(),
        }
    }

    fn response(
        status: u16,
        content_type: &str,
        body: &'static str,
        completion: Completion,
    ) -> CapturedResponse {
        CapturedResponse {
            head: ResponseHead {
                status: Some(status),
                content_type: content_type.into(),
                ..ResponseHead::default()
            },
            body: Body::Whole(body.into()),
            chunk_timings: ChunkTimings::default(),
            completion,
            ended: Instant::now(),
        }
    }

    #[test]
    fn a_summary_and_the_whole_tell_the_same_failure() {
        const JSON: &str = "application/json";
        const EVENTS: &str = "text/event-stream";
        const LIMIT: &str = r#"{"error":{"message":"slow down","code":"rate_limit_exceeded"}}"#;
        const IN_STREAM: &str =
            "data: {\"error\":{\"message\":\"slow down\",\"code\":\"rate_limit_exceeded\"}}\n\n";
        for (status, content_type, body, end, kind) in [
            (429, JSON, LIMIT, Completion::Complete, ErrorType::Http(429)),
            (200, JSON, LIMIT, Completion::Complete, ErrorType::Http(429)),
            (200, EVENTS, IN_STREAM, Completion::Complete, ErrorType::Http(429)),
            (200, EVENTS, IN_STREAM, Completion::Dropped, ErrorType::Http(429)),
        ] {
            let (endpoint, response) = (endpoint(), response(status, content_type, body, end));
            let failure = |depth| {
                let answer = interpret(&endpoint, &response, depth);
                let view = answer.view();
                answer.failure(&view).unwrap()
            };
            let whole = failure(Depth::Whole);
            assert_eq!((&*whole.code, &*whole.message), ("rate_limit_exceeded", "slow down"));
            assert_eq!(whole.kind, kind);
            assert_eq!(failure(Depth::Summary), whole);
        }
    }

    #[test]
    fn a_dropped_response_without_an_error_is_cancelled() {
        let (endpoint, response) = (
            endpoint(),
            response(200, "text/event-stream", "data: {\"choices\":[]}\n\n", Completion::Dropped),
        );
        let answer = interpret(&endpoint, &response, Depth::Whole);
        let view = answer.view();
        assert_eq!(answer.failure(&view).unwrap().kind, ErrorType::Cancelled);
    }

    #[test]
    fn a_caller_that_stops_reading_at_the_finish_reason_has_cancelled_nothing() {
        const FIRST: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}]}\n\n";
        const SECOND_OPEN: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"},{\"index\":1,\"delta\":{\"content\":\"H\"}}]}\n\n";
        for (body, expected) in [(FIRST, None), (SECOND_OPEN, Some(ErrorType::Cancelled))] {
            let (endpoint, response) =
                (endpoint(), response(200, "text/event-stream", body, Completion::Dropped));
            for depth in [Depth::Summary, Depth::Whole] {
                let answer = interpret(&endpoint, &response, depth);
                let view = answer.view();
                assert_eq!(answer.failure(&view).map(|failure| failure.kind), expected, "{body}");
            }
        }
    }
}
