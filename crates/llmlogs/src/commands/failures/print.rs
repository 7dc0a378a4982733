//! How failures are shown.

use llmlogs_core::query::{FailureReport, Retries};

use crate::env::Env;
use crate::outcome::CliError;
use crate::output::format::{bar, duration, grouped, percent, plural, sparkline};
use crate::output::out::{BAD, DIM, HEADING};
use crate::output::table::{Table, cell, left, pairs, right};
use crate::output::text::{cut, one_line};
use crate::reports::failures::rates;

const BAR: usize = 20;

/// How many days the rate is shown for.
const DAYS: usize = 14;

pub(crate) fn text(env: &mut Env, report: &FailureReport, top: usize) -> Result<(), CliError> {
    let failures = report.failures;
    let mut shown = vec![(
        "failures",
        format!(
            "{} of {}, {}",
            grouped(failures),
            plural(report.calls, "call"),
            percent(failures, report.calls)
        ),
    )];
    if report.cancelled > 0 {
        shown.push((
            "cancelled",
            format!("{} by the caller, not counted as failures", grouped(report.cancelled)),
        ));
    }
    if !report.retries.is_empty() {
        shown.push(("retries", retries(report)));
    }
    if report.retries.fallbacks > 0 {
        shown.push(("fallbacks", fallbacks(&report.retries)));
    }
    pairs(&mut env.out, &shown)?;
    over_time(env, report)?;
    types(env, report, top)?;
    causes(env, report, top)?;
    runs(env, report, top.min(5))
}

fn retries(report: &FailureReport) -> String {
    let retries = &report.retries;
    let without = report.failures + retries.saved;
    format!(
        "{} tried {} more{}: {} saved; without that {} would have failed",
        plural(retries.calls, "call"),
        plural(retries.attempts, "time"),
        waited(retries),
        grouped(retries.saved),
        percent(without, report.calls)
    )
}

fn waited(retries: &Retries) -> String {
    if retries.waited_ms == 0 { String::new() } else { format!(", {} waited", duration(retries.waited_ms)) }
}

/// Returns how many calls went elsewhere, and what that achieved.
fn fallbacks(retries: &Retries) -> String {
    format!("{} elsewhere: {} saved", plural(retries.fallbacks, "call"), grouped(retries.saved_by_fallback))
}

fn over_time(env: &mut Env, report: &FailureReport) -> Result<(), CliError> {
    heading(env, "Failure rate")?;
    let days = rates(report, |start| env.clock.date(start));
    let hours = rates(report, |start| env.clock.hour_start(start));
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

fn types(env: &mut Env, report: &FailureReport, top: usize) -> Result<(), CliError> {
    heading(env, "By type and code")?;
    let columns = [
        left("TYPE").at_least(14),
        left("CODE").at_most(30).at_least(10),
        right("FAILED"),
        right("SHARE").spare_last(1),
        left("LAST"),
        left(""),
    ];
    let mut table = Table::new(&columns);
    let all = report.failures;
    for failed in report.by_type.iter().take(top) {
        let count = failed.count.count;
        let cells = vec![
            cell(one_line(&failed.error_type)).style(BAD),
            cell(one_line(&failed.error_code)),
            cell(grouped(count)),
            cell(percent(count, all)),
            cell(env.clock.short(failed.count.last)),
            cell(bar(count as f64 / all as f64, BAR)).style(BAD),
        ];
        table.row(&mut env.out, cells)?;
    }
    table.end(&mut env.out)?;
    more(env, report.by_type.len(), top)
}

fn causes(env: &mut Env, report: &FailureReport, top: usize) -> Result<(), CliError> {
    heading(env, "Causes")?;
    for cause in report.causes.iter().take(top) {
        let count = &cause.count;
        let status = count.http_status.map(|status| format!(" {status}")).unwrap_or_default();
        let head = format!("{:>6}×  {}{status}", grouped(count.count), one_line(&cause.error_type));
        let head = env.out.paint(BAD, &head);
        let message =
            if cause.message.is_empty() { "(no message)".to_owned() } else { one_line(&cause.message) };
        let message = match env.out.width() {
            Some(width) => cut(&message, 2 * width - 20).into_owned(),
            None => message,
        };
        let latest = env.out.paint(DIM, &format!("latest {}", env.clock.full(count.last)));
        let folder = env.out.path(&count.example);
        env.out.line(&format!("{head}  {message}"))?;
        env.out.line(&format!("         {latest}  {folder}"))?;
    }
    more(env, report.causes.len(), top)
}

fn runs(env: &mut Env, report: &FailureReport, top: usize) -> Result<(), CliError> {
    if report.runs.is_empty() {
        return Ok(());
    }
    heading(env, "Longest runs of failures")?;
    let columns = [right("FAILED"), left("FROM"), left("LASTING"), left("SESSION")];
    let mut table = Table::new(&columns);
    for run in report.runs.iter().take(top) {
        let lasting = duration(((run.last - run.first).max(0.0) * 1000.0) as u64);
        let cells = vec![
            cell(format!("{} in a row", grouped(run.length))).style(BAD),
            cell(env.clock.full(run.first)),
            cell(lasting),
            cell(one_line(&run.session_id)),
        ];
        table.row(&mut env.out, cells)?;
    }
    Ok(table.end(&mut env.out)?)
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
