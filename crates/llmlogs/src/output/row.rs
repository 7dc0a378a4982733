//! One call in one line.

use std::path::Path;

use anstyle::Style;

use llmlogs_core::read::line::IndexLine;
use llmlogs_core::read::{Entry, State, Status};

use crate::env::Env;
use crate::output::format::{compact, duration, money, now};
use crate::output::out::{BAD, DIM, GOOD, LIVE, PLAIN, WARN};
use crate::output::table::{Cell, Column, cell, left, right};
use crate::output::text::one_line;

pub(crate) const COLUMNS: [Column; 10] = [
    left("TIME"),
    left("CALL"),
    left("STATUS").at_most(20),
    left("MODEL").at_most(24).spare(1),
    right("IN").spare(3),
    right("OUT").spare(2),
    right("COST").spare(4),
    right("LATENCY"),
    left("TOOLS").at_most(18).spare(5),
    left("USER MESSAGE"),
];

/// What a call is in one word.
pub(crate) fn status(entry: &Entry) -> (String, Style) {
    status_of(entry, &entry.line())
}

fn status_of(entry: &Entry, line: &IndexLine<'_>) -> (String, Style) {
    match (entry.call().state(), line.status) {
        (State::InFlight, _) => ("in flight".to_owned(), LIVE),
        (State::Interrupted, _) => ("interrupted".to_owned(), WARN),
        (State::Finished, Status::Ok) => ("ok".to_owned(), GOOD),
        (State::Finished, Status::Cancelled) => ("cancelled".to_owned(), WARN),
        (State::Finished, Status::Error) if line.error_type.is_empty() => ("error".to_owned(), BAD),
        (State::Finished, Status::Error) => (one_line(&line.error_type.text()), BAD),
    }
}

/// The end of an id that mostly tells it from others: `040210_001`.
pub(crate) fn short_id(id: &str) -> &str {
    id.get("call_20251027_".len()..).filter(|_| id.starts_with("call_")).unwrap_or(id)
}

/// How long the call has been going on, or how long it took.
pub(crate) fn latency(entry: &Entry) -> String {
    latency_of(entry, &entry.line())
}

fn latency_of(entry: &Entry, line: &IndexLine<'_>) -> String {
    match entry.call().state() {
        State::Finished => duration(line.latency_ms),
        State::InFlight => {
            let age = now() - line.timestamp;
            if line.timestamp > 0.0 && age >= 0.0 {
                format!("{}…", duration((age * 1000.0) as u64))
            } else {
                "…".into()
            }
        }
        State::Interrupted => String::new(),
    }
}

fn cost_of(line: &IndexLine<'_>) -> String {
    let currency = line.currency.text();
    // An unknown cost is no free call.
    if currency.is_empty() && line.total_cost == 0.0 {
        String::new()
    } else {
        money(line.total_cost, &one_line(&currency))
    }
}

/// What an unfinished call was asked, as far as its request tells.
struct Asked {
    model: String,
    user_message: String,
}

fn asked(entry: &Entry) -> Asked {
    match entry.call().input().ok().and_then(|body| crate::body::asked(&body)) {
        Some((model, user_message)) => Asked { model, user_message },
        None => Asked { model: String::new(), user_message: String::new() },
    }
}

/// The row of a table with `COLUMNS`.
pub(crate) fn row(env: &Env, entry: &Entry) -> Vec<Cell> {
    let line = entry.line();
    let (status, style) = status_of(entry, &line);
    let finished = entry.call().state() == State::Finished;
    let asked = if finished {
        Asked { model: line.model.text().into_owned(), user_message: line.user_message.text().into_owned() }
    } else {
        asked(entry)
    };
    let tokens = |count: u64| if finished && line.total_tokens > 0 { compact(count) } else { String::new() };
    let tools: Vec<_> = line.tool_names().map(|name| one_line(&name.text())).collect();
    vec![
        cell(env.clock.short(line.timestamp)).style(DIM),
        cell(one_line(short_id(entry.call().id()))),
        cell(status).style(style),
        cell(one_line(&asked.model)),
        cell(tokens(line.prompt_tokens)),
        cell(tokens(line.completion_tokens)),
        cell(cost_of(&line)),
        cell(latency_of(entry, &line)).style(if finished { PLAIN } else { LIVE }),
        cell(tools.join(",")),
        cell(one_line(&asked.user_message)),
    ]
}

/// The call's line of the index with what the line leaves to its place on disk.
pub(crate) fn json(entry: &Entry) -> serde_json::Value {
    let mut members: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(entry.as_json()).unwrap_or_default();
    members.insert("session_id".into(), entry.call().session_id().into());
    members.insert("dir".into(), path(entry.call().dir()).into());
    members.insert("state".into(), state(entry.call().state()).into());
    if entry.call().state() != State::Finished {
        // It has not ended in any way yet.
        members.insert("status".into(), serde_json::Value::Null);
    }
    members.into()
}

pub(crate) fn path(path: &Path) -> String {
    path.display().to_string()
}

pub(crate) fn state(state: State) -> &'static str {
    match state {
        State::Finished => "finished",
        State::InFlight => "in_flight",
        State::Interrupted => "interrupted",
    }
}
