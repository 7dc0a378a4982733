//! `llmlogs show`: one call, whole.

use std::io::Write;

use llmlogs_core::api::{Part, RequestView, ResponseView};
use llmlogs_core::json::{self, Json};
use llmlogs_core::read::{Call, Entry, Metadata};

use crate::args::Show;
use crate::commands::latest;
use crate::env::Env;
use crate::outcome::{CliError, Outcome};
use crate::output::out::{BAD, BOLD, DIM, HEADING};
use crate::output::text::{clean, one_line};
use crate::selector::{Found, resolve};
use crate::{body, bundle};

pub(crate) fn run(env: &mut Env, args: &Show) -> Result<Outcome, CliError> {
    let call = match resolve(env, args.call.as_deref())? {
        Found::Call(call) => call,
        Found::Nothing(outcome) => return Ok(outcome),
    };
    if args.path {
        let path = call.dir().canonicalize().unwrap_or_else(|_| call.dir().to_owned());
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
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Outcome::nothing(format!(
                    "{error}\nThe call has no such body yet, or its folder is gone."
                )));
            }
            Err(error) => return Err(CliError::Root(format!("cannot read {error}"))),
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

fn print(env: &mut Env, call: &Call) -> Result<(), CliError> {
    // Damaged metadata is no reason to hide the bodies.
    let entry = Entry::open(call.clone()).unwrap_or_else(|_| Entry::bare(call.clone()));
    latest::head(env, &entry)?;
    let metadata = call.metadata().unwrap_or_default();
    let stored = call.input().unwrap_or_default();
    let text = body::text(&stored);
    let Ok(input) = json::parse(&text) else {
        section(env, "Request")?;
        return quote(env, if text.is_empty() { "(not there)" } else { &text });
    };
    let endpoint = body::endpoint(&metadata.api_info, &input);
    show_request(env, &body::request(&endpoint, &input), &input)?;
    let stored = call.output().unwrap_or_default();
    let text = body::text(&stored);
    match json::parse(&text) {
        Ok(output) if body::is_failure(&metadata) => {
            show_failure(env, &metadata, &output, &body::response(&endpoint, &output, true))
        }
        Ok(output) => {
            section(env, "Response")?;
            show_response(env, &body::response(&endpoint, &output, false), &output)
        }
        Err(_) if text.is_empty() => Ok(()),
        Err(_not_json) => {
            section(env, "Response")?;
            quote(env, &text)
        }
    }
}

fn show_request(env: &mut Env, request: &RequestView<'_>, body: &Json<'_>) -> Result<(), CliError> {
    section(env, "Request")?;
    let parameters = [
        ("temperature", request.temperature.map(Json::scalar)),
        ("max tokens", request.max_tokens.map(Json::scalar)),
        (
            "tool choice",
            request.tool_choice.map(|choice| llmlogs_core::api::text_or_json(choice).into_owned()),
        ),
        ("stream", request.stream.then(|| "yes".to_owned())),
    ];
    let shown: Vec<_> = parameters
        .into_iter()
        .filter_map(|(name, value)| Some(format!("{name} {}", one_line(&value?))))
        .collect();
    if !shown.is_empty() {
        let shown = env.out.paint(DIM, &shown.join(" · "));
        env.out.line(&shown)?;
    }
    if !request.tools.is_empty() {
        let names: Vec<_> = request.tools.iter().map(|tool| one_line(&tool.name)).collect();
        let line = format!("{} {}", env.out.paint(DIM, "tools"), names.join(", "));
        env.out.line(&line)?;
    }
    if request.messages.is_empty() {
        return quote(env, &body::pretty(body));
    }
    for message in &request.messages {
        env.out.blank()?;
        let role = env.out.paint(BOLD, &one_line(&message.role));
        env.out.line(&role)?;
        parts(env, &message.parts)?;
    }
    Ok(())
}

fn show_response(env: &mut Env, response: &ResponseView<'_>, body: &Json<'_>) -> Result<(), CliError> {
    if response.choices.is_empty() {
        return quote(env, &body::pretty(body));
    }
    for (place, choice) in response.choices.iter().enumerate() {
        if response.choices.len() > 1 {
            env.out.blank()?;
            let heading = format!("choice {} ({})", place + 1, one_line(&choice.finish_reason));
            let heading = env.out.paint(BOLD, &heading);
            env.out.line(&heading)?;
        }
        parts(env, &choice.parts)?;
    }
    Ok(())
}

fn show_failure(
    env: &mut Env,
    metadata: &Metadata,
    output: &Json<'_>,
    partial: &ResponseView<'_>,
) -> Result<(), CliError> {
    section(env, "Failure")?;
    let response = &metadata.response_info;
    let kind = env.out.paint(BAD, &one_line(&response.error_type));
    env.out.line(&kind)?;
    quote(env, &response.error_message)?;
    let reported = output.get("body");
    if !reported.is_null() {
        env.out.blank()?;
        quote(env, &reported.as_str().map_or_else(|| body::pretty(reported), |text| text.into_owned()))?;
    }
    let arrived = output.get("partial");
    if !arrived.is_null() {
        section(env, "What had arrived")?;
        show_response(env, partial, arrived)?;
    }
    Ok(())
}

fn parts(env: &mut Env, parts: &[Part<'_>]) -> Result<(), CliError> {
    if parts.is_empty() {
        let empty = env.out.paint(DIM, "  (empty)");
        return Ok(env.out.line(&empty)?);
    }
    for part in parts {
        match part {
            Part::Reasoning(text) => {
                for line in clean(text).lines() {
                    let line = env.out.paint(DIM, line);
                    env.out.line(&format!("  {line}"))?;
                }
            }
            Part::ToolCall { name, arguments, .. } | Part::ServerToolCall { name, arguments, .. } => {
                let name = env.out.paint(HEADING, &format!("→ {}", one_line(name)));
                env.out.line(&format!("  {name}"))?;
                let arguments =
                    json::parse(arguments).map_or_else(|_| arguments.to_string(), |json| body::pretty(&json));
                for line in clean(&arguments).lines() {
                    env.out.line(&format!("    {line}"))?;
                }
            }
            part => quote(env, &body::parts_text(std::slice::from_ref(part)))?,
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

/// Recorded text, set in.
fn quote(env: &mut Env, text: &str) -> Result<(), CliError> {
    for line in clean(text).lines() {
        env.out.line(format!("  {line}").trim_end())?;
    }
    Ok(())
}
