//! A response body into one JSON value, streams folded.

use std::borrow::Cow;
use std::time::Instant;

use crate::capture::{CapturedResponse, Endpoint};
use crate::json::{self, Json, SyntaxError};

use super::dialect::EventKind;
use super::dialects::bedrock_invoke;
use super::framing::{Event, Framing, for_each_event, for_outer_events};
use super::registry::dialect;

/// A response body, read.
#[derive(Debug, Default)]
pub struct DecodedBody<'b> {
    /// The body, or the object that the stream folded into; `None` where it is no JSON.
    pub json: Option<Json<'b>>,
    /// Whether the body was a stream of events.
    pub streamed: bool,
    /// Whether the stream came to its own end mark, or the body is a whole JSON value.
    pub finished: bool,
    /// When the first content of a stream had arrived.
    pub first_content: Option<Instant>,
    /// The error that a stream reported.
    pub error: Option<Json<'b>>,
}

/// Reads of `outcome`'s body what a span carries: ids, the model, tokens, finish reasons, failures. Cheap enough
/// for the caller's thread, whatever the body weighs.
pub fn decode_summary<'b>(endpoint: &Endpoint, outcome: &'b CapturedResponse) -> DecodedBody<'b> {
    // What a span carries stands in the first events of a stream and in its last.
    const FIRST: usize = 3;
    const LAST: usize = 8;
    read(endpoint, outcome, json::parse_shallow, |framing, bytes, take| {
        for_outer_events(framing, bytes, FIRST, LAST, take);
    })
}

/// Reads `outcome`'s body as `endpoint`'s API would have meant it.
pub fn decode<'b>(endpoint: &Endpoint, outcome: &'b CapturedResponse) -> DecodedBody<'b> {
    read(endpoint, outcome, json::parse, |framing, bytes, take| for_each_event(framing, bytes, take))
}

/// How a text becomes a value.
type Parse = for<'t> fn(&'t str) -> Result<Json<'t>, SyntaxError>;

fn read<'b>(
    endpoint: &Endpoint,
    outcome: &'b CapturedResponse,
    parser: Parse,
    events: impl FnOnce(Framing, &'b [u8], &mut dyn FnMut(Event<'b>)),
) -> DecodedBody<'b> {
    let bytes = outcome.body.bytes();
    let framing = Framing::of_answer(endpoint.api, &outcome.head, bytes);
    let fold = match framing {
        Framing::Whole => None,
        _ => dialect(endpoint.api).fold(endpoint),
    };
    let Some(mut fold) = fold else {
        let mut json = parse(json::lossy(bytes), parser);
        if let Some(body) = json.as_mut().and_then(Json::as_object_mut) {
            bedrock_invoke::add_metrics(body, &outcome.head);
        }
        return DecodedBody {
            streamed: framing != Framing::Whole,
            finished: json.is_some(),
            json,
            ..DecodedBody::default()
        };
    };
    let mut decoded = DecodedBody { streamed: true, ..DecodedBody::default() };
    let mut unknown = Vec::new();
    events(framing, bytes, &mut |Event { name, data, end }| {
        if data.trim() == "[DONE]" {
            decoded.finished = true;
            return;
        }
        let seen = match parse(data.clone(), parser) {
            Some(event) => fold.event(&name, event),
            None => EventKind::Unknown,
        };
        if matches!(seen, EventKind::Content | EventKind::LastContent) && decoded.first_content.is_none() {
            decoded.first_content = outcome.arrivals.at(end);
        }
        match seen {
            EventKind::Content | EventKind::Other => {}
            EventKind::End | EventKind::LastContent => decoded.finished = true,
            EventKind::Unknown => unknown.push(Json::string(data)),
        }
    });
    let folded = fold.finish();
    let mut object = folded.object;
    if let (Some(object), false) = (object.as_object_mut(), unknown.is_empty()) {
        object.set("unknown_events", Json::Array(unknown));
    }
    decoded.json = Some(object);
    decoded.error = folded.error;
    decoded
}

fn parse(text: Cow<'_, str>, parser: Parse) -> Option<Json<'_>> {
    match text {
        Cow::Borrowed(text) => parser(text).ok(),
        Cow::Owned(text) => parser(&text).ok().map(Json::into_owned),
    }
}
