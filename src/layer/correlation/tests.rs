//! Random trees of spans, requests and closes: each request ends up in exactly one record, and no call begins that
//! does not end.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use super::*;

/// A request is told from others by its number, and asks for what its body says.
type Request = (usize, u8);

/// The requests of a closed span, if it made one.
type Closed = Option<Request>;

/// An open span of the model.
struct Node {
    parent: Option<usize>,
    part: Part<Request, Closed, usize>,
    request: Option<Request>,
    messages: Option<u64>,
    /// What the span's operation says; `None` while it has none.
    operation: Option<bool>,
    open: bool,
}

/// A finished record.
#[derive(Debug)]
struct Record {
    key: Option<CallKey>,
    requests: Vec<Request>,
}

#[derive(Default)]
struct Model {
    nodes: RefCell<Vec<Node>>,
    started: RefCell<Vec<CallKey>>,
    records: RefCell<Vec<Record>>,
    requests: Cell<usize>,
}

impl CallSpans for Model {
    type Span = usize;
    type Link = usize;
    type Request = Request;
    type Attempt = Closed;

    fn link(&self, span: &usize) -> usize {
        *span
    }

    fn enclosing(&self, span: &usize) -> Option<usize> {
        let nodes = self.nodes.borrow();
        let outward = iter::successors(nodes[*span].parent, |outer| nodes[*outer].parent);
        outward.into_iter().find(|outer| nodes[*outer].operation != Some(false))
    }

    fn update<T>(&self, link: &usize, transition: impl FnOnce(&mut Part<Request, Closed, usize>) -> T) -> T {
        transition(&mut self.nodes.borrow_mut()[*link].part)
    }

    fn is_same(&self, a: &mut Request, b: &mut Request) -> bool {
        a.1 == b.1
    }

    fn started(&self, _root: &usize, key: CallKey, _request: &Request) {
        self.started.borrow_mut().push(key);
    }

    fn released(&self, Released { key, attempts }: Released<Closed>) {
        assert!(!attempts.is_empty());
        let requests = attempts.into_iter().flatten().collect();
        self.records.borrow_mut().push(Record { key, requests });
    }
}

struct ClosingNode {
    is_call: bool,
    request: Option<Request>,
    messages: Option<u64>,
}

impl ClosingSpan<Model> for ClosingNode {
    fn is_call(&self) -> bool {
        self.is_call
    }

    fn messages(&self) -> Option<u64> {
        self.messages
    }

    fn into_attempt(self, _spans: &Model) -> Closed {
        self.request
    }

    fn finish(self, spans: &Model, key: Option<CallKey>, attempts: Vec<Closed>) {
        let requests = attempts.into_iter().chain([self.request]).flatten().collect();
        spans.records.borrow_mut().push(Record { key, requests });
    }
}

/// A step; numbers choose among what is open.
#[derive(Debug, Clone)]
enum Step {
    Open { parent: prop::sample::Index, root: bool, operation: Option<bool>, messages: Option<u64> },
    Request { span: prop::sample::Index, body: u8 },
    OpenWithRequest { parent: prop::sample::Index, body: u8 },
    Operation { span: prop::sample::Index, is_call: bool },
    Close { span: prop::sample::Index },
}

fn step() -> impl Strategy<Value = Step> {
    let index = any::<prop::sample::Index>;
    let operation = prop_oneof![Just(None), Just(Some(true)), Just(Some(true)), Just(Some(false))];
    prop_oneof![
        3 => (index(), prop::bool::weighted(0.1), operation, prop::option::weighted(0.3, 0..2_u64))
            .prop_map(|(parent, root, operation, messages)| Step::Open { parent, root, operation, messages }),
        1 => (index(), 0..3_u8).prop_map(|(span, body)| Step::Request { span, body }),
        4 => (index(), 0..3_u8).prop_map(|(parent, body)| Step::OpenWithRequest { parent, body }),
        1 => (index(), any::<bool>()).prop_map(|(span, is_call)| Step::Operation { span, is_call }),
        3 => index().prop_map(|span| Step::Close { span }),
    ]
}

impl Model {
    fn open_spans(&self) -> Vec<usize> {
        let nodes = self.nodes.borrow();
        (0..nodes.len()).filter(|span| nodes[*span].open).collect()
    }

    fn open(&self, parent: Option<usize>, operation: Option<bool>, messages: Option<u64>) -> usize {
        let mut nodes = self.nodes.borrow_mut();
        nodes.push(Node { parent, part: Part::new(), request: None, messages, operation, open: true });
        nodes.len() - 1
    }

    fn request(&self, span: usize, body: u8) {
        let may_join = {
            let node = &mut self.nodes.borrow_mut()[span];
            if node.request.is_some() {
                return;
            }
            self.requests.set(self.requests.get() + 1);
            node.request = Some((self.requests.get(), body));
            node.part.may_join()
        };
        request_seen(self, &span, (self.requests.get(), body), may_join);
    }

    /// Closes `span`, as tracing does: when all spans inside are closed.
    fn close(&self, span: usize) {
        let closing = {
            let nodes = self.nodes.borrow();
            if nodes.iter().any(|node| node.open && node.parent == Some(span)) {
                return;
            }
            let Node { request, messages, operation, .. } = nodes[span];
            ClosingNode { is_call: operation == Some(true), request, messages }
        };
        closed(self, &span, closing);
        self.nodes.borrow_mut()[span].open = false;
    }

    fn run(&self, step: Step) {
        let open = self.open_spans();
        let chosen = |index: prop::sample::Index| (!open.is_empty()).then(|| *index.get(&open));
        match step {
            Step::Open { parent, root, operation, messages } => {
                self.open(chosen(parent).filter(|_| !root), operation, messages);
            }
            Step::OpenWithRequest { parent, body } => {
                let span = self.open(chosen(parent), Some(true), None);
                self.request(span, body);
            }
            Step::Request { span, body } => {
                chosen(span).into_iter().for_each(|span| self.request(span, body))
            }
            Step::Operation { span, is_call } => {
                if let Some(span) = chosen(span) {
                    self.nodes.borrow_mut()[span].operation = Some(is_call);
                }
            }
            Step::Close { span } => chosen(span).into_iter().for_each(|span| self.close(span)),
        }
    }

    fn check(&self) {
        // Spans are opened after those that they lie in.
        self.open_spans().into_iter().rev().for_each(|span| self.close(span));
        assert!(self.open_spans().is_empty());
        let records = self.records.borrow();
        let mut requests: Vec<_> = records.iter().flat_map(|record| &record.requests).map(|r| r.0).collect();
        requests.sort_unstable();
        let all: Vec<_> = (1..=self.requests.get()).collect();
        assert_eq!(requests, all, "each request in one record: {records:?}");
        let mut ended = HashMap::<_, usize>::new();
        for key in records.iter().filter_map(|record| record.key) {
            *ended.entry(key).or_default() += 1;
        }
        let started = self.started.borrow();
        assert_eq!(started.len(), started.iter().collect::<HashSet<_>>().len());
        for key in &*started {
            assert_eq!(ended.remove(key), Some(1), "a call that began ends once");
        }
        assert!(ended.is_empty(), "a call ends by a key that it began by");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn each_request_is_in_exactly_one_record(steps in prop::collection::vec(step(), 0..40)) {
        let model = Model::default();
        steps.into_iter().for_each(|step| model.run(step));
        model.check();
    }
}

/// The bodies of each record, in the order in which they are finished.
fn bodies(model: &Model) -> Vec<Vec<u8>> {
    let records = model.records.borrow();
    records.iter().map(|record| record.requests.iter().map(|request| request.1).collect()).collect()
}

#[test]
fn a_request_two_call_spans_deep_belongs_to_the_outer_one() {
    let model = Model::default();
    let outer = model.open(None, Some(true), None);
    let middle = model.open(Some(outer), Some(true), None);
    for _ in 0..2 {
        let inner = model.open(Some(middle), Some(true), None);
        model.request(inner, 1);
        model.close(inner);
    }
    model.close(middle);
    model.check();
    assert_eq!(bodies(&model), [vec![1, 1]]);
}

#[test]
fn a_late_agent_around_two_turns_is_context() {
    let model = Model::default();
    let agent = model.open(None, None, None);
    for body in [1, 2] {
        let turn = model.open(Some(agent), Some(true), None);
        let inner = model.open(Some(turn), Some(true), None);
        model.request(inner, body);
        model.close(inner);
        model.close(turn);
    }
    model.nodes.borrow_mut()[agent].operation = Some(false);
    model.check();
    assert_eq!(bodies(&model), [vec![1], vec![2]]);
}

#[test]
fn spans_without_requests_are_told_apart_by_their_messages() {
    for (messages, records) in [([Some(1), Some(1)], 1), ([Some(1), None], 1), ([Some(1), Some(2)], 2)] {
        let model = Model::default();
        let outer = model.open(None, Some(true), None);
        for messages in messages {
            let inner = model.open(Some(outer), Some(true), messages);
            model.close(inner);
        }
        model.check();
        assert_eq!(model.records.borrow().len(), records, "{messages:?}");
    }
}
