//! What a recorder is set to for the spans that OpenTelemetry exports, and what its layer knows of a call's surroundings: in
//! the extensions of the call's span, where the instrumentation finds it.

use std::sync::Arc;

use llmlogs_core::redact::Redactor;

/// The settings of one recorder.
#[derive(Debug)]
pub(crate) struct ExportRules {
    /// Whether messages are exported; `None` leaves it to the environment.
    pub(crate) content: Option<bool>,
    /// The most bytes of an attribute with messages.
    pub(crate) max_bytes: usize,
    /// The rules that the recorder's files are redacted by.
    pub(crate) redact: Redactor,
}

impl ExportRules {
    /// The most bytes of an attribute with messages, unless set.
    pub(crate) const MAX_BYTES: usize = 64 << 10;
}

impl Default for ExportRules {
    fn default() -> Self {
        ExportRules { content: None, max_bytes: ExportRules::MAX_BYTES, redact: Redactor::new() }
    }
}

/// What the layers that see a call's span know of its export.
#[derive(Debug, Clone, Default)]
pub(crate) struct SpanExport {
    /// The settings of each recorder that sees the span.
    pub(crate) rules: Vec<Arc<ExportRules>>,
    /// The conversation that the call belongs to, by the spans around it.
    pub(crate) conversation_id: Option<String>,
}
