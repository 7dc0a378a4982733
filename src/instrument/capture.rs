//! Requests and responses, handed to the layer by reference in the extensions of the call's span.

use std::sync::Arc;

use tracing::{Span, field};
use tracing_subscriber::registry::{ExtensionsMut, LookupSpan, Registry};

#[cfg(feature = "opentelemetry")]
use llmlogs_core::capture::TraceIds;
use llmlogs_core::capture::{
    CallGroup, CapturePolicy, CapturedAttempt, CapturedRequest, CapturedResponse, SpanCapture,
};
use llmlogs_core::semconv;

/// Runs `with` on the extensions of `span`, where its subscriber is built on a [`Registry`].
///
/// `Dispatch::downcast_ref::<Registry>` reaches it through every arrangement of layers, behind
/// `reload::Layer` too.
pub(super) fn extensions<T>(span: &Span, with: impl FnOnce(ExtensionsMut<'_>) -> T) -> Option<T> {
    let found = span.with_subscriber(|(id, dispatch)| {
        let registry = dispatch.downcast_ref::<Registry>()?;
        let span = registry.span(id)?;
        Some(with(span.extensions_mut()))
    });
    found.flatten()
}

/// Returns what the recorders that see `span` want captured of its call, or `None` if none sees it.
pub(crate) fn policy(span: &Span) -> Option<CapturePolicy> {
    extensions(span, |mut extensions| extensions.get_mut::<SpanCapture>().map(|capture| capture.policy))
        .flatten()
}

/// Notes that the request of `span`'s call, which is not attached yet, belongs to `group`.
pub(crate) fn attach_group(span: &Span, group: CallGroup) {
    update(span, |capture| capture.group = Some(group));
}

/// Attaches one of the attempts that were made for `span`'s call; the layer takes it as it takes the response.
pub(crate) fn attach_attempt(span: &Span, attempt: CapturedAttempt) {
    update(span, |capture| capture.attempts.push(attempt));
}

/// Attaches a call's request to its span.
pub(crate) fn attach_request(span: &Span, request: Arc<CapturedRequest>) {
    let method = request.endpoint.method.clone();
    update(span, |capture| capture.request = Some(request));
    // The layer looks for the request when a field is recorded, so that it is on disk while the call is in flight. A call
    // without HTTP has no method, and records that nothing was recorded.
    if method.is_empty() {
        span.record(semconv::HTTP_REQUEST_METHOD, field::Empty);
    } else {
        span.record(semconv::HTTP_REQUEST_METHOD, method);
    }
}

/// Attaches a call's response to its span; the layer takes it at the next record or at the close.
pub(crate) fn attach_response(span: &Span, response: Arc<CapturedResponse>) {
    update(span, |capture| capture.response = Some(response));
}

/// Notes OpenTelemetry's ids of a call's span for the recorder.
#[cfg(feature = "opentelemetry")]
pub(super) fn attach_trace(span: &Span, ids: TraceIds) {
    update(span, |capture| capture.trace = Some(ids));
}

fn update(span: &Span, put: impl FnOnce(&mut SpanCapture)) {
    // Without a `SpanCapture` no recorder sees the span.
    extensions(span, |mut extensions| extensions.get_mut::<SpanCapture>().map(put));
}
