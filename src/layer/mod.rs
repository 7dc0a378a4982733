//! The [`Layer`]: finds the spans that are calls and gathers their fields, events, bodies and context.
//!
//! No I/O and no formatting of bodies: the record of a closed call goes to the [`Sink`] as it was gathered.

mod call_state;
mod classify;
mod correlation;
mod event_fields;
#[cfg(feature = "opentelemetry")]
mod export;
mod fingerprint;
mod open_spans;
mod slots;
#[cfg(test)]
mod tests;
#[cfg(feature = "opentelemetry")]
mod trace;
mod visit;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::SystemTime;

use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use crate::sink::{CountGuard, Sink};
use llmlogs_core::capture::{CapturePolicy, Fields, SpanCapture, TimeAnchor};

use call_state::{CallState, OpenCall};
use classify::Callsite;
pub(crate) use classify::Rules;
use fingerprint::Fingerprint;
use open_spans::{ClosingCall, OpenSpans, PlacedCall, call_of};
use slots::{Slot, Slots};
use visit::{CallFields, ContextFields, EventFields, NewCallFields, Visitor};

/// The layer that records calls; made by [`LlmLogLayer::builder`](crate::LlmLogLayer::builder) or
/// [`layer`](crate::layer()).
///
/// A span is a call if it has the field `gen_ai.operation.name` (and that is not the name of an operation that surrounds
/// calls, such as `invoke_agent`), or `openinference.span.kind = "LLM"`, or if the predicate given to
/// [`call_if`](crate::LlmLogLayerBuilder::call_if) returns `true` for it.
#[must_use = "a layer records nothing until it is added to a subscriber"]
pub struct LlmLogLayer {
    /// Tells this layer's slot in a span's extensions from those of other instances.
    instance: u32,
    rules: Rules,
    sink: Arc<dyn Sink>,
    /// How many call spans are open: while none is, a span that closes is not looked at.
    open: AtomicUsize,
    _counted: CountGuard,
    #[cfg(feature = "opentelemetry")]
    trace: trace::ExportedSpans,
}

impl LlmLogLayer {
    pub(crate) fn new(rules: Rules, sink: Arc<dyn Sink>) -> Self {
        static INSTANCES: AtomicU32 = AtomicU32::new(1);
        let instance = INSTANCES.fetch_add(1, Ordering::Relaxed);
        LlmLogLayer {
            instance,
            rules,
            sink,
            open: AtomicUsize::new(0),
            _counted: CountGuard::layer(),
            #[cfg(feature = "opentelemetry")]
            trace: trace::ExportedSpans::default(),
        }
    }
}

impl fmt::Debug for LlmLogLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LlmLogLayer").field("enabled", &self.sink.policy().is_some()).finish_non_exhaustive()
    }
}

impl<S> Layer<S> for LlmLogLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    #[cfg(feature = "opentelemetry")]
    fn on_register_dispatch(&self, subscriber: &tracing::Dispatch) {
        self.trace.register(subscriber);
    }

    fn on_new_span(&self, attrs: &Attributes<'_>, id: &Id, ctx: Context<'_, S>) {
        self.span_opened(attrs, id, &ctx);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, ctx: Context<'_, S>) {
        if let Some(span) = ctx.span(id) {
            self.fields_recorded(span, values);
        }
    }

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        self.event_emitted(event, &ctx);
    }

    fn on_exit(&self, id: &Id, ctx: Context<'_, S>) {
        #[cfg(feature = "opentelemetry")]
        if self.open.load(Ordering::Relaxed) > 0
            && let Some(span) = ctx.span(id)
        {
            self.note_trace(&span);
        }
        if std::thread::panicking()
            && let Some(span) = ctx.span(id)
            && let Some(call) = call_of(self.instance, &span)
        {
            let placed = PlacedCall { span, call };
            // The instrumentation leaves a span once more when its call has ended.
            self.collect(&placed);
            placed.call.lock().note_panic();
        }
    }

    fn on_close(&self, id: Id, ctx: Context<'_, S>) {
        if self.open.load(Ordering::Relaxed) > 0
            && let Some(span) = ctx.span(&id)
        {
            #[cfg(feature = "opentelemetry")]
            self.note_trace(&span);
            self.span_closed(span);
        }
    }
}

impl LlmLogLayer {
    fn span_opened<S>(&self, attrs: &Attributes<'_>, id: &Id, ctx: &Context<'_, S>)
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let callsite = self.rules.span(self.instance, attrs.metadata());
        if callsite.is_ignored() {
            return;
        }
        let policy = self.sink.policy();
        let slot = if policy.is_none() {
            None
        } else if callsite.is_call() {
            let started = TimeAnchor::now();
            // A user's `Debug` may run here and may itself use this span: nothing is locked.
            let fields = Fields::with_capacity_for_span(attrs.metadata().fields().len());
            let state = CallState::new(fields, callsite.is_forced());
            let mut visitor = Visitor(NewCallFields { callsite, state });
            attrs.record(&mut visitor);
            Some(Slot::Call(OpenCall::new(started, visitor.0.state)))
        } else {
            let mut fields = Fields::default();
            attrs.record(&mut self.context_visitor(callsite, &mut fields));
            Some(Slot::Context(fields, SystemTime::now()))
        };
        let Some(span) = ctx.span(id) else {
            return;
        };
        #[cfg(feature = "opentelemetry")]
        if callsite.is_instrumented() && policy.is_some() {
            export::attach(self.instance, &self.rules, &span);
        }
        let mut extensions = span.extensions_mut();
        if callsite.is_instrumented() {
            let policy = policy.unwrap_or(CapturePolicy::NOTHING);
            match extensions.get_mut::<SpanCapture>() {
                Some(capture) => capture.policy.join(policy),
                None => extensions.insert(SpanCapture::new(policy)),
            }
        }
        if let Some(slot) = slot {
            if callsite.is_call() {
                self.open.fetch_add(1, Ordering::Relaxed);
            }
            match extensions.get_mut::<Slots>() {
                Some(slots) => slots.add(self.instance, slot),
                None => extensions.insert(Slots::new(self.instance, slot)),
            }
        }
    }

    fn fields_recorded<S>(&self, span: SpanRef<'_, S>, values: &Record<'_>)
    where
        S: for<'a> LookupSpan<'a>,
    {
        let callsite = self.rules.span(self.instance, span.metadata());
        if callsite.is_ignored() {
            return;
        }
        if callsite.is_call() {
            let Some(call) = call_of(self.instance, &span) else {
                return;
            };
            values.record(&mut Visitor(CallFields::new(callsite, &call)));
            if callsite.is_instrumented() {
                self.collect(&PlacedCall { span, call });
            }
        } else {
            // Nothing is locked here either.
            let mut fields = Fields::default();
            values.record(&mut self.context_visitor(callsite, &mut fields));
            if let Some(slots) = span.extensions_mut().get_mut::<Slots>()
                && let Some(Slot::Context(known, _)) = slots.get_mut(self.instance)
            {
                known.extend(&fields);
            }
        }
    }

    fn event_emitted<S>(&self, event: &Event<'_>, ctx: &Context<'_, S>)
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let callsite = self.rules.event(self.instance, event.metadata());
        if callsite.is_ignored() {
            return;
        }
        let Some(scope) = ctx.event_scope(event) else {
            return;
        };
        for span in scope {
            if let Some(call) = call_of(self.instance, &span) {
                let level = *event.metadata().level();
                let keep = |name| event_fields::kept_name(name, level);
                event.record(&mut Visitor(EventFields { call: CallFields::new(callsite, &call), keep }));
                self.collect(&PlacedCall { span, call });
                return;
            }
        }
    }

    fn context_visitor<'a>(
        &'a self,
        callsite: Callsite,
        fields: &'a mut Fields,
    ) -> Visitor<ContextFields<'a>> {
        Visitor(ContextFields { callsite, rules: &self.rules, fields })
    }

    /// Takes what is new of the request and the response that the instrumentation attached to the span.
    fn collect<'a, S>(&self, placed: &PlacedCall<'a, S>)
    where
        S: LookupSpan<'a>,
    {
        let (request, group, may_join) = {
            let extensions = placed.span.extensions();
            let Some(SpanCapture { group, request, response, attempts, trace, .. }) =
                extensions.get::<SpanCapture>()
            else {
                return;
            };
            let mut state = placed.call.lock();
            state.trace = state.trace.or(*trace);
            if state.response.is_none() {
                state.response.clone_from(response);
            }
            if attempts.len() > state.attempts.len() {
                state.attempts.clone_from(attempts);
            }
            let (None, Some(request)) = (&state.request, request) else {
                return;
            };
            state.request = Some(Arc::clone(request));
            (Arc::clone(request), *group, state.part.may_join())
        };
        correlation::request_seen(&self.open_spans(), placed, Fingerprint::new(request, group), may_join);
    }

    fn span_closed<'a, S>(&self, span: SpanRef<'a, S>)
    where
        S: LookupSpan<'a>,
    {
        let callsite = self.rules.span(self.instance, span.metadata());
        if !callsite.is_call() {
            return;
        }
        let Some(call) = call_of(self.instance, &span) else {
            return;
        };
        self.open.fetch_sub(1, Ordering::Relaxed);
        let placed = PlacedCall { span, call };
        if callsite.is_instrumented() {
            self.collect(&placed);
        }
        correlation::closed(&self.open_spans(), &placed, ClosingCall::new(&placed));
    }

    /// Notes OpenTelemetry's ids of `span`, if it is a call's.
    #[cfg(feature = "opentelemetry")]
    fn note_trace<'a, S>(&self, span: &SpanRef<'a, S>)
    where
        S: LookupSpan<'a>,
    {
        if self.rules.span(self.instance, span.metadata()).is_call()
            && let Some(call) = call_of(self.instance, span)
            && call.lock().trace.is_none()
            && let Some(ids) = self.trace.ids(&span.id())
        {
            call.lock().trace = Some(ids);
        }
    }

    fn open_spans<'a, S>(&self) -> OpenSpans<'_, 'a, S>
    where
        S: LookupSpan<'a>,
    {
        OpenSpans::new(self.instance, &self.rules, &*self.sink)
    }
}
