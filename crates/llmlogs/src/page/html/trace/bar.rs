//! A row's bar, drawn: what a call waited for, and what a span encloses. The numbers beside it say the same.

use chrono::DateTime;
use llmlogs_core::read::{Entry, Metadata, State, Status};
use maud::{Markup, html};

use super::scale::{Scale, WIDTH};

/// A bar is at least so wide.
const LEAST: f64 = 2.0;

const HEIGHT: f64 = 16.0;

/// Returns the bar of a call from its start to `end`.
pub(super) fn of_call(scale: &Scale, entry: &Entry, metadata: Option<&Metadata>, end: f64) -> Markup {
    let start = entry.timestamp();
    let line = entry.line();
    let class = match (entry.call().state(), line.status) {
        (State::InFlight, _) => "in-flight",
        (State::Interrupted | State::NotRecorded, _) => "interrupted",
        (State::Finished, Status::Ok) => "ok",
        (State::Finished, Status::Cancelled) => "cancelled",
        (State::Finished, Status::Error) => "error",
    };
    let attempts = metadata.map(|metadata| metadata.attempts.as_slice()).unwrap_or_default();
    let first_token = line.time_to_first_token_ms.map(|ms| start + ms as f64 / 1000.0);
    drawing(html! {
        @if attempts.is_empty() {
            (bar(scale, class, start, end))
        } @else {
            // What lies between the attempts was waited.
            (thin(scale, start, end))
            @for (place, attempt) in attempts.iter().enumerate() {
                @let attempt_start = unix(&attempt.started_at).unwrap_or(start);
                @let class = if place + 1 == attempts.len() { class } else { "error" };
                (bar(scale, class, attempt_start, attempt_start + attempt.latency_ms as f64 / 1000.0))
            }
        }
        @if let Some(first) = first_token.filter(|first| *first <= end) { (bar(scale, "tokens", first, end)) }
    })
}

/// Returns the bar of a span: its start, if that is known, and its calls.
pub(super) fn of_span(scale: &Scale, started_at: Option<&str>, (first, last): (f64, f64)) -> Markup {
    let start = started_at.and_then(unix).unwrap_or(first).min(first);
    drawing(html! { (thin(scale, start, last)) (edge(scale, start)) (edge(scale, last)) })
}

/// Returns a time in RFC 3339 as Unix seconds.
pub(super) fn unix(time: &str) -> Option<f64> {
    let time = DateTime::parse_from_rfc3339(time).ok()?;
    Some(time.timestamp_millis() as f64 / 1000.0)
}

fn drawing(content: Markup) -> Markup {
    html! {
        svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } preserveAspectRatio="none" aria-hidden="true" { (content) }
    }
}

fn bar(scale: &Scale, class: &str, start: f64, end: f64) -> Markup {
    let Some(place) = scale.place(start, end) else { return html! {} };
    let (x, width) = at_least(*place.start(), *place.end());
    let (y, height) = if class == "tokens" { (9, 5) } else { (2, 12) };
    html! { rect class=(class) x=(round(x)) y=(y) width=(round(width)) height=(height) {} }
}

fn thin(scale: &Scale, start: f64, end: f64) -> Markup {
    let Some(place) = scale.place(start, end) else { return html! {} };
    let (x, width) = at_least(*place.start(), *place.end());
    html! { rect.span x=(round(x)) y="7" width=(round(width)) height="2" {} }
}

fn edge(scale: &Scale, at: f64) -> Markup {
    let Some(place) = scale.place(at, at) else { return html! {} };
    html! { rect.span x=(round(place.start().min(WIDTH - LEAST))) y="3" width=(LEAST) height="10" {} }
}

fn at_least(start: f64, end: f64) -> (f64, f64) {
    let width = (end - start).max(LEAST);
    (start.min(WIDTH - width), width)
}

/// A tenth of a unit is less than a pixel.
fn round(place: f64) -> f64 {
    (place * 10.0).round() / 10.0
}
