//! How bodies travel: by reference, in the extensions of the call's span.
//!
//! A layer instance that sees a span of the sending side (the middleware, `LlmCall`) leaves an
//! [`SpanCapture`] in its extensions. The sending side puts bodies into it; every layer instance takes
//! what is new at the next record or event in the span, or at its close. A field would be formatted
//! by every other layer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{Endpoint, Failure};

/// What the recorders that see a span want captured of its call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CapturePolicy {
    /// Whether any recorder is switched on. Where none is, bodies are not even looked at.
    pub bodies: bool,
    /// The most bytes that are kept of one body.
    pub max_body_bytes: usize,
    /// The most bytes that the response bodies of all calls in flight may hold together.
    pub max_bytes_in_flight: usize,
}

impl CapturePolicy {
    /// Captures no body.
    pub const NOTHING: CapturePolicy =
        CapturePolicy { bodies: false, max_body_bytes: 0, max_bytes_in_flight: 0 };

    /// Extends the policy by that of another recorder of the same span.
    pub fn join(&mut self, other: CapturePolicy) {
        self.bodies |= other.bodies;
        self.max_body_bytes = self.max_body_bytes.max(other.max_body_bytes);
        self.max_bytes_in_flight = self.max_bytes_in_flight.max(other.max_bytes_in_flight);
    }
}

/// The request and the response of a call, in the extensions of its span, and what is to be captured of them.
#[derive(Debug)]
pub struct SpanCapture {
    pub policy: CapturePolicy,
    pub request: Option<Arc<CapturedRequest>>,
    pub response: Option<Arc<CapturedResponse>>,
}

impl SpanCapture {
    /// The target of the spans that the sending side opens.
    pub const TARGET: &str = "tracing_llmlogs";

    pub fn new(policy: CapturePolicy) -> Self {
        SpanCapture { policy, request: None, response: None }
    }
}

/// A body as far as it was kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Body {
    /// There was none.
    #[default]
    Empty,
    /// All of it.
    Whole(Bytes),
    /// The first bytes of a body that was longer than the limit.
    Cut { bytes: Bytes, original: u64 },
    /// A request body that the client produced while sending it; it is never consumed here.
    Streaming,
    /// It was given up, because memory ran short or the recorder keeps metadata only.
    GivenUp { original: u64 },
}

impl Body {
    /// A body cut at `limit` bytes.
    pub fn limited(bytes: Bytes, limit: usize) -> Self {
        if bytes.is_empty() {
            Body::Empty
        } else if bytes.len() > limit {
            Body::Cut { original: bytes.len() as u64, bytes: bytes.slice(..limit) }
        } else {
            Body::Whole(bytes)
        }
    }

    pub fn bytes(&self) -> &[u8] {
        match self {
            Body::Whole(bytes) | Body::Cut { bytes, .. } => bytes,
            Body::Empty | Body::Streaming | Body::GivenUp { .. } => &[],
        }
    }

    /// How many bytes are held.
    pub fn len(&self) -> usize {
        self.bytes().len()
    }

    /// Returns whether no byte is held.
    pub fn is_empty(&self) -> bool {
        self.bytes().is_empty()
    }

    pub fn given_up(&self) -> Self {
        match self {
            Body::Whole(bytes) => Body::GivenUp { original: bytes.len() as u64 },
            Body::Cut { original, .. } => Body::GivenUp { original: *original },
            other => other.clone(),
        }
    }
}

/// The request half.
#[derive(Debug, Clone)]
pub struct CapturedRequest {
    pub endpoint: Arc<Endpoint>,
    pub body: Body,
}

/// What the many small allocations of a request or a response cost beside their bytes.
const ALLOCATIONS: usize = 160;

impl CapturedRequest {
    /// What it takes in memory, in bytes.
    pub fn weight(&self) -> usize {
        size_of::<Self>() + ALLOCATIONS + self.endpoint.weight() + self.body.len()
    }

    pub fn without_body(&self) -> Self {
        CapturedRequest { endpoint: Arc::clone(&self.endpoint), body: self.body.given_up() }
    }
}

/// What is kept of a response's status line and headers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResponseHead {
    pub status: Option<u16>,
    pub content_type: String,
    pub content_encoding: String,
    pub request_id: String,
    pub retry_after_ms: Option<u64>,
    /// The type of an error, where a header has it instead of the body.
    pub error_code: String,
    /// What Bedrock's `invoke` counted, for the model's own body may not tell: names as in the last
    /// event of its streams.
    pub invocation_metrics: Vec<(&'static str, u64)>,
}

/// How an exchange ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Completion {
    /// The body was read to its end.
    Complete,
    /// The caller let go of it before its end.
    Dropped,
    /// It broke, or never began.
    Failed(Failure),
}

/// The response half.
#[derive(Debug, Clone)]
pub struct CapturedResponse {
    pub head: ResponseHead,
    pub body: Body,
    pub arrivals: ChunkTimings,
    pub end: Completion,
    pub ended: Instant,
}

impl CapturedResponse {
    /// What it takes in memory, in bytes.
    pub fn weight(&self) -> usize {
        let failure = if let Completion::Failed(failure) = &self.end { failure.weight() } else { 0 };
        size_of::<Self>() + ALLOCATIONS + failure + self.arrivals.weight() + self.body.len()
    }

    pub fn without_body(&self) -> Self {
        CapturedResponse { body: self.body.given_up(), arrivals: ChunkTimings::default(), ..self.clone() }
    }
}

/// When the first chunks of a body arrived.
#[derive(Debug, Clone, Default)]
pub struct ChunkTimings {
    first: Option<Instant>,
    /// How many bytes there were, and how long after the first of them, in microseconds.
    chunks: Vec<(u32, u32)>,
}

impl ChunkTimings {
    /// The first content of a stream comes early; what comes later is not asked for.
    const KEPT: usize = 1024;

    /// Notes that the body had `length` bytes at `when`.
    pub fn note(&mut self, length: usize, when: impl FnOnce() -> Instant) {
        if self.chunks.len() < Self::KEPT {
            let when = when();
            let after = when.saturating_duration_since(*self.first.get_or_insert(when));
            let number = |n: u128| u32::try_from(n).unwrap_or(u32::MAX);
            self.chunks.push((number(length as u128), number(after.as_micros())));
        }
    }

    /// How many bytes this takes in memory.
    pub fn weight(&self) -> usize {
        self.chunks.capacity() * size_of::<(u32, u32)>()
    }

    /// When the byte before `length` had arrived.
    pub fn at(&self, length: usize) -> Option<Instant> {
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        let place = self.chunks.partition_point(|(arrived, _)| *arrived < length);
        let (_, after) = self.chunks.get(place).or(self.chunks.last())?;
        self.first?.checked_add(Duration::from_micros((*after).into()))
    }
}
