//! What the end of a stream tells, from as much of it as is cheap to keep: its beginning and its last events.

use std::time::Instant;

use crate::capture::{
    Body, CapturedResponse, ChunkTimings, Completion, Endpoint, ErrorType, Failure, ResponseHead,
};

use super::framing::Framing;
use super::interpret::{Depth, interpret};

/// How many bytes are kept of a stream's beginning: its framing and its first events.
const FIRST: usize = 4 << 10;

/// How many bytes are kept of its end, at least.
const LAST: usize = 16 << 10;

/// The first and the last bytes of a stream.
#[derive(Debug, Default)]
pub struct StreamEnds {
    first: Vec<u8>,
    /// At least the last [`LAST`] bytes of what follows `first`, or all of it.
    last: Vec<u8>,
    /// Whether bytes between the two are missing.
    has_gap: bool,
}

/// What a stream came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// Its own end, as far as can be told.
    Finished,
    /// It reported an error, or is over without its end mark.
    Failed(Failure),
    /// Nothing: nobody waited for its end.
    Abandoned,
}

impl StreamEnds {
    /// Adds what follows.
    #[inline]
    pub fn push(&mut self, mut bytes: &[u8]) {
        if self.first.len() < FIRST {
            let (head, rest) = bytes.split_at(bytes.len().min(FIRST - self.first.len()));
            self.first.extend_from_slice(head);
            bytes = rest;
        }
        self.last.extend_from_slice(bytes);
        // Seldom, so that a byte is moved once at most.
        if self.last.len() > 2 * LAST {
            self.last.drain(..self.last.len() - LAST);
            self.has_gap = true;
        }
    }

    /// Returns whether nothing came.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    /// Returns all bytes of a stream of which none is missing; `None` if it was too long to be kept.
    #[must_use]
    pub fn whole(&self) -> Option<Vec<u8>> {
        (!self.has_gap).then(|| [&self.first[..], &self.last].concat())
    }

    /// Returns what the stream, an answer of `endpoint`'s API, came to. `is_over` is whether its body has ended; otherwise its
    /// reader let go of it.
    #[must_use]
    pub fn ending(&self, endpoint: &Endpoint, head: &ResponseHead, is_over: bool) -> Ending {
        let Some(body) = self.joined(endpoint, head) else {
            return if is_over { Ending::Finished } else { Ending::Abandoned };
        };
        let now = Instant::now();
        let response = CapturedResponse {
            head: head.clone(),
            body: Body::limited(body.into(), usize::MAX),
            chunk_timings: ChunkTimings::default(),
            completion: if is_over { Completion::Complete } else { Completion::Dropped },
            ended: now,
        };
        let answer = interpret(endpoint, &response, Depth::Summary);
        match answer.failure(&answer.view()) {
            None => Ending::Finished,
            Some(failure) if failure.kind == ErrorType::Cancelled => Ending::Abandoned,
            Some(failure) => Ending::Failed(failure),
        }
    }

    /// Returns a stream with the same first and last events; `None` if the last event is longer than what was kept, or where
    /// the framing has to be read from its beginning.
    fn joined(&self, endpoint: &Endpoint, head: &ResponseHead) -> Option<Vec<u8>> {
        if let Some(whole) = self.whole() {
            return Some(whole);
        }
        let end_of_event: &[&[u8]] = match Framing::of_answer(endpoint.api, head, &self.first) {
            Framing::Sse => &[b"\n\n", b"\r\n\r\n", b"\r\r"],
            Framing::Ndjson => &[b"\n"],
            Framing::Whole | Framing::JsonArray | Framing::AwsEventStream | Framing::PayloadParts => {
                return None;
            }
        };
        // From line end to line end: events have few, so that this is cheaper than a search for each of the marks.
        let is_end = |bytes: &&[u8]| end_of_event.iter().any(|end| bytes.ends_with(end));
        let lines = |bytes| memchr::memchr2_iter(b'\n', b'\r', bytes);
        let first = lines(&self.first).rev().map(|at| &self.first[..=at]).find(is_end).unwrap_or_default();
        let last = lines(&self.last).map(|at| &self.last[..=at]).find(is_end)?;
        let last = &self.last[last.len()..];
        (!last.trim_ascii().is_empty()).then(|| [first, last].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Request, detect_endpoint};

    const DONE: &str = "data: [DONE]\n\n";
    const ERROR: &str =
        "data: {\"error\":{\"message\":\"The server is overloaded\",\"type\":\"server_error\"}}\n\n";

    fn event(content: &str) -> String {
        format!(
            "data: {{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{content}\"}},\"finish_reason\":null}}]}}\n\n"
        )
    }

    fn ending(path: &str, content_type: &str, body: &str, is_over: bool) -> Ending {
        let url = format!("https://localhost{path}");
        let endpoint = detect_endpoint(Request { method: "POST", url: &url }).unwrap();
        let head =
            ResponseHead { status: Some(200), content_type: content_type.into(), ..ResponseHead::default() };
        let mut ends = StreamEnds::default();
        body.as_bytes().chunks(100).for_each(|chunk| ends.push(chunk));
        assert!(ends.first.len() + ends.last.len() <= FIRST + 2 * LAST + 100);
        ends.ending(&endpoint, &head, is_over)
    }

    fn word(ending: &Ending) -> &'static str {
        match ending {
            Ending::Finished => "finished",
            Ending::Failed(_) => "failed",
            Ending::Abandoned => "abandoned",
        }
    }

    #[test]
    fn a_stream_is_known_by_its_ends_however_long_it_is() {
        for events in [1, 3, 50, 5000] {
            let content = event("word").repeat(events);
            for (end, is_over, expected) in [
                (DONE, true, "finished"),
                (DONE, false, "finished"),
                ("", true, "failed"),
                ("", false, "abandoned"),
                (ERROR, true, "failed"),
                (ERROR, false, "failed"),
            ] {
                let body = format!("{content}{end}");
                let told = ending("/v1/chat/completions", "text/event-stream", &body, is_over);
                assert_eq!(word(&told), expected, "{events} {end:?} {is_over}");
                let body = body.replace('\n', "\r\n");
                let told = ending("/v1/chat/completions", "text/event-stream", &body, is_over);
                assert_eq!(word(&told), expected, "{events} {end:?} {is_over}, CR LF");
            }
        }
    }

    #[test]
    fn a_last_event_that_is_longer_than_what_is_kept_is_no_failure() {
        let long = "x".repeat(100_000);
        let deltas = "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"output_index\":0,\"content_index\":0,\"delta\":\"x\"}\n\n".repeat(1000);
        let body = format!(
            "{deltas}event: response.completed\ndata: {{\"type\":\"response.completed\",\"response\":{{\"id\":\"r\",\"status\":\"completed\",\"output\":[{{\"type\":\"message\",\"content\":[{{\"type\":\"output_text\",\"text\":\"{long}\"}}]}}]}}}}\n\n"
        );
        assert_eq!(ending("/v1/responses", "text/event-stream", &body, true), Ending::Finished);
        assert_eq!(ending("/v1/responses", "text/event-stream", &deltas, true), {
            let Ending::Failed(failure) = ending("/v1/responses", "text/event-stream", &deltas, true) else {
                panic!("a stream without its end")
            };
            Ending::Failed(failure)
        });
    }

    #[test]
    fn lines_are_known_by_their_last_one() {
        let lines =
            "{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"x\"},\"done\":false}\n"
                .repeat(1000);
        let done = "{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\"}\n";
        let told = |body: &str| ending("/api/chat", "application/x-ndjson", body, true);
        assert_eq!(word(&told(&format!("{lines}{done}"))), "finished");
        assert_eq!(word(&told(&lines)), "failed");
    }
}
