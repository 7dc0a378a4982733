//! The failure of a call, and the `output.json` and `output.txt` of a failed call.

use std::borrow::Cow;

use crate::api::{Interpretation, ResponseView};
use crate::capture::{Body, CallRecord, CapturedResponse, Completion, ErrorType, Failure};
use crate::format::time::LocalTime;
use crate::format::{Attempt, Usage};
use crate::json::{self, Json, Object};
use crate::redact::Redactor;
use crate::render::{self, Failed, Reply};

use super::body::{Content, base64_object, stored_body, with_newline};
use super::from_fields::SpanAttributes;
use super::options::ComposeOptions;
use super::response::Output;

/// Returns why the call failed, if it did: the exchange's own failure first, then what the span's fields report, then
/// a panic.
pub fn call_failure(
    record: &CallRecord,
    response: Option<&CapturedResponse>,
    attributes: &SpanAttributes<'_>,
    answer: &Interpretation<'_>,
    view: &ResponseView<'_>,
) -> Option<Failure> {
    let failure = answer.failure(view);
    // A stream that was dropped after its end mark is that of a call that has finished.
    let finished =
        failure.is_none() && response.is_some_and(|response| response.completion == Completion::Dropped);
    let panicked = || {
        let panicked = !finished && (record.own.panicked || record.attempts.iter().any(|span| span.panicked));
        panicked.then(|| Failure::new(ErrorType::Panic, "the program panicked while the call was open"))
    };
    match failure {
        // A panic drops the call; the panic is the reason for the failure.
        Some(dropped) if dropped.kind == ErrorType::Cancelled => panicked().or(Some(dropped)),
        Some(failure) => Some(failure),
        None => attributes.failure().or_else(panicked),
    }
}

/// Redacts the texts of a failure, parts of a body that is not JSON have not been redacted before, and removes their
/// control characters but for line breaks and tabs.
pub fn clean(failure: &mut Failure, redact: &Redactor) {
    for text in [&mut failure.message, &mut failure.code] {
        text.retain(|c| !c.is_control() || c == '\n' || c == '\t');
        if let Cow::Owned(clean) = redact.text(text) {
            *text = clean;
        }
    }
}

/// A call that failed.
pub struct FailedCall<'a> {
    pub failure: &'a Failure,
    /// The response as far as it arrived.
    pub response: Option<&'a CapturedResponse>,
    pub answer: &'a Interpretation<'a>,
    pub view: &'a ResponseView<'a>,
    pub reply: &'a Reply<'a>,
    /// The request's model.
    pub model: &'a str,
    /// The provider's id of the request.
    pub request_id: &'a str,
    /// The attempts, if there was more than one.
    pub attempts: &'a [Attempt],
    /// When the call ended.
    pub end: &'a LocalTime,
}

impl FailedCall<'_> {
    /// Returns the two files of the failure.
    pub fn output(&self, options: &ComposeOptions) -> Output {
        let arrived = self.response.and_then(|response| arrived(response, self.answer, &options.redact));
        // A body that reports an error is the provider's error body; any other body is a partial answer.
        let (body, partial) = match &self.answer.body().error {
            Some(error) => (Some(error.clone()), arrived),
            None if self.answer.has_error_status() || self.view.error.is_some() => (arrived, None),
            None => (None, arrived),
        };
        let error_type = self.failure.kind.word();
        let http_status = self.response.and_then(|response| response.head.status);
        let failed = Failed {
            error_type: &error_type,
            message: &self.failure.message,
            http_status,
            code: &self.failure.code,
            request_id: self.request_id,
            attempts: self.attempts,
            language: options.language,
        };
        let raw = partial.as_ref().and_then(Json::as_str).map(Cow::into_owned);
        let text = render::output(&Reply { raw: raw.as_deref(), ..*self.reply }, Some(&failed));
        let object = FailureObject {
            error_type: &error_type,
            error_message: &self.failure.message,
            error_code: &self.failure.code,
            http_status,
            ended: self.end,
            model: self.model,
            usage: &self.reply.usage,
            body: body.unwrap_or_default(),
            partial: partial.unwrap_or_default(),
        };
        let mut media = Vec::new();
        let content =
            Content { json: Some(&object.into_json()), redacted: true, body: None, content_type: "" };
        let json = content.store(options, &mut media);
        Output { json: with_newline(json), text, media }
    }
}

/// `output.json` of a failed call.
struct FailureObject<'a> {
    error_type: &'a str,
    error_message: &'a str,
    error_code: &'a str,
    http_status: Option<u16>,
    ended: &'a LocalTime,
    model: &'a str,
    usage: &'a Usage,
    /// The provider's error body.
    body: Json<'a>,
    /// The part of the answer that arrived.
    partial: Json<'a>,
}

impl<'a> FailureObject<'a> {
    fn into_json(self) -> Json<'a> {
        let seconds = self.ended.unix_seconds();
        let usage = [
            ("prompt_tokens", Json::number(self.usage.prompt_tokens)),
            ("completion_tokens", Json::number(self.usage.completion_tokens)),
            ("total_tokens", Json::number(self.usage.total_tokens)),
        ];
        let usage: Object<'_> = usage.into_iter().collect();
        let members = [
            ("error", Json::Bool(true)),
            ("error_type", Json::string(self.error_type)),
            ("error_message", Json::string(self.error_message)),
            ("error_code", Json::string(self.error_code)),
            ("http_status", self.http_status.map_or(Json::Null, Json::number)),
            ("timestamp", Json::number(self.ended.unix())),
            ("id", Json::string(format!("error_{seconds}"))),
            ("object", Json::string("error")),
            ("created", Json::number(seconds)),
            ("model", Json::string(self.model)),
            ("choices", Json::Array(Vec::new())),
            ("usage", Json::Object(usage)),
            ("body", self.body),
            ("partial", self.partial),
        ];
        Json::Object(members.into_iter().collect())
    }
}

/// Returns a failed call's body as far as it arrived; `None` if nothing did.
fn arrived<'a>(
    response: &'a CapturedResponse,
    answer: &'a Interpretation<'_>,
    redact: &Redactor,
) -> Option<Json<'a>> {
    match (&answer.body().json, &response.body) {
        (_, body @ (Body::Cut { .. } | Body::Dropped { .. })) => {
            let stored = stored_body(body, redact);
            json::parse(std::str::from_utf8(&stored).ok()?).ok().map(Json::into_owned)
        }
        (Some(Json::Object(object)), _) if object.is_empty() => None,
        (Some(json), _) => Some(json.clone()),
        (None, body) if body.is_empty() => None,
        (None, body) => Some(match std::str::from_utf8(body.bytes()) {
            Ok(text) => Json::string(redact.text(text)),
            Err(_binary) => base64_object(&redact.bytes(body.bytes())),
        }),
    }
}
