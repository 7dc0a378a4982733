//! The span of a call, from its request to its end, with what is needed to export it.

use bytes::Bytes;
use tracing::Span;

use llmlogs_core::capture::{CapturedResponse, Endpoint};
use llmlogs_core::json::Json;

use super::attributes;
#[cfg(feature = "opentelemetry")]
use super::otel;

/// The open span of a call.
pub(crate) struct CallSpan {
    span: Span,
    #[cfg(feature = "opentelemetry")]
    export: otel::Export,
}

impl CallSpan {
    /// Opens the span of a call to `endpoint`. `body` is the request, `parsed` the same if it is JSON.
    #[cfg_attr(not(feature = "opentelemetry"), expect(unused_variables, reason = "the export needs it"))]
    pub(crate) fn open(endpoint: &Endpoint, body: Option<&Bytes>, parsed: Option<&Json<'_>>) -> Self {
        let view = attributes::request_view(endpoint, parsed);
        let span = attributes::open(endpoint, &view, parsed);
        CallSpan {
            #[cfg(feature = "opentelemetry")]
            export: otel::Export::open(&span, endpoint, &view, body, parsed),
            span,
        }
    }

    /// Returns the span itself.
    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    #[cfg(feature = "opentelemetry")]
    pub(super) fn export(&self) -> &otel::Export {
        &self.export
    }

    /// Returns what stands for a span that has closed.
    #[cfg(feature = "middleware")]
    pub(crate) fn none() -> Self {
        CallSpan {
            span: Span::none(),
            #[cfg(feature = "opentelemetry")]
            export: otel::Export::none(),
        }
    }

    /// Ends the call of `spans`, its own first and then those around it: enters and leaves them, and records the
    /// response's attributes and its failure.
    pub(crate) fn end<'s>(
        spans: impl Iterator<Item = &'s CallSpan> + Clone,
        endpoint: &Endpoint,
        response: &CapturedResponse,
    ) {
        // Before anything takes time: other layers take this as the end.
        spans.clone().for_each(|span| attributes::mark_end(&span.span));
        let attributes = attributes::ResponseAttributes::of(endpoint, response);
        #[cfg(feature = "opentelemetry")]
        let exported = otel::end(spans.clone(), endpoint, response, &attributes);
        for (number, span) in spans.enumerate() {
            #[cfg(feature = "opentelemetry")]
            let is_exported = exported.contains(&number);
            #[cfg(not(feature = "opentelemetry"))]
            let is_exported = {
                let _ = number;
                false
            };
            attributes::record_end(&span.span, response, &attributes, is_exported);
        }
    }
}
