//! Bodies that are streams, cut into events.
//!
//! Which framing a body has is decided here; each framing has a file of its own.

mod aws_event_stream;
mod event;
mod json_array;
mod lines;
mod ndjson;
mod parts;
mod payload_parts;
mod sse;

use std::borrow::Cow;
use std::collections::VecDeque;

use crate::capture::{Api, ResponseHead};
use crate::json;

pub use event::Event;
use lines::BOM;

#[cfg(test)]
pub(crate) use aws_event_stream::tests as aws_frames;

/// How a body is cut into events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// No stream: the body is one value.
    Whole,
    /// [Server-sent events](https://html.spec.whatwg.org/multipage/server-sent-events.html).
    Sse,
    /// One JSON value a line.
    Ndjson,
    /// A JSON array whose elements come one by one.
    JsonArray,
    /// [AWS event stream](https://smithy.io/2.0/aws/amazon-eventstream.html): binary frames.
    AwsEventStream,
    /// An AWS event stream whose payloads are the pieces of a stream in another framing.
    PayloadParts,
}

impl Framing {
    /// Returns the framing that the headers name, unless the body contradicts them: errors come as plain JSON, text or
    /// HTML under a stream's content type, and streams under none.
    pub fn of(head: &ResponseHead, body: &[u8]) -> Self {
        let start = without_bom(body).trim_ascii_start();
        let looks_like_json = matches!(start.first(), Some(b'{' | b'['));
        let content_type = head.content_type.to_ascii_lowercase();
        if aws_event_stream::begins(body) {
            return Framing::AwsEventStream;
        }
        if ["ndjson", "jsonl", "stream+json"].iter().any(|lines| content_type.contains(lines))
            && ndjson::begins(start)
        {
            return Framing::Ndjson;
        }
        if !looks_like_json
            && (sse::begins(start) || content_type.starts_with("text/event-stream") && sse::has_data(start))
        {
            return Framing::Sse;
        }
        if !looks_like_json && content_type.starts_with("application/vnd.amazon.eventstream") {
            return Framing::AwsEventStream;
        }
        Framing::Whole
    }

    /// Returns [`Framing::of`] a response of `api`, which may stream under the content type of plain JSON.
    pub fn of_answer(api: Api, head: &ResponseHead, body: &[u8]) -> Self {
        let framing = Framing::of(head, body);
        let failed = head.status.is_some_and(|status| status >= 400);
        match api {
            Api::Gemini if framing == Framing::Whole && !failed => {
                let start = without_bom(body).trim_ascii_start();
                if start.starts_with(b"[") { Framing::JsonArray } else { framing }
            }
            Api::TextCompletion if framing == Framing::AwsEventStream => Framing::PayloadParts,
            Api::Ollama | Api::CohereChat | Api::TextCompletion
                if framing == Framing::Whole && ndjson::is_likely(body) =>
            {
                Framing::Ndjson
            }
            _ => framing,
        }
    }
}

/// Returns whether a body without a single event is the beginning of a stream all the same: comments, or a first event
/// that was cut off.
pub fn begins(framing: Framing, body: &[u8]) -> bool {
    match framing {
        Framing::Whole => false,
        Framing::Sse | Framing::Ndjson | Framing::JsonArray => true,
        Framing::AwsEventStream | Framing::PayloadParts => aws_event_stream::begins(body),
    }
}

/// Returns whether a body begins as JSON or as events do, whatever content coding the headers name.
pub fn is_text(head: &ResponseHead, body: &[u8]) -> bool {
    let start = without_bom(body).trim_ascii_start();
    matches!(start.first(), Some(b'{' | b'[')) || Framing::of(head, body) != Framing::Whole
}

fn without_bom(body: &[u8]) -> &[u8] {
    body.strip_prefix(BOM).unwrap_or(body)
}

/// Passes the events of a body to `take`, borrowed from it where it is valid text.
pub fn for_each_event<'b>(framing: Framing, body: &'b [u8], mut take: impl FnMut(Event<'b>)) {
    if framing == Framing::AwsEventStream {
        return aws_event_stream::events(body).for_each(take);
    }
    if framing == Framing::PayloadParts {
        return payload_parts::for_each(body, &mut |event| take(event));
    }
    match json::lossy(body) {
        Cow::Borrowed(text) => events(framing, text).for_each(take),
        Cow::Owned(text) => events(framing, &text).for_each(|event| take(event.into_owned())),
    }
}

/// Passes at least the `first` first and the `last` last events of a body to `take`, without reading those between
/// where the framing allows that.
pub fn for_outer_events<'b>(
    framing: Framing,
    body: &'b [u8],
    first: usize,
    last: usize,
    mut take: impl FnMut(Event<'b>),
) {
    let blank_line = match framing {
        Framing::Sse => true,
        Framing::Ndjson => false,
        // Where an event of these begins is known only from the one before it.
        Framing::Whole | Framing::JsonArray | Framing::AwsEventStream | Framing::PayloadParts => {
            return for_some_events(framing, body, first, last, take);
        }
    };
    let middle = parts::after_parts(body, blank_line, first);
    let end = parts::before_parts(&body[middle..], blank_line, last) + middle;
    for_each_event(framing, &body[..middle], &mut take);
    for_each_event(framing, &body[end..], |event| take(Event { end: event.end + end, ..event }));
}

/// Does what [`for_outer_events`] does for a framing that has to be read from its beginning.
fn for_some_events<'b>(
    framing: Framing,
    body: &'b [u8],
    first: usize,
    last: usize,
    mut take: impl FnMut(Event<'b>),
) {
    let mut taken = 0;
    let mut ring = VecDeque::with_capacity(last);
    for_each_event(framing, body, |event| {
        if taken < first {
            taken += 1;
            return take(event);
        }
        if ring.len() == last {
            ring.pop_front();
        }
        ring.push_back(event);
    });
    ring.into_iter().for_each(take);
}

/// Returns the events of a body that is text.
pub fn events(framing: Framing, body: &str) -> Box<dyn Iterator<Item = Event<'_>> + '_> {
    match framing {
        Framing::Whole | Framing::AwsEventStream | Framing::PayloadParts => Box::new(std::iter::empty()),
        Framing::Sse => Box::new(sse::SseEvents::new(body)),
        Framing::JsonArray => Box::new(json_array::Elements::new(body)),
        Framing::Ndjson => Box::new(ndjson::events(body)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Vec<(String, String)> {
        events(Framing::Sse, body).map(|e| (e.name.into_owned(), e.data.into_owned())).collect()
    }

    #[test]
    fn line_ends_comments_and_names_do_not_change_the_data() {
        let expected = vec![("a".to_owned(), "1".to_owned()), (String::new(), "2\n3".to_owned())];
        for newline in ["\n", "\r\n", "\r"] {
            let body = ["\u{feff}: hi", "event: a", "data: 1", "", ": ping", "", "data:2", "data: 3", "", ""];
            assert_eq!(read(&body.join(newline)), expected);
        }
    }

    #[test]
    fn a_last_event_without_its_blank_line_counts() {
        assert_eq!(read("data: 1\n\ndata: 2"), read("data: 1\n\ndata: 2\n\n"));
    }

    /// Returns the events of a body, and those that [`for_outer_events`] passes on, each of which is among them.
    fn outer(framing: Framing, body: &str, first: usize, last: usize) -> (Vec<String>, Vec<String>) {
        let (mut all, mut outer) = (Vec::new(), Vec::new());
        for_each_event(framing, body.as_bytes(), |event| all.push(event));
        for_outer_events(framing, body.as_bytes(), first, last, |event| outer.push(event));
        for event in &outer {
            assert!(all.contains(event), "{event:?} in {body:?}");
        }
        let data = |events: Vec<Event<'_>>| events.into_iter().map(|event| event.data.into_owned()).collect();
        (data(all), data(outer))
    }

    #[test]
    fn the_outer_events_are_the_first_and_the_last() {
        for newline in ["\n", "\r\n"] {
            let mut body = format!("\u{feff}: hello{newline}{newline}");
            for number in 0..20 {
                body += &format!("event: e{newline}data: {number}{newline}{newline}: ping{newline}{newline}");
            }
            for body in [body.clone(), format!("{body}data: unended")] {
                let (all, outer) = outer(Framing::Sse, &body, 3, 4);
                assert_eq!(outer[..3], all[..3]);
                assert_eq!(outer[3..], all[all.len() - 4..]);
            }
            let lines: String =
                (0..20).map(|number| format!("{{\"n\":{number}}}{newline}{newline}")).collect();
            let (all, outer) = outer(Framing::Ndjson, &lines, 3, 4);
            assert_eq!(outer, [&all[..3], &all[16..]].concat());
            let array = format!("[{}]", (0..20).map(|n| n.to_string()).collect::<Vec<_>>().join(","));
            let (all, outer) = self::outer(Framing::JsonArray, &array, 3, 4);
            assert_eq!(outer, [&all[..3], &all[17..]].concat());
        }
    }

    proptest::proptest! {
        #[test]
        fn no_outer_event_is_made_up_or_missed(body in "\u{feff}?(data: ?[a-z]{0,2}|event: e|: c|id|\r|\n|\r\n|\n\n|\r\n\r\n){0,40}", first in 1_usize..4, last in 1_usize..4) {
            for framing in [Framing::Sse, Framing::Ndjson] {
                let (all, outer) = outer(framing, &body, first, last);
                let enough = all.len().min(first + last);
                proptest::prop_assert!(outer.len() >= enough);
                proptest::prop_assert_eq!(outer.first(), all.first());
                proptest::prop_assert_eq!(outer.last(), all.last());
            }
        }
    }

    #[test]
    fn an_event_ends_where_its_last_line_ends() {
        let ends: Vec<_> = events(Framing::Sse, "data: 1\n\ndata: 22\n\n").map(|e| e.end).collect();
        assert_eq!(ends, [8, 18]);
    }

    #[test]
    fn an_error_under_a_streams_content_type_is_one_value() {
        let head = ResponseHead { content_type: "text/event-stream".into(), ..ResponseHead::default() };
        assert_eq!(Framing::of(&head, b" {\"error\": 1}"), Framing::Whole);
        assert_eq!(Framing::of(&head, b"data: 1"), Framing::Sse);
        assert_eq!(Framing::of(&ResponseHead::default(), b"event: x"), Framing::Sse);
    }

    #[test]
    fn binary_frames_are_known_by_their_type_or_their_first_bytes() {
        let aws = ResponseHead {
            content_type: "application/vnd.amazon.eventstream".into(),
            ..ResponseHead::default()
        };
        let frame = aws_event_stream::tests::event("messageStart", "{}");
        assert_eq!(Framing::of(&ResponseHead::default(), &frame), Framing::AwsEventStream);
        assert_eq!(Framing::of(&aws, &frame[..5]), Framing::AwsEventStream);
        assert_eq!(Framing::of(&aws, b"{\"message\": \"no\"}"), Framing::Whole);
        assert_eq!(Framing::of(&aws, b"data: {}"), Framing::Sse);
    }
}
