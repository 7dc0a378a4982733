//! `llmlogs tail`: the last calls, and new ones as they happen.

use std::collections::HashMap;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use llmlogs_core::query::Filter;
use llmlogs_core::read::{Entry, Event, State, Watch, short_id};

use crate::args::Tail;
use crate::env::{Env, no_calls};
use crate::outcome::{CliError, Outcome};
use crate::output::out::{DIM, LIVE};
use crate::output::table::Table;
use crate::output::text::{cut, one_line};
use crate::output::{format, row};
use crate::read_failures::ReadFailures;

/// How long to wait between two polls.
const PAUSE: Duration = Duration::from_millis(250);

/// How many calls in flight are named on the last line.
const NAMED: usize = 3;

pub(crate) fn run(env: &mut Env, args: &Tail) -> Result<Outcome, CliError> {
    let filter = args.filters.filter(None);
    // Started before the last calls are listed, so that none is missed in between.
    let watch = if args.follow { Some(env.root.watch()?) } else { None };
    let mut failures = ReadFailures::default();
    let mut last: Vec<Entry> =
        env.root.query(filter.clone()).filter_map(|entry| failures.keep(entry)).take(args.limit).collect();
    last.reverse();
    let mut table = Table::new(&row::COLUMNS);
    for entry in &last {
        show(env, &mut table, entry)?;
    }
    if !env.json && (args.follow || !last.is_empty()) {
        table.end(&mut env.out)?;
    }
    std::io::Write::flush(&mut env.out)?;
    match watch {
        None => failures.outcome(last.len(), || no_calls(env, &filter)),
        Some(watch) => follow(env, &filter, watch, table, &last),
    }
}

/// Shows new calls until the program is ended.
fn follow(
    env: &mut Env,
    filter: &Filter,
    mut watch: Watch,
    mut table: Table<'_>,
    last: &[Entry],
) -> Result<Outcome, CliError> {
    let shown = |entry: &Entry| (entry.call().dir().to_owned(), entry.call().state());
    let mut shown: HashMap<PathBuf, State> = last.iter().map(shown).collect();
    let status_line = env.out.is_terminal() && !env.json;
    loop {
        thread::sleep(PAUSE);
        let events = watch.poll()?;
        if status_line {
            erase(env)?;
        }
        for entry in events.iter().map(Event::entry).filter(|entry| filter.matches(entry)) {
            let state = entry.call().state();
            // The listing of the last calls may have shown it already.
            if shown.get(entry.call().dir()) == Some(&state) {
                shown.remove(entry.call().dir());
                continue;
            }
            // On a terminal the status line names those in flight.
            if !(status_line && state == State::InFlight) {
                show(env, &mut table, entry)?;
            }
        }
        if !env.json {
            table.end(&mut env.out)?;
        }
        if status_line {
            print_in_flight(env, filter, &watch)?;
        }
        std::io::Write::flush(&mut env.out)?;
    }
}

fn show(env: &mut Env, table: &mut Table<'_>, entry: &Entry) -> Result<(), CliError> {
    if env.json {
        env.out.json_line(&row::json(entry))?;
    } else {
        let row = row::row(env, entry);
        table.row(&mut env.out, row)?;
    }
    Ok(())
}

/// Clears the status line.
fn erase(env: &mut Env) -> Result<(), CliError> {
    Ok(std::io::Write::write_all(&mut env.out, b"\r\x1b[2K")?)
}

/// Prints the status line, which names the calls in flight.
fn print_in_flight(env: &mut Env, filter: &Filter, watch: &Watch) -> Result<(), CliError> {
    let mut live: Vec<_> =
        watch.in_flight().filter(|entry| filter.matches_session(entry.call().session_id())).collect();
    if live.is_empty() {
        return Ok(());
    }
    live.sort_by(|a, b| a.line().timestamp.total_cmp(&b.line().timestamp));
    let named = live
        .iter()
        .take(NAMED)
        .map(|entry| format!("{} {}", one_line(short_id(entry.call().id())), row::latency(entry)));
    let mut text =
        format!("{} in flight: {}", format::grouped(live.len() as u64), named.collect::<Vec<_>>().join(", "));
    if live.len() > NAMED {
        text.push_str(", …");
    }
    let text = cut(&text, env.out.text_width() - 1).into_owned();
    let text = env.out.paint(LIVE, &text);
    let text = env.out.paint(DIM, &text);
    Ok(std::io::Write::write_all(&mut env.out, text.as_bytes())?)
}
