//! `llmlogs ls --tree`: calls below the spans that enclose them.

use std::borrow::Cow;

use llmlogs_core::read::{Entry, State, Status, short_id};

use crate::env::Env;
use crate::interrupt;
use crate::outcome::CliError;
use crate::output::format::{compact, money, plural};
use crate::output::out::{BAD, BOLD, DIM};
use crate::output::row;
use crate::output::text::{cut, one_line, width};

/// A span, or the session at the top.
#[derive(Default)]
struct Node<'e> {
    children: Vec<Child<'e>>,
    sums: Sums,
}

enum Child<'e> {
    Span(Span, Node<'e>),
    Call(&'e Entry),
}

/// What tells a span from another one in the same place.
#[derive(Clone)]
struct Span {
    name: String,
    /// Empty for a call of an older recorder.
    id: String,
    /// The id of a span that has closed may be used again; `None` if it is not known.
    started_at: Option<String>,
}

impl Span {
    fn is(&self, other: &Span) -> bool {
        let starts = self.started_at.as_ref().zip(other.started_at.as_ref());
        self.name == other.name && self.id == other.id && starts.is_none_or(|(a, b)| a == b)
    }
}

/// What is summed over the calls below a span.
#[derive(Default, Clone)]
struct Sums {
    calls: u64,
    failed: u64,
    tokens: u64,
    /// By currency.
    cost: Vec<(String, f64)>,
    /// Calls with tokens whose cost is not known.
    unpriced: u64,
}

impl Sums {
    fn add(&mut self, entry: &Entry) {
        let line = entry.line();
        self.calls += 1;
        if entry.call().state() != State::Finished {
            return;
        }
        self.failed += u64::from(line.status == Status::Error);
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

impl<'e> Node<'e> {
    /// Adds a call. Calls of one span share its node, whatever came between them; where the ids of spans are not known,
    /// calls that follow each other in spans of one name do.
    fn add(&mut self, path: &[Span], call: &'e Entry) {
        self.sums.add(call);
        let [first, rest @ ..] = path else {
            self.children.push(Child::Call(call));
            return;
        };
        let is_same = |child: &Child<'_>| matches!(child, Child::Span(span, _) if span.is(first));
        let place = if first.id.is_empty() {
            self.children.len().checked_sub(1).filter(|last| is_same(&self.children[*last]))
        } else {
            self.children.iter().rposition(is_same)
        };
        let place = place.unwrap_or_else(|| {
            self.children.push(Child::Span(first.clone(), Node::default()));
            self.children.len() - 1
        });
        if let Some(Child::Span(_, node)) = self.children.get_mut(place) {
            node.add(rest, call);
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
        let span = |span: llmlogs_core::read::TraceSpan| Span {
            name: span.name,
            id: span.id,
            started_at: span.started_at,
        };
        return stored.into_iter().map(span).collect();
    }
    let line = entry.line();
    let trace = line.trace.text();
    let names: Vec<_> = trace.split('/').filter(|name| !name.is_empty()).collect();
    let mut ids: Vec<_> = line.span_ids().map(|id| id.text().into_owned()).collect();
    if ids.len() != names.len() {
        ids = vec![String::new(); names.len()];
    }
    let span = |(name, id): (&str, String)| Span { name: name.to_owned(), id, started_at: None };
    names.into_iter().zip(ids).map(span).collect()
}

/// Prints sessions newest first, and in each the calls in the order in which they started.
pub(crate) fn print(env: &mut Env, entries: &[Entry]) -> Result<(), CliError> {
    let mut sessions: Vec<(&std::path::Path, Vec<&Entry>)> = Vec::new();
    for entry in entries {
        let dir = entry.call().dir().parent().unwrap_or(entry.call().dir());
        match sessions.iter_mut().find(|(of, _)| *of == dir) {
            Some((_, calls)) => calls.push(entry),
            None => sessions.push((dir, vec![entry])),
        }
    }
    for (place, (_, calls)) in sessions.iter().enumerate() {
        if place > 0 {
            env.out.blank()?;
        }
        let mut root = Node::default();
        for entry in calls.iter().rev() {
            interrupt::check()?;
            root.add(&path(entry), entry);
        }
        let Some(newest) = calls.first() else { continue };
        let day = env.clock.date(newest.line().timestamp);
        let title = env.out.paint(BOLD, &format!("session {}", one_line(newest.call().session_id())));
        let day = env.out.paint(DIM, &day);
        let sums = sums(env, &root.sums);
        env.out.line(&format!("{title}  {day}  {sums}"))?;
        branch(env, &root, "")?;
    }
    Ok(())
}

/// Returns `3 calls  1 failed  2,926 tokens  0.00326 CNY  1 unpriced`.
fn sums(env: &Env, sums: &Sums) -> String {
    let mut parts = vec![env.out.paint(DIM, &plural(sums.calls, "call"))];
    if sums.failed > 0 {
        parts.push(env.out.paint(BAD, &format!("{} failed", sums.failed)));
    }
    if sums.tokens > 0 {
        parts.push(env.out.paint(DIM, &format!("{} tokens", compact(sums.tokens))));
    }
    for (currency, amount) in sums.cost.iter().filter(|(_, amount)| *amount != 0.0) {
        parts.push(env.out.paint(DIM, &money(*amount, &one_line(currency))));
    }
    if sums.unpriced > 0 {
        parts.push(env.out.paint(DIM, &format!("{} unpriced", sums.unpriced)));
    }
    parts.join("  ")
}

fn branch(env: &mut Env, node: &Node<'_>, before: &str) -> Result<(), CliError> {
    for (place, child) in node.children.iter().enumerate() {
        let last = place + 1 == node.children.len();
        let (fork, below) = if last { ("└── ", "    ") } else { ("├── ", "│   ") };
        let lead = format!("{before}{fork}");
        match child {
            Child::Span(span, node) => {
                let lead = env.out.paint(DIM, &lead);
                let sums = sums(env, &node.sums);
                env.out.line(&format!("{lead}{}  {sums}", one_line(&span.name)))?;
                branch(env, node, &format!("{before}{below}"))?;
            }
            Child::Call(entry) => leaf(env, entry, &lead)?,
        }
    }
    Ok(())
}

fn leaf(env: &mut Env, entry: &Entry, lead: &str) -> Result<(), CliError> {
    let line = entry.line();
    let (status, style) = row::status(entry);
    let cells = row::row(env, entry);
    let text = |place: usize| cells.get(place).map_or("", |cell| cell.text.as_str());
    let tokens =
        if line.total_tokens > 0 { format!("{} tokens", compact(line.total_tokens)) } else { String::new() };
    let head = format!("{} {} ", env.clock.time(line.timestamp), short_id(entry.call().id()));
    let mut painted =
        format!("{}{}{}", env.out.paint(DIM, lead), env.out.paint(DIM, &head), env.out.paint(style, &status));
    // What does not fit on a terminal's line is left out, and what follows it; the last that fits may be cut.
    let taken = width(lead) + width(&head) + width(&status);
    let mut left = env.out.width().map(|limit| limit.saturating_sub(taken));
    for (place, part) in [text(3), &tokens, text(6), text(7), text(8), text(9)].into_iter().enumerate() {
        if part.is_empty() {
            continue;
        }
        let mut part = Cow::Borrowed(part);
        if let Some(left) = &mut left {
            let room = left.saturating_sub(GAP.len());
            if width(&part) > room {
                if room < CUT_AT_LEAST || !CAN_BE_CUT.contains(&place) {
                    break;
                }
                part = Cow::Owned(cut(&part, room).into_owned());
            }
            *left = room - width(&part);
        }
        painted.push_str(GAP);
        painted.push_str(&if place == MESSAGE { env.out.paint(DIM, &part) } else { part.into_owned() });
    }
    env.out.line(&painted)?;
    Ok(())
}

/// Between the parts of a line.
const GAP: &str = "  ";

/// The places of the model, the tools and the user message among the parts of a call's line.
const CAN_BE_CUT: [usize; 3] = [0, 4, MESSAGE];
const MESSAGE: usize = 5;

/// A part that is cut has at least this many columns.
const CUT_AT_LEAST: usize = 10;
