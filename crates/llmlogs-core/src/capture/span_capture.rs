//! How captured requests and responses travel: by reference, in the extensions of the call's span.
//!
//! A layer instance that sees a span of the sending side (the middleware, `LlmCall`) leaves a [`SpanCapture`] in its
//! extensions. The sending side puts request and response into it; every layer instance takes what is new at the next
//! record or event in the span, or at its close. A field would be formatted by every other layer.

use std::sync::Arc;

use super::exchange::{CapturedRequest, CapturedResponse};
use super::policy::CapturePolicy;

/// The request and the response of a call, in the extensions of its span, and what is to be captured of them.
#[derive(Debug)]
pub struct SpanCapture {
    /// What the recorders want.
    pub policy: CapturePolicy,
    /// The request, once it is known.
    pub request: Option<Arc<CapturedRequest>>,
    /// The response, once it has ended.
    pub response: Option<Arc<CapturedResponse>>,
}

impl SpanCapture {
    /// The target of the spans that the sending side opens.
    pub const TARGET: &str = "tracing_llmlogs";

    /// Returns a capture without anything captured.
    #[must_use]
    #[inline]
    pub fn new(policy: CapturePolicy) -> Self {
        SpanCapture { policy, request: None, response: None }
    }
}
