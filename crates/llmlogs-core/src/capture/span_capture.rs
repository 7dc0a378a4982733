//! Passing captured requests and responses to the layer: by reference, in the extensions of the call's span.
//!
//! A layer instance that observes a new span of the sending side (the middleware, `LlmCall`) inserts a [`SpanCapture`] into
//! its extensions. The sending side stores request and response there; every layer instance reads them at the next record
//! or event in the span, or when it closes. A span field is not used, since every other layer would format it.

use std::sync::Arc;

use super::attempt::CapturedAttempt;
use super::call::{CallGroup, TraceIds};
use super::exchange::{CapturedRequest, CapturedResponse};
use super::policy::CapturePolicy;

/// The request and the response of a call, in the extensions of its span, and what is to be captured of them.
#[derive(Debug)]
pub struct SpanCapture {
    /// What to capture.
    pub policy: CapturePolicy,
    /// The call that the request belongs to, if the sending side knows of several requests for one.
    pub group: Option<CallGroup>,
    /// The request, once it is known.
    pub request: Option<Arc<CapturedRequest>>,
    /// The response, once it has ended.
    pub response: Option<Arc<CapturedResponse>>,
    /// The attempts that the sending side made by itself, if there were several or one was not repeated.
    pub attempts: Vec<CapturedAttempt>,
    /// OpenTelemetry's ids of the span, once they are known.
    pub trace: Option<TraceIds>,
}

impl SpanCapture {
    /// The target of the spans that the sending side opens.
    pub const TARGET: &str = "tracing_llmlogs";

    /// Returns a capture without anything captured.
    #[must_use]
    #[inline]
    pub fn new(policy: CapturePolicy) -> Self {
        let (group, attempts, trace) = (None, Vec::new(), None);
        SpanCapture { policy, group, request: None, response: None, attempts, trace }
    }
}
