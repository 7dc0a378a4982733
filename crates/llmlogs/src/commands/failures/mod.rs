//! `llmlogs failures`: what failed, how often, and why.

mod gather;
mod print;

use llmlogs_core::read::scan::scan;

use crate::args::Failures;
use crate::commands::ls::Broken;
use crate::env::Env;
use crate::filter::Filter;
use crate::outcome::{CliError, Outcome};
use crate::output::progress::Progress;
use gather::FailureReport;

pub(crate) fn run(env: &mut Env, args: &Failures) -> Result<Outcome, CliError> {
    let filter = Filter::new(&args.filters, args.date.as_ref());
    let sessions = filter.sessions(env)?;
    let progress = Progress::bar("reading indexes", crate::index_bytes(&sessions));
    let mut story = FailureReport::new(&filter, &progress);
    for part in scan(&sessions, || FailureReport::new(&filter, &progress)) {
        story.merge(part);
    }
    progress.end();
    let mut broken = Broken::default();
    story.broken.iter().for_each(|error| broken.add(error));
    let failures = story.failures();
    if failures > 0 || (env.json && story.calls > 0) {
        if env.json {
            let value = print::json(env, &story);
            env.out.json(&value)?;
        } else {
            let top = if args.top == 0 { usize::MAX } else { args.top };
            print::text(env, &story, top)?;
        }
    }
    env.out.finish()?;
    broken.outcome(failures as usize, || match story.calls {
        0 => filter.nothing(env),
        calls => format!("none of {} failed", crate::output::format::plural(calls, "call")),
    })
}
