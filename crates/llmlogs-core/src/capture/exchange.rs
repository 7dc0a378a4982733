//! Captured requests and responses.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use super::body::Body;
use super::chunk_timings::ChunkTimings;
use super::endpoint::Endpoint;
use super::failure::Failure;

/// A request.
#[derive(Debug, Clone)]
pub struct CapturedRequest {
    /// Where it went.
    pub endpoint: Arc<Endpoint>,
    /// Its `content-encoding` header; empty if it has none.
    pub content_encoding: String,
    /// Its body.
    pub body: Body,
}

/// The approximate size of the small allocations of a request or a response, in bytes.
const ALLOCATIONS: usize = 160;

impl CapturedRequest {
    /// Returns its size in memory, in bytes.
    #[must_use]
    #[inline]
    pub fn weight(&self) -> usize {
        size_of::<Self>()
            + ALLOCATIONS
            + self.endpoint.weight()
            + self.content_encoding.len()
            + self.body.len()
    }

    /// Returns the request without its body.
    #[must_use]
    pub fn without_body(&self) -> Self {
        CapturedRequest { body: self.body.dropped(), ..self.clone() }
    }
}

/// The recorded parts of a response's status line and headers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResponseHead {
    /// The HTTP status; `None` if no response arrived.
    pub status: Option<u16>,
    /// The reason phrase of the status line; empty where there is none, as in HTTP/2.
    pub status_text: Cow<'static, str>,
    /// `content-type`; this and the following are empty if there is no such header.
    pub content_type: String,
    /// `content-encoding`
    pub content_encoding: String,
    /// The provider's id of the request.
    pub request_id: String,
    /// The delay before the next attempt that the provider asks for, in milliseconds.
    pub retry_after_ms: Option<u64>,
    /// The type of an error, if a header has it instead of the body.
    pub error_code: String,
    /// The token counts in the headers of Bedrock's `invoke`, since the model's own body may have none. Their names are
    /// those of the last event of its streams.
    pub invocation_metrics: Vec<(&'static str, u64)>,
}

/// How the exchange of a request and a response ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Completion {
    /// The body was read to its end.
    Complete,
    /// The caller dropped it before its end.
    Dropped,
    /// It failed, or never started.
    Failed(Failure),
}

/// A response.
#[derive(Debug, Clone)]
pub struct CapturedResponse {
    /// Its status line and headers.
    pub head: ResponseHead,
    /// Its body.
    pub body: Body,
    /// When the chunks of its body arrived.
    pub chunk_timings: ChunkTimings,
    /// How it ended.
    pub completion: Completion,
    /// When it ended.
    pub ended: Instant,
}

impl CapturedResponse {
    /// Returns its size in memory, in bytes.
    #[must_use]
    #[inline]
    pub fn weight(&self) -> usize {
        let failure = if let Completion::Failed(failure) = &self.completion { failure.weight() } else { 0 };
        size_of::<Self>() + ALLOCATIONS + failure + self.chunk_timings.weight() + self.body.len()
    }

    /// Returns the response without its body.
    #[must_use]
    pub fn without_body(&self) -> Self {
        CapturedResponse { body: self.body.dropped(), chunk_timings: ChunkTimings::default(), ..self.clone() }
    }
}
