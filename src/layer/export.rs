//! What the layer hands to the instrumentation for the spans that OpenTelemetry exports.

use std::sync::Arc;

use tracing_subscriber::registry::{LookupSpan, SpanRef};

use llmlogs_core::capture::{FieldValue, Fields};
use llmlogs_core::semconv;

use crate::export::SpanExport;

use super::classify::Rules;
use super::slots::{Slot, Slots};

/// Attaches the recorder's settings, and the conversation that the spans around it name, to the new span of a call.
pub(super) fn attach<'a, S>(instance: u32, rules: &Rules, span: &SpanRef<'a, S>)
where
    S: LookupSpan<'a>,
{
    let conversation_id = conversation_id(instance, span);
    let mut extensions = span.extensions_mut();
    match extensions.get_mut::<SpanExport>() {
        Some(export) => {
            export.rules.push(Arc::clone(&rules.export));
            export.conversation_id = export.conversation_id.take().or(conversation_id);
        }
        None => {
            extensions.insert(SpanExport { rules: vec![Arc::clone(&rules.export)], conversation_id });
        }
    }
}

/// Returns the conversation that the innermost span around `span` with one names.
fn conversation_id<'a, S>(instance: u32, span: &SpanRef<'a, S>) -> Option<String>
where
    S: LookupSpan<'a>,
{
    let value = |fields: &Fields| fields.get(semconv::GEN_AI_CONVERSATION_ID).map(FieldValue::to_text);
    let named = |outer: SpanRef<'a, S>| match outer.extensions().get::<Slots>()?.get(instance)? {
        Slot::Context(fields, _) => value(fields),
        Slot::Call(call) => value(&call.lock().fields),
    };
    span.parent()?.scope().find_map(named)
}
