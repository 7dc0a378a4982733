//! `llmlogs show`: one call, whole.

use std::io::Write;
use std::path::PathBuf;

use llmlogs_core::read::{Call, CallFailure, Conversation, Entry, ErrorKind, Part, pretty_json};

use crate::args::Show;
use crate::bundle;
use crate::commands::latest;
use crate::env::Env;
use crate::outcome::{CliError, Outcome, describe};
use crate::output::out::{BAD, BOLD, DIM, HEADING, complain};
use crate::output::text::{clean, one_line};
use crate::select::{Selected, select_among};

pub(crate) fn run(env: &mut Env, args: &Show) -> Result<Outcome, CliError> {
    let filter = args.filters.filter(None);
    let call = match select_among(env, args.call.as_deref(), &filter)? {
        Selected::Call(call) => call,
        Selected::Nothing(outcome) => return Ok(outcome),
    };
    if args.path {
        let path = folder(&call);
        if call.is_packed() {
            complain("the call is packed: llmlogs unpack gives its folder back");
        }
        let path = path.display().to_string();
        let path = if env.out.is_terminal() { clean(&path).into_owned() } else { path };
        env.out.line(&path)?;
    } else if args.input || args.output {
        let stored = if args.input { call.input() } else { call.output() };
        match stored {
            Ok(stored) => {
                env.out.raw_json(&stored)?;
                if stored.last() != Some(&b'\n') {
                    env.out.write_all(b"\n")?;
                }
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(Outcome::nothing(format!(
                    "{}\nThe call has no such body yet, or its folder is gone.",
                    describe(&error)
                )));
            }
            Err(error) => return Err(error.into()),
        }
    } else if env.json {
        let value = bundle::whole(&call)?;
        env.out.json(&value)?;
    } else {
        print(env, &call)?;
    }
    env.out.finish()?;
    Ok(Outcome::Found)
}

/// Returns the whole path of the call's folder; that of a packed call is not there, but its session's is.
fn folder(call: &Call) -> PathBuf {
    let of_session = || Some(call.dir().parent()?.canonicalize().ok()?.join(call.id()));
    call.dir().canonicalize().ok().or_else(of_session).unwrap_or_else(|| call.dir().to_owned())
}

fn print(env: &mut Env, call: &Call) -> Result<(), CliError> {
    // Damaged metadata is no reason to hide the bodies.
    let entry = Entry::open(call.clone()).unwrap_or_else(|_| Entry::from_name(call.clone()));
    latest::head(env, &entry)?;
    let conversation = call.conversation().unwrap_or_default();
    show_request(env, &conversation)?;
    if let Some(failure) = &conversation.failure {
        show_failure(env, failure)?;
        if conversation.has_response() {
            section(env, "What had arrived")?;
            show_response(env, &conversation)?;
        }
    } else if conversation.has_response() {
        section(env, "Response")?;
        show_response(env, &conversation)?;
    }
    Ok(())
}

fn show_request(env: &mut Env, conversation: &Conversation) -> Result<(), CliError> {
    section(env, "Request")?;
    let parameters = [
        ("temperature", conversation.temperature.as_deref()),
        ("max tokens", conversation.max_tokens.as_deref()),
        ("tool choice", conversation.tool_choice.as_deref()),
        ("stream", conversation.stream.then_some("yes")),
    ];
    let shown: Vec<_> = parameters
        .into_iter()
        .filter_map(|(name, value)| Some(format!("{name} {}", one_line(value?))))
        .collect();
    if !shown.is_empty() {
        let shown = env.out.paint(DIM, &shown.join(" · "));
        env.out.line(&shown)?;
    }
    if !conversation.tools.is_empty() {
        let names: Vec<_> = conversation.tools.iter().map(|tool| one_line(&tool.name)).collect();
        let line = format!("{} {}", env.out.paint(DIM, "tools"), names.join(", "));
        env.out.line(&line)?;
    }
    if conversation.messages.is_empty() {
        let raw = conversation.raw_request.as_deref().filter(|text| !text.is_empty());
        return quote(env, raw.unwrap_or("(not there)"));
    }
    for message in &conversation.messages {
        env.out.blank()?;
        let role = env.out.paint(BOLD, &one_line(&message.role));
        env.out.line(&role)?;
        parts(env, &message.parts)?;
    }
    Ok(())
}

fn show_response(env: &mut Env, conversation: &Conversation) -> Result<(), CliError> {
    if let Some(raw) = &conversation.raw_response {
        return quote(env, raw);
    }
    let choices = &conversation.choices;
    for (place, choice) in choices.iter().enumerate() {
        if choices.len() > 1 {
            env.out.blank()?;
            let heading = format!("choice {} ({})", place + 1, one_line(&choice.finish_reason));
            let heading = env.out.paint(BOLD, &heading);
            env.out.line(&heading)?;
        }
        parts(env, &choice.parts)?;
    }
    Ok(())
}

fn show_failure(env: &mut Env, failure: &CallFailure) -> Result<(), CliError> {
    section(env, "Failure")?;
    let kind = env.out.paint(BAD, &one_line(&failure.error_type));
    env.out.line(&kind)?;
    quote(env, &failure.message)?;
    if let Some(body) = &failure.body {
        env.out.blank()?;
        quote(env, body)?;
    }
    Ok(())
}

fn parts(env: &mut Env, parts: &[Part]) -> Result<(), CliError> {
    if parts.is_empty() {
        let empty = env.out.paint(DIM, "  (empty)");
        return Ok(env.out.line(&empty)?);
    }
    for part in parts {
        match part {
            Part::Reasoning { text } => {
                // Labelled, since a pipe has no styles that tell it from the answer.
                let label = env.out.paint(DIM, "reasoning:");
                env.out.line(&format!("  {label}"))?;
                for line in clean(text).lines() {
                    let line = env.out.paint(DIM, line);
                    env.out.line(format!("    {line}").trim_end())?;
                }
            }
            Part::ToolCall { name, arguments, .. } | Part::ServerToolCall { name, arguments, .. } => {
                let name = env.out.paint(HEADING, &format!("→ {}", one_line(name)));
                env.out.line(&format!("  {name}"))?;
                let arguments = pretty_json(arguments.as_bytes()).unwrap_or_else(|| arguments.clone());
                for line in clean(&arguments).lines() {
                    env.out.line(&format!("    {line}"))?;
                }
            }
            part => quote(env, &part.to_text())?,
        }
    }
    Ok(())
}

fn section(env: &mut Env, title: &str) -> Result<(), CliError> {
    env.out.blank()?;
    let rule = "─".repeat(env.out.text_width().saturating_sub(title.len() + 4).min(96));
    let title = env.out.paint(HEADING, title);
    let rule = env.out.paint(DIM, &rule);
    env.out.line(&format!("── {title} {rule}").replacen("── ", &env.out.paint(DIM, "── "), 1))?;
    Ok(())
}

/// Prints recorded text, indented.
fn quote(env: &mut Env, text: &str) -> Result<(), CliError> {
    for line in clean(text).lines() {
        env.out.line(format!("  {line}").trim_end())?;
    }
    Ok(())
}
