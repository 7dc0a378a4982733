//! What is known of a span while it is open.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use llmlogs_core::capture::{
    CallKey, CapturedRequest, CapturedResponse, EnclosingSpan, FieldValue, Fields, SpanRecord, Symbol,
    TimeAnchor,
};
use llmlogs_core::json::{self, Json, Object};
use llmlogs_core::semconv;

use super::classify::Watched;

/// The state of a call span, which spans inside it may outlive.
pub(super) type Shared = Arc<Mutex<CallState>>;

pub(super) fn lock(state: &Shared) -> MutexGuard<'_, CallState> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The slots of all layer instances in one span's extensions, which hold one value a type.
pub(super) struct Slots {
    first: (u32, Slot),
    /// Rarely is there more than one instance.
    more: Vec<(u32, Slot)>,
}

pub(super) enum Slot {
    Call(Shared),
    /// The context fields of a span that is no call, and when it was opened.
    Context(Fields, SystemTime),
}

impl Slots {
    pub(super) fn one(instance: u32, slot: Slot) -> Self {
        Slots { first: (instance, slot), more: Vec::new() }
    }

    pub(super) fn add(&mut self, instance: u32, slot: Slot) {
        self.more.push((instance, slot));
    }

    pub(super) fn get(&self, instance: u32) -> Option<&Slot> {
        let mut slots = std::iter::once(&self.first).chain(&self.more);
        slots.find(|(i, _)| *i == instance).map(|(_, slot)| slot)
    }

    pub(super) fn get_mut(&mut self, instance: u32) -> Option<&mut Slot> {
        let mut slots = std::iter::once(&mut self.first).chain(&mut self.more);
        slots.find(|(i, _)| *i == instance).map(|(_, slot)| slot)
    }
}

/// What part a span has in a call.
#[derive(Clone)]
pub(super) enum Role {
    /// No request was seen yet.
    Undecided,
    Call,
    AttemptAt(Shared),
}

/// What makes two call spans attempts at one call.
#[derive(Clone)]
pub(super) enum Identity {
    Request(Arc<CapturedRequest>),
    /// The hash of `gen_ai.input.messages`, for spans without HTTP.
    Messages(u64),
    Unknown,
}

impl Identity {
    /// What the messages in `fields` make it; `said` spares looking for them where there are none.
    pub(super) fn of_fields(fields: &Fields, hints: CallHints) -> Self {
        match hints.messages.then(|| fields.get(semconv::GEN_AI_INPUT_MESSAGES)).flatten() {
            Some(messages) => {
                let mut hasher = DefaultHasher::new();
                messages.to_text().hash(&mut hasher);
                Identity::Messages(hasher.finish())
            }
            None => Identity::Unknown,
        }
    }

    fn same(&self, other: &Identity) -> bool {
        match (self, other) {
            (Identity::Request(a), Identity::Request(b)) => same_request(a, b),
            (Identity::Messages(a), Identity::Messages(b)) => a == b,
            // A span without a request says nothing against being part of the same call.
            _ => true,
        }
    }
}

/// The same bytes, or the same JSON: a client may write again what its caller had written.
fn same_request(a: &CapturedRequest, b: &CapturedRequest) -> bool {
    let (a, b) = (a.body.bytes(), b.body.bytes());
    let parse = |bytes| std::str::from_utf8(bytes).ok().map(json::parse);
    a == b
        || match (parse(a), parse(b)) {
            (Some(Ok(a)), Some(Ok(b))) => same_json(&a, &b),
            _ => false,
        }
}

/// Equal but for the order of members, which writers choose as they like.
fn same_json(a: &Json<'_>, b: &Json<'_>) -> bool {
    match (a, b) {
        (Json::Array(a), Json::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_json(a, b))
        }
        (Json::Object(a), Json::Object(b)) => {
            let sorted = |object: &'_ Object<'_>| {
                let mut places: Vec<_> =
                    object.iter().map(|(key, _)| key.plain().into_owned()).enumerate().collect();
                places.sort_by(|a, b| a.1.cmp(&b.1));
                places
            };
            let members = |object: &'_ Object<'_>| object.iter().count();
            if members(a) != members(b) {
                return false;
            }
            let (a_members, b_members): (Vec<_>, Vec<_>) = (a.iter().collect(), b.iter().collect());
            sorted(a)
                .iter()
                .zip(&sorted(b))
                .all(|((a, a_key), (b, b_key))| a_key == b_key && same_json(a_members[*a].1, b_members[*b].1))
        }
        (a, b) => a == b,
    }
}

/// Whether a call takes an inner call span as an attempt.
pub(super) enum Adoption {
    /// Yes, and its request is the first that the call is seen to make.
    First(CallKey, TimeAnchor),
    Again,
    /// No, it is a call of its own.
    Refused,
}

/// An attempt that is over, with what surrounded it.
pub(super) struct Closed {
    pub(super) leg: SpanRecord,
    pub(super) context: Fields,
    pub(super) spans: Vec<EnclosingSpan>,
}

/// What fields say that the layer itself must know, noted as they come.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct CallHints {
    /// Whether the operation is a call.
    operation: Option<bool>,
    /// Whether OpenInference's kind of span is a call.
    kind: Option<bool>,
    /// There are input messages.
    messages: bool,
}

impl CallHints {
    pub(super) fn note(&mut self, watched: Watched, value: FieldValue<'_>) {
        match watched {
            Watched::Operation => {
                self.operation = Some(match value {
                    FieldValue::Str(operation) => !semconv::is_context_operation(operation),
                    _ => true,
                });
            }
            Watched::Kind => self.kind = Some(value == FieldValue::Str(semconv::OPENINFERENCE_KIND_LLM)),
            Watched::Messages => self.messages = true,
        }
    }

    fn is_call(self) -> bool {
        self.operation.or(self.kind).unwrap_or(false)
    }
}

/// An open call span.
pub(super) struct CallState {
    pub(super) started: TimeAnchor,
    pub(super) fields: Fields,
    pub(super) hints: CallHints,
    /// The user's predicate says that it is a call.
    forced: bool,
    pub(super) request: Option<Arc<CapturedRequest>>,
    pub(super) response: Option<Arc<CapturedResponse>>,
    pub(super) panicked: bool,
    pub(super) role: Role,
    /// Set once the recorder knows of the call.
    pub(super) key: Option<CallKey>,
    /// What an inner span asked for on this call's behalf.
    adopted: Option<Identity>,
    /// It surrounds several different calls, or its operation is none: it is context only.
    pub(super) context_only: bool,
    pub(super) attempts: Vec<Closed>,
}

impl CallState {
    /// Takes a field's value.
    #[inline]
    pub(super) fn put(&mut self, name: Symbol, watched: Option<Watched>, value: FieldValue<'_>) {
        self.fields.push(name, value);
        if let Some(watched) = watched {
            self.hints.note(watched, value);
        }
    }

    pub(super) fn new(started: TimeAnchor, fields: Fields, forced: bool) -> Self {
        CallState {
            started,
            fields,
            hints: CallHints::default(),
            forced,
            request: None,
            response: None,
            panicked: false,
            role: Role::Undecided,
            key: None,
            adopted: None,
            context_only: false,
            attempts: Vec::new(),
        }
    }

    /// Whether, as far as its fields say now, the span is a call.
    pub(super) fn is_call(&self) -> bool {
        self.forced || self.hints.is_call()
    }

    /// Whether the span says already that it is no call.
    pub(super) fn is_known_context(&self) -> bool {
        self.hints.operation.or(self.hints.kind).is_some() && !self.is_call()
    }

    /// Whether an inner span that asks for `identity` is an attempt at this call. One rule: it is,
    /// if this span asked for the same, or for nothing itself.
    pub(super) fn adopt(&mut self, identity: &Identity) -> Adoption {
        if self.context_only {
            return Adoption::Refused;
        }
        if let Some(own) = &self.request {
            return match identity.same(&Identity::Request(Arc::clone(own))) {
                true => Adoption::Again,
                false => Adoption::Refused,
            };
        }
        match &self.adopted {
            None => {
                self.adopted = Some(identity.clone());
                match identity {
                    Identity::Request(_) => {
                        let key = CallKey::next();
                        self.key = Some(key);
                        Adoption::First(key, self.started)
                    }
                    _ => Adoption::Again,
                }
            }
            Some(first) if first.same(identity) => Adoption::Again,
            Some(_) => {
                self.context_only = true;
                Adoption::Refused
            }
        }
    }

    /// This span's part of the call, which ends at `ended`.
    pub(super) fn leg(&mut self, ended: Instant) -> SpanRecord {
        SpanRecord {
            started: self.started,
            ended,
            // Spans inside keep this one open, so none is left to ask for its context.
            fields: std::mem::take(&mut self.fields),
            request: self.request.clone(),
            response: self.response.take(),
            panicked: self.panicked,
        }
    }
}
