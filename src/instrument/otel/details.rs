//! What the spans of a call get when it has ended.

use std::time::{Instant, SystemTime};

use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanRef, Status, TraceContextExt};

use llmlogs_core::api::{self, Depth};
use llmlogs_core::capture::{CapturedResponse, Endpoint, ErrorType, Failure};
use llmlogs_core::compose;
use llmlogs_core::semconv;

use crate::instrument::attributes::{ResponseAttributes, catch_panic};
use crate::instrument::call_span::CallSpan;

use super::rules::Rules;
use super::{content, cut, export, request};

/// A failure's message is looked for in the whole body if that has no more bytes than this.
const MAX_FAILED: usize = 1 << 20;

/// How many bytes of a failure's message are exported.
const MAX_MESSAGE: usize = 4 << 10;

/// Gives OpenTelemetry's spans what their `tracing` fields cannot carry, and counts the call. Returns the places in `spans`
/// of those that are exported.
pub(crate) fn end<'s>(
    spans: impl Iterator<Item = &'s CallSpan> + Clone,
    endpoint: &Endpoint,
    response: &CapturedResponse,
    attributes: &ResponseAttributes,
) -> Vec<usize> {
    let exported = catch_panic(|| {
        let mut exported = Vec::new();
        let mut details = None;
        for (place, span) in spans.clone().enumerate() {
            if let Some(context) = export::context(span.span())
                && context.span().is_recording()
            {
                let details = details
                    .get_or_insert_with(|| Details::new(spans.clone(), endpoint, response, attributes));
                details.put(span, response, &context.span());
                exported.push(place);
            }
        }
        exported
    });
    catch_panic(|| spans.for_each(|span| span.export().count(endpoint, response, attributes)));
    exported
}

/// What all spans of the call get.
struct Details {
    attributes: Vec<KeyValue>,
    failure: Option<Failure>,
    streamed: bool,
    ended: SystemTime,
}

impl Details {
    fn new<'s>(
        spans: impl Iterator<Item = &'s CallSpan> + Clone,
        endpoint: &Endpoint,
        response: &CapturedResponse,
        attributes: &ResponseAttributes,
    ) -> Self {
        let mut rules = Rules::default();
        spans.clone().for_each(|span| rules.join(&span.export().by_layers().rules));
        let messages = spans.clone().any(|span| span.export().exports_messages());
        let mut own = Vec::new();
        if !attributes.reasons.is_empty() {
            let reasons = request::strings(attributes.reasons.iter().cloned());
            own.push(KeyValue::new(semconv::GEN_AI_RESPONSE_FINISH_REASONS, reasons));
        }
        if let (Some(tier), true) = (&attributes.service_tier, request::is_openai(endpoint)) {
            own.push(KeyValue::new(semconv::OPENAI_RESPONSE_SERVICE_TIER, tier.clone()));
        }
        let mut failure = attributes.failure.clone();
        let length = response.body.len();
        let messages_out = messages && length <= content::MAX_READ;
        if messages || attributes.error().is_some() {
            // The attributes of every call are read without long texts.
            let depth = if messages_out || length <= MAX_FAILED { Depth::Whole } else { Depth::Summary };
            let in_clear = compose::decoded_response(response, content::MAX_READ);
            let response = in_clear.as_ref().unwrap_or(response);
            let mut answer = api::interpret(endpoint, response, depth);
            rules.redactors().for_each(|redactor| {
                answer.redact(redactor, |json| content::leave_media_out(json) | redactor.json(json));
            });
            if let Some(known) = &mut failure {
                let whole = answer.failure(&answer.view()).filter(|whole| whole.kind == known.kind);
                *known = clean(whole.unwrap_or_else(|| known.clone()), &rules);
            }
            let request = spans.clone().find_map(|span| span.export().request());
            own.extend(request.map(|body| content::of_request(endpoint, body, &rules)).unwrap_or_default());
            if messages_out {
                own.extend(content::of_response(response, &answer, attributes.error().is_some(), &rules));
            }
        }
        let since = Instant::now().saturating_duration_since(response.ended);
        let ended = SystemTime::now().checked_sub(since).unwrap_or_else(SystemTime::now);
        let streamed = attributes.streamed || response.chunk_timings.first_content().is_some();
        Details { attributes: own, failure, streamed, ended }
    }

    fn put(&self, span: &CallSpan, response: &CapturedResponse, otel: &SpanRef<'_>) {
        otel.set_attributes(self.attributes.iter().cloned());
        if let (true, Some(seconds)) = (self.streamed, span.export().time_to_first_chunk(response)) {
            otel.set_attribute(KeyValue::new(semconv::GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK, seconds));
        }
        match &self.failure {
            // No error: the caller did not want the answer any more.
            Some(failure) if failure.kind == ErrorType::Cancelled => {
                otel.add_event_with_timestamp("cancelled", self.ended, Vec::new());
            }
            Some(failure) => {
                let kind = failure.kind.word().into_owned();
                let message = if failure.message.is_empty() { kind.clone() } else { failure.message.clone() };
                let event = vec![
                    KeyValue::new(semconv::EXCEPTION_TYPE, kind),
                    KeyValue::new(semconv::EXCEPTION_MESSAGE, message.clone()),
                ];
                otel.add_event_with_timestamp(semconv::EXCEPTION, self.ended, event);
                otel.set_status(Status::error(message));
            }
            None => {}
        }
    }
}

/// Returns `failure` redacted as the files are, and cut.
fn clean(mut failure: Failure, rules: &Rules) -> Failure {
    rules.redactors().for_each(|redactor| compose::clean_failure(&mut failure, redactor));
    failure.message = cut::text(failure.message, MAX_MESSAGE);
    failure
}
