//! [Server-sent events](https://html.spec.whatwg.org/multipage/server-sent-events.html).

use std::borrow::Cow;

use super::event::Event;
use super::lines::Lines;

/// Returns whether a body begins with a field of an event or with a comment.
pub(super) fn begins(body: &[u8]) -> bool {
    let fields = [&b"data:"[..], b"event:", b"id:", b"retry:", b":"];
    fields.iter().any(|field| body.starts_with(field))
}

/// Returns whether a later line of a body has data; one that begins with a tag is a page.
pub(super) fn has_data(body: &[u8]) -> bool {
    let is_data = |at: usize| matches!(body.get(at.wrapping_sub(1)), Some(b'\n' | b'\r'));
    !body.starts_with(b"<") && memchr::memmem::find_iter(body, b"data:").any(is_data)
}

/// The events of a body.
pub(super) struct SseEvents<'a> {
    lines: Lines<'a>,
}

impl<'a> SseEvents<'a> {
    /// Returns the events of `body`.
    pub(super) fn new(body: &'a str) -> Self {
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
