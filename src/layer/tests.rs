//! The layer on a real registry, before a sink that remembers.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use proptest::prelude::*;
use tracing::{Dispatch, Span, info_span};
use tracing_subscriber::prelude::*;

use llmlogs_core::capture::{CallKey, CallRecord, CapturePolicy, CapturedRequest};

use crate::LlmCall;
use crate::sink::Sink;

use super::{LlmLogLayer, Rules};

#[derive(Default)]
struct Remembered {
    started: Mutex<Vec<CallKey>>,
    finished: Mutex<Vec<CallRecord>>,
}

impl Sink for Remembered {
    fn policy(&self) -> Option<CapturePolicy> {
        Some(CapturePolicy { bodies: true, max_body_bytes: 1 << 20, max_bytes_in_flight: 1 << 20 })
    }

    fn started(&self, key: CallKey, _at: SystemTime, _request: &Arc<CapturedRequest>) {
        self.started.lock().unwrap().push(key);
    }

    fn finished(&self, record: Box<CallRecord>) {
        self.finished.lock().unwrap().push(*record);
    }
}

/// An open span of the test: one of a library, or a call with a request.
#[allow(clippy::large_enum_variant, reason = "there are few of them")]
enum Opened {
    Span(Span),
    Call(LlmCall),
}

impl Opened {
    fn span(&self) -> &Span {
        match self {
            Opened::Span(span) => span,
            Opened::Call(call) => call.span(),
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    /// A span of a library; its operation may come late.
    Span(prop::sample::Index, Option<&'static str>),
    /// A call with a body, written in one of two ways.
    Call(prop::sample::Index, u8, bool),
    Operation(prop::sample::Index, &'static str),
    Close(prop::sample::Index),
}

fn step() -> impl Strategy<Value = Step> {
    let index = any::<prop::sample::Index>;
    let operation = || prop_oneof![Just("chat"), Just("chat"), Just("invoke_agent")];
    prop_oneof![
        3 => (index(), prop::option::of(operation())).prop_map(|(at, operation)| Step::Span(at, operation)),
        4 => (index(), 0..3_u8, any::<bool>()).prop_map(|(at, body, turned)| Step::Call(at, body, turned)),
        1 => (index(), operation()).prop_map(|(at, operation)| Step::Operation(at, operation)),
        3 => index().prop_map(Step::Close),
    ]
}

fn body(number: u8, turned: bool) -> Box<serde_json::value::RawValue> {
    let text = match turned {
        false => format!(r#"{{"model":"m","messages":[{{"role":"user","content":"{number}"}}]}}"#),
        true => format!(r#"{{"messages": [{{"content":"{number}","role":"user"}}], "model":"m"}}"#),
    };
    serde_json::from_str(&text).unwrap()
}

/// Runs `steps`; returns how many requests there were and what became of them.
fn run(steps: Vec<Step>) -> (usize, Arc<Remembered>) {
    let sink = Arc::new(Remembered::default());
    let layer = LlmLogLayer::new(Rules::default(), Arc::clone(&sink) as Arc<dyn Sink>);
    let subscriber = Dispatch::new(tracing_subscriber::registry().with(layer));
    let mut requests = 0;
    tracing::dispatcher::with_default(&subscriber, || {
        let mut open: Vec<Opened> = Vec::new();
        for step in steps {
            let parent = |open: &[Opened], at: prop::sample::Index| match open {
                [] => Span::none(),
                open => at.get(open).span().clone(),
            };
            match step {
                Step::Span(at, operation) => parent(&open, at).in_scope(|| {
                    let span = info_span!("library", gen_ai.operation.name = operation);
                    open.push(Opened::Span(span));
                }),
                Step::Call(at, number, turned) => parent(&open, at).in_scope(|| {
                    let call = LlmCall::builder("openai", "m").request(&body(number, turned)).start();
                    open.push(Opened::Call(call));
                    requests += 1;
                }),
                Step::Operation(at, operation) => {
                    parent(&open, at).record("gen_ai.operation.name", operation);
                }
                // A span whose handle goes stays open as long as there are spans inside.
                Step::Close(at) if !open.is_empty() => {
                    drop(open.swap_remove(at.index(open.len())));
                }
                Step::Close(_) => {}
            }
        }
    });
    (requests, sink)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn each_request_is_in_exactly_one_record(steps in prop::collection::vec(step(), 0..30)) {
        let (requests, sink) = run(steps);
        let records = sink.finished.lock().unwrap();
        let mut seen = HashSet::new();
        for record in &*records {
            // The last attempt may stand for the call as well.
            let spans = std::iter::once(&record.own).chain(&record.attempts);
            let in_record: HashSet<_> = spans.filter_map(|span| span.request.as_ref()).map(Arc::as_ptr).collect();
            for request in in_record {
                prop_assert!(seen.insert(request), "a request in two records");
            }
        }
        prop_assert_eq!(seen.len(), requests);
        let keys: Vec<_> = records.iter().map(|record| record.key).collect();
        prop_assert_eq!(keys.iter().collect::<HashSet<_>>().len(), keys.len(), "a call ends once");
        let started = sink.started.lock().unwrap();
        prop_assert!(started.iter().all(|key| keys.contains(key)), "a call that began ends");
    }
}
