//! What is known of a call span while it is open.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use llmlogs_core::capture::{
    CapturedAttempt, CapturedRequest, CapturedResponse, Completion, EnclosingSpan, FieldValue, Fields,
    SpanRecord, Symbol, TimeAnchor, TraceIds,
};
use llmlogs_core::semconv;

use super::classify::HintField;
use super::correlation;
use super::fingerprint::Fingerprint;

/// An open call span, which links in spans inside it may outlive.
#[derive(Clone)]
pub(super) struct OpenCall(Arc<Inner>);

struct Inner {
    started: TimeAnchor,
    state: Mutex<CallState>,
}

impl OpenCall {
    pub(super) fn new(started: TimeAnchor, state: CallState) -> Self {
        OpenCall(Arc::new(Inner { started, state: Mutex::new(state) }))
    }

    pub(super) fn started(&self) -> TimeAnchor {
        self.0.started
    }

    /// Locks the state. No user's code runs, no body is read and no other lock is taken meanwhile.
    pub(super) fn lock(&self) -> MutexGuard<'_, CallState> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what the span itself gathered, now that it closes at `ended`.
    pub(super) fn close(&self, ended: Instant) -> ClosedCall {
        let mut state = self.lock();
        state.note_panic();
        ClosedCall {
            is_call: state.is_call(),
            has_messages: state.hints.messages,
            record: SpanRecord {
                started: self.started(),
                ended,
                // Spans inside keep this one open, so none is left to ask for its context.
                fields: std::mem::take(&mut state.fields),
                request: state.request.clone(),
                response: state.response.take(),
                attempts: std::mem::take(&mut state.attempts),
                panicked: state.panicked,
                trace: state.trace,
            },
        }
    }
}

/// A call span that closes.
pub(super) struct ClosedCall {
    /// Whether its fields say that it is a call.
    pub(super) is_call: bool,
    has_messages: bool,
    pub(super) record: SpanRecord,
}

impl ClosedCall {
    /// Returns the hash of the input messages among the span's fields.
    pub(super) fn messages_hash(&self) -> Option<u64> {
        if !self.has_messages {
            return None;
        }
        let messages = self.record.fields.get(semconv::GEN_AI_INPUT_MESSAGES)?;
        let mut hasher = DefaultHasher::new();
        messages.to_text().hash(&mut hasher);
        Some(hasher.finish())
    }
}

/// A closed span that was an attempt at a call, with what surrounded it.
pub(super) struct Attempt {
    pub(super) record: SpanRecord,
    pub(super) context: Fields,
    pub(super) spans: Vec<EnclosingSpan>,
}

/// A span's part in a call.
pub(super) type Part = correlation::Part<Fingerprint, Attempt, OpenCall>;

/// What the fields say that the layer itself must know, noted as they come.
#[derive(Debug, Clone, Copy, Default)]
struct CallHints {
    /// Whether the operation is a call.
    operation: Option<bool>,
    /// Whether OpenInference's kind of span is a call.
    kind: Option<bool>,
    /// Whether there are input messages.
    messages: bool,
}

impl CallHints {
    fn note(&mut self, field: HintField, value: FieldValue<'_>) {
        match field {
            HintField::Operation => {
                self.operation = Some(match value {
                    FieldValue::Str(operation) => !semconv::is_context_operation(operation),
                    _ => true,
                });
            }
            HintField::Kind => self.kind = Some(value == FieldValue::Str(semconv::OPENINFERENCE_KIND_LLM)),
            HintField::Messages => self.messages = true,
        }
    }

    /// Returns whether the span is a call, or `None` if it does not say.
    fn is_call(self) -> Option<bool> {
        self.operation.or(self.kind)
    }
}

/// The part of an open call span that changes.
pub(super) struct CallState {
    pub(super) fields: Fields,
    hints: CallHints,
    /// The user's predicate says that the span is a call.
    forced: bool,
    pub(super) request: Option<Arc<CapturedRequest>>,
    pub(super) response: Option<Arc<CapturedResponse>>,
    pub(super) attempts: Vec<CapturedAttempt>,
    pub(super) panicked: bool,
    pub(super) trace: Option<TraceIds>,
    pub(super) part: Part,
}

impl CallState {
    pub(super) fn new(fields: Fields, forced: bool) -> Self {
        CallState {
            fields,
            hints: CallHints::default(),
            forced,
            request: None,
            response: None,
            attempts: Vec::new(),
            panicked: false,
            trace: None,
            part: Part::new(),
        }
    }

    /// Adds a field's value; `hint` is what the field means to the layer itself.
    #[inline]
    pub(super) fn put(&mut self, name: Symbol, hint: Option<HintField>, value: FieldValue<'_>) {
        self.fields.push(name, value);
        if let Some(hint) = hint {
            self.hints.note(hint, value);
        }
    }

    /// Notes that the thread is panicking, if it is. A panic does not end a call that was over before.
    pub(super) fn note_panic(&mut self) {
        let over = self.response.as_ref().is_some_and(|response| response.completion == Completion::Complete);
        self.panicked |= !over && std::thread::panicking();
    }

    /// Returns whether, as far as its fields say now, the span is a call.
    fn is_call(&self) -> bool {
        self.forced || self.hints.is_call().unwrap_or(false)
    }

    /// Returns whether the span's fields say already that it is no call.
    pub(super) fn is_known_context(&self) -> bool {
        self.hints.is_call().is_some() && !self.is_call()
    }
}
