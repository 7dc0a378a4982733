//! How failures are shown.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use super::gather::{FailureReport, Tally};
use crate::env::Env;
use crate::outcome::CliError;
use crate::output::format::{bar, duration, grouped, percent, plural, sparkline};
use crate::output::out::{BAD, DIM, HEADING};
use crate::output::table::{Table, cell, left, pairs, right};
use crate::output::text::{cut, one_line};

const BAR: usize = 20;

/// How many days the rate is shown for.
const DAYS: usize = 14;

pub(crate) fn text(env: &mut Env, story: &FailureReport<'_>, top: usize) -> Result<(), CliError> {
    let failures = story.failures();
    let mut shown = vec![(
        "failures",
        format!(
            "{} of {}, {}",
            grouped(failures),
            plural(story.calls, "call"),
            percent(failures, story.calls)
        ),
    )];
    if story.cancelled > 0 {
        shown.push((
            "cancelled",
            format!("{} by the caller, not counted as failures", grouped(story.cancelled)),
        ));
    }
    if story.retries.calls > 0 {
        shown.push(("retries", retries(story)));
    }
    pairs(&mut env.out, &shown)?;
    over_time(env, story)?;
    types(env, story, top)?;
    causes(env, story, top)?;
    runs(env, story, top.min(5))
}

fn retries(story: &FailureReport<'_>) -> String {
    let retries = &story.retries;
    let without = story.failures() + retries.saved;
    format!(
        "{} tried {} more: {} saved; without that {} would have failed",
        plural(retries.calls, "call"),
        plural(retries.attempts, "time"),
        grouped(retries.saved),
        percent(without, story.calls)
    )
}

/// Calls and failures by stretch of time, in order.
fn rates(story: &FailureReport<'_>, name: impl Fn(f64) -> String) -> BTreeMap<String, (u64, u64)> {
    let mut rates: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for (quarter, (calls, failures)) in &story.quarters {
        let sum = rates.entry(name(*quarter as f64 * 900.0)).or_default();
        sum.0 += calls;
        sum.1 += failures;
    }
    rates
}

fn over_time(env: &mut Env, story: &FailureReport<'_>) -> Result<(), CliError> {
    heading(env, "Failure rate")?;
    let days = rates(story, |start| env.clock.date(start));
    let hours = rates(story, |start| env.clock.hour_start(start));
    let share =
        |(calls, failures): &(u64, u64)| if *calls == 0 { 0.0 } else { *failures as f64 / *calls as f64 };
    if days.len() > 1 {
        let skipped = days.len().saturating_sub(DAYS);
        let columns = [left("DAY"), right("CALLS"), right("FAILED"), right("RATE"), left("")];
        let mut table = Table::new(&columns);
        for (day, rate) in days.iter().skip(skipped) {
            let cells = vec![
                cell(day.as_str()),
                cell(grouped(rate.0)),
                cell(grouped(rate.1)),
                cell(percent(rate.1, rate.0)),
                cell(bar(share(rate), BAR)).style(BAD),
            ];
            table.row(&mut env.out, cells)?;
        }
        table.end(&mut env.out)?;
        if skipped > 0 {
            let earlier: Vec<_> = days.values().take(skipped).map(share).collect();
            let room = env.out.text_width().saturating_sub(20);
            let line = sparkline(&earlier[earlier.len().saturating_sub(room)..]);
            let line = env.out.paint(BAD, &line);
            env.out.line(&format!("before that {line}"))?;
        }
        return Ok(());
    }
    let values: Vec<_> = hours.values().map(share).collect();
    let line = env.out.paint(BAD, &sparkline(&values));
    let hour = |name: Option<&String>| name.and_then(|name| name.get(11..16)).unwrap_or_default().to_owned();
    let day = days.keys().next().cloned().unwrap_or_default();
    Ok(env.out.line(&format!(
        "{day} {} {line} {}",
        hour(hours.keys().next()),
        hour(hours.keys().next_back())
    ))?)
}

fn types(env: &mut Env, story: &FailureReport<'_>, top: usize) -> Result<(), CliError> {
    heading(env, "By type and code")?;
    let columns =
        [left("TYPE"), left("CODE").at_most(30), right("FAILED"), right("SHARE"), left("LAST"), left("")];
    let mut table = Table::new(&columns);
    let all = story.failures();
    let ranked = FailureReport::ranked(&story.types);
    for ((name, code), tally) in ranked.iter().take(top) {
        let cells = vec![
            cell(one_line(name)).style(BAD),
            cell(one_line(code)),
            cell(grouped(tally.count)),
            cell(percent(tally.count, all)),
            cell(env.clock.short(tally.last)),
            cell(bar(tally.count as f64 / all as f64, BAR)).style(BAD),
        ];
        table.row(&mut env.out, cells)?;
    }
    table.end(&mut env.out)?;
    more(env, ranked.len(), top)
}

fn causes(env: &mut Env, story: &FailureReport<'_>, top: usize) -> Result<(), CliError> {
    heading(env, "Causes")?;
    let ranked = FailureReport::ranked(&story.causes);
    for (cause, tally) in ranked.iter().take(top) {
        let status = tally.http_status.map(|status| format!(" {status}")).unwrap_or_default();
        let head = format!("{:>6}×  {}{status}", grouped(tally.count), one_line(&cause.error_type));
        let head = env.out.paint(BAD, &head);
        let message =
            if cause.message.is_empty() { "(no message)".to_owned() } else { one_line(&cause.message) };
        let message = match env.out.width() {
            Some(width) => cut(&message, 2 * width - 20).into_owned(),
            None => message,
        };
        let latest = env.out.paint(DIM, &format!("latest {}", env.clock.full(tally.last)));
        let folder = env.out.path(&tally.example);
        env.out.line(&format!("{head}  {message}"))?;
        env.out.line(&format!("         {latest}  {folder}"))?;
    }
    more(env, ranked.len(), top)
}

fn runs(env: &mut Env, story: &FailureReport<'_>, top: usize) -> Result<(), CliError> {
    let runs = story.runs();
    if runs.is_empty() {
        return Ok(());
    }
    heading(env, "Longest runs of failures")?;
    let columns = [right("FAILED"), left("FROM"), left("LASTING"), left("SESSION")];
    let mut table = Table::new(&columns);
    for run in runs.iter().take(top) {
        let lasting = duration(((run.last - run.first).max(0.0) * 1000.0) as u64);
        let cells = vec![
            cell(format!("{} in a row", grouped(run.length))).style(BAD),
            cell(env.clock.full(run.first)),
            cell(lasting),
            cell(one_line(session_id(&run.session))),
        ];
        table.row(&mut env.out, cells)?;
    }
    Ok(table.end(&mut env.out)?)
}

fn session_id(dir: &Path) -> &str {
    let name = dir.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.strip_prefix("session_").unwrap_or(name)
}

fn heading(env: &mut Env, title: &str) -> Result<(), CliError> {
    env.out.blank()?;
    let title = env.out.paint(HEADING, title);
    Ok(env.out.line(&title)?)
}

fn more(env: &mut Env, all: usize, top: usize) -> Result<(), CliError> {
    if all > top {
        let text = env.out.paint(DIM, &format!("… and {} more; --top 0 shows all", all - top));
        env.out.line(&text)?;
    }
    Ok(())
}

pub(crate) fn json(env: &Env, story: &FailureReport<'_>) -> Value {
    let tally = |tally: &Tally| {
        json!({
            "count": tally.count, "first": tally.first, "last": tally.last, "http_status": tally.http_status,
            "example": tally.example.display().to_string(),
        })
    };
    let with = |mut value: Value, more: Value| {
        if let (Some(members), Value::Object(more)) = (value.as_object_mut(), more) {
            members.extend(more);
        }
        value
    };
    let types = FailureReport::ranked(&story.types);
    let causes = FailureReport::ranked(&story.causes);
    let over_time = rates(story, |start| env.clock.hour_start(start));
    let failures = story.failures();
    json!({
        "calls": story.calls,
        "failures": failures,
        "cancelled": story.cancelled,
        "failure_rate": if story.calls == 0 { Value::Null } else { (failures as f64 / story.calls as f64).into() },
        "over_time": over_time.iter().map(|(hour, (calls, failures))| json!({"hour": hour, "calls": calls, "failures": failures})).collect::<Vec<_>>(),
        "by_type": types.iter().map(|((name, code), of)| with(json!({"error_type": name, "error_code": code}), tally(of))).collect::<Vec<_>>(),
        "causes": causes.iter().map(|(cause, of)| with(
            json!({"error_type": cause.error_type, "error_code": cause.error_code, "message": cause.message}), tally(of)
        )).collect::<Vec<_>>(),
        "runs": story.runs().iter().take(100).map(|run| json!({
            "length": run.length, "first": run.first, "last": run.last, "session_id": session_id(&run.session),
        })).collect::<Vec<_>>(),
        "retries": {"calls": story.retries.calls, "attempts": story.retries.attempts, "saved": story.retries.saved},
    })
}
