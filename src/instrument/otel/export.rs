//! What is noted of a call when its span opens.

use std::time::Instant;

use bytes::Bytes;
use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::registry::{LookupSpan, Registry};

use llmlogs_core::api::RequestView;
use llmlogs_core::capture::{CapturedResponse, Endpoint, SpanCapture, TraceIds};
use llmlogs_core::json::Json;
use llmlogs_core::semconv;

use crate::export::SpanExport;
use crate::instrument::attributes;
use crate::instrument::attributes::ResponseAttributes;
use crate::instrument::capture;

use super::metrics::{self, Operation};
use super::rules::Rules;
use super::{capture_switch, request};

/// What the export of a call needs beside its span.
pub(crate) struct Export {
    started: Instant,
    /// Whether the call is counted in the metrics: it is no attempt at the call of another span.
    counts: bool,
    model: Option<String>,
    /// What the layers that see the span know.
    by_layers: SpanExport,
    /// The request, if messages are exported.
    request: Option<Bytes>,
}

impl Export {
    /// Notes what is known when `span`, that of a call to `endpoint`, has just opened, and sets the attributes of the
    /// request.
    pub(crate) fn open(
        span: &Span,
        endpoint: &Endpoint,
        view: &RequestView<'_>,
        body: Option<&Bytes>,
        parsed: Option<&Json<'_>>,
    ) -> Self {
        if span.is_disabled() {
            return Export::none();
        }
        let by_layers =
            capture::extensions(span, |mut extensions| extensions.get_mut::<SpanExport>().cloned());
        let by_layers = by_layers.flatten().unwrap_or_default();
        let mut rules = Rules::default();
        rules.join(&by_layers.rules);
        attributes::catch_panic(|| {
            if let Some(id) = &by_layers.conversation_id {
                span.set_attribute(semconv::GEN_AI_CONVERSATION_ID, rules.text(id));
            }
            for attribute in parsed.map(|body| request::attributes(endpoint, body)).unwrap_or_default() {
                span.set_attribute(attribute.key, attribute.value);
            }
        });
        Export {
            started: Instant::now(),
            counts: !is_inside_call(span),
            model: attributes::model(endpoint, view).map(|model| attributes::clean(model).into_owned()),
            request: body.filter(|_| exports_messages(&by_layers)).cloned(),
            by_layers,
        }
    }

    /// Returns the export of no span.
    pub(crate) fn none() -> Self {
        Export {
            started: Instant::now(),
            counts: false,
            model: None,
            by_layers: SpanExport::default(),
            request: None,
        }
    }

    /// Returns the request, if messages are exported; it is empty if the client produced it while sending it.
    pub(super) fn request(&self) -> Option<&Bytes> {
        self.request.as_ref()
    }

    pub(super) fn exports_messages(&self) -> bool {
        exports_messages(&self.by_layers)
    }

    pub(super) fn by_layers(&self) -> &SpanExport {
        &self.by_layers
    }

    /// Returns the seconds from the call's start until the first chunk of `response` arrived.
    pub(super) fn time_to_first_chunk(&self, response: &CapturedResponse) -> Option<f64> {
        let first = response.chunk_timings.first()?;
        Some(first.saturating_duration_since(self.started).as_secs_f64())
    }

    /// Counts the call in the metrics, unless another call counts it.
    pub(super) fn count(
        &self,
        endpoint: &Endpoint,
        response: &CapturedResponse,
        attributes: &ResponseAttributes,
    ) {
        if self.counts {
            let seconds = response.ended.saturating_duration_since(self.started).as_secs_f64();
            metrics::record(&Operation { endpoint, model: self.model.as_deref(), seconds, attributes });
        }
    }
}

/// Returns whether messages are exported: as the recorders that see the span are set to, else as the environment says.
fn exports_messages(by_layers: &SpanExport) -> bool {
    let mut set = by_layers.rules.iter().filter_map(|rules| rules.content).peekable();
    if set.peek().is_none() { capture_switch::environment() } else { set.any(|on| on) }
}

/// Returns whether `span` lies in that of another call of the instrumentation.
fn is_inside_call(span: &Span) -> bool {
    let found = span.with_subscriber(|(id, dispatch)| {
        let mut outer = dispatch.downcast_ref::<Registry>()?.span(id)?.parent()?.scope();
        outer.any(|outer| outer.metadata().target() == SpanCapture::TARGET).then_some(())
    });
    found.flatten().is_some()
}

/// Returns OpenTelemetry's context of `span`, where a layer exports it, and notes its ids for the recorder.
pub(super) fn context(span: &Span) -> Option<Context> {
    let found = span.with_subscriber(|(id, dispatch)| tracing_opentelemetry::get_otel_context(id, dispatch));
    let context = found.flatten()?;
    let ids = context.span().span_context().clone();
    if ids.is_valid() {
        let ids = TraceIds { trace: ids.trace_id().to_bytes(), span: ids.span_id().to_bytes() };
        capture::attach_trace(span, ids);
    }
    Some(context)
}
