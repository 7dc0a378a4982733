//! One call in one line.

use std::path::Path;

use anstyle::Style;

use llmlogs_core::format::layout::INPUT_FILE;
use llmlogs_core::read::{Call, Entry, IndexLine, Metadata, State, Status, short_id};

use crate::env::Env;
use crate::output::format::{compact, duration, grouped, money, now};
use crate::output::out::{BAD, DIM, GOOD, LIVE, PLAIN, WARN};
use crate::output::table::{Cell, Column, cell, left, right};
use crate::output::text::one_line;

pub(crate) const COLUMNS: [Column; 10] = [
    left("TIME").at_least(12).spare_last(2),
    left("CALL"),
    left("STATUS").at_most(20).at_least(10),
    left("MODEL").at_most(32).at_least(16),
    right("IN").spare(2),
    right("OUT").spare(1),
    right("COST").spare(3),
    right("LATENCY").spare_last(1),
    left("TOOLS").at_most(18).spare(4),
    left("USER MESSAGE"),
];

/// Returns how a call ended, or how far it has come, in a word or two.
pub(crate) fn status(entry: &Entry) -> (String, Style) {
    status_of(entry, &entry.line())
}

fn status_of(entry: &Entry, line: &IndexLine<'_>) -> (String, Style) {
    match (entry.call().state(), line.status) {
        (State::InFlight, _) => ("in flight".to_owned(), LIVE),
        (State::Interrupted, _) => ("interrupted".to_owned(), WARN),
        (State::NotRecorded, _) => ("not recorded".to_owned(), WARN),
        (State::Finished, Status::Ok) => ("ok".to_owned(), GOOD),
        (State::Finished, Status::Cancelled) => ("cancelled".to_owned(), WARN),
        (State::Finished, Status::Error) if line.error_type.is_empty() => ("error".to_owned(), BAD),
        (State::Finished, Status::Error) => (one_line(&line.error_type.text()), BAD),
    }
}

/// Returns how long the call has been going on, or how long it took.
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
        State::Interrupted | State::NotRecorded => String::new(),
    }
}

/// Returns what the call cost; nothing if that is not known.
pub(crate) fn cost(line: &IndexLine<'_>) -> String {
    let currency = line.currency.text();
    // An unknown cost is not zero.
    if currency.is_empty() && line.total_cost == 0.0 {
        String::new()
    } else {
        money(line.total_cost, &one_line(&currency))
    }
}

/// So many characters of a user message are in the index, and no more are shown of a call that is not in it yet.
const MESSAGE_CHARACTERS: usize = 200;

/// A larger request, in bytes, is not read for a line in a list.
const MAX_REQUEST: u64 = 8 << 20;

/// Returns the model and the last user message of a call whose `metadata.json` is not there yet; `None` if its request
/// cannot be read, or is too large to be read for this.
pub(crate) fn request_summary(call: &Call) -> Option<(String, String)> {
    let size = call.dir().join(INPUT_FILE).symlink_metadata().ok()?.len();
    if size > MAX_REQUEST {
        return None;
    }
    let conversation = call.conversation().ok().filter(|conversation| conversation.is_json)?;
    let message = conversation.last_user_message().chars().take(MESSAGE_CHARACTERS).collect();
    Some((conversation.model.clone().unwrap_or_default(), message))
}

/// Returns the row of a table with [`COLUMNS`].
pub(crate) fn row(env: &Env, entry: &Entry) -> Vec<Cell> {
    let line = entry.line();
    let (status, style) = status_of(entry, &line);
    let finished = entry.call().state() == State::Finished;
    let (model, user_message) = if finished {
        (line.model.text().into_owned(), line.user_message.text().into_owned())
    } else {
        request_summary(entry.call()).unwrap_or_default()
    };
    let model = match line.fallback_model.text() {
        other if other.is_empty() => model,
        other => format!("{model} → {other}"),
    };
    let status = if finished && line.attempts > 1 { format!("{status} ×{}", line.attempts) } else { status };
    let tokens = |count: u64| if finished && line.total_tokens > 0 { compact(count) } else { String::new() };
    let tools: Vec<_> = line.tool_names().map(|name| one_line(&name.text())).collect();
    vec![
        cell(env.clock.short(line.timestamp)).style(DIM),
        cell(one_line(short_id(entry.call().id()))),
        cell(status).style(style),
        cell(one_line(&model)),
        cell(tokens(line.prompt_tokens)),
        cell(tokens(line.completion_tokens)),
        cell(cost(&line)),
        cell(latency_of(entry, &line)).style(if finished { PLAIN } else { LIVE }),
        cell(tools.join(",")),
        cell(one_line(&user_message)),
    ]
}

/// Returns the call's line of the index, with its session, folder and state. A call that has not ended has no line; its
/// model and user message are those of its request.
pub(crate) fn json(entry: &Entry) -> serde_json::Value {
    let mut members: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(entry.as_json()).unwrap_or_default();
    members.insert("session_id".into(), entry.call().session_id().into());
    members.insert("dir".into(), path(entry.call().dir()).into());
    members.insert("state".into(), entry.call().state().as_str().into());
    if entry.call().state() != State::Finished {
        // It has not ended in any way yet.
        members.insert("status".into(), serde_json::Value::Null);
        // Nothing but its request tells what it is about.
        if let Some((model, message)) = request_summary(entry.call()) {
            members.insert("model".into(), model.into());
            members.insert("user_message".into(), message.into());
        }
    }
    members.into()
}

/// Returns `1,296 in (1,024 cached)  167 out  1,463 total`; nothing without tokens.
pub(crate) fn tokens(metadata: &Metadata) -> String {
    let usage = &metadata.usage;
    if *usage == Default::default() {
        return String::new();
    }
    let extra = |count: u64, what: &str| {
        if count > 0 { format!(" ({} {what})", compact(count)) } else { String::new() }
    };
    format!(
        "{} in{}{}  {} out{}  {} total",
        grouped(usage.prompt_tokens),
        extra(usage.cached_tokens, "cached"),
        extra(usage.cache_creation_tokens, "written to the cache"),
        grouped(usage.completion_tokens),
        extra(usage.reasoning_tokens, "reasoning"),
        grouped(usage.total_tokens)
    )
}

pub(crate) fn path(path: &Path) -> String {
    path.display().to_string()
}
