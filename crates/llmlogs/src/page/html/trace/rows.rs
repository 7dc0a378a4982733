//! The rows of a waterfall: spans, folded and unfolded by `details`, and calls. Roles make a table of them.

use std::ops::Range;

use llmlogs_core::read::{Entry, State, Status, short_id};
use maud::{Markup, html};

use crate::output::format::{compact, duration, money, plural};
use crate::output::row;
use crate::output::text::{cut, one_line};
use crate::page::links;
use crate::page::roots::path_in_session;
use crate::reports::tree::{Child, Node, Span, Sums, end};

use super::super::text::visible;
use super::{Trace, bar};

/// A span of more calls is folded at first, unless one of them failed.
const FOLDED: u64 = 100;

/// So many columns of a name and of an error message are shown.
const NAME: usize = 120;
const MESSAGE: usize = 240;

pub(super) const COLUMNS: [(&str, &str); 9] = [
    ("name", "Span or call"),
    ("state", "State"),
    ("start", "Start"),
    ("bar", "Time line"),
    ("number", "Time"),
    ("number waits", "Waits"),
    ("number first", "First token"),
    ("number tokens", "Tokens"),
    ("number cost", "Cost"),
];

/// Writes the rows of a page.
pub(super) struct Rows<'t, 'e> {
    pub(super) trace: &'t Trace<'e>,
    pub(super) now: f64,
    /// The calls of the page, by their places in the tree.
    pub(super) page: Range<usize>,
    /// The place of the next call.
    pub(super) next: usize,
}

impl Rows<'_, '_> {
    /// Returns what is on the page of what is below `node`.
    pub(super) fn below(&mut self, node: &Node<'_>, level: usize) -> Markup {
        html! {
            @for child in &node.children {
                @match child {
                    Child::Span(span, node) => { (self.span(span, node, level)) }
                    Child::Call(entry) => { (self.call(entry, level)) }
                }
            }
        }
    }

    fn span(&mut self, span: &Span, node: &Node<'_>, level: usize) -> Markup {
        let calls = node.sums.calls as usize;
        if self.next + calls <= self.page.start || self.next >= self.page.end {
            self.next += calls;
            return html! {};
        }
        // What is continued from the page before is seen at once.
        let is_whole = self.next >= self.page.start;
        let sums = &node.sums;
        let is_folded =
            is_whole && sums.calls > FOLDED && sums.failed == 0 && sums.in_flight == 0 && level > 1;
        // Stays the same while calls come and go.
        let key = match span.id.as_str() {
            "" => format!("{level}-{}", self.next),
            id => format!("{id}-{}", span.started_at.as_deref().unwrap_or_default()),
        };
        let extent = sums.extent.unwrap_or((self.trace.scale.from, self.trace.scale.from));
        let start =
            span.started_at.as_deref().and_then(bar::unix).map_or(extent.0, |start| start.min(extent.0));
        let name = one_line(&span.name);
        let name = if name.is_empty() { "(no name)" } else { &name };
        html! {
            details role="none" open[!is_folded] data-key=(visible(&key)) {
                summary.row role="row" aria-level=(level) {
                    span.name role="rowheader" {
                        span.label title=(visible(name)) { (visible(&cut(name, NAME))) }
                    }
                    (cell("state", &html! { (span_state(sums)) }))
                    (cell("start", &html! { (self.trace.scale.offset(start)) }))
                    (cell("bar", &bar::of_span(&self.trace.scale, span.started_at.as_deref(), extent)))
                    (number("", &duration(ms(start, extent.1))))
                    (number("waits", &waits(sums.waited_ms)))
                    (number("first", ""))
                    (number("tokens", &tokens(sums.tokens)))
                    (number("cost", &costs(sums)))
                }
                div role="none" { (self.below(node, level + 1)) }
            }
        }
    }

    fn call(&mut self, entry: &Entry, level: usize) -> Markup {
        let place = self.next;
        self.next += 1;
        if !self.page.contains(&place) {
            return html! {};
        }
        let scale = &self.trace.scale;
        let line = entry.line();
        let metadata = match entry.call().state() {
            State::Finished => entry.call().metadata().ok(),
            State::InFlight | State::Interrupted | State::NotRecorded => None,
        };
        let ended = end(entry, self.now);
        let is_finished = entry.call().state() == State::Finished;
        let id = entry.call().id();
        let path = path_in_session(&self.trace.day, &self.trace.name, entry);
        let message = line.error_message.text();
        let is_in_flight = entry.call().state() == State::InFlight;
        html! {
            div.row.call role="row" aria-level=(level) id=(id) data-start=[is_in_flight.then_some(entry.timestamp())] {
                span.name role="rowheader" {
                    a.label href=(links::call(&path, &self.trace.kept)) { (visible(&model(entry))) }
                    " " span.dim { (visible(short_id(id))) }
                    @for tool in line.tool_names().take(4) { " " span.tool { "→ " (visible(&cut(&one_line(&tool.text()), 40))) } }
                    @if is_finished && line.status == Status::Error && !message.is_empty() {
                        " " span.message { (visible(&cut(&one_line(&message), MESSAGE))) }
                    }
                }
                (cell("state", &state(entry)))
                (cell("start", &html! { (scale.offset(entry.timestamp())) }))
                (cell("bar", &bar::of_call(scale, entry, metadata.as_ref(), ended)))
                (number("time", &row::latency(entry)))
                (number("waits", &waits(line.waited_ms)))
                (number("first", &line.time_to_first_token_ms.map(duration).unwrap_or_default()))
                (number("tokens", &tokens(line.total_tokens)))
                (number("cost", &row::cost(&line)))
            }
        }
    }
}

/// Returns the model that was asked, and the one that answered instead; a call that is not in the index has its request.
fn model(entry: &Entry) -> String {
    let line = entry.line();
    let asked = match line.model.text() {
        known if !known.is_empty() => one_line(&known),
        _ => row::request_summary(entry.call()).map(|(model, _)| one_line(&model)).unwrap_or_default(),
    };
    let asked = if asked.is_empty() { "call".to_owned() } else { cut(&asked, NAME).into_owned() };
    match line.fallback_model.text() {
        other if other.is_empty() => asked,
        other => format!("{asked} → {}", cut(&one_line(&other), NAME)),
    }
}

pub(super) fn state(entry: &Entry) -> Markup {
    let (text, _) = row::status(entry);
    let line = entry.line();
    let class = match (entry.call().state(), line.status) {
        (State::InFlight, _) => "in-flight",
        (State::Interrupted, _) => "interrupted",
        (State::NotRecorded, _) => "not-recorded",
        (State::Finished, Status::Ok) => "ok",
        (State::Finished, Status::Cancelled) => "cancelled",
        (State::Finished, Status::Error) => "error",
    };
    let attempts = if line.attempts > 1 { format!(" ×{}", line.attempts) } else { String::new() };
    html! { span class={ "badge " (class) } { (visible(&text)) (attempts) } }
}

fn span_state(sums: &Sums) -> Markup {
    html! {
        span.dim { (plural(sums.calls, "call")) }
        @if sums.failed > 0 { " " span.badge.error { (sums.failed) " failed" } }
        @if sums.in_flight > 0 { " " span.badge.in-flight { (sums.in_flight) " in flight" } }
    }
}

fn cell(class: &str, content: &Markup) -> Markup {
    html! { span class=(class) role="gridcell" { (content) } }
}

fn number(class: &str, text: &str) -> Markup {
    html! { span class={ "number " (class) } role="gridcell" { (visible(text)) } }
}

fn ms(start: f64, end: f64) -> u64 {
    ((end - start) * 1000.0).round().max(0.0) as u64
}

fn waits(ms: u64) -> String {
    if ms == 0 { String::new() } else { duration(ms) }
}

fn tokens(count: u64) -> String {
    if count == 0 { String::new() } else { compact(count) }
}

/// Returns the costs by currency, and how many calls have none that is known.
pub(super) fn costs(sums: &Sums) -> String {
    let known = sums.cost.iter().filter(|(_, amount)| *amount != 0.0);
    let mut parts: Vec<String> =
        known.map(|(currency, amount)| money(*amount, &one_line(currency))).collect();
    if sums.unpriced > 0 {
        parts.push(format!("{} unpriced", sums.unpriced));
    }
    parts.join(", ")
}

/// Returns the calls below `node` that failed, with their places in the tree.
pub(super) fn failed<'e>(node: &Node<'e>, next: &mut usize, found: &mut Vec<(usize, &'e Entry)>) {
    for child in &node.children {
        match child {
            Child::Span(_, node) if node.sums.failed == 0 => *next += node.sums.calls as usize,
            Child::Span(_, node) => failed(node, next, found),
            Child::Call(entry) => {
                if entry.call().state() == State::Finished && entry.line().status == Status::Error {
                    found.push((*next, entry));
                }
                *next += 1;
            }
        }
    }
}
