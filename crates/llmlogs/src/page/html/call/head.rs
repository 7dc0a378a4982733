//! What is known of a call before one reads it: what went wrong first, then where it went, how long it took, what it cost.

use llmlogs_core::read::{Metadata, State, Status};
use maud::{Markup, html};

use crate::output::format::{duration, grouped, money, now, size};
use crate::output::row;
use crate::page::html::room::Room;
use crate::page::html::text::visible;
use crate::page::links;

use super::{Shown, fact};

/// Why a fact has no value.
#[derive(Clone, Copy)]
enum Without {
    /// The logger did not write it.
    NotRecorded,
    /// There was none, in these words.
    None(&'static str),
    /// Then nothing is said.
    Nothing,
}

pub(super) fn head(shown: &Shown, room: &Room) -> Markup {
    let (word, class) = status(shown);
    let metadata = shown.metadata.as_ref();
    html! {
        div.title {
            h1 { span.badge.(class) { (visible(&word)) } " " (visible(shown.dir.id())) }
            p.did {
                @if let Some(metadata) = metadata { (visible(&target(metadata))) }
                @else if let Some(model) = shown.conversation.as_ref().and_then(|c| c.model.as_deref()) { (visible(model)) }
                @if shown.started > 0.0 { " · " time { (shown.clock.full(shown.started)) } }
                (age(shown))
            }
        }
        (state(shown))
        @if let Some(metadata) = metadata { (failure(shown, metadata, room)) }
        (actions(shown))
        @if let Some(metadata) = metadata { dl.facts { (facts(shown, metadata)) } }
        @else { dl.facts { (fact("Session", shown.dir.session_id())) (fact("Folder", &folder(shown))) } }
        (notes(shown))
    }
}

fn status(shown: &Shown) -> (String, &'static str) {
    let metadata = shown.metadata.as_ref();
    match (shown.state, metadata.map(|metadata| metadata.status)) {
        (State::InFlight, _) => ("in flight".to_owned(), "in-flight"),
        (State::Interrupted, _) => ("interrupted".to_owned(), "interrupted"),
        (State::NotRecorded, _) => ("not recorded".to_owned(), "not-recorded"),
        (State::Finished, Some(Status::Ok)) => ("ok".to_owned(), "ok"),
        (State::Finished, Some(Status::Cancelled)) => ("cancelled".to_owned(), "cancelled"),
        (State::Finished, Some(Status::Error)) => {
            let error_type = metadata.map(|metadata| metadata.response_info.error_type.as_str());
            (error_type.filter(|kind| !kind.is_empty()).unwrap_or("error").to_owned(), "error")
        }
        (State::Finished, None) => ("metadata damaged".to_owned(), "error"),
    }
}

/// The model that was asked, and the one that answered instead.
fn target(metadata: &Metadata) -> String {
    let asked = &metadata.api_info.model;
    match &metadata.fallback {
        Some(fallback) => format!(
            "{} · {asked} → {} · {}",
            metadata.api_info.provider, fallback.to.provider, fallback.to.model
        ),
        None => format!("{} · {asked}", metadata.api_info.provider),
    }
}

fn age(shown: &Shown) -> Markup {
    let ms = ((now() - shown.started) * 1000.0).max(0.0) as u64;
    html! {
        @match shown.state {
            State::InFlight if shown.started > 0.0 => { " · " span #age { (duration(ms)) "…" } },
            State::Finished => { @if let Some(metadata) = &shown.metadata { " · " (duration(metadata.performance.latency_ms)) } },
            _ => {},
        }
    }
}

fn state(shown: &Shown) -> Markup {
    html! {
        @match shown.state {
            State::InFlight => { p.note { "The call has not ended. This is its request; the rest appears here when it has." } },
            State::Interrupted => { p.note.warn {
                "The program ended before the call did, and nothing of an answer was written. This is its request."
            } },
            State::NotRecorded => { p.note.warn { "The logger made the call's folder and wrote nothing into it." } },
            State::Finished if shown.metadata.is_none() => { p.note.bad {
                "metadata.json is damaged or too large. What follows is from the bodies alone."
            } },
            State::Finished => {},
        }
    }
}

/// What went wrong.
fn failure(shown: &Shown, metadata: &Metadata, room: &Room) -> Markup {
    let response = &metadata.response_info;
    if metadata.status == Status::Ok {
        return html! {};
    }
    let said = shown.conversation.as_ref().and_then(|conversation| conversation.failure.as_ref());
    let message = match &*response.error_message {
        "" => said.map_or("", |failure| &failure.message),
        message => message,
    };
    let retry = response.retry_after_ms.map(|ms| format!("the server asked to wait {}", duration(ms)));
    html! {
        section.failure aria-label="What went wrong" {
            p {
                strong { (visible(if response.error_type.is_empty() { "error" } else { &response.error_type })) }
                @if let Some(status) = response.http_status { " · HTTP " (status) " " (visible(&response.status_text)) }
                @if !response.error_code.is_empty() { " · " code { (visible(&response.error_code)) } }
                @if let Some(retry) = retry { " · " (retry) }
            }
            @if message.is_empty() { p.dim { "(no message)" } } @else { (room.text(message)) }
        }
    }
}

fn actions(shown: &Shown) -> Markup {
    html! {
        p.actions {
            a #curl href=(shown.below("curl")) { "curl" } " "
            a href={ "/compare?a=" (shown.address.trim_start_matches("/call/")) (shown.kept.replacen('?', "&", 1)) } #compare { "Compare with the call before" } " "
            a href={ "/trace/" (session_path(shown)) (shown.kept) } { "Trace of the session" } " "
            a href={ "/api" (shown.address) (shown.kept) } { "JSON" } " "
            a #back href={ "/calls" (shown.kept) (links::fragment(&shown.dir.address())) } { "Back to the list" }
        }
    }
}

/// Returns `2025-10-27T04:02:10.123+00:00` as one reads it: `2025-10-27 04:02:10.123 +00:00`.
fn one_piece(time: &str) -> String {
    let is_time = time.get(10..11) == Some("T") && time.as_bytes()[..4].iter().all(u8::is_ascii_digit);
    if !is_time {
        return time.to_owned();
    }
    let offset = time.rfind(['+', '-', 'Z']).filter(|at| *at > "2025-10-27T".len());
    let (time, offset) = time.split_at(offset.unwrap_or(time.len()));
    format!("{} {offset}", time.replacen('T', " ", 1)).trim_end().to_owned()
}

/// `DAY/SESSION`, encoded.
fn session_path(shown: &Shown) -> &str {
    let path = shown.address.trim_start_matches("/call/");
    path.rsplit_once('/').map_or(path, |(session, _)| session)
}

fn folder(shown: &Shown) -> String {
    row::path(shown.dir.path())
}

fn facts(shown: &Shown, metadata: &Metadata) -> Markup {
    let (api, request, response) = (&metadata.api_info, &metadata.request_info, &metadata.response_info);
    let (usage, performance, trace) = (&metadata.usage, &metadata.performance, &metadata.trace);
    let known = |path: &[&str], without: &'static str| match shown.has(path) {
        true => Without::None(without),
        false => Without::NotRecorded,
    };
    let present = |path: &[&str]| if is_key(shown, path) { Without::Nothing } else { Without::NotRecorded };
    let reported = usage.total_tokens > 0 || usage.prompt_tokens > 0 || usage.completion_tokens > 0;
    let tokens = |count: u64, path: &str| {
        let was = reported && is_key(shown, &["usage", path]);
        let value = if was { grouped(count) } else { String::new() };
        (value, if reported { Without::NotRecorded } else { Without::None("not reported") })
    };
    let (cached, no_cached) = tokens(usage.cached_tokens, "cached_tokens");
    let (created, no_created) = tokens(usage.cache_creation_tokens, "cache_creation_tokens");
    let (reasoning, no_reasoning) = tokens(usage.reasoning_tokens, "reasoning_tokens");
    let all = |count: u64| if reported { grouped(count) } else { String::new() };
    let status = response.http_status.map(|status| format!("{status} {}", response.status_text));
    let first = performance.time_to_first_token_ms.map(duration).unwrap_or_default();
    let attempts =
        if metadata.attempts.len() > 1 { metadata.attempts.len().to_string() } else { String::new() };
    let speed = if performance.tokens_per_second > 0.0 {
        format!("{:.1} tokens/s", performance.tokens_per_second)
    } else {
        String::new()
    };
    let choice = match &request.tool_choice {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Null => String::new(),
        other => other.to_string(),
    };
    let number =
        |number: &Option<serde_json::Number>| number.as_ref().map(ToString::to_string).unwrap_or_default();
    html! {
        (row("Model asked", &api.model, Without::NotRecorded))
        (row("Model answering", &response.model, known(&["response_info", "model"], "none said")))
        (row("Provider", &api.provider, Without::NotRecorded))
        (row("Operation", &api.operation, Without::Nothing))
        (row("Endpoint", format!("{} {}{}{}", api.method, api.base_url, api.endpoint, query(&api.query)).trim(), Without::NotRecorded))
        (row("HTTP status", status.unwrap_or_default().trim(), if is_key(shown, &["response_info", "http_status"]) { Without::None("no response") } else { Without::NotRecorded }))
        (row("Started", &one_piece(&metadata.started_at), Without::NotRecorded))
        (row("Ended", &one_piece(&metadata.ended_at), Without::NotRecorded))
        (row("Latency", &duration(performance.latency_ms), Without::NotRecorded))
        (row("First token", &first, if is_key(shown, &["performance", "time_to_first_token_ms"]) { Without::None("not streamed") } else { Without::NotRecorded }))
        (row("Speed", &speed, Without::Nothing))
        (row("Attempts", &attempts, Without::Nothing))
        (row("Tokens in", &all(usage.prompt_tokens), Without::None("not reported")))
        (row(" cached", &cached, no_cached))
        (row(" cache writes", &created, if usage.cache_creation_tokens == 0 && reported { present(&["usage", "cache_creation_tokens"]) } else { no_created }))
        (row("Tokens out", &all(usage.completion_tokens), Without::None("not reported")))
        (row(" reasoning", &reasoning, no_reasoning))
        (cost(shown, metadata))
        (row("Finish reason", &response.finish_reason, Without::None("none")))
        (row("Request id", &response.request_id, if is_key(shown, &["response_info", "request_id"]) { Without::None("none sent") } else { Without::NotRecorded }))
        (row("Response id", &response.id, Without::Nothing))
        (row("Stream", if request.stream { "yes" } else { "" }, Without::Nothing))
        (row("Temperature", &number(&request.temperature), Without::Nothing))
        (row("Max tokens", &number(&request.max_tokens), Without::Nothing))
        (row("Tool choice", if request.has_tools { &choice } else { "" }, Without::Nothing))
        (row("Trace id", trace.trace_id.as_deref().unwrap_or_default(), Without::Nothing))
        (row("Span id", trace.span_id.as_deref().unwrap_or_default(), Without::Nothing))
        (row("Spans", &metadata.context.spans.join(" › "), Without::Nothing))
        div { dt { "Session" } dd { a href={ "/calls?q=session%3A" (session_name_encoded(shown)) (root_only(shown)) } { (visible(shown.dir.session_id())) } } }
        (row("Folder", &folder(shown), Without::Nothing))
    }
}

/// Returns whether the key is there, be it null.
fn is_key(shown: &Shown, path: &[&str]) -> bool {
    let pointer: String = path.iter().map(|key| format!("/{key}")).collect();
    shown.stored.pointer(&pointer).is_some()
}

fn session_name_encoded(shown: &Shown) -> &str {
    let session = session_path(shown);
    let name = session.rsplit('/').next().unwrap_or(session);
    name.strip_prefix("session_").unwrap_or(name)
}

/// The root alone of what links keep.
fn root_only(shown: &Shown) -> String {
    let root = shown.kept.trim_start_matches('?').split('&').find(|pair| pair.starts_with("root="));
    root.map(|pair| format!("&{pair}")).unwrap_or_default()
}

fn query(query: &str) -> String {
    if query.is_empty() { String::new() } else { format!("?{query}") }
}

/// A name that begins with a space is a part of the one above.
fn row(name: &str, value: &str, without: Without) -> Markup {
    let part = name.starts_with(' ').then_some("part");
    let name = name.trim_start();
    html! {
        @match (value, without) {
            ("", Without::Nothing) => {},
            ("", Without::NotRecorded) => { div { dt class=[part] { (name) } dd.dim { "not recorded" } } },
            ("", Without::None(says)) => { div { dt class=[part] { (name) } dd.dim { (says) } } },
            (value, _) => { div { dt class=[part] { (name) } dd { (visible(value)) } } },
        }
    }
}

fn cost(shown: &Shown, metadata: &Metadata) -> Markup {
    let cost = &metadata.cost_estimate;
    if cost.currency.is_empty() && cost.total_cost == 0.0 {
        let is_known = is_key(shown, &["cost_estimate", "source"]);
        return row(
            "Cost",
            "",
            if is_known { Without::None("no price is known") } else { Without::NotRecorded },
        );
    }
    let source = match &*cost.source {
        "provider" => "as the provider says".to_owned(),
        "user" => "by your prices".to_owned(),
        "table" => "by the price table".to_owned(),
        "" => "its source was not recorded".to_owned(),
        other => match other.strip_prefix("table:") {
            Some(provider) => format!("by the price table, as if from {provider}"),
            None => other.to_owned(),
        },
    };
    html! {
        div {
        dt { "Cost" }
        dd {
            (visible(&money(cost.total_cost, &cost.currency))) " "
            span.dim {
                @if cost.input_cost > 0.0 || cost.output_cost > 0.0 {
                    "(in " (money(cost.input_cost, "")) ", out " (money(cost.output_cost, "")) ") "
                }
                (visible(&source))
            }
        }
        }
    }
}

/// What of the call is not there as it was.
fn notes(shown: &Shown) -> Markup {
    let mut notes: Vec<String> = Vec::new();
    let sizes = shown.dir.sizes();
    if let Some(metadata) = &shown.metadata {
        let truncated = metadata.truncated;
        for (is, what) in [(truncated.input, "The request"), (truncated.output, "The response")] {
            if is {
                notes.push(format!(
                    "{what} was cut when it was recorded: it was too long, or memory was short."
                ));
            }
        }
        if truncated.context {
            notes.push("A text of the context was cut when it was recorded.".to_owned());
        }
        for (named, found, what) in [
            (&metadata.files.input, sizes.input, "request"),
            (&metadata.files.output, sizes.output, "response"),
        ] {
            if found.is_none() && !named.is_empty() {
                notes.push(format!("The {what} is not there: its file has been removed."));
            } else if found.is_none() && shown.has(&["files"]) {
                notes.push(format!(
                    "The {what} was not recorded: bodies are switched off, or there was none."
                ));
            }
        }
    }
    for (file, what, bytes) in
        [("input.json", "request", sizes.input), ("output.json", "response", sizes.output)]
    {
        let redacted = shown.dir.read(file).map_or(0, |contents| count(&contents, b"[REDACTED]"));
        if redacted > 0 {
            let places = if redacted == 1 { "place" } else { "places" };
            notes.push(format!("In {redacted} {places} of the {what} a secret was replaced by [REDACTED]."));
        }
        if let Some(bytes) = bytes.filter(|bytes| *bytes > crate::page::call_dir::MAX_BODY) {
            notes.push(format!(
                "The {what} is too large to be taken apart here ({}): its beginning is shown.",
                size(bytes)
            ));
        }
    }
    html! { @if !notes.is_empty() { ul.notes { @for note in &notes { li { (note) } } } } }
}

fn count(contents: &[u8], word: &[u8]) -> usize {
    let mut rest = contents;
    let mut found = 0;
    while let Some(place) = rest.windows(word.len()).position(|window| window == word) {
        found += 1;
        rest = &rest[place + word.len()..];
    }
    found
}
