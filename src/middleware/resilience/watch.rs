//! Following an answer to its end, which decides what the breaker counts: an error in the middle of a stream, or an end
//! without the end mark, is a failure of its target as much as a broken connection is.

use std::sync::Arc;

use crate::middleware::breaker::{Outcome, Permit};
use crate::middleware::head::head_of;
use llmlogs_core::api::{Ending, StreamEnds};
use llmlogs_core::capture::{Api, Endpoint, ResponseHead};

use super::in_clear::InClear;
use super::look::{is_stream_type, judgement_of_reported};
use super::outcome::outcome;

/// The permit of an attempt whose answer is on its way to the caller.
pub(super) struct Watch {
    permit: Permit,
    /// `None` if the answer is no stream, or cannot be read: then only the transport tells.
    stream: Option<Box<Stream>>,
}

/// A stream that is judged at its end.
struct Stream {
    endpoint: Arc<Endpoint>,
    head: ResponseHead,
    ends: StreamEnds,
}

impl Stream {
    /// Returns what it came to. One in a content coding is read where it is short enough to be kept whole.
    fn ending(&self, is_over: bool) -> Ending {
        let Stream { endpoint, head, ends } = self;
        if head.content_encoding.is_empty() {
            return ends.ending(endpoint, head, is_over);
        }
        let unknown = if is_over { Ending::Finished } else { Ending::Abandoned };
        let Some(bytes) = ends.whole() else {
            return unknown;
        };
        let in_clear = InClear::of_coding(&head.content_encoding, &bytes, MAX_DECODED);
        if !in_clear.is_readable() || in_clear.is_cut() {
            return unknown;
        }
        let mut ends = StreamEnds::default();
        ends.push(in_clear.bytes(&bytes));
        let head = ResponseHead { content_encoding: String::new(), ..head.clone() };
        ends.ending(endpoint, &head, is_over)
    }
}

/// How many bytes are decoded of a stream in a content coding, at most.
const MAX_DECODED: usize = 512 << 10;

impl Watch {
    /// Watches the answer with these `parts` of an attempt at `endpoint`. `is_stream` is whether the request asked for a stream.
    pub(super) fn new(
        permit: Permit,
        endpoint: &Arc<Endpoint>,
        parts: &http::response::Parts,
        is_stream: bool,
    ) -> Self {
        let content_type = parts.headers.get(http::header::CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
        let is_read = endpoint.api != Api::Raw && (is_stream || is_stream_type(content_type));
        let stream = is_read.then(|| {
            let (endpoint, head) = (Arc::clone(endpoint), head_of(parts));
            Box::new(Stream { endpoint, head, ends: StreamEnds::default() })
        });
        Watch { permit, stream }
    }

    /// Takes what passes.
    pub(super) fn data(&mut self, data: &[u8]) {
        if let Some(stream) = &mut self.stream {
            stream.ends.push(data);
        }
    }

    /// Notes that the connection broke off.
    pub(super) fn broken(self) {
        self.permit.finish(Outcome::Failure);
    }

    /// Notes that the body came to its end.
    pub(super) fn ended(self) {
        self.finish(true);
    }

    /// Notes that the caller let go of it. Many readers stop at the stream's own end mark.
    pub(super) fn dropped(self) {
        self.finish(false);
    }

    fn finish(self, is_over: bool) {
        let Watch { permit, stream } = self;
        let ending = match &stream {
            Some(stream) => stream.ending(is_over),
            None if is_over => Ending::Finished,
            None => Ending::Abandoned,
        };
        match ending {
            Ending::Finished => permit.finish(Outcome::Success),
            Ending::Abandoned => permit.finish(Outcome::Neutral),
            Ending::Failed(failure) => {
                let judged = judgement_of_reported(&failure, &http::HeaderMap::new(), None);
                permit
                    .finish_judged(judged.kind.is_of_the_credential(), |cooldown| outcome(&judged, cooldown));
            }
        }
    }
}
