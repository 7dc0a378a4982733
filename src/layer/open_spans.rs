//! The open spans of a subscriber, as one layer instance sees them.

use std::marker::PhantomData;
use std::time::Instant;

use tracing_subscriber::registry::{LookupSpan, SpanRef};

use llmlogs_core::capture::{CallKey, CallRecord, EnclosingSpan, Fields, SpanRecord};

use crate::sink::Sink;

use super::call_state::{Attempt, ClosedCall, OpenCall, Part};
use super::classify::Rules;
use super::correlation::{CallSpans, ClosingSpan, Released};
use super::fingerprint::Fingerprint;
use super::slots::{Slot, Slots};

/// Returns what the layer `instance` knows of `span`, if it is a call span.
pub(super) fn call_of<'a, S>(instance: u32, span: &SpanRef<'a, S>) -> Option<OpenCall>
where
    S: LookupSpan<'a>,
{
    match span.extensions().get::<Slots>()?.get(instance)? {
        Slot::Call(call) => Some(call.clone()),
        Slot::Context(..) => None,
    }
}

/// The open spans of a subscriber of type `S`.
pub(super) struct OpenSpans<'l, 'a, S> {
    instance: u32,
    rules: &'l Rules,
    sink: &'l dyn Sink,
    subscriber: PhantomData<&'a S>,
}

/// A call span in its place in the tree.
pub(super) struct PlacedCall<'a, S>
where
    S: LookupSpan<'a>,
{
    pub(super) span: SpanRef<'a, S>,
    pub(super) call: OpenCall,
}

impl<'l, 'a, S> OpenSpans<'l, 'a, S>
where
    S: LookupSpan<'a>,
{
    pub(super) fn new(instance: u32, rules: &'l Rules, sink: &'l dyn Sink) -> Self {
        OpenSpans { instance, rules, sink, subscriber: PhantomData }
    }

    /// Returns the context fields of the spans around `span`, and those spans, outermost first.
    fn span_context(&self, span: &SpanRef<'a, S>) -> (Fields, Vec<EnclosingSpan>) {
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
                    Some(Slot::Call(call)) => {
                        context.extend_named(&call.lock().fields, |name| self.rules.is_context(name));
                        started = Some(call.started().wall);
                    }
                    None => {}
                }
            }
            spans.push(EnclosingSpan { id: outer.id().into_u64(), name: outer.name(), started });
        }
        (context, spans)
    }

    fn finish(
        &self,
        key: Option<CallKey>,
        own: SpanRecord,
        attempts: Vec<SpanRecord>,
        context: Fields,
        spans: Vec<EnclosingSpan>,
    ) {
        let key = key.unwrap_or_else(CallKey::next);
        self.sink.finished(Box::new(CallRecord { key, own, attempts, context, spans }));
    }
}

impl<'a, S> CallSpans for OpenSpans<'_, 'a, S>
where
    S: LookupSpan<'a>,
{
    type Span = PlacedCall<'a, S>;
    type Link = OpenCall;
    type Request = Fingerprint;
    type Attempt = Attempt;

    fn link(&self, span: &Self::Span) -> OpenCall {
        span.call.clone()
    }

    fn enclosing(&self, span: &Self::Span) -> Option<Self::Span> {
        span.span.parent()?.scope().find_map(|outer| {
            let call = call_of(self.instance, &outer)?;
            let is_known_context = call.lock().is_known_context();
            (!is_known_context).then_some(PlacedCall { span: outer, call })
        })
    }

    fn update<T>(&self, call: &OpenCall, transition: impl FnOnce(&mut Part) -> T) -> T {
        transition(&mut call.lock().part)
    }

    fn is_same(&self, a: &mut Fingerprint, b: &mut Fingerprint) -> bool {
        a.is_same(b)
    }

    fn started(&self, root: &OpenCall, key: CallKey, request: &Fingerprint) {
        self.sink.started(key, root.started().wall, request.request());
    }

    fn released(&self, Released { key, mut attempts }: Released<Attempt>) {
        let Some(Attempt { record: mut own, context, spans }) = attempts.pop() else {
            return;
        };
        let mut attempts: Vec<SpanRecord> = attempts.into_iter().map(|attempt| attempt.record).collect();
        if !attempts.is_empty() {
            // The last attempt stands for the call, which began with the first.
            attempts.push(own.clone());
            own.started = attempts[0].started;
        }
        self.finish(key, own, attempts, context, spans);
    }
}

/// A call span that is closing.
pub(super) struct ClosingCall<'s, 'a, S>
where
    S: LookupSpan<'a>,
{
    span: &'s SpanRef<'a, S>,
    closed: ClosedCall,
}

impl<'s, 'a, S> ClosingCall<'s, 'a, S>
where
    S: LookupSpan<'a>,
{
    pub(super) fn new(placed: &'s PlacedCall<'a, S>) -> Self {
        ClosingCall { span: &placed.span, closed: placed.call.close(Instant::now()) }
    }
}

impl<'l, 'a, S> ClosingSpan<OpenSpans<'l, 'a, S>> for ClosingCall<'_, 'a, S>
where
    S: LookupSpan<'a>,
{
    fn is_call(&self) -> bool {
        self.closed.is_call
    }

    fn messages(&self) -> Option<u64> {
        self.closed.messages_hash()
    }

    fn into_attempt(self, spans: &OpenSpans<'l, 'a, S>) -> Attempt {
        let (context, enclosing) = spans.span_context(self.span);
        Attempt { record: self.closed.record, context, spans: enclosing }
    }

    fn finish(self, spans: &OpenSpans<'l, 'a, S>, key: Option<CallKey>, attempts: Vec<Attempt>) {
        let (context, enclosing) = spans.span_context(self.span);
        let attempts = if attempts.is_empty() {
            // Collecting nothing costs more.
            Vec::new()
        } else {
            attempts.into_iter().map(|attempt| attempt.record).collect()
        };
        spans.finish(key, self.closed.record, attempts, context, enclosing);
    }
}
