//! The comparison: numbers, fields, then messages, tools and output, each with what differs between what is the same.

use llmlogs_core::query::{Change, Diff};
use maud::{Markup, html};

use crate::output::format::{Clock, grouped, plural};
use crate::page::call_dir::BodySizes;
use crate::page::links;
use crate::reports::diff::{Delta, Field, deltas, fields};

use super::super::text::visible;
use super::named;
use super::sides::Side;
use super::text;

/// `too_large` has the sizes of the bodies if they were not compared.
pub(super) fn content(
    clock: Clock,
    diff: &Diff,
    sides: [&Side; 2],
    too_large: Option<[BodySizes; 2]>,
    kept: &str,
) -> Markup {
    let deltas = deltas(diff);
    let mut fields = fields(clock, diff);
    // Their numbers are above.
    fields.retain(|field| !deltas.iter().any(|delta| delta.is_of(field.name)));
    let mut differences = Differences::default();
    html! {
        h1 { "Two calls compared" }
        ul.sides {
            @for (name, class, side) in named(sides) {
                li class=(class) {
                    strong { (name) } " "
                    a href=(links::call(&side.path, kept)) { (visible(side.dir.id())) }
                }
            }
            li { a #swap href=(links::compare(&sides[1].path, &sides[0].path, kept)) { "Swap" } }
        }
        @if sides[0].path == sides[1].path { p { "Both are the same call." } }
        p.dim #steps { "What only A has is marked −, what only B has +." }
        (numbers(&deltas))
        (of_both(&fields))
        @if let Some(sizes) = too_large { (not_compared(sizes)) } @else {
            (section("Messages", "message", &diff.messages, true, &mut differences))
            (section("Tools offered", "tool", &diff.tools, true, &mut differences))
        }
        (section("Output", "output", &diff.output, false, &mut differences))
    }
}

/// So many bytes of HTML, and so many differences, a page has; what is beyond is counted.
const PAGE: usize = 2 << 20;
const DIFFERENCES: usize = 500;

/// So many texts in a row that are the same are shown.
const SAME: usize = 200;

/// Gives each difference its place, by which it is linked to, as long as the page has room.
#[derive(Default)]
struct Differences {
    shown: usize,
    bytes: usize,
}

impl Differences {
    fn next(&mut self) -> String {
        self.shown += 1;
        format!("difference-{}", self.shown)
    }

    fn is_full(&self) -> bool {
        self.shown >= DIFFERENCES || self.bytes >= PAGE
    }

    /// Counts what is put onto the page.
    fn counted(&mut self, shown: Markup) -> Markup {
        self.bytes += shown.0.len();
        shown
    }
}

fn numbers(deltas: &[Delta]) -> Markup {
    if deltas.is_empty() {
        return html! {};
    }
    html! {
        h2 { "Numbers" }
        div.wide {
            table.numbers {
                thead { tr { th scope="col" { "" } th.number scope="col" { "A" } th.number scope="col" { "B" } th.number scope="col" { "Change" } } }
                tbody {
                    @for delta in deltas {
                        @let [a, b, change] = delta.texts();
                        tr {
                            th scope="row" { (label(delta.name)) }
                            td.number { (visible(&a)) } td.number { (visible(&b)) } td.number { (visible(&change)) }
                        }
                    }
                }
            }
        }
    }
}

fn label(name: &str) -> &str {
    match name {
        "latency_ms" => "Latency",
        "time_to_first_token_ms" => "First token",
        "prompt_tokens" => "Input tokens",
        "cached_tokens" => "… cached",
        "completion_tokens" => "Output tokens",
        "reasoning_tokens" => "… reasoning",
        "total_tokens" => "All tokens",
        "total_cost" => "Cost",
        other => other,
    }
}

fn of_both(fields: &[Field]) -> Markup {
    let (same, differing): (Vec<&Field>, Vec<&Field>) = fields.iter().partition(|field| field.a == field.b);
    html! {
        h2 { "Properties and parameters" }
        @if differing.is_empty() { p.dim { "All the same." } } @else {
            div.wide {
                table.fields {
                    thead { tr { th scope="col" { "" } th scope="col" { "A" } th scope="col" { "B" } } }
                    tbody {
                        @for field in differing {
                            tr {
                                th scope="row" { (visible(field.name)) }
                                td { (marked("del", &field.a)) } td { (marked("ins", &field.b)) }
                            }
                        }
                    }
                }
            }
        }
        @if !same.is_empty() {
            details {
                summary { (plural(same.len() as u64, "field")) " the same" }
                dl.facts { @for field in same { dt { (visible(field.name)) } dd { (visible(&field.a)) } } }
            }
        }
    }
}

/// A value that only one call has.
fn marked(element: &str, value: &str) -> Markup {
    html! {
        @if value.is_empty() { span.dim { "(none)" } }
        @else if element == "del" { del { (visible(value)) } }
        @else { ins { (visible(value)) } }
    }
}

fn not_compared(sizes: [BodySizes; 2]) -> Markup {
    html! {
        h2 { "Messages" }
        p.warn { "The bodies are too large to be compared here:" }
        ul {
            @for (name, sizes) in ["A", "B"].into_iter().zip(sizes) {
                li { (name) ": request " (grouped(sizes.input.unwrap_or(0))) " bytes, response " (grouped(sizes.output.unwrap_or(0))) " bytes" }
            }
        }
        p { code { "llmlogs diff" } " compares bodies of any size." }
    }
}

/// `headed`: the first line of each text is its heading.
fn section(title: &str, noun: &str, changes: &[Change], headed: bool, places: &mut Differences) -> Markup {
    let is_empty = |change: &Change| matches!(change, Change::Same { text } if text.is_empty());
    if changes.iter().all(is_empty) {
        return html! {};
    }
    let mut shown = Vec::new();
    let mut left_out = 0;
    for run in changes.chunk_by(|one, next| is_same(one) && is_same(next)) {
        let markup = match run {
            _ if places.is_full() => {
                left_out += run.iter().filter(|change| !is_same(change)).count();
                continue;
            }
            [change] if !is_same(change) => difference(change, noun, headed, &places.next()),
            _ => same(run, noun, headed),
        };
        shown.push(places.counted(markup));
    }
    html! {
        section aria-label=(title) {
            h2 { (title) " " span.dim { (summary(changes)) } }
            @for markup in &shown { (markup) }
            @if left_out > 0 {
                p.warn { (plural(left_out as u64, "further difference")) " left out here. " code { "llmlogs diff" } " shows all." }
            }
        }
    }
}

fn is_same(change: &Change) -> bool {
    matches!(change, Change::Same { .. })
}

/// Returns `2 changed, 1 added, 5 the same`.
fn summary(changes: &[Change]) -> String {
    let count = |is: fn(&Change) -> bool, what: &str| match changes.iter().filter(|change| is(change)).count()
    {
        0 => None,
        number => Some(format!("{} {what}", grouped(number as u64))),
    };
    let counts = [
        count(|change| matches!(change, Change::Changed { .. }), "changed"),
        count(|change| matches!(change, Change::Removed { .. }), "removed"),
        count(|change| matches!(change, Change::Added { .. }), "added"),
        count(is_same, "the same"),
    ];
    counts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// What is the same, folded. Of many long texts the first are shown: the call's page has them all.
fn same(run: &[Change], noun: &str, headed: bool) -> Markup {
    let mut left = text::MOST;
    let mut shown = Vec::new();
    for change in run {
        let Change::Same { text } = change else { continue };
        if left == 0 || shown.len() == SAME {
            break;
        }
        let (head, rest) = text::split(text, headed);
        let (rest, more) = text::cut(rest, left);
        shown.push((head, rest, more));
        left = left.saturating_sub(text.len());
    }
    html! {
        details.same data-change="same" data-count=(run.len()) {
            summary { (plural(run.len() as u64, noun)) " the same" }
            @for (head, text, more) in &shown {
                article {
                    @if !head.is_empty() { h3 { (visible(head)) } }
                    div.text { (visible(text)) }
                    @if *more > 0 { p.dim { (text::more(*more)) } }
                }
            }
            @if shown.len() < run.len() { p.dim { "… " (grouped((run.len() - shown.len()) as u64)) " more" } }
        }
    }
}

fn difference(change: &Change, noun: &str, headed: bool, id: &str) -> Markup {
    let (kind, a, b) = match change {
        Change::Removed { a } => ("removed", Some(a.as_str()), None),
        Change::Added { b } => ("added", None, Some(b.as_str())),
        Change::Changed { a, b } => ("changed", Some(a.as_str()), Some(b.as_str())),
        _ => return html! {},
    };
    let head = text::split(a.or(b).unwrap_or_default(), headed).0;
    let [a, b] = [a, b].map(|side| side.map(|side| text::split(side, headed).1));
    let [a, b] = text::columns(a, b);
    html! {
        article.difference #(id) data-change=(kind) tabindex="-1" {
            h3 {
                @match kind { "removed" => "− ", "added" => "+ ", _ => "≠ " }
                @if head.is_empty() { (noun) } @else { (visible(head)) }
                " " span.dim { (match kind { "removed" => "only in A", "added" => "only in B", _ => "changed" }) }
            }
            div.pair {
                @for (name, column) in [("A", a), ("B", b)] {
                    @if let Some(column) = column {
                        div.column data-side=(name) { h4 { (name) } (column) }
                    }
                }
            }
        }
    }
}
