//! How counts are shown.

use std::collections::BTreeMap;

use llmlogs_core::query::{Cost, Group, GroupBy, GroupTotals, LatencySummary, NamedCount, Retries, Totals};

use crate::env::Env;
use crate::outcome::CliError;
use crate::output::format::{bar, compact, duration, grouped, money, percent, plural, sparkline};
use crate::output::out::{BAD, DIM, GOOD, HEADING, PLAIN, WARN};
use crate::output::table::{Column, Table, cell, left, pairs, right};
use crate::output::text::one_line;

const BAR: usize = 24;

pub(crate) fn text(env: &mut Env, totals: &Totals, by: Option<&GroupBy>, top: usize) -> Result<(), CliError> {
    let all = &totals.all;
    let mut shown = vec![("calls", calls(env, totals))];
    if let (Some(first), Some(last)) = (totals.first, totals.last) {
        let (first, last) = (env.clock.full(first), env.clock.full(last));
        shown.push(("from", if first == last { first } else { format!("{first} to {last}") }));
    }
    shown.push(("success", success(env, all)));
    shown.push(("tokens", tokens(all)));
    shown.push(("cost", costs(all)));
    shown.push(("latency", latency(&all.latency_ms)));
    if totals.time_to_first_token_ms.count > 0 {
        shown.push(("first token", latency(&totals.time_to_first_token_ms)));
    }
    let speed = totals.tokens_per_second;
    if speed > 0.0 {
        shown.push(("speed", format!("{speed:.1} completion tokens a second")));
    }
    if !totals.retries.is_empty() {
        shown.push(("retries", retries(&totals.retries)));
    }
    pairs(&mut env.out, &shown)?;
    if let Some(by) = by {
        let heading = match by {
            GroupBy::Model => "MODEL",
            GroupBy::Provider => "PROVIDER",
            GroupBy::Session => "SESSION",
            GroupBy::Tool => "TOOL",
            _ => "VALUE",
        };
        sums(
            env,
            &format!("By {}", one_line(&by.to_string())),
            left(heading).at_most(40).at_least(17),
            &totals.groups,
            top,
        )?;
        return note(env, by, totals);
    }
    let title = "By model";
    sums(env, title, left("MODEL").at_most(40).at_least(17), &totals.by_model, top)?;
    let title = "By session";
    sums(env, title, left("SESSION").at_most(40).at_least(17), &totals.by_session, top)?;
    counts(env, "By tool", left("TOOL").at_most(40).at_least(17), &totals.by_tool, top)?;
    counts(env, "By finish reason", left("REASON").at_most(40).at_least(17), &totals.by_finish_reason, top)?;
    hours(env, totals)
}

/// Says so if no call has the field that calls were grouped by: its name may be a slip.
fn note(env: &mut Env, by: &GroupBy, totals: &Totals) -> Result<(), CliError> {
    let named = totals.groups.iter().any(|group| !group.name.is_empty());
    if !named && matches!(by, GroupBy::Context(_)) && totals.all.calls > 0 {
        let by = one_line(&by.to_string());
        let text =
            format!("no call has {by}; --by takes model, provider, session, tool, or a field of the context");
        let text = env.out.paint(DIM, &text);
        env.out.line(&text)?;
    }
    Ok(())
}

fn retries(retries: &Retries) -> String {
    let mut text = format!(
        "{} tried {} more, {} waited, {} saved",
        plural(retries.calls, "call"),
        plural(retries.attempts, "time"),
        duration(retries.waited_ms),
        grouped(retries.saved)
    );
    if retries.fallbacks > 0 {
        text.push_str(&format!(" ({} by a fallback)", grouped(retries.saved_by_fallback)));
    }
    text
}

fn calls(env: &Env, totals: &Totals) -> String {
    let mut text = grouped(totals.all.calls);
    let unfinished = [
        (totals.in_flight, "in flight"),
        (totals.interrupted, "interrupted"),
        (totals.not_recorded, "not recorded"),
    ];
    for (count, what) in unfinished {
        if count > 0 {
            text.push_str(&env.out.paint(WARN, &format!("  {} {what}", grouped(count))));
        }
    }
    text
}

fn success(env: &Env, all: &GroupTotals) -> String {
    let mut text = match all.success_rate() {
        None => "–".to_owned(),
        Some(share) => {
            let full = bar(share, BAR);
            let rest = "░".repeat(BAR.saturating_sub(full.chars().count()));
            format!("{}{} {}", env.out.paint(GOOD, &full), env.out.paint(BAD, &rest), ok_of_judged(all))
        }
    };
    if all.errors > 0 {
        let share = percent(all.errors, all.ok + all.errors);
        text.push_str(&format!("  {} failed ({share})", grouped(all.errors)));
    }
    if all.cancelled > 0 {
        text.push_str(&format!("  {} cancelled", grouped(all.cancelled)));
    }
    text
}

/// Returns the success rate: of the calls that succeeded or failed.
fn ok_of_judged(of: &GroupTotals) -> String {
    percent(of.ok, of.ok + of.errors)
}

fn tokens(all: &GroupTotals) -> String {
    let of = |count: u64, what: &str| {
        if count > 0 { format!(" ({} {what})", compact(count)) } else { String::new() }
    };
    format!(
        "{} in{}  {} out{}  {} total",
        compact(all.prompt_tokens),
        of(all.cached_tokens, "cached"),
        compact(all.completion_tokens),
        of(all.reasoning_tokens, "reasoning"),
        compact(all.total_tokens)
    )
}

fn costs(all: &GroupTotals) -> String {
    let mut parts = amounts(&all.cost);
    if all.unpriced > 0 {
        parts.push(format!("{} without a known price", plural(all.unpriced, "call")));
    }
    if parts.is_empty() { "–".to_owned() } else { parts.join("  ") }
}

fn amounts(costs: &[Cost]) -> Vec<String> {
    costs.iter().map(|cost| money(cost.amount, &one_line(&cost.currency))).collect()
}

fn latency(latencies: &LatencySummary) -> String {
    format!(
        "mean {}  p50 {}  p95 {}  p99 {}  max {}",
        duration(latencies.mean),
        duration(latencies.p50),
        duration(latencies.p95),
        duration(latencies.p99),
        duration(latencies.max)
    )
}

fn heading(env: &mut Env, title: &str) -> Result<(), CliError> {
    env.out.blank()?;
    let title = env.out.paint(HEADING, title);
    Ok(env.out.line(&title)?)
}

fn more(env: &mut Env, shown: usize, all: usize) -> Result<(), CliError> {
    if all > shown {
        let text =
            env.out.paint(DIM, &format!("… and {} more; --top 0 shows all", grouped((all - shown) as u64)));
        env.out.line(&text)?;
    }
    Ok(())
}

fn sums(env: &mut Env, title: &str, first: Column, groups: &[Group], top: usize) -> Result<(), CliError> {
    if groups.is_empty() {
        return Ok(());
    }
    heading(env, title)?;
    let columns = [
        first,
        right("CALLS"),
        right("FAILED"),
        right("OK").spare_last(3),
        right("TOKENS"),
        right("P50").spare_last(1),
        right("P95").spare_last(2),
        left("COST"),
    ];
    let mut table = Table::new(&columns);
    for Group { name, totals: group, .. } in groups.iter().take(top) {
        let cost = amounts(&group.cost);
        let style = if group.errors == 0 { PLAIN } else { WARN };
        let cells = vec![
            cell(named(name)),
            cell(grouped(group.calls)),
            cell(grouped(group.errors)),
            cell(ok_of_judged(group)).style(style),
            cell(compact(group.total_tokens)),
            cell(duration(group.latency_ms.p50)),
            cell(duration(group.latency_ms.p95)),
            cell(cost.join(" ")),
        ];
        table.row(&mut env.out, cells)?;
    }
    table.end(&mut env.out)?;
    more(env, top.min(groups.len()), groups.len())
}

fn counts(
    env: &mut Env,
    title: &str,
    first: Column,
    groups: &[NamedCount],
    top: usize,
) -> Result<(), CliError> {
    let Some(most) = groups.first().map(|group| group.count) else { return Ok(()) };
    heading(env, title)?;
    let columns = [first, right("CALLS"), left("")];
    let mut table = Table::new(&columns);
    for NamedCount { name, count, .. } in groups.iter().take(top) {
        let bar = bar(*count as f64 / most as f64, BAR);
        table.row(&mut env.out, vec![cell(named(name)), cell(grouped(*count)), cell(bar).style(GOOD)])?;
    }
    table.end(&mut env.out)?;
    more(env, top.min(groups.len()), groups.len())
}

fn named(name: &str) -> String {
    if name.is_empty() { "(none)".to_owned() } else { one_line(name) }
}

/// Calls by hour of the day; by day too, where there are several.
fn hours(env: &mut Env, totals: &Totals) -> Result<(), CliError> {
    if totals.over_time.is_empty() {
        return Ok(());
    }
    let mut of_day = [0.0; 24];
    let mut days: BTreeMap<String, f64> = BTreeMap::new();
    for traffic in &totals.over_time {
        of_day[env.clock.hour(traffic.start)] += traffic.calls as f64;
        *days.entry(env.clock.date(traffic.start)).or_default() += traffic.calls as f64;
    }
    heading(env, "By hour of the day")?;
    let busiest = (0..24).max_by(|a, b| of_day[*a].total_cmp(&of_day[*b]).then(b.cmp(a))).unwrap_or_default();
    let line = env.out.paint(GOOD, &sparkline(&of_day));
    env.out
        .line(&format!("00 {line} 23   most at {busiest:02}: {}", plural(of_day[busiest] as u64, "call")))?;
    if days.len() > 1 {
        heading(env, "By day")?;
        let room = env.out.text_width().saturating_sub(30).max(20);
        let shown: Vec<_> = days.iter().rev().take(room).collect();
        let values: Vec<_> = shown.iter().rev().map(|(_, calls)| **calls).collect();
        let line = env.out.paint(GOOD, &sparkline(&values));
        if let (Some((last, _)), Some((first, _))) = (shown.first(), shown.last()) {
            env.out.line(&format!("{first} {line} {last}"))?;
        }
    }
    Ok(())
}
