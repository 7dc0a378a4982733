//! A response body as one JSON value, streams folded.

use std::borrow::Cow;
use std::time::Instant;

use crate::capture::{Api, CapturedResponse, Completion, Endpoint};
use crate::json::{self, Json, Object, SyntaxError};

use super::content_encoding::is_encoded;
use super::dialect::EventKind;
use super::dialects::bedrock_invoke;
use super::framing::{self, Event, Framing, for_each_event, for_outer_events};
use super::registry::dialect;

/// A decoded response body.
#[derive(Debug, Default)]
pub struct DecodedBody<'b> {
    /// The body, or the object that the stream folded into; `None` where it is no JSON.
    pub json: Option<Json<'b>>,
    /// Whether the body was a stream of events.
    pub streamed: bool,
    /// Whether the stream came to its own end mark, or the body is a whole JSON value.
    pub finished: bool,
    /// Whether it is a stream of the API's events without its end mark. Events of which none was understood, though
    /// they are JSON, are those of another API, whose end mark is not known.
    pub incomplete: bool,
    /// Whether a body that is no stream has bytes that are not UTF-8, each of which `json` has as U+FFFD.
    pub invalid_utf8: bool,
    /// When the first content of a stream had arrived, or of any answer whose caller has noted it.
    pub first_content: Option<Instant>,
    /// The error that a stream reported.
    pub error: Option<Json<'b>>,
}

impl DecodedBody<'_> {
    /// Returns whether the body is what an API may answer: an object or an array, all of it UTF-8.
    pub(super) fn is_answer(&self) -> bool {
        matches!(self.json, Some(Json::Object(_) | Json::Array(_))) && !self.invalid_utf8
    }
}

/// Decodes the parts of the body that a span carries: ids, the model, tokens, finish reasons, failures. Cheap enough
/// for the caller's thread, whatever the size of the body.
pub(super) fn decode_summary<'b>(endpoint: &Endpoint, response: &'b CapturedResponse) -> DecodedBody<'b> {
    // They are in the first events of a stream and in its last.
    const FIRST: usize = 3;
    const LAST: usize = 8;
    let head = &response.head;
    if is_encoded(&head.content_encoding) && !framing::is_text(head, response.body.bytes()) {
        // What cannot be read here may have come to its end.
        return DecodedBody { finished: true, ..DecodedBody::default() };
    }
    decode_with(endpoint, response, json::parse_shallow, |framing, bytes, take| {
        for_outer_events(framing, bytes, FIRST, LAST, take);
    })
}

/// Decodes the whole body of `response` as an answer of `endpoint`'s API.
pub fn decode<'b>(endpoint: &Endpoint, response: &'b CapturedResponse) -> DecodedBody<'b> {
    decode_with(endpoint, response, json::parse, |framing, bytes, take| for_each_event(framing, bytes, take))
}

/// A JSON parser.
type Parse = for<'t> fn(&'t str) -> Result<Json<'t>, SyntaxError>;

/// Decodes with `parser` the events that `events` visits, or the body as a whole where it is no stream.
fn decode_with<'b>(
    endpoint: &Endpoint,
    response: &'b CapturedResponse,
    parser: Parse,
    events: impl FnOnce(Framing, &'b [u8], &mut dyn FnMut(Event<'b>)),
) -> DecodedBody<'b> {
    let bytes = response.body.bytes();
    let framing = Framing::of_answer(endpoint.api, &response.head, bytes);
    let fold = match framing {
        Framing::Whole => None,
        _ => dialect(endpoint.api).fold(endpoint),
    };
    let Some(mut fold) = fold else {
        let streamed = framing::begins(framing, bytes);
        return DecodedBody { streamed, ..decode_whole(response, parser) };
    };
    let first_content = response.chunk_timings.first_content();
    let mut decoded = DecodedBody { streamed: true, first_content, ..DecodedBody::default() };
    let mut unknown = Vec::new();
    let (mut events_seen, mut understood, mut foreign) = (false, false, false);
    let mut last_end = 0;
    events(framing, bytes, &mut |Event { name, data, end }| {
        events_seen = true;
        last_end = end;
        if data.trim() == "[DONE]" {
            decoded.finished = true;
            return;
        }
        let kind = match parse(data.clone(), parser) {
            Some(event) => {
                let kind = fold.event(&name, event);
                understood |= kind != EventKind::Unknown;
                foreign |= kind == EventKind::Unknown;
                kind
            }
            None => EventKind::Unknown,
        };
        if matches!(kind, EventKind::Content | EventKind::LastContent) && decoded.first_content.is_none() {
            decoded.first_content = response.chunk_timings.at(end);
        }
        match kind {
            EventKind::Content | EventKind::Other => {}
            EventKind::End | EventKind::LastContent => decoded.finished = true,
            // In base64 a secret cannot be seen.
            EventKind::Unknown if endpoint.api == Api::BedrockInvoke => {
                unknown.push(Json::string(bedrock_invoke::in_clear(&data).map_or(data, Cow::Owned)));
            }
            EventKind::Unknown => unknown.push(Json::string(data)),
        }
    });
    if !events_seen {
        let streamed = framing::begins(framing, bytes);
        return DecodedBody { streamed, incomplete: streamed, ..decode_whole(response, parser) };
    }
    // A frame that was cut off is the only sign that a stream without end marks has not come to its end.
    let has_end_mark = fold.has_end_mark();
    let is_cut = framing == Framing::AwsEventStream && last_end < bytes.len();
    let folded = fold.finish();
    let mut object = folded.object;
    if !unknown.is_empty() {
        if object.is_null() {
            object = Json::Object(Object::new());
        }
        if let Some(object) = object.as_object_mut() {
            object.set("unknown_events", Json::Array(unknown));
        }
    }
    // A model of one's own may stream plain text, which has no end.
    let is_apis = understood || !foreign && framing != Framing::PayloadParts;
    decoded.incomplete = !decoded.finished && is_apis && (has_end_mark || is_cut);
    if !has_end_mark && decoded.error.is_none() && response.completion == Completion::Complete {
        decoded.finished |= !is_cut;
    }
    decoded.json = Some(object);
    decoded.error = folded.error;
    decoded
}

/// Decodes a body that is no stream.
fn decode_whole(response: &CapturedResponse, parser: Parse) -> DecodedBody<'_> {
    let text = json::lossy(response.body.bytes());
    let invalid_utf8 = matches!(text, Cow::Owned(_));
    let mut json = parse(text, parser);
    if let Some(body) = json.as_mut().and_then(Json::as_object_mut) {
        bedrock_invoke::add_metrics(body, &response.head);
    }
    let first_content = response.chunk_timings.first_content();
    DecodedBody { finished: json.is_some(), json, invalid_utf8, first_content, ..DecodedBody::default() }
}

/// Parses with `parser`, or whole where that takes no time: an empty text in the place of a long one may be taken for none,
/// and what a model says comes as one long text in some frames.
fn parse(text: Cow<'_, str>, parser: Parse) -> Option<Json<'_>> {
    const SMALL: usize = 16 << 10;
    let parser = if text.len() <= SMALL { json::parse } else { parser };
    match text {
        Cow::Borrowed(text) => parser(text).ok(),
        Cow::Owned(text) => parser(&text).ok().map(Json::into_owned),
    }
}
