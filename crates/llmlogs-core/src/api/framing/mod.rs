//! Bodies that are streams, cut into events.

use std::borrow::Cow;
use std::collections::VecDeque;

use crate::capture::{Api, ResponseHead};
use crate::json;

pub(crate) mod aws_event_stream;

/// How a body is cut into events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// It is one value.
    Whole,
    /// [Server-sent events](https://html.spec.whatwg.org/multipage/server-sent-events.html).
    Sse,
    /// One JSON value a line.
    Ndjson,
    /// A JSON array whose elements come one by one.
    JsonArray,
    /// [AWS event stream](https://smithy.io/2.0/aws/amazon-eventstream.html): binary frames.
    AwsEventStream,
}

impl Framing {
    /// The framing that the headers name, unless the body's first bytes say otherwise: errors come
    /// as plain JSON under a stream's content type, and streams under none.
    pub fn of(head: &ResponseHead, body: &[u8]) -> Self {
        let start = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii_start();
        let looks_like_json = matches!(start.first(), Some(b'{' | b'['));
        let content_type = head.content_type.to_ascii_lowercase();
        if aws_event_stream::begins(body) {
            return Framing::AwsEventStream;
        }
        if ["ndjson", "jsonl", "stream+json"].iter().any(|lines| content_type.contains(lines)) {
            return Framing::Ndjson;
        }
        let sse_start = [&b"data:"[..], b"event:", b"id:", b"retry:", b":"];
        if !looks_like_json
            && (content_type.starts_with("text/event-stream")
                || sse_start.iter().any(|field| start.starts_with(field)))
        {
            return Framing::Sse;
        }
        if !looks_like_json && content_type.starts_with("application/vnd.amazon.eventstream") {
            return Framing::AwsEventStream;
        }
        Framing::Whole
    }

    /// [`Framing::of`] the answer of an API that may stream under the content type of plain JSON.
    pub fn of_answer(api: Api, head: &ResponseHead, body: &[u8]) -> Self {
        let framing = Framing::of(head, body);
        let failed = head.status.is_some_and(|status| status >= 400);
        match api {
            Api::Gemini if framing == Framing::Whole && !failed => {
                let start = body.strip_prefix(BOM).unwrap_or(body).trim_ascii_start();
                if start.starts_with(b"[") { Framing::JsonArray } else { framing }
            }
            Api::Ollama | Api::CohereChat if framing == Framing::Whole && is_lines(body) => Framing::Ndjson,
            _ => framing,
        }
    }
}

const BOM: &[u8] = b"\xef\xbb\xbf";

/// Whether a body is several lines of which the first is a JSON object of its own.
fn is_lines(body: &[u8]) -> bool {
    let body = body.strip_prefix(BOM).unwrap_or(body).trim_ascii();
    let Some(end) = memchr::memchr(b'\n', body) else {
        return false;
    };
    let first = std::str::from_utf8(&body[..end]).ok();
    body.starts_with(b"{") && first.is_some_and(|first| json::parse(first.trim()).is_ok())
}

/// One event of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event<'a> {
    pub name: Cow<'a, str>,
    pub data: Cow<'a, str>,
    /// Where in the body its last line ends.
    pub end: usize,
}

impl Event<'_> {
    fn into_owned(self) -> Event<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        Event { name: owned(self.name), data: owned(self.data), end: self.end }
    }
}

/// Hands out the events of a body, borrowed from it where it is valid text.
pub fn for_each_event<'b>(framing: Framing, body: &'b [u8], mut take: impl FnMut(Event<'b>)) {
    if framing == Framing::AwsEventStream {
        return aws_event_stream::events(body).for_each(take);
    }
    match json::lossy(body) {
        Cow::Borrowed(text) => events(framing, text).for_each(take),
        Cow::Owned(text) => events(framing, &text).for_each(|event| take(event.into_owned())),
    }
}

/// Hands out the first events of a body and the last, at least so many of each, without a look at those between.
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
        // Their parts are found one after the other alone.
        Framing::Whole | Framing::JsonArray | Framing::AwsEventStream => {
            return for_some_events(framing, body, first, last, take);
        }
    };
    let middle = after_parts(body, blank_line, first);
    let end = before_parts(&body[middle..], blank_line, last) + middle;
    for_each_event(framing, &body[..middle], &mut take);
    for_each_event(framing, &body[end..], |event| take(Event { end: event.end + end, ..event }));
}

/// [`for_outer_events`] for a framing that has to be read from its beginning.
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

/// Where the first `count` parts of a body of lines end that say something.
fn after_parts(body: &[u8], blank_line: bool, count: usize) -> usize {
    let (mut at, mut start, mut found) = (0, 0, 0);
    while let Some(line) = memchr::memchr(b'\n', &body[at..]) {
        at += line + 1;
        if ends_part(&body[start..at], blank_line) {
            found += usize::from(has_content(&body[start..at], blank_line));
            start = at;
            if found == count {
                return at;
            }
        }
    }
    body.len()
}

/// Where the last `count` parts of a body of lines begin that say something; what is not ended is one of them.
fn before_parts(body: &[u8], blank_line: bool, count: usize) -> usize {
    let (mut at, mut end, mut found) = (body.len(), body.len(), 0);
    while let Some(line) = memchr::memrchr(b'\n', &body[..at]) {
        at = line;
        if ends_part(&body[..=line], blank_line) {
            found += usize::from(has_content(&body[line + 1..end], blank_line));
            end = line + 1;
            if found == count {
                return end;
            }
        }
    }
    0
}

/// Whether the line break at the end of `lines` ends a part.
fn ends_part(lines: &[u8], blank_line: bool) -> bool {
    !blank_line || lines.ends_with(b"\n\n") || lines.ends_with(b"\n\r\n")
}

/// Whether a part is more than comments and blank lines.
fn has_content(part: &[u8], blank_line: bool) -> bool {
    let part = part.strip_prefix(BOM).unwrap_or(part);
    match blank_line {
        true => part.starts_with(b"data") || memchr::memmem::find(part, b"\ndata").is_some(),
        false => !part.trim_ascii().is_empty(),
    }
}

/// The events of a body that is text.
pub fn events(framing: Framing, body: &str) -> Box<dyn Iterator<Item = Event<'_>> + '_> {
    match framing {
        Framing::Whole | Framing::AwsEventStream => Box::new(std::iter::empty()),
        Framing::Sse => Box::new(SseEvents::new(body)),
        Framing::JsonArray => Box::new(Elements::new(body)),
        Framing::Ndjson => {
            Box::new(Lines::new(body).filter(|(line, _)| !line.trim().is_empty()).map(|(line, end)| Event {
                name: Cow::Borrowed(""),
                data: Cow::Borrowed(line),
                end,
            }))
        }
    }
}

/// Lines ended by LF, CRLF or CR, each with the place after it.
struct Lines<'a> {
    body: &'a str,
    at: usize,
}

impl<'a> Lines<'a> {
    fn new(body: &'a str) -> Self {
        let at = if body.starts_with('\u{feff}') { 3 } else { 0 };
        Lines { body, at }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = (&'a str, usize);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.body.get(self.at..).filter(|rest| !rest.is_empty())?;
        let (line, ending) = match memchr::memchr2(b'\n', b'\r', rest.as_bytes()) {
            Some(place) if rest[place..].starts_with("\r\n") => (&rest[..place], 2),
            Some(place) => (&rest[..place], 1),
            None => (rest, 0),
        };
        self.at += line.len() + ending;
        Some((line, self.at))
    }
}

struct SseEvents<'a> {
    lines: Lines<'a>,
}

impl<'a> SseEvents<'a> {
    fn new(body: &'a str) -> Self {
        SseEvents { lines: Lines::new(body) }
    }
}

impl<'a> Iterator for SseEvents<'a> {
    type Item = Event<'a>;

    fn next(&mut self) -> Option<Event<'a>> {
        let mut name = "";
        let mut data: Option<Cow<'a, str>> = None;
        let mut last = 0;
        for (line, end) in self.lines.by_ref() {
            if line.is_empty() {
                if data.is_some() {
                    break;
                }
                name = "";
                continue;
            }
            last = end;
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "event" => name = value,
                "data" => match &mut data {
                    None => data = Some(Cow::Borrowed(value)),
                    Some(data) => {
                        let data = data.to_mut();
                        data.push('\n');
                        data.push_str(value);
                    }
                },
                // Comments (an empty field name), ids and retry times say nothing about the answer.
                _ => {}
            }
        }
        // The standard drops a last event without its blank line; here it may be all there is.
        data.map(|data| Event { name: Cow::Borrowed(name), data, end: last })
    }
}

/// The elements of a JSON array, each as it stands; a last one that was cut off as far as it came.
/// The closing bracket becomes the end mark that other framings have.
struct Elements<'a> {
    body: &'a str,
    at: usize,
}

impl<'a> Elements<'a> {
    fn new(body: &'a str) -> Self {
        let at = body.find('[').map_or(body.len(), |bracket| bracket + 1);
        Elements { body, at }
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Event<'a>;

    fn next(&mut self) -> Option<Event<'a>> {
        let bytes = self.body.as_bytes();
        while bytes.get(self.at).is_some_and(|byte| *byte == b',' || byte.is_ascii_whitespace()) {
            self.at += 1;
        }
        let start = self.at;
        if *bytes.get(start)? == b']' {
            self.at = bytes.len();
            return Some(Event { name: Cow::Borrowed(""), data: Cow::Borrowed("[DONE]"), end: start + 1 });
        }
        let (mut depth, mut in_string) = (0_usize, false);
        while let Some(byte) = bytes.get(self.at) {
            match byte {
                b'\\' if in_string => self.at += 1,
                b'"' => in_string = !in_string,
                _ if in_string => {}
                b'{' | b'[' => depth += 1,
                b',' | b']' if depth == 0 => break,
                b'}' | b']' => depth = depth.saturating_sub(1),
                _ => {}
            }
            self.at += 1;
        }
        // A backslash may have been the last that came.
        self.at = self.at.min(bytes.len());
        let data = self.body.get(start..self.at)?.trim_end();
        Some(Event { name: Cow::Borrowed(""), data: Cow::Borrowed(data), end: start + data.len() })
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

    /// What [`for_outer_events`] gives is the beginning and the end of what there is.
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
