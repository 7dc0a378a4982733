//! A call in time: attempts, what was waited between them, the first token, the end. Bars, and a table with the numbers.

use chrono::DateTime;
use llmlogs_core::read::{Attempt, Metadata, Status};
use maud::{Markup, html};

use crate::output::format::duration;
use crate::page::html::text::visible;

use super::Shown;

/// So many attempts are drawn.
const MOST: usize = 50;

/// The width of the drawing, in its own units.
const WIDTH: f64 = 1000.0;

/// A part of the time, in milliseconds from the start.
#[derive(Debug, Clone, PartialEq)]
struct Bar {
    from: u64,
    to: u64,
    class: &'static str,
    says: String,
}

/// A line of bars.
#[derive(Debug, Clone, PartialEq)]
struct Lane {
    name: String,
    bars: Vec<Bar>,
    /// What came of it.
    result: String,
    is_failure: bool,
}

pub(super) fn timeline(shown: &Shown) -> Markup {
    let Some(metadata) = shown.metadata.as_ref() else { return html! {} };
    let lanes = lanes(metadata);
    let end = lanes.iter().flat_map(|lane| &lane.bars).map(|bar| bar.to).max().unwrap_or(0);
    let end = end.max(metadata.performance.latency_ms).max(1);
    let first = metadata.performance.time_to_first_token_ms;
    let x = |ms: u64| format!("{:.1}", ms.min(end) as f64 * WIDTH / end as f64);
    let width = |bar: &Bar| format!("{:.1}", ((bar.to - bar.from) as f64 * WIDTH / end as f64).max(2.0));
    html! {
        section.timeline aria-label="Timeline" {
            @if let Some(fallback) = &metadata.fallback {
                p.fallback {
                    "Fallback: " strong { (visible(&fallback.from.model)) } " at " (visible(&fallback.from.provider)) " → "
                    strong { (visible(&fallback.to.model)) } " at " (visible(&fallback.to.provider))
                    @if !fallback.reason.is_empty() { ", because of " (visible(&fallback.reason)) }
                }
            }
            div.lanes {
                @for (place, lane) in lanes.iter().enumerate() {
                    span.name { (visible(&lane.name)) }
                    svg viewBox="0 0 1000 18" preserveAspectRatio="none" width="100%" height="18" aria-hidden="true" {
                        rect.ground x="0" y="0" width="1000" height="18" {}
                        @for bar in &lane.bars {
                            rect class={ "bar " (bar.class) } x=(x(bar.from)) y="3" width=(width(bar)) height="12" { title { (visible(&bar.says)) } }
                        }
                        @if let Some(first) = first.filter(|_| place + 1 == lanes.len()) {
                            line.first x1=(x(first)) x2=(x(first)) y1="0" y2="18" {}
                        }
                    }
                    span class=(if lane.is_failure { "result bad" } else { "result" }) { (visible(&lane.result)) }
                }
                span {}
                span.axis { span { "0" } span { (duration(end / 2)) } span { (duration(end)) } }
                span {}
            }
            (legend(&lanes, first.is_some()))
            (table(metadata))
        }
    }
}

/// What the bars that are there mean.
fn legend(lanes: &[Lane], has_first: bool) -> Markup {
    let kinds = [
        ("before", "until the first token"),
        ("done", if has_first { "from the first token on" } else { "answered" }),
        ("failed", "failed"),
        ("wait", "waited"),
    ];
    let is_there = |class: &str| lanes.iter().flat_map(|lane| &lane.bars).any(|bar| bar.class == class);
    html! {
        p.legend {
            @for (class, says) in kinds.into_iter().filter(|(class, _)| is_there(class)) {
                span { svg width="10" height="10" aria-hidden="true" { rect class={ "bar " (class) } width="10" height="10" {} } (says) }
            }
        }
    }
}

fn lanes(metadata: &Metadata) -> Vec<Lane> {
    if metadata.attempts.is_empty() {
        return vec![single(metadata)];
    }
    let mut lanes = Vec::new();
    let mut end = 0;
    for attempt in metadata.attempts.iter().take(MOST) {
        let from = offset(&metadata.started_at, &attempt.started_at).unwrap_or(end + attempt.waited_ms);
        let to = from.saturating_add(attempt.latency_ms);
        let mut bars = Vec::new();
        if attempt.waited_ms > 0 {
            let says = format!("waited {}", duration(attempt.waited_ms));
            bars.push(Bar { from: from.saturating_sub(attempt.waited_ms), to: from, class: "wait", says });
        }
        let is_failure = !attempt.error_type.is_empty();
        if attempt.was_sent() {
            let class = if is_failure { "failed" } else { "done" };
            bars.push(Bar {
                from,
                to,
                class,
                says: format!("attempt {}: {}", attempt.attempt, duration(attempt.latency_ms)),
            });
        }
        lanes.push(Lane { name: name(attempt), bars, result: result(attempt), is_failure });
        end = to;
    }
    lanes
}

fn single(metadata: &Metadata) -> Lane {
    let end = metadata.performance.latency_ms;
    let bar = |from, to, class, says: &str| Bar { from, to, class, says: says.to_owned() };
    let class = if metadata.status == Status::Ok { "done" } else { "failed" };
    let bars = match metadata.performance.time_to_first_token_ms.filter(|first| *first <= end) {
        Some(first) => vec![
            bar(0, first, "before", "until the first token"),
            bar(first, end, class, "from the first token to the end"),
        ],
        None => vec![bar(0, end, class, "from the start to the end")],
    };
    let response = &metadata.response_info;
    let result = match (metadata.status, response.http_status) {
        (Status::Ok, Some(status)) => format!("{status}"),
        (Status::Ok, None) => "ok".to_owned(),
        (Status::Cancelled, _) => "cancelled".to_owned(),
        (Status::Error, Some(status)) => format!("{status} {}", response.error_type),
        (Status::Error, None) => response.error_type.clone(),
    };
    Lane { name: metadata.api_info.model.clone(), bars, result, is_failure: metadata.status == Status::Error }
}

fn name(attempt: &Attempt) -> String {
    let what = if attempt.model.is_empty() { &attempt.provider } else { &attempt.model };
    format!("{}  {what}", attempt.attempt)
}

fn result(attempt: &Attempt) -> String {
    let status = attempt.http_status.map(|status| status.to_string());
    let parts =
        [status.unwrap_or_default(), attempt.error_type.clone(), decision(&attempt.decision).to_owned()];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
}

/// Returns a decision in words; of an unknown one, the word as it is.
fn decision(decision: &str) -> &str {
    match decision {
        "retry" => "tried again",
        "fallback" => "another target was asked",
        "final" => "its result is the call's",
        "circuit_open" => "not sent: the circuit was open",
        "over_cap" => "given up: the server asked for too long a wait",
        "budget" => "given up: too many retries",
        "deadline" => "given up: the deadline",
        "permanent" => "given up: it would have failed again",
        other => other,
    }
}

/// Returns how many milliseconds lie between two times in RFC 3339.
fn offset(start: &str, time: &str) -> Option<u64> {
    let parse = |text| DateTime::parse_from_rfc3339(text).ok();
    u64::try_from((parse(time)? - parse(start)?).num_milliseconds()).ok()
}

fn table(metadata: &Metadata) -> Markup {
    let performance = &metadata.performance;
    html! {
        details {
            summary { "The timeline as a table" }
            div.wide tabindex="0" role="region" aria-label="Timeline as a table" {
                table {
                    thead { tr {
                        @for name in ["", "At", "Took", "Waited before", "HTTP", "Error", "Message", "Retry-After", "Provider", "Model", "Decision"] { th scope="col" { (name) } }
                    } }
                    tbody {
                        @for attempt in metadata.attempts.iter().take(MOST) {
                            tr {
                                th scope="row" { "Attempt " (attempt.attempt) }
                                td.number { (offset(&metadata.started_at, &attempt.started_at).map_or("?".to_owned(), duration)) }
                                td.number { (duration(attempt.latency_ms)) }
                                td.number { @if attempt.waited_ms > 0 { (duration(attempt.waited_ms)) } }
                                td { @if let Some(status) = attempt.http_status { (status) } }
                                td { (visible(&attempt.error_type)) @if !attempt.error_code.is_empty() { " " code { (visible(&attempt.error_code)) } } }
                                td.text { (visible(super::super::room::beginning(&attempt.error_message, 500))) }
                                td.number { (attempt.retry_after_ms.map(duration).unwrap_or_default()) }
                                td { (visible(&attempt.provider)) " " (visible(&attempt.base_url)) }
                                td { (visible(&attempt.model)) }
                                td { (visible(decision(&attempt.decision))) }
                            }
                        }
                        @if let Some(first) = performance.time_to_first_token_ms {
                            tr { th scope="row" { "First token" } td.number { (duration(first)) } @for _ in 0..9 { td {} } }
                        }
                        tr { th scope="row" { "End" } td.number { (duration(performance.latency_ms)) } @for _ in 0..9 { td {} } }
                    }
                }
                @if metadata.attempts.len() > MOST { p.dim { "Only the first " (MOST) " of " (metadata.attempts.len()) " attempts are shown." } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_lie_between_attempts() {
        let mut metadata = Metadata::default();
        metadata.started_at = "2025-10-27T04:02:10.000+00:00".into();
        let attempt = |number, at: &str, waited_ms, error: &str| {
            let mut attempt = Attempt::default();
            (attempt.attempt, attempt.latency_ms, attempt.waited_ms) = (number, 500, waited_ms);
            (attempt.started_at, attempt.error_type) = (at.into(), error.into());
            attempt
        };
        metadata.attempts = vec![
            attempt(1, "2025-10-27T04:02:10.000+00:00", 0, "RateLimitError"),
            attempt(2, "2025-10-27T04:02:12.500+00:00", 2000, ""),
        ];
        let lanes = lanes(&metadata);
        let spans =
            |lane: &Lane| -> Vec<_> { lane.bars.iter().map(|bar| (bar.from, bar.to, bar.class)).collect() };
        assert_eq!(spans(&lanes[0]), [(0, 500, "failed")]);
        assert_eq!(spans(&lanes[1]), [(500, 2500, "wait"), (2500, 3000, "done")]);
    }

    #[test]
    fn odd_times_are_drawn_somewhere() {
        assert_eq!(offset("", "x"), None);
        assert_eq!(offset("2025-10-27T04:02:10Z", "2025-10-27T04:02:09Z"), None);
        let mut metadata = Metadata::default();
        metadata.performance.latency_ms = 10;
        metadata.performance.time_to_first_token_ms = Some(u64::MAX);
        assert_eq!(lanes(&metadata)[0].bars.len(), 1);
    }
}
