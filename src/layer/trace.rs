//! OpenTelemetry's ids of the program's own call spans; the instrumentation knows those of its own.
//!
//! They are looked for when a span is left, and when it closes for one that was never entered: as the layers are stacked,
//! OpenTelemetry's may have let a closing span go already.

use std::sync::OnceLock;

use opentelemetry::trace::TraceContextExt;
use tracing::Dispatch;
use tracing::dispatcher::WeakDispatch;
use tracing::span::Id;

use llmlogs_core::capture::TraceIds;

/// Finds the spans that OpenTelemetry exports of the layer's subscriber.
#[derive(Default)]
pub(super) struct ExportedSpans(OnceLock<WeakDispatch>);

impl ExportedSpans {
    /// Takes the subscriber that the layer is part of. A layer behind a filter or in an `Option` does not learn of it.
    pub(super) fn register(&self, subscriber: &Dispatch) {
        // A layer is part of one subscriber only.
        self.0.get_or_init(|| subscriber.downgrade());
    }

    /// Returns the ids of the open span `id`; `None` if it is not exported. No lock may be held.
    pub(super) fn ids(&self, id: &Id) -> Option<TraceIds> {
        let dispatch = self.0.get()?.upgrade()?;
        let context = tracing_opentelemetry::get_otel_context(id, &dispatch)?;
        let context = context.span().span_context().clone();
        context
            .is_valid()
            .then(|| TraceIds { trace: context.trace_id().to_bytes(), span: context.span_id().to_bytes() })
    }
}
