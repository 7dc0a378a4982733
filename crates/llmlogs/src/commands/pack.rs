//! `llmlogs pack` and `llmlogs unpack`: sessions into a few files, and back.

use crate::args::{Pack, Unpack};
use crate::env::Env;
use crate::outcome::{CliError, Outcome};

#[cfg(not(feature = "pack"))]
pub(crate) fn pack(_env: &mut Env, _args: &Pack) -> Result<Outcome, CliError> {
    Err(not_built())
}

#[cfg(not(feature = "pack"))]
pub(crate) fn unpack(_env: &mut Env, _args: &Unpack) -> Result<Outcome, CliError> {
    Err(not_built())
}

#[cfg(not(feature = "pack"))]
fn not_built() -> CliError {
    CliError::Usage(
        "this llmlogs was built without the feature pack: cargo install llmlogs --features pack".into(),
    )
}

#[cfg(feature = "pack")]
pub(crate) fn pack(env: &mut Env, args: &Pack) -> Result<Outcome, CliError> {
    let mut packer = llmlogs_core::archive::Packer::new().dry_run(args.of.dry_run);
    if let Some(age) = args.older_than {
        packer = packer.older_than(age.0);
    }
    let verbs = built::Verbs { going: "packing", done: "packed", would: "would be packed" };
    built::run(env, &args.of, &verbs, &|session, go_on| packer.pack(session, go_on))
}

#[cfg(feature = "pack")]
pub(crate) fn unpack(env: &mut Env, args: &Unpack) -> Result<Outcome, CliError> {
    let unpacker = llmlogs_core::archive::Unpacker::new().dry_run(args.of.dry_run);
    let verbs = built::Verbs { going: "unpacking", done: "unpacked", would: "would be unpacked" };
    built::run(env, &args.of, &verbs, &|session, go_on| unpacker.unpack(session, go_on))
}

#[cfg(feature = "pack")]
mod built {
    use std::io;
    use std::path::Path;

    use llmlogs_core::archive::{SessionReport, Skipped, Weight};
    use llmlogs_core::read::Session;
    use serde_json::{Value, json};

    use crate::args::PackOf;
    use crate::env::Env;
    use crate::interrupt;
    use crate::outcome::{CliError, Outcome};
    use crate::output::format::{grouped, plural, size};
    use crate::output::out::{DIM, complain};
    use crate::output::progress::Progress;
    use crate::output::row;

    /// How many calls that stay are named.
    const NAMED: usize = 5;

    /// How what is done is called.
    pub(super) struct Verbs {
        pub(super) going: &'static str,
        pub(super) done: &'static str,
        pub(super) would: &'static str,
    }

    /// What is done with a session; it asks before each step whether to go on.
    type Act<'a> = &'a dyn Fn(&Path, &dyn Fn() -> bool) -> io::Result<SessionReport>;

    pub(super) fn run(
        env: &mut Env,
        args: &PackOf,
        verbs: &Verbs,
        act: Act<'_>,
    ) -> Result<Outcome, CliError> {
        interrupt::guard()?;
        let sessions = sessions(env, args)?;
        let progress = Progress::spinner(verbs.going);
        let go_on = || {
            progress.step(1);
            interrupt::check().is_ok()
        };
        let (mut reports, mut errors) = (Vec::new(), Vec::new());
        for session in &sessions {
            match act(session.dir(), &go_on) {
                Ok(report) => reports.push(report),
                Err(error) => {
                    interrupt::check()?;
                    errors.push(format!("{}: {error}", row::path(session.dir())));
                }
            }
        }
        progress.end();
        if env.json {
            let value = json!({
                "dry_run": args.dry_run,
                "sessions": reports.iter().filter(|report| says_something(report)).map(as_json).collect::<Vec<_>>(),
                "errors": errors,
            });
            env.out.json(&value)?;
        } else {
            print(env, &reports, if args.dry_run { verbs.would } else { verbs.done })?;
        }
        env.out.finish()?;
        for error in errors.iter().take(NAMED) {
            complain(error);
        }
        if !errors.is_empty() {
            let count = plural(errors.len() as u64, "session");
            return Err(CliError::Failed(format!("{count} could not be {}, and lost nothing", verbs.done)));
        }
        if reports.iter().any(|report| report.calls > 0) {
            return Ok(Outcome::Found);
        }
        Ok(Outcome::nothing(format!("nothing {} in {}", verbs.done, env.root.path().display())))
    }

    /// Returns the sessions that are asked for, oldest first.
    fn sessions(env: &Env, args: &PackOf) -> Result<Vec<Session>, CliError> {
        let mut sessions: Vec<Session> = Vec::new();
        for day in env.root.days()? {
            sessions.extend(day.sessions()?);
        }
        for wanted in &args.sessions {
            if !sessions.iter().any(|session| is_meant(session, wanted)) {
                let root = env.root.path().display();
                return Err(CliError::Usage(format!("no session {wanted} in {root}")));
            }
        }
        if !args.sessions.is_empty() {
            sessions.retain(|session| args.sessions.iter().any(|wanted| is_meant(session, wanted)));
        }
        Ok(sessions)
    }

    /// Returns whether an argument means the session: its id, the end of it, or the path of its folder.
    fn is_meant(session: &Session, wanted: &str) -> bool {
        let name = wanted.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let id = name.strip_prefix("session_").unwrap_or(name);
        !id.is_empty() && session.id().ends_with(id)
    }

    fn says_something(report: &SessionReport) -> bool {
        report.calls > 0 || report.skipped.is_some() || !report.kept.is_empty()
    }

    fn as_json(report: &SessionReport) -> Value {
        let weight = |weight: Weight| json!({"bytes": weight.bytes, "inodes": weight.inodes});
        let kept =
            |kept: &llmlogs_core::archive::Kept| json!({"call": row::path(&kept.call), "why": kept.why});
        json!({
            "session": row::path(&report.session),
            "calls": report.calls,
            "before": weight(report.before),
            "after": weight(report.after),
            "skipped": report.skipped.map(|skipped| skipped.to_string()),
            "kept": report.kept.iter().map(kept).collect::<Vec<_>>(),
        })
    }

    fn print(env: &mut Env, reports: &[SessionReport], what: &str) -> Result<(), CliError> {
        let (mut calls, mut before, mut after) = (0, Weight::default(), Weight::default());
        for report in reports {
            calls += report.calls;
            before += report.before;
            after += report.after;
        }
        let sessions = reports.iter().filter(|report| report.calls > 0).count();
        if calls > 0 {
            let of = format!("{} of {}", plural(calls, "call"), plural(sessions as u64, "session"));
            let weight = |weight: Weight| {
                format!("{} in {} files and folders", size(weight.bytes), grouped(weight.inodes))
            };
            let after =
                if after == Weight::default() { String::new() } else { format!(" → {}", weight(after)) };
            env.out.line(&format!("{what}: {of}, {}{after}", weight(before)))?;
        }
        for report in reports {
            // Of sessions that are young enough nothing was asked.
            if let Some(skipped) = report.skipped.filter(|skipped| *skipped != Skipped::Young) {
                let path = env.out.path(&report.session);
                env.out.line(&format!("left as it is: {path}  {skipped}"))?;
            }
        }
        let kept: Vec<_> = reports.iter().flat_map(|report| &report.kept).collect();
        for kept in kept.iter().take(NAMED) {
            let (path, why) = (env.out.path(&kept.call), env.out.paint(DIM, &kept.why));
            env.out.line(&format!("left as it is: {path}  {why}"))?;
        }
        if kept.len() > NAMED {
            let more = format!("… and {} more calls; --json lists all", grouped((kept.len() - NAMED) as u64));
            let more = env.out.paint(DIM, &more);
            env.out.line(&more)?;
        }
        Ok(())
    }
}
