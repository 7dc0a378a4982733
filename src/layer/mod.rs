//! The [`Layer`]: which spans are calls, what their fields and events say, and what surrounds them.
//!
//! No I/O and no formatting of bodies: a closed call goes to the [`Sink`] as it was gathered.

mod classify;
mod event_fields;
mod state;
mod visit;

use std::fmt;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Instant, SystemTime};

use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use crate::sink::{CountGuard, Sink};
use llmlogs_core::capture::{
    CallKey, CallRecord, CapturePolicy, CapturedRequest, Completion, EnclosingSpan, Fields, SpanCapture,
    SpanRecord, TimeAnchor,
};

use classify::Callsite;
pub(crate) use classify::Rules;
use state::{Adoption, CallState, Closed, Role, Shared, Slot, Slots, lock};
use visit::{EventFields, Open, Opening, Visitor};

/// The layer that records calls; made by [`LlmLogLayer::builder`](crate::LlmLogLayer::builder) or
/// [`layer`](crate::layer()).
///
/// A span is a call when it has the field `gen_ai.operation.name`, or `openinference.span.kind =
/// "LLM"`, or when the predicate given to the builder says so.
#[must_use = "a layer records nothing until it is added to a subscriber"]
pub struct LlmLogLayer {
    /// Context this layer's slot in a span's extensions from those of other instances.
    instance: u32,
    rules: Rules,
    sink: Arc<dyn Sink>,
    /// How many call spans are open: while none is, those that close are not even looked at.
    open: AtomicUsize,
    _counted: CountGuard,
}

impl LlmLogLayer {
    pub(crate) fn new(rules: Rules, sink: Arc<dyn Sink>) -> Self {
        static INSTANCES: AtomicU32 = AtomicU32::new(1);
        let instance = INSTANCES.fetch_add(1, Ordering::Relaxed);
        LlmLogLayer { instance, rules, sink, open: AtomicUsize::new(0), _counted: CountGuard::layer() }
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
    fn on_new_span(&self, attrs: &Attributes<'_>, id: &Id, ctx: Context<'_, S>) {
        self.opened(attrs, id, &ctx);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, ctx: Context<'_, S>) {
        if let Some(span) = ctx.span(id) {
            self.recorded(&span, values);
        }
    }

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        self.happened(event, &ctx);
    }

    fn on_exit(&self, id: &Id, ctx: Context<'_, S>) {
        if std::thread::panicking()
            && let Some(span) = ctx.span(id)
            && let Some(state) = self.call(&span)
        {
            lock(&state).panicked = true;
        }
    }

    fn on_close(&self, id: Id, ctx: Context<'_, S>) {
        if self.open.load(Ordering::Relaxed) > 0
            && let Some(span) = ctx.span(&id)
        {
            self.closed(&span);
        }
    }
}

impl LlmLogLayer {
    fn opened<S>(&self, attrs: &Attributes<'_>, id: &Id, ctx: &Context<'_, S>)
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
            let state = CallState::new(started, fields, callsite.is_forced());
            let mut visitor = Visitor(Opening { callsite, state });
            attrs.record(&mut visitor);
            Some(Slot::Call(Arc::new(Mutex::new(visitor.0.state))))
        } else {
            let mut fields = Fields::default();
            attrs.record(&mut self.context_visitor(callsite, &mut fields));
            Some(Slot::Context(fields, SystemTime::now()))
        };
        let Some(span) = ctx.span(id) else {
            return;
        };
        let mut extensions = span.extensions_mut();
        if callsite.is_sent() {
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
                None => extensions.insert(Slots::one(self.instance, slot)),
            }
        }
    }

    fn recorded<S>(&self, span: &SpanRef<'_, S>, values: &Record<'_>)
    where
        S: for<'a> LookupSpan<'a>,
    {
        let callsite = self.rules.span(self.instance, span.metadata());
        if callsite.is_ignored() {
            return;
        }
        if callsite.is_call() {
            let Some(state) = self.call(span) else {
                return;
            };
            values.record(&mut Visitor(Open::new(callsite, &state)));
            if callsite.is_sent() {
                self.collect(span, &state);
            }
        } else {
            // As above.
            let mut fields = Fields::default();
            values.record(&mut self.context_visitor(callsite, &mut fields));
            if let Some(slots) = span.extensions_mut().get_mut::<Slots>()
                && let Some(Slot::Context(known, _)) = slots.get_mut(self.instance)
            {
                known.extend(&fields);
            }
        }
    }

    fn happened<S>(&self, event: &Event<'_>, ctx: &Context<'_, S>)
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
            if let Some(state) = self.call(&span) {
                let level = *event.metadata().level();
                let keep = |name| event_fields::kept_name(name, level);
                event.record(&mut Visitor(EventFields { call: Open::new(callsite, &state), keep }));
                self.collect(&span, &state);
                return;
            }
        }
    }

    fn context_visitor<'a>(
        &'a self,
        callsite: Callsite,
        fields: &'a mut Fields,
    ) -> Visitor<visit::Context<'a>> {
        Visitor(visit::Context { callsite, rules: &self.rules, fields })
    }

    /// Takes what is new of the bodies that the sending side left in the span.
    fn collect<S>(&self, span: &SpanRef<'_, S>, state: &Shared)
    where
        S: for<'a> LookupSpan<'a>,
    {
        let fresh = {
            let extensions = span.extensions();
            let Some(SpanCapture { request, response, .. }) = extensions.get::<SpanCapture>() else {
                return;
            };
            let mut state = lock(state);
            if state.response.is_none() {
                state.response.clone_from(response);
            }
            match (&state.request, request) {
                (None, Some(request)) => {
                    state.request = Some(Arc::clone(request));
                    Some(Arc::clone(request))
                }
                _ => None,
            }
        };
        if let Some(request) = fresh {
            self.request_known(span, state, &request);
        }
    }

    /// Decides whether a call span with a request is a call of its own or an attempt at the call
    /// around it, and lets the recorder know of a new call.
    fn request_known<S>(&self, span: &SpanRef<'_, S>, state: &Shared, request: &Arc<CapturedRequest>)
    where
        S: for<'a> LookupSpan<'a>,
    {
        let adopted = self.enclosing_call(span).map(|outer| {
            let adoption = lock(&outer).adopt(&state::Identity::Request(Arc::clone(request)));
            (outer, adoption)
        });
        match adopted {
            Some((outer, Adoption::First(key, started))) => {
                lock(state).role = Role::AttemptAt(outer);
                self.sink.started(key, started.wall, request);
            }
            Some((outer, Adoption::Again)) => lock(state).role = Role::AttemptAt(outer),
            Some((outer, Adoption::Refused)) => {
                self.release(&outer);
                self.begin(state, request);
            }
            None => self.begin(state, request),
        }
    }

    fn begin(&self, state: &Shared, request: &Arc<CapturedRequest>) {
        let key = CallKey::next();
        let started = {
            let mut state = lock(state);
            state.role = Role::Call;
            state.key = Some(key);
            state.started
        };
        self.sink.started(key, started.wall, request);
    }

    fn closed<S>(&self, span: &SpanRef<'_, S>)
    where
        S: for<'a> LookupSpan<'a>,
    {
        let callsite = self.rules.span(self.instance, span.metadata());
        if !callsite.is_call() {
            return;
        }
        let Some(state) = self.call(span) else {
            return;
        };
        self.open.fetch_sub(1, Ordering::Relaxed);
        if callsite.is_sent() {
            self.collect(span, &state);
        }
        let ended = Instant::now();
        let (role, is_call, hints, leg) = {
            let mut state = lock(&state);
            // A call that was over before is none that the panic has ended.
            let over = state.response.as_ref().is_some_and(|response| response.end == Completion::Complete);
            state.panicked |= !over && std::thread::panicking();
            (state.role.clone(), state.is_call(), state.hints, state.leg(ended))
        };
        match role {
            Role::AttemptAt(outer) => self.attempt_closed(span, &outer, leg),
            Role::Call => self.call_closed(span, &state, leg),
            Role::Undecided if !is_call => {
                // What it adopted while its operation was not known were calls of their own.
                lock(&state).context_only = true;
                self.release(&state);
            }
            Role::Undecided => {
                let outer = self.enclosing_call(span);
                let adoption = outer.as_ref().map(|outer| {
                    let identity = state::Identity::of_fields(&leg.fields, hints);
                    lock(outer).adopt(&identity)
                });
                match (outer, adoption) {
                    (Some(outer), Some(Adoption::First(..) | Adoption::Again)) => {
                        self.attempt_closed(span, &outer, leg);
                    }
                    (outer, _) => {
                        if let Some(outer) = outer {
                            self.release(&outer);
                        }
                        self.call_closed(span, &state, leg);
                    }
                }
            }
        }
    }

    fn attempt_closed<S>(&self, span: &SpanRef<'_, S>, outer: &Shared, leg: SpanRecord)
    where
        S: for<'a> LookupSpan<'a>,
    {
        let (context, spans) = self.span_context(span);
        lock(outer).attempts.push(Closed { leg, context, spans });
        // The outer span may have turned out to be no call while this attempt was open.
        self.release(outer);
    }

    fn call_closed<S>(&self, span: &SpanRef<'_, S>, state: &Shared, own: SpanRecord)
    where
        S: for<'a> LookupSpan<'a>,
    {
        let (key, attempts, context_only) = {
            let mut state = lock(state);
            (state.key.take(), std::mem::take(&mut state.attempts), state.context_only)
        };
        if context_only && own.request.is_none() {
            return;
        }
        let (context, spans) = self.span_context(span);
        self.sink.finished(Box::new(CallRecord {
            key: key.unwrap_or_else(CallKey::next),
            own,
            // Collecting nothing costs more than saying so.
            attempts: match attempts.is_empty() {
                true => Vec::new(),
                false => attempts.into_iter().map(|attempt| attempt.leg).collect(),
            },
            context,
            spans,
        }));
    }

    /// Hands on the attempts of a span that is only context as the call that they were.
    fn release(&self, outer: &Shared) {
        let (key, mut attempts) = {
            let mut outer = lock(outer);
            if !outer.context_only || outer.attempts.is_empty() {
                return;
            }
            (outer.key.take(), std::mem::take(&mut outer.attempts))
        };
        let Some(last) = attempts.pop() else {
            return;
        };
        let Closed { leg: mut own, context, spans } = last;
        let mut legs: Vec<SpanRecord> = attempts.into_iter().map(|attempt| attempt.leg).collect();
        if !legs.is_empty() {
            legs.push(own.clone());
            own.started = legs[0].started;
        }
        self.sink.finished(Box::new(CallRecord {
            key: key.unwrap_or_else(CallKey::next),
            own,
            attempts: legs,
            context,
            spans,
        }));
    }

    /// This instance's state of a call span.
    fn call<S>(&self, span: &SpanRef<'_, S>) -> Option<Shared>
    where
        S: for<'a> LookupSpan<'a>,
    {
        match span.extensions().get::<Slots>()?.get(self.instance)? {
            Slot::Call(state) => Some(Arc::clone(state)),
            Slot::Context(..) => None,
        }
    }

    /// The call, by its outermost span, that `span` lies in.
    fn enclosing_call<S>(&self, span: &SpanRef<'_, S>) -> Option<Shared>
    where
        S: for<'a> LookupSpan<'a>,
    {
        for outer in span.parent()?.scope() {
            let Some(state) = self.call(&outer) else {
                continue;
            };
            let root = {
                let state = lock(&state);
                if state.is_known_context() {
                    continue;
                }
                match &state.role {
                    Role::AttemptAt(root) => Some(Arc::clone(root)),
                    Role::Undecided | Role::Call => None,
                }
            };
            return Some(root.unwrap_or(state));
        }
        None
    }

    /// The context fields of the spans around `span`, and those spans, outermost first.
    fn span_context<S>(&self, span: &SpanRef<'_, S>) -> (Fields, Vec<EnclosingSpan>)
    where
        S: for<'a> LookupSpan<'a>,
    {
        let mut context = Fields::default();
        let mut spans = Vec::new();
        let Some(parent) = span.parent() else {
            return (context, spans);
        };
        for outer in parent.scope().from_root() {
            let mut started = None;
            if let Some(slots) = outer.extensions().get::<Slots>() {
                match slots.get(self.instance) {
                    Some(Slot::Context(fields, opened)) => {
                        context.extend(fields);
                        started = Some(*opened);
                    }
                    Some(Slot::Call(state)) => {
                        let state = lock(state);
                        context.extend_named(&state.fields, |name| self.rules.is_context(name));
                        started = Some(state.started.wall);
                    }
                    None => {}
                }
            }
            spans.push(EnclosingSpan { id: outer.id().into_u64(), name: outer.name(), started });
        }
        (context, spans)
    }
}
