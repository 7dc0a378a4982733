//! Calls below the spans that enclose them, with what is summed over each span: `llmlogs ls --tree` and the page's trace.

use std::collections::HashMap;

use llmlogs_core::read::{Entry, State, Status, TraceSpan};

use crate::output::format::now;

/// Deeper spans are one: both a terminal and a browser have enough of them.
const DEEPEST: usize = 100;

/// A span, or the session at the top.
#[derive(Default)]
pub(crate) struct Node<'e> {
    /// In the order of the first calls.
    pub(crate) children: Vec<Child<'e>>,
    pub(crate) sums: Sums,
    /// The places of the child spans with an id.
    places: HashMap<String, Vec<usize>>,
}

pub(crate) enum Child<'e> {
    Span(Span, Box<Node<'e>>),
    Call(&'e Entry),
}

/// What tells a span from another one in the same place.
#[derive(Clone)]
pub(crate) struct Span {
    pub(crate) name: String,
    /// Empty for a call of an older recorder.
    pub(crate) id: String,
    /// The id of a span that has closed may be used again; `None` if it is not known.
    pub(crate) started_at: Option<String>,
}

impl Span {
    fn is(&self, other: &Span) -> bool {
        let starts = self.started_at.as_ref().zip(other.started_at.as_ref());
        self.name == other.name && self.id == other.id && starts.is_none_or(|(a, b)| a == b)
    }
}

/// What is summed over the calls below a span.
#[derive(Default, Clone)]
pub(crate) struct Sums {
    pub(crate) calls: u64,
    pub(crate) failed: u64,
    pub(crate) in_flight: u64,
    pub(crate) tokens: u64,
    /// By currency.
    pub(crate) cost: Vec<(String, f64)>,
    /// Calls with tokens whose cost is not known.
    pub(crate) unpriced: u64,
    /// How long it was waited between attempts, in milliseconds.
    pub(crate) waited_ms: u64,
    /// From the start of the first call to the end of the last one, Unix seconds; `None` without calls.
    pub(crate) extent: Option<(f64, f64)>,
}

impl Sums {
    fn add(&mut self, entry: &Entry, now: f64) {
        let line = entry.line();
        self.calls += 1;
        let (start, end) = (entry.timestamp(), end(entry, now));
        let (first, last) = self.extent.unwrap_or((start, end));
        self.extent = Some((first.min(start), last.max(end)));
        self.in_flight += u64::from(entry.call().state() == State::InFlight);
        if entry.call().state() != State::Finished {
            return;
        }
        self.failed += u64::from(line.status == Status::Error);
        self.waited_ms = self.waited_ms.saturating_add(line.waited_ms);
        self.tokens = self.tokens.saturating_add(line.total_tokens);
        let currency = line.currency.text();
        if currency.is_empty() && line.total_cost == 0.0 {
            self.unpriced += u64::from(line.total_tokens > 0);
            return;
        }
        match self.cost.iter_mut().find(|(known, _)| *known == currency) {
            Some((_, sum)) => *sum += line.total_cost,
            None => self.cost.push((currency.into_owned(), line.total_cost)),
        }
    }
}

/// Returns when a call ended, in Unix seconds: `now` if it is in flight, its start if that is not known.
pub(crate) fn end(entry: &Entry, now: f64) -> f64 {
    match entry.call().state() {
        State::Finished => entry.timestamp() + entry.line().latency_ms as f64 / 1000.0,
        State::InFlight => entry.timestamp().max(now),
        State::Interrupted | State::NotRecorded => entry.timestamp(),
    }
}

impl<'e> Node<'e> {
    /// Makes the tree of `calls`, which are in the order of their starts. `check` may end it before each.
    pub(crate) fn of<E>(
        calls: impl Iterator<Item = &'e Entry>,
        mut check: impl FnMut() -> Result<(), E>,
    ) -> Result<Self, E> {
        let mut root = Node::default();
        let now = now();
        for entry in calls {
            check()?;
            root.add(&path(entry), entry, now);
        }
        Ok(root)
    }

    /// Adds a call. Calls of one span share its node, whatever came between them; where the ids of spans are not known,
    /// calls that follow each other in spans of one name do.
    fn add(&mut self, path: &[Span], call: &'e Entry, now: f64) {
        self.sums.add(call, now);
        let [first, rest @ ..] = path else {
            self.children.push(Child::Call(call));
            return;
        };
        let is_same =
            |place: &usize| matches!(&self.children[*place], Child::Span(span, _) if span.is(first));
        let place = if first.id.is_empty() {
            self.children.len().checked_sub(1).filter(is_same)
        } else {
            let with_id = self.places.get(&first.id).into_iter().flatten().rev();
            with_id.copied().find(is_same)
        };
        let place = place.unwrap_or_else(|| {
            let place = self.children.len();
            self.children.push(Child::Span(first.clone(), Box::default()));
            self.places.entry(first.id.clone()).or_default().push(place);
            place
        });
        if let Some(Child::Span(_, node)) = self.children.get_mut(place) {
            node.add(rest, call, now);
        }
    }
}

/// Returns the spans that enclose a call, outermost first.
fn path(entry: &Entry) -> Vec<Span> {
    // The line of the index has neither the starts of spans nor names with a slash.
    let stored = match entry.call().state() {
        State::Finished => entry.call().metadata().map(|metadata| metadata.trace.spans).unwrap_or_default(),
        State::InFlight | State::Interrupted | State::NotRecorded => Vec::new(),
    };
    if !stored.is_empty() {
        let span = |span: TraceSpan| Span { name: span.name, id: span.id, started_at: span.started_at };
        return not_too_deep(stored.into_iter().map(span).collect());
    }
    let line = entry.line();
    let trace = line.trace.text();
    let names: Vec<_> = trace.split('/').filter(|name| !name.is_empty()).collect();
    let mut ids: Vec<_> = line.span_ids().map(|id| id.text().into_owned()).collect();
    if ids.len() != names.len() {
        ids = vec![String::new(); names.len()];
    }
    let span = |(name, id): (&str, String)| Span { name: name.to_owned(), id, started_at: None };
    not_too_deep(names.into_iter().zip(ids).map(span).collect())
}

fn not_too_deep(mut path: Vec<Span>) -> Vec<Span> {
    if path.len() > DEEPEST {
        let name = format!("… {} more spans", path.len() - DEEPEST + 1);
        path.truncate(DEEPEST - 1);
        path.push(Span { name, id: String::new(), started_at: None });
    }
    path
}
