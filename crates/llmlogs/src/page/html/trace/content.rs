//! What is around the rows: the session's facts, what failed, the axis, the pages.

use llmlogs_core::read::Entry;
use maud::{Markup, html};

use crate::output::format::{Clock, grouped, now, plural};
use crate::output::row;
use crate::output::text::{cut, one_line};
use crate::page::links;

use super::super::text::visible;
use super::Trace;
use super::rows::{COLUMNS, Rows, costs, failed};

/// So many calls are on a page.
const PAGE: usize = 500;

/// So many causes of failure are listed, the first ones in sight, and of each so many calls are linked to.
const CAUSES: usize = 50;
const IN_SIGHT: usize = 5;
const LINKED: usize = 12;

/// The axis is divided into so many parts, each of which can be zoomed to.
const PARTS: u32 = 8;

pub(super) fn content(trace: &Trace<'_>, clock: Clock) -> Markup {
    let found = trace.tree.sums.calls as usize;
    let pages = found.div_ceil(PAGE).max(1);
    let page = trace.page.min(pages - 1);
    let shown = page * PAGE..((page + 1) * PAGE).min(found);
    let mut rows = Rows { trace, now: now(), page: shown.clone(), next: 0 };
    let mut of_failures = Vec::new();
    failed(&trace.tree, &mut 0, &mut of_failures);
    let in_flight = trace.tree.sums.in_flight;
    html! {
        // What a script has to know to follow the session.
        div #trace data-session={ (trace.day) "/" (trace.name) } data-in-flight=(in_flight)
            data-follows=[(!trace.scale.is_zoomed && page + 1 == pages).then_some("")]
            data-from=(trace.scale.from) data-to=(trace.scale.to) data-zero=(trace.scale.zero) {
            h1 { "Session " (visible(trace.session.id())) }
            (facts(trace, clock))
            @if !trace.unreadable.is_empty() {
                p.problem { (plural(trace.unreadable.len() as u64, "call")) " cannot be read: " (visible(&trace.unreadable[0])) }
            }
            (failures(trace, &of_failures))
            (range(trace, found))
            @if trace.all == 0 {
                p { "The session has no calls yet." }
            } @else if found == 0 {
                p { "No call is in this range. " a href=(trace.address(&[])) { "The whole session" } }
            } @else {
                (pager(trace, page, pages, &shown, found))
                div.waterfall role="treegrid" aria-label="Spans and calls" aria-rowcount=[(pages > 1).then_some("-1")] {
                    div.row.head role="row" {
                        @for (class, title) in COLUMNS {
                            span class=(class) role="columnheader" {
                                @if class == "bar" { span.visually-hidden { (title) } (ruler(trace)) } @else { (title) }
                            }
                        }
                    }
                    (rows.below(&trace.tree, 1))
                }
                (pager(trace, page, pages, &shown, found))
                p.legend.dim {
                    "A span begins when it was opened, or with its first call where that is not known, and ends with its last call. "
                    "The lower half of a call's bar is the time from its first token. Thin lines between attempts are waits."
                    @if in_flight > 0 { " Calls in flight stand outside of their spans, which are known at the end." }
                }
            }
        }
    }
}

impl Trace<'_> {
    /// Returns the address of this session, with these parameters of the page's own.
    fn address(&self, own: &[(&str, String)]) -> String {
        links::trace(&self.day, &self.name, own, &self.kept)
    }

    /// Returns the address of a page from 0, in the same range.
    fn page_address(&self, page: usize) -> String {
        let mut own = Vec::new();
        if self.scale.is_zoomed {
            own.push(("from", self.scale.parameter(self.scale.from)));
            own.push(("to", self.scale.parameter(self.scale.to)));
        }
        if page > 0 {
            own.push(("page", (page + 1).to_string()));
        }
        self.address(&own)
    }

    fn range_address(&self, from: f64, to: f64) -> String {
        self.address(&[("from", self.scale.parameter(from)), ("to", self.scale.parameter(to))])
    }
}

fn facts(trace: &Trace<'_>, clock: Clock) -> Markup {
    let sums = &trace.tree.sums;
    let info = trace.session.info().ok();
    let program = info.as_ref().map(|info| one_line(&info.program)).unwrap_or_default();
    let all_calls =
        links::calls(&format!("session:\"{}\"", trace.session.id().replace('"', "\\\"")), trace.root);
    html! {
        p.facts-line {
            a href=(all_calls) { (plural(sums.calls, "call")) }
            @if trace.scale.is_zoomed { " in this range of " (grouped(trace.all as u64)) }
            @if sums.failed > 0 { " · " span.bad { (grouped(sums.failed)) " failed" } }
            @if sums.in_flight > 0 { " · " span.info { (grouped(sums.in_flight)) " in flight" } }
            @if sums.tokens > 0 { " · " (grouped(sums.tokens)) " tokens" }
            @let cost = costs(sums);
            @if !cost.is_empty() { " · " (visible(&cost)) }
            @if trace.all > 0 { " · " (clock.full(trace.scale.zero)) " to " (clock.full(trace.scale.last)) }
            " · " @if !program.is_empty() { "program " (visible(&cut(&program, 60))) ", " }
            @if trace.session.is_running() { "running" } @else { "ended" }
            @for day in &trace.other_days { " · " a href=(links::trace(day, &trace.name, &[], &trace.kept)) { "on " (day) } }
            " " span #follow role="status" {}
        }
    }
}

/// Calls that failed alike, each with its place in the tree.
struct Cause<'f> {
    status: String,
    message: String,
    calls: Vec<&'f (usize, &'f Entry)>,
}

fn failures(trace: &Trace<'_>, failed: &[(usize, &Entry)]) -> Markup {
    if failed.is_empty() {
        return html! {};
    }
    let mut causes: Vec<Cause<'_>> = Vec::new();
    for call in failed {
        let status = row::status(call.1).0;
        let message = one_line(&call.1.line().error_message.text());
        match causes.iter_mut().find(|known| known.status == status && known.message == message) {
            Some(known) => known.calls.push(call),
            None => causes.push(Cause { status, message, calls: vec![call] }),
        }
    }
    // The most frequent ones first; those that are as frequent, as they came.
    causes.sort_by_key(|cause| std::cmp::Reverse(cause.calls.len()));
    html! {
        section.failures aria-labelledby="failures" {
            h2 #failures { (plural(failed.len() as u64, "failed call")) }
            ul { @for cause in &causes[..causes.len().min(IN_SIGHT)] { (one_cause(trace, cause)) } }
            // The waterfall is to be in sight, too.
            @if causes.len() > IN_SIGHT {
                details data-key="causes" {
                    summary { (plural((causes.len() - IN_SIGHT) as u64, "more cause")) }
                    ul {
                        @for cause in &causes[IN_SIGHT..causes.len().min(CAUSES)] { (one_cause(trace, cause)) }
                        @if causes.len() > CAUSES { li.dim { "… " (grouped((causes.len() - CAUSES) as u64)) " more" } }
                    }
                }
            }
        }
    }
}

fn one_cause(trace: &Trace<'_>, Cause { status, message, calls }: &Cause<'_>) -> Markup {
    html! {
        li {
            strong { (visible(status)) } " " (visible(&cut(message, 200)))
            @for (place, entry) in calls.iter().take(LINKED) {
                " " a href={ (trace.page_address(place / PAGE)) (links::fragment(entry.call().id())) } { (trace.scale.offset(entry.timestamp())) }
            }
            @if calls.len() > LINKED { " … " (grouped((calls.len() - LINKED) as u64)) " more" }
        }
    }
}

/// What part of the session is shown, and how to see more of it.
fn range(trace: &Trace<'_>, found: usize) -> Markup {
    let scale = &trace.scale;
    if !scale.is_zoomed {
        return html! {};
    }
    let middle = f64::midpoint(scale.from, scale.to);
    let wide = (scale.to - scale.from) * 2.0;
    html! {
        p.range {
            "From " (scale.offset(scale.from)) " to " (scale.offset(scale.to)) ": " (plural(found as u64, "call")) ". Sums are over these. "
            a href=(trace.range_address((middle - wide).max(scale.zero), (middle + wide).min(scale.last.max(scale.to)))) { "Wider" } " "
            a #whole href=(trace.address(&[])) { "The whole session" }
        }
    }
}

/// The axis: each part leads to its own range.
fn ruler(trace: &Trace<'_>) -> Markup {
    let scale = &trace.scale;
    let step = (scale.to - scale.from) / f64::from(PARTS);
    html! {
        span.ruler {
            @for part in 0..PARTS {
                @let from = scale.from + step * f64::from(part);
                a href=(trace.range_address(from, from + step)) title={ "Zoom to " (scale.offset(from)) " – " (scale.offset(from + step)) } {
                    (scale.offset(from))
                }
            }
        }
    }
}

fn pager(
    trace: &Trace<'_>,
    page: usize,
    pages: usize,
    shown: &std::ops::Range<usize>,
    found: usize,
) -> Markup {
    if pages == 1 {
        return html! {};
    }
    html! {
        nav.pager aria-label="Pages of calls" {
            "Calls " (grouped(shown.start as u64 + 1)) " to " (grouped(shown.end as u64)) " of " (grouped(found as u64)) " "
            @if page > 0 { a rel="prev" href=(trace.page_address(page - 1)) { "Previous" } " " }
            @if page + 1 < pages { a rel="next" href=(trace.page_address(page + 1)) { "Next" } " " }
            @if page + 1 < pages { a href=(trace.page_address(pages - 1)) { "Last" } }
        }
    }
}
