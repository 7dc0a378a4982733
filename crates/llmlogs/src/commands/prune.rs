//! `llmlogs prune`: removing what is old.

use serde_json::json;

use llmlogs_core::store::{PruneReport, Retention};

use crate::args::Prune;
use crate::confirm;
use crate::env::Env;
use crate::outcome::{CliError, Outcome};
use crate::output::format::{plural, size};
use crate::output::out::DIM;
use crate::output::{out, row};

/// How many folders are named.
const NAMED: usize = 5;

pub(crate) fn run(env: &mut Env, args: &Prune) -> Result<Outcome, CliError> {
    let mut retention = Retention::new();
    if let Some(age) = args.older_than {
        retention = retention.max_age(age.0);
    }
    if let Some(bytes) = args.max_size {
        retention = retention.max_bytes(bytes);
    }
    if args.older_than.is_none() && args.max_size.is_none() {
        return Err(CliError::Usage("say what may go: --older-than 30d, --max-size 2GB, or both".into()));
    }
    let unreadable = |error: std::io::Error| CliError::Root(format!("cannot prune: {error}"));
    let planned = retention.dry_run(env.root.path()).map_err(unreadable)?;
    let nothing = planned.calls.is_empty() && planned.sessions.is_empty();
    let done = if args.dry_run || nothing {
        planned
    } else {
        if !env.json {
            print(env, &planned, "would go")?;
            std::io::Write::flush(&mut env.out)?;
        }
        if !args.yes {
            if !confirm::can_ask() {
                return Err(CliError::Usage(
                    "nobody is here to be asked: give --yes, or --dry-run to only look".into(),
                ));
            }
            let answer = confirm::yes(&format!("Remove {}?", plural(planned.calls.len() as u64, "call")));
            if !answer.map_err(|error| CliError::Failed(format!("cannot ask: {error}")))? {
                return Ok(Outcome::nothing("nothing removed"));
            }
        }
        retention.prune(env.root.path()).map_err(unreadable)?
    };
    for error in done.errors.iter().take(NAMED) {
        out::complain(&format!("cannot remove {error}"));
    }
    if env.json {
        let paths =
            |paths: &[std::path::PathBuf]| paths.iter().map(|path| row::path(path)).collect::<Vec<_>>();
        let value = json!({
            "dry_run": args.dry_run, "calls": paths(&done.calls), "sessions": paths(&done.sessions), "bytes": done.bytes,
        });
        env.out.json(&value)?;
    } else if !nothing {
        print(env, &done, if args.dry_run { "would go" } else { "removed" })?;
    }
    env.out.finish()?;
    match (done.errors.len(), nothing) {
        (1.., _) => Err(CliError::Failed(format!(
            "{} could not be removed",
            plural(done.errors.len() as u64, "thing")
        ))),
        (0, true) => Ok(Outcome::nothing(format!("nothing to remove in {}", env.root.path().display()))),
        (0, false) => Ok(Outcome::Found),
    }
}

fn print(env: &mut Env, pruned: &PruneReport, what: &str) -> Result<(), CliError> {
    let calls = plural(pruned.calls.len() as u64, "call");
    let sessions = plural(pruned.sessions.len() as u64, "session");
    env.out.line(&format!("{what}: {calls} and {sessions} without calls, {}", size(pruned.bytes)))?;
    if what == "removed" {
        return Ok(());
    }
    for call in pruned.calls.iter().take(NAMED) {
        let path = env.out.path(call);
        env.out.line(&format!("  {path}"))?;
    }
    if pruned.calls.len() > NAMED {
        let more = env.out.paint(DIM, &format!("  … and {} more, newer ones", pruned.calls.len() - NAMED));
        env.out.line(&more)?;
    }
    Ok(())
}
