//! `llmlogs stats`: how many, how much, how long.

mod print;

use crate::args::Stats;
use crate::env::{Env, no_calls};
use crate::outcome::{CliError, Outcome};
use crate::output::progress::Progress;
use crate::read_failures::ReadFailures;
use crate::reports;

pub(crate) fn run(env: &mut Env, args: &Stats) -> Result<Outcome, CliError> {
    let filter = args.filters.filter(args.date.as_ref());
    let progress = Progress::bar("reading indexes");
    let show = |so_far| progress.show(so_far);
    let totals = match &args.by {
        Some(by) => env.root.totals_by(&filter, by, &show)?,
        None => env.root.totals_with_progress(&filter, &show)?,
    };
    progress.end();
    let found = totals.found();
    let mut failures = ReadFailures::default();
    failures.add_all(&totals.unreadable);
    if found > 0 {
        if env.json {
            let value = reports::stats::json(env.clock, &totals, args.by.as_ref());
            env.out.json(&value)?;
        } else {
            let top = if args.top == 0 { usize::MAX } else { args.top };
            print::text(env, &totals, args.by.as_ref(), top)?;
        }
    }
    env.out.finish()?;
    failures.outcome(found as usize, || no_calls(env, &filter))
}
