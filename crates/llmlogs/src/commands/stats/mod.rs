//! `llmlogs stats`: how many, how much, how long.

mod gather;
mod print;

use llmlogs_core::read::scan::scan;

use crate::args::Stats;
use crate::commands::ls::Broken;
use crate::env::Env;
use crate::filter::Filter;
use crate::outcome::{CliError, Outcome};
use crate::output::progress::Progress;
use gather::Totals;

pub(crate) fn run(env: &mut Env, args: &Stats) -> Result<Outcome, CliError> {
    let filter = Filter::new(&args.filters, args.date.as_ref());
    let sessions = filter.sessions(env)?;
    let progress = Progress::bar("reading indexes", crate::index_bytes(&sessions));
    let mut totals = Totals::new(&filter, &progress);
    for part in scan(&sessions, || Totals::new(&filter, &progress)) {
        totals.merge(part);
    }
    progress.end();
    let found = totals.all.calls + totals.in_flight + totals.interrupted;
    let mut broken = Broken::default();
    totals.failures.iter().for_each(|error| broken.add(error));
    if found > 0 {
        if env.json {
            let value = print::json(env, &totals);
            env.out.json(&value)?;
        } else {
            let top = if args.top == 0 { usize::MAX } else { args.top };
            print::text(env, &totals, top)?;
        }
    }
    env.out.finish()?;
    broken.outcome(found as usize, || filter.nothing(env))
}
