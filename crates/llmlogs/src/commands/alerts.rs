//! `llmlogs alerts`: what fired, and what fires still.

use llmlogs_core::read::{AlertRecord, AlertState};
use serde_json::Value;

use crate::args::{AlertStateFilter, Alerts};
use crate::env::Env;
use crate::outcome::{CliError, Outcome};
use crate::output::format::{duration, now, plural};
use crate::output::out::{BAD, DIM, GOOD, WARN};
use crate::output::table::{Column, Table, cell, left, right};
use crate::output::text::one_line;
use crate::reports;

const COLUMNS: [Column; 5] =
    [left("SINCE"), left("STATE"), right("LASTED"), left("RULE").at_most(40).spare(1), left("ALERT")];

pub(crate) fn run(env: &mut Env, args: &Alerts) -> Result<Outcome, CliError> {
    let mut alerts = env.root.alerts()?;
    alerts.retain(|alert| matches(args, alert));
    let found = alerts.len();
    let limit = if args.limit == 0 { usize::MAX } else { args.limit };
    alerts.truncate(limit);
    let mut table = Table::new(&COLUMNS);
    for alert in &alerts {
        if env.json {
            env.out.json_line(&reports::alerts::json(alert))?;
            continue;
        }
        let (state, style) = match alert.state() {
            AlertState::Firing => ("firing", BAD),
            AlertState::Resolved => ("resolved", GOOD),
            state => (state.as_str(), WARN),
        };
        let row = vec![
            cell(env.clock.short(alert.first().timestamp)).style(DIM),
            cell(state).style(style),
            cell(lasted(alert)),
            cell(one_line(&alert.first().rule)),
            cell(told(alert)),
        ];
        table.row(&mut env.out, row)?;
    }
    if !env.json && !alerts.is_empty() {
        table.end(&mut env.out)?;
        if found > alerts.len() {
            let more = env
                .out
                .paint(DIM, &format!("… {} in all; --limit 0 lists them", plural(found as u64, "alert")));
            env.out.line(&more)?;
        }
    }
    env.out.finish()?;
    if alerts.is_empty() {
        let root = env.root.path().display();
        return Ok(Outcome::nothing(format!(
            "no such alerts in {root}\nThey come from a recorder's rules, or from llmlogs watch."
        )));
    }
    Ok(Outcome::Found)
}

fn matches(args: &Alerts, alert: &AlertRecord) -> bool {
    let first = alert.first();
    let end = match alert.state() {
        AlertState::Firing => f64::INFINITY,
        _ => alert.latest().timestamp,
    };
    let day: String = first.at.chars().take(10).filter(|c| *c != '-').collect();
    args.date.as_ref().is_none_or(|dates| dates.contains(&day))
        && args.since.is_none_or(|since| end >= since.start())
        && args.until.is_none_or(|until| first.timestamp <= until.end())
        && (args.state.is_empty() || args.state.iter().any(|state| is_in(alert.state(), *state)))
        && args.rule.as_ref().is_none_or(|text| first.rule.contains(text.as_str()))
        && args.session.as_ref().is_none_or(|id| first.session_id.ends_with(id.as_str()))
}

fn is_in(state: AlertState, wanted: AlertStateFilter) -> bool {
    let wanted = match wanted {
        AlertStateFilter::Firing => AlertState::Firing,
        AlertStateFilter::Resolved => AlertState::Resolved,
        AlertStateFilter::Ended => AlertState::Ended,
    };
    state == wanted
}

fn lasted(alert: &AlertRecord) -> String {
    match alert.state() {
        AlertState::Firing => {
            let since = (now() - alert.first().timestamp).max(0.0);
            format!("{}…", duration((since * 1000.0) as u64))
        }
        AlertState::Resolved => duration(alert.latest().firing_ms),
        // Nobody knows for how much longer.
        _ => format!("≥{}", duration(alert.latest().firing_ms)),
    }
}

/// Returns what the alert said when it began, and whom it did not reach.
fn told(alert: &AlertRecord) -> String {
    let mut text = one_line(&alert.first().message);
    if let Some(lost) = alert.undelivered().last() {
        let more = match alert.undelivered().len() {
            1 => String::new(),
            count => format!(", {} in all", plural(count as u64, "notice")),
        };
        let lost = one_line(&format!("not delivered to {}: {}{more}", lost.channel, lost.reason));
        text.push_str(&format!(" · {lost}"));
    }
    text
}

/// Returns the alerts that fire now, as JSON.
pub(crate) fn firing(env: &Env) -> Vec<Value> {
    env.root.firing().unwrap_or_default().iter().map(reports::alerts::json).collect()
}

/// Prints a line for each alert that fires now.
pub(crate) fn print_firing(env: &mut Env) -> Result<(), CliError> {
    // What cannot be read of alerts must not hide the calls; `llmlogs alerts` tells.
    for alert in env.root.firing().unwrap_or_default() {
        let since = env.clock.short(alert.first().timestamp);
        let text = format!("firing since {since}: {}", one_line(&alert.latest().message));
        let text =
            env.out.paint(BAD, &crate::output::text::cut(&text, env.out.width().unwrap_or(usize::MAX)));
        env.out.line(&text)?;
    }
    Ok(())
}
