//! `llmlogs ls`: calls, newest first.

use std::io::Write;

use llmlogs_core::query::Filter;

use crate::args::Ls;
use crate::commands::{alerts, tree};
use crate::env::{Env, no_calls};
use crate::interrupt;
use crate::outcome::{CliError, Outcome};
use crate::output::format::grouped;
use crate::output::out::DIM;
use crate::output::progress::Progress;
use crate::output::row;
use crate::output::table::Table;
use crate::read_failures::ReadFailures;

pub(crate) fn run(env: &mut Env, args: &Ls) -> Result<Outcome, CliError> {
    let filter = args.filters.filter(args.date.as_ref());
    let limit = if args.limit == 0 { usize::MAX } else { args.limit };
    let mut failures = ReadFailures::default();
    let mut found = 0_usize;
    let mut table = Table::new(&row::COLUMNS);
    let mut kept = Vec::new();
    if !env.json {
        alerts::print_firing(env)?;
    }
    let progress = Progress::spinner("looking through calls");
    for entry in env.root.query(filter.clone()) {
        interrupt::check()?;
        let Some(entry) = failures.keep(entry) else { continue };
        found += 1;
        if args.tree && !env.json {
            kept.push(entry);
        } else if env.json {
            env.out.json_line(&row::json(&entry))?;
        } else {
            let row = row::row(env, &entry);
            table.row(&mut env.out, row)?;
        }
        progress.step(1);
        if found >= limit {
            break;
        }
    }
    progress.end();
    if args.tree && !env.json {
        tree::print(env, &kept)?;
    } else if !env.json && found > 0 {
        table.end(&mut env.out)?;
    }
    if found >= limit && !env.json {
        more(env, &filter, found)?;
    }
    env.out.finish()?;
    failures.outcome(found, || no_calls(env, &filter))
}

/// Says how many calls were left out, if any were. Programs, which ask for JSON, set their own limit.
fn more(env: &mut Env, filter: &Filter, shown: usize) -> Result<(), CliError> {
    // The calls are there while the others are counted.
    env.out.flush()?;
    let progress = Progress::bar("counting calls");
    let totals = env.root.totals_with_progress(filter, &|so_far| progress.show(so_far))?;
    progress.end();
    let left = totals.found().saturating_sub(shown as u64);
    if left == 0 {
        return Ok(());
    }
    let text = env.out.paint(DIM, &format!("… {} more; --limit 0 shows all", grouped(left)));
    Ok(env.out.line(&text)?)
}
