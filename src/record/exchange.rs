//! How bodies travel: by reference, in the extensions of the call's span.
//!
//! A layer instance that sees a span of the sending side (the middleware, `LlmCall`) leaves an
//! [`Exchange`] in its extensions. The sending side puts bodies into it; every layer instance takes
//! what is new at the next record or event in the span, or at its close. A field would be formatted
//! by every other layer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{Endpoint, Failure};

/// What the layer leaves beside a new span of the sending side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Whether any recorder is switched on. Where none is, bodies are not even looked at.
    pub(crate) bodies: bool,
    /// How much of a body is worth keeping, in bytes.
    pub(crate) body_limit: usize,
    /// How much the bodies of all calls in flight may hold together, in bytes.
    pub(crate) budget: usize,
}

impl Wanted {
    pub(crate) const NOTHING: Wanted = Wanted { bodies: false, body_limit: 0, budget: 0 };

    /// Adds what another recorder wants.
    pub(crate) fn join(&mut self, other: Wanted) {
        self.bodies |= other.bodies;
        self.body_limit = self.body_limit.max(other.body_limit);
        self.budget = self.budget.max(other.budget);
    }
}

/// What is wanted of an exchange and its two halves, in a span's extensions.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) wanted: Wanted,
    pub(crate) request: Option<Arc<SentRequest>>,
    pub(crate) outcome: Option<Arc<Outcome>>,
}

impl Exchange {
    /// The target of the spans that the sending side opens.
    pub(crate) const TARGET: &str = "tracing_llmlogs";

    pub(crate) fn of(wanted: Wanted) -> Self {
        Exchange { wanted, request: None, outcome: None }
    }
}

/// A body as far as it was kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Body {
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
    pub(crate) fn limited(bytes: Bytes, limit: usize) -> Self {
        if bytes.is_empty() {
            Body::Empty
        } else if bytes.len() > limit {
            Body::Cut { original: bytes.len() as u64, bytes: bytes.slice(..limit) }
        } else {
            Body::Whole(bytes)
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Body::Whole(bytes) | Body::Cut { bytes, .. } => bytes,
            Body::Empty | Body::Streaming | Body::GivenUp { .. } => &[],
        }
    }

    /// How many bytes are held.
    pub(crate) fn len(&self) -> usize {
        self.bytes().len()
    }

    pub(crate) fn given_up(&self) -> Self {
        match self {
            Body::Whole(bytes) => Body::GivenUp { original: bytes.len() as u64 },
            Body::Cut { original, .. } => Body::GivenUp { original: *original },
            other => other.clone(),
        }
    }
}

/// The request half.
#[derive(Debug, Clone)]
pub(crate) struct SentRequest {
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) body: Body,
}

/// What the many small allocations of a request or a response cost beside their bytes.
const ALLOCATIONS: usize = 160;

impl SentRequest {
    /// What it takes in memory, in bytes.
    pub(crate) fn weight(&self) -> usize {
        size_of::<Self>() + ALLOCATIONS + self.endpoint.weight() + self.body.len()
    }

    pub(crate) fn without_body(&self) -> Self {
        SentRequest { endpoint: Arc::clone(&self.endpoint), body: self.body.given_up() }
    }
}

/// What is kept of a response's status line and headers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ResponseHead {
    pub(crate) status: Option<u16>,
    pub(crate) content_type: String,
    pub(crate) content_encoding: String,
    pub(crate) request_id: String,
    pub(crate) retry_after_ms: Option<u64>,
    /// The type of an error, where a header has it instead of the body.
    pub(crate) error_code: String,
    /// What Bedrock's `invoke` counted, for the model's own body may not tell: names as in the last
    /// event of its streams.
    pub(crate) invocation_metrics: Vec<(&'static str, u64)>,
}

/// How an exchange ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// The body was read to its end.
    Complete,
    /// The caller let go of it before its end.
    Dropped,
    /// It broke, or never began.
    Failed(Failure),
}

/// The response half.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    pub(crate) head: ResponseHead,
    pub(crate) body: Body,
    pub(crate) arrivals: Arrivals,
    pub(crate) end: End,
    pub(crate) ended: Instant,
}

impl Outcome {
    /// What it takes in memory, in bytes.
    pub(crate) fn weight(&self) -> usize {
        let failure = if let End::Failed(failure) = &self.end { failure.weight() } else { 0 };
        size_of::<Self>() + ALLOCATIONS + failure + self.arrivals.weight() + self.body.len()
    }

    pub(crate) fn without_body(&self) -> Self {
        Outcome { body: self.body.given_up(), arrivals: Arrivals::default(), ..self.clone() }
    }
}

/// When the first chunks of a body arrived.
#[derive(Debug, Clone, Default)]
pub(crate) struct Arrivals {
    first: Option<Instant>,
    /// How many bytes there were, and how long after the first of them, in microseconds.
    chunks: Vec<(u32, u32)>,
}

impl Arrivals {
    /// The first content of a stream comes early; what comes later is not asked for.
    const KEPT: usize = 1024;

    /// Notes that the body had `length` bytes at `when`.
    pub(crate) fn note(&mut self, length: usize, when: impl FnOnce() -> Instant) {
        if self.chunks.len() < Self::KEPT {
            let when = when();
            let after = when.saturating_duration_since(*self.first.get_or_insert(when));
            let number = |n: u128| u32::try_from(n).unwrap_or(u32::MAX);
            self.chunks.push((number(length as u128), number(after.as_micros())));
        }
    }

    /// How many bytes this takes in memory.
    pub(crate) fn weight(&self) -> usize {
        self.chunks.capacity() * size_of::<(u32, u32)>()
    }

    /// When the byte before `length` had arrived.
    pub(crate) fn at(&self, length: usize) -> Option<Instant> {
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        let place = self.chunks.partition_point(|(arrived, _)| *arrived < length);
        let (_, after) = self.chunks.get(place).or(self.chunks.last())?;
        self.first?.checked_add(Duration::from_micros((*after).into()))
    }
}
