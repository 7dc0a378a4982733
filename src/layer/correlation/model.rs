//! A model check of requests that several threads make inside one span: `shuttle` runs them under many schedules.

use std::collections::HashMap;
use std::sync::Arc;

use shuttle::sync::Mutex;
use shuttle::thread;

use super::*;

/// A request is told from others by its number, and asks for what its body says.
type Request = (usize, u8);

/// The request of a closed span, if it made one.
type Closed = Option<Request>;

const SCHEDULES: usize = 500;

/// An open span of the model.
struct Node {
    parent: Option<usize>,
    part: Mutex<Part<Request, Closed, usize>>,
}

impl Node {
    fn inside(parent: Option<usize>) -> Self {
        Node { parent, part: Mutex::new(Part::new()) }
    }
}

/// What the recorder gets.
#[derive(Debug)]
enum Message {
    Started(CallKey),
    Finished(Option<CallKey>, Vec<Request>),
}

struct Model {
    spans: Vec<Node>,
    messages: Mutex<Vec<Message>>,
}

impl Model {
    fn send(&self, message: Message) {
        self.messages.lock().unwrap().push(message);
    }
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
        self.spans[*span].parent
    }

    fn update<T>(&self, link: &usize, transition: impl FnOnce(&mut Part<Request, Closed, usize>) -> T) -> T {
        transition(&mut self.spans[*link].part.lock().unwrap())
    }

    fn is_same(&self, a: &mut Request, b: &mut Request) -> bool {
        a.1 == b.1
    }

    fn started(&self, _root: &usize, key: CallKey, _request: &Request) {
        self.send(Message::Started(key));
    }

    fn released(&self, Released { key, attempts }: Released<Closed>) {
        self.send(Message::Finished(key, attempts.into_iter().flatten().collect()));
    }
}

struct ClosingNode {
    is_call: bool,
    request: Option<Request>,
}

impl ClosingSpan<Model> for ClosingNode {
    fn is_call(&self) -> bool {
        self.is_call
    }

    fn messages(&self) -> Option<u64> {
        None
    }

    fn into_attempt(self, _spans: &Model) -> Closed {
        self.request
    }

    fn finish(self, spans: &Model, key: Option<CallKey>, attempts: Vec<Closed>) {
        spans.send(Message::Finished(key, attempts.into_iter().chain([self.request]).flatten().collect()));
    }
}

/// Makes requests with these bodies in an outer span, each on a thread of its own, every other one in a further span
/// between; returns what the recorder got.
fn messages(bodies: &[u8], outer_is_call: bool) -> Vec<Message> {
    let (outer, between) = (0, 1);
    let mut spans = vec![Node::inside(None), Node::inside(Some(outer))];
    spans.extend((0..bodies.len()).map(|n| Node::inside(Some(if n % 2 == 0 { outer } else { between }))));
    let model = Arc::new(Model { spans, messages: Mutex::default() });
    let threads = bodies.iter().enumerate().map(|(n, body)| {
        let (model, span, request) = (Arc::clone(&model), n + 2, (n, *body));
        thread::spawn(move || {
            request_seen(&*model, &span, request, true);
            closed(&*model, &span, ClosingNode { is_call: true, request: Some(request) });
        })
    });
    threads.collect::<Vec<_>>().into_iter().for_each(|thread| thread.join().unwrap());
    closed(&*model, &between, ClosingNode { is_call: true, request: None });
    closed(&*model, &outer, ClosingNode { is_call: outer_is_call, request: None });
    std::mem::take(&mut *model.messages.lock().unwrap())
}

fn check(messages: &[Message], requests: usize) {
    let (mut started, mut ended, mut recorded) = (HashMap::new(), HashMap::new(), Vec::new());
    for (place, message) in messages.iter().enumerate() {
        match message {
            Message::Started(key) => assert!(started.insert(*key, place).is_none(), "{messages:?}"),
            Message::Finished(key, of) => {
                recorded.extend(of.iter().map(|request| request.0));
                let twice = key.and_then(|key| ended.insert(key, place));
                assert!(twice.is_none(), "a call ends once: {messages:?}");
            }
        }
    }
    recorded.sort_unstable();
    assert_eq!(recorded, (0..requests).collect::<Vec<_>>(), "each request in one record: {messages:?}");
    for (key, start) in &started {
        let end = ended.remove(key).expect("a call that started ends");
        assert!(*start < end, "a call ends after the recorder knows of it: {messages:?}");
    }
    assert!(ended.is_empty(), "a call ends by a key that it started by: {messages:?}");
}

#[test]
fn a_call_does_not_end_before_the_recorder_knows_of_it() {
    for bodies in [&[1, 1, 2][..], &[1, 2, 2, 1]] {
        for outer_is_call in [true, false] {
            let run = move || check(&messages(bodies, outer_is_call), bodies.len());
            shuttle::check_random(run, SCHEDULES);
            shuttle::check_pct(run, SCHEDULES, 4);
        }
    }
}
