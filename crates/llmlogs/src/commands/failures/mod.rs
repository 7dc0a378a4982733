//! `llmlogs failures`: what failed, how often, and why.

mod print;

use crate::args::Failures;
use crate::env::{Env, no_calls};
use crate::outcome::{CliError, Outcome};
use crate::output::format::plural;
use crate::output::progress::Progress;
use crate::read_failures::ReadFailures;
use crate::reports;

pub(crate) fn run(env: &mut Env, args: &Failures) -> Result<Outcome, CliError> {
    let filter = args.filters.filter(args.date.as_ref());
    let progress = Progress::bar("reading indexes");
    let report = env.root.failures_with_progress(&filter, &|so_far| progress.show(so_far))?;
    progress.end();
    let mut failures = ReadFailures::default();
    failures.add_all(&report.unreadable);
    if report.failures > 0 || (env.json && report.calls > 0) {
        if env.json {
            let value = reports::failures::json(env.clock, &report);
            env.out.json(&value)?;
        } else {
            let top = if args.top == 0 { usize::MAX } else { args.top };
            print::text(env, &report, top)?;
        }
    }
    env.out.finish()?;
    failures.outcome(report.failures as usize, || match report.calls {
        0 => no_calls(env, &filter),
        calls => format!("none of {} failed", plural(calls, "call")),
    })
}
