//! `llmlogs`: the latest call at a glance.

use llmlogs_core::format::{Attempt, Fallback, Target};
use llmlogs_core::read::{Entry, ErrorKind, IndexEntry, Metadata, State, Status};

use crate::bundle;
use crate::commands::alerts;
use crate::env::Env;
use crate::outcome::{CliError, Outcome, describe};
use crate::output::format::{duration, money};
use crate::output::out::{BAD, BOLD, DIM};
use crate::output::row;
use crate::output::table::pairs;
use crate::output::text::{clean, cut, first_lines, one_line};

/// How many lines of input and output are shown.
const LINES: usize = 6;

pub(crate) fn run(env: &mut Env) -> Result<Outcome, CliError> {
    let Some(entry) = env.root.latest(1)? else {
        return Ok(Outcome::nothing(format!(
            "no calls in {}\nCalls appear here when a program runs with the tracing-llmlogs layer.",
            env.root.path().display()
        )));
    };
    if env.json {
        let value = bundle::head(entry.call())?.with_firing(alerts::firing(env));
        env.out.json(&value)?;
    } else {
        alerts::print_firing(env)?;
        head(env, &entry)?;
        lines(env, &entry)?;
    }
    env.out.finish()?;
    Ok(Outcome::Found)
}

/// Prints everything about a call but its bodies.
pub(crate) fn head(env: &mut Env, entry: &Entry) -> Result<(), CliError> {
    let call = entry.call();
    let (status, style) = row::status(entry);
    let title = format!("{}  {}", env.out.paint(BOLD, &one_line(call.id())), env.out.paint(style, &status));
    env.out.line(&title)?;
    let mut shown = vec![("time", env.clock.full(entry.line().timestamp))];
    shown.push(("session", one_line(call.session_id())));
    match (call.state(), call.metadata()) {
        (State::Finished, Ok(metadata)) => finished(env, &metadata, &mut shown),
        // If the folder is gone or damaged, what the index says is shown.
        (State::Finished, Err(error)) => {
            if error.kind() != ErrorKind::NotFound {
                shown.push(("damaged", env.out.paint(BAD, &one_line(&describe(&error)))));
            }
            finished(env, &of_index(&entry.index().unwrap_or_default()), &mut shown)
        }
        _ => {
            if let Some((model, message)) = row::request_summary(call) {
                shown.push(("model", one_line(&model)));
                shown.push(("message", one_line(&message)));
            }
            let age = row::latency(entry);
            shown.push(match call.state() {
                State::InFlight => ("running", format!("for {age}")),
                State::NotRecorded => {
                    ("why", "the older logger made the folder and could not write the call".to_owned())
                }
                _ => ("running", "its program ended before the call did".to_owned()),
            });
        }
    }
    shown.retain(|(_, value)| !value.is_empty());
    shown.push(("folder", env.out.path(call.dir())));
    pairs(&mut env.out, &shown)?;
    Ok(())
}

fn finished(env: &Env, metadata: &Metadata, shown: &mut Vec<(&str, String)>) {
    let info = &metadata.api_info;
    let answered = &metadata.response_info.model;
    let mut model = one_line(&match info.provider.as_str() {
        "" => info.model.clone(),
        provider => format!("{provider} / {}", info.model),
    });
    if !answered.is_empty() && *answered != info.model {
        model.push_str(&format!("  (answered by {})", one_line(answered)));
    }
    shown.push(("model", model));
    shown.push(("endpoint", one_line(&format!("{} {}{}", info.method, info.base_url, info.endpoint))));
    let response = &metadata.response_info;
    if response.error {
        let status = response.http_status.map(|status| format!("HTTP {status}"));
        let parts = [Some(response.error_type.clone()), status, Some(response.error_code.clone())];
        let parts: Vec<_> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
        shown.push(("error", env.out.paint(BAD, &one_line(&parts.join(" · ")))));
        shown.push(("", one_line(&response.error_message)));
        shown.push(("request id", one_line(&response.request_id)));
    }
    shown.push(("finish", one_line(&response.finish_reason)));
    shown.push(("tools", one_line(&response.tool_names.join(", "))));
    shown.push(("tokens", row::tokens(metadata)));
    let cost = &metadata.cost_estimate;
    if !cost.currency.is_empty() || cost.total_cost != 0.0 {
        let source =
            if cost.source.is_empty() { String::new() } else { format!("  (by {})", one_line(&cost.source)) };
        shown.push(("cost", format!("{}{source}", money(cost.total_cost, &one_line(&cost.currency)))));
    }
    shown.push(("latency", latency(metadata)));
    if !metadata.attempts.is_empty() {
        let attempts: Vec<_> = metadata.attempts.iter().map(attempt).collect();
        shown.push(("attempts", one_line(&attempts.join(" → "))));
    }
    if let Some(fallback) = &metadata.fallback {
        shown.push(("fallback", one_line(&fallback_of(fallback))));
    }
    if metadata.request_info.prompt_differs == Some(true) {
        // What the spans around the call said; the request has another text.
        let message = one_line(&metadata.context.user_message);
        shown.push(("message", cut(&message, MESSAGE_AT_MOST).into_owned()));
    }
    shown.push(("context", context(metadata)));
    if let (Some(trace), Some(span)) = (&metadata.trace.trace_id, &metadata.trace.span_id) {
        shown.push(("trace", format!("{}  span {}", one_line(trace), one_line(span))));
    }
    let cut = match (metadata.truncated.input, metadata.truncated.output) {
        (true, true) => "request and response",
        (true, false) => "request",
        (false, true) => "response",
        (false, false) => "",
    };
    shown.push(("cut", cut.to_owned()));
}

/// Returns what became of an attempt, after how long a wait, and why there was no other if there was none.
fn attempt(attempt: &Attempt) -> String {
    let mut text = String::new();
    if attempt.waited_ms > 0 {
        text.push_str(&format!("(waited {}) ", duration(attempt.waited_ms)));
    }
    text.push_str(if attempt.error_type.is_empty() { "ok" } else { &attempt.error_type });
    if attempt.was_sent() {
        text.push_str(&format!(" {}", duration(attempt.latency_ms)));
    }
    let denied = match &*attempt.decision {
        "over_cap" => "the server asked for too long a delay",
        "budget" => "no retry left in the budget",
        "deadline" => "the deadline came first",
        "permanent" => "another attempt would have been in vain",
        _ => return text,
    };
    text.push_str(&format!(" ({denied})"));
    text
}

fn fallback_of(fallback: &Fallback) -> String {
    let Fallback { from, to, reason, .. } = fallback;
    let name = |target: &Target| {
        if from.base_url == to.base_url {
            target.model.clone()
        } else {
            format!("{} at {}", target.model, target.base_url)
        }
    };
    let reason = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
    format!("{} → {}{reason}", name(from), name(to))
}

fn latency(metadata: &Metadata) -> String {
    let performance = &metadata.performance;
    let mut text = duration(performance.latency_ms);
    if let Some(first) = performance.time_to_first_token_ms {
        text.push_str(&format!("  first token {}", duration(first)));
    }
    if performance.tokens_per_second > 0.0 {
        text.push_str(&format!("  {:.1} tokens/s", performance.tokens_per_second));
    }
    text
}

/// How many columns of a span's user message are shown; the index has no more characters either.
const MESSAGE_AT_MOST: usize = 200;

/// Returns the fields of the enclosing spans, in one line.
fn context(metadata: &Metadata) -> String {
    let context = &metadata.context;
    let named = [
        ("iteration", &context.agent_iteration),
        ("phase", &context.phase),
        ("round", &context.round),
        ("task", &context.task_id),
    ];
    let others = context.other.iter().map(|(name, value)| (name.as_str(), value));
    let known = |value: &serde_json::Value| !value.is_null() && *value != "";
    // An iteration of 0 counts as not set.
    let named = named.into_iter().filter(|(_, value)| **value != 0);
    let fields = named.chain(others).filter(|(_, value)| known(value)).map(|(name, value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        format!("{name} {text}")
    });
    let spans = Some(context.spans.join(" › ")).filter(|spans| !spans.is_empty());
    one_line(&spans.into_iter().chain(fields).collect::<Vec<_>>().join(" · "))
}

fn of_index(line: &IndexEntry) -> Metadata {
    let mut metadata = Metadata::default();
    metadata.timestamp = line.timestamp;
    metadata.status = line.status;
    metadata.api_info.provider.clone_from(&line.provider);
    metadata.api_info.model.clone_from(&line.model);
    let response = &mut metadata.response_info;
    response.error = line.status != Status::Ok;
    response.http_status = line.http_status;
    response.error_type.clone_from(&line.error_type);
    response.error_code.clone_from(&line.error_code);
    response.error_message.clone_from(&line.error_message);
    response.finish_reason.clone_from(&line.finish_reason);
    response.tool_names.clone_from(&line.tool_names);
    metadata.usage.prompt_tokens = line.prompt_tokens;
    metadata.usage.completion_tokens = line.completion_tokens;
    metadata.usage.total_tokens = line.total_tokens;
    metadata.usage.cached_tokens = line.cached_tokens;
    metadata.usage.reasoning_tokens = line.reasoning_tokens;
    metadata.performance.latency_ms = line.latency_ms;
    metadata.performance.time_to_first_token_ms = line.time_to_first_token_ms;
    metadata.cost_estimate.total_cost = line.total_cost;
    metadata.cost_estimate.currency.clone_from(&line.currency);
    metadata.context.user_message.clone_from(&line.user_message);
    metadata
}

/// Prints the first lines of the last user message and of the answer.
fn lines(env: &mut Env, entry: &Entry) -> Result<(), CliError> {
    let metadata = entry.call().metadata().unwrap_or_default();
    let conversation = entry.call().conversation().unwrap_or_default();
    let asked = conversation.last_user_message();
    let asked = if asked.is_empty() { metadata.context.user_message.clone() } else { asked };
    for (heading, text) in [("input", asked), ("output", conversation.answer())] {
        let text = clean(&text);
        if text.trim().is_empty() {
            continue;
        }
        env.out.blank()?;
        let heading = env.out.paint(DIM, heading);
        env.out.line(&heading)?;
        let (lines, more) = first_lines(&text, LINES, env.out.text_width() - 2);
        for line in &lines {
            env.out.line(&format!("  {line}"))?;
        }
        if more {
            let more = env.out.paint(DIM, "  … llmlogs show has it whole");
            env.out.line(&more)?;
        }
    }
    Ok(())
}
