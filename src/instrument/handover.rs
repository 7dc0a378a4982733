//! Bodies by reference, in the span's extensions.

use std::sync::Arc;

use tracing::Span;
use tracing_subscriber::registry::{ExtensionsMut, LookupSpan, Registry};

use llmlogs_core::capture::{CapturePolicy, CapturedRequest, CapturedResponse, SpanCapture};
use llmlogs_core::semconv;

/// Runs `with` on the extensions of `span`, where its subscriber is built on a [`Registry`].
///
/// `Dispatch::downcast_ref::<Registry>` reaches it through every arrangement of layers, behind
/// `reload::Layer` too.
fn extensions<T>(span: &Span, with: impl FnOnce(ExtensionsMut<'_>) -> T) -> Option<T> {
    let found = span.with_subscriber(|(id, dispatch)| {
        let registry = dispatch.downcast_ref::<Registry>()?;
        let span = registry.span(id)?;
        Some(with(span.extensions_mut()))
    });
    found.flatten()
}

/// What the recorders that see `span` want of it; `None` where none sees it.
pub(crate) fn wanted(span: &Span) -> Option<CapturePolicy> {
    extensions(span, |mut extensions| extensions.get_mut::<SpanCapture>().map(|exchange| exchange.wanted))
        .flatten()
}

/// Leaves a call's request beside its span.
pub(crate) fn attach_request(span: &Span, request: Arc<CapturedRequest>) {
    let method = request.endpoint.method.clone();
    leave(span, |exchange| exchange.request = Some(request));
    // The layer looks at its next chance, and this is one: the request is on disk while the call is
    // still in flight.
    span.record(semconv::HTTP_REQUEST_METHOD, method);
}

/// Leaves a call's outcome beside its span; the layer takes it at the next record or at the close.
pub(crate) fn attach_response(span: &Span, outcome: Arc<CapturedResponse>) {
    leave(span, |exchange| exchange.outcome = Some(outcome));
}

fn leave(span: &Span, put: impl FnOnce(&mut SpanCapture)) {
    // Without an exchange no recorder sees the span.
    extensions(span, |mut extensions| extensions.get_mut::<SpanCapture>().map(put));
}
