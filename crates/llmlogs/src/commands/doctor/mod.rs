//! `llmlogs doctor`: whether a root is sound.

mod check;
mod repair;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use llmlogs_core::read::{Session, files};

use crate::args::Doctor;
use crate::env::Env;
use crate::filter::Filter;
use crate::interrupt;
use crate::outcome::{CliError, Outcome};
use crate::output::format::{bar, grouped, plural, size};
use crate::output::out::{BAD, DIM, GOOD, HEADING, WARN};
use crate::output::progress::Progress;
use crate::output::row;
use crate::output::table::{Table, cell, left, pairs, right};
use crate::output::text::clean;

/// How many examples of one kind are shown.
const EXAMPLES: usize = 4;

/// What can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Unreadable,
    TornLine,
    DamagedLine,
    MissingLine,
    Interrupted,
    Died,
    Leftover,
    Stray,
    Link,
    Permissions,
    Secret,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Unreadable => "unreadable",
            Kind::TornLine => "torn_line",
            Kind::DamagedLine => "damaged_line",
            Kind::MissingLine => "missing_line",
            Kind::Interrupted => "interrupted",
            Kind::Died => "died",
            Kind::Leftover => "leftover",
            Kind::Stray => "stray",
            Kind::Link => "link",
            Kind::Permissions => "permissions",
            Kind::Secret => "secret",
        }
    }

    /// What it means and what to do.
    fn meaning(self) -> &'static str {
        match self {
            Kind::Unreadable => "cannot be read, or is no JSON",
            Kind::TornLine => "indexes that end in half a line; --repair puts them right",
            Kind::DamagedLine => "damaged lines of indexes; --repair puts them right",
            Kind::MissingLine => "finished calls that their index lacks; --repair adds them",
            Kind::Interrupted => "calls whose program ended before they did; what they were asked is kept",
            Kind::Died => "sessions whose program did not shut the recorder down; nothing needs to be done",
            Kind::Leftover => "temporary files of programs that died; they can be removed",
            Kind::Stray => "things that no recorder put there",
            Kind::Link => "links, which are not followed",
            Kind::Permissions => "open to other users; chmod -R go= closes them",
            Kind::Secret => "text with the shape of a secret: change the key, remove the call's folder",
        }
    }

    /// Whether it is told without being held against the root.
    fn is_note(self) -> bool {
        matches!(self, Kind::Died)
    }
}

#[derive(Debug)]
struct Fault {
    kind: Kind,
    path: PathBuf,
    what: String,
}

/// What was found in a session, or in the whole root.
#[derive(Debug, Default)]
struct Report {
    faults: Vec<Fault>,
    calls: u64,
    /// Lines of calls whose folders are gone: an index may outlive its calls.
    gone: u64,
    bytes: u64,
    repaired: Vec<PathBuf>,
}

impl Report {
    fn fault(&mut self, kind: Kind, path: &Path, what: impl Into<String>) {
        self.faults.push(Fault { kind, path: path.to_owned(), what: what.into() });
    }
}

pub(crate) fn run(env: &mut Env, args: &Doctor) -> Result<Outcome, CliError> {
    interrupt::guard()?;
    let filter = Filter::new(&Default::default(), args.date.as_ref());
    let mut all = Report::default();
    check::strays(env.root.path(), &filter, &mut all);
    let sessions = filter.sessions(env)?;
    let reports = in_parallel(&sessions, args);
    interrupt::check()?;
    let mut days: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for (session, report) in sessions.iter().zip(reports) {
        let day = days.entry(session.day()).or_default();
        day.0 += report.calls;
        day.1 += report.bytes;
        all.calls += report.calls;
        all.gone += report.gone;
        all.bytes += report.bytes;
        all.faults.extend(report.faults);
        all.repaired.extend(report.repaired);
    }
    all.faults.sort_by(|a, b| a.kind.cmp(&b.kind).then_with(|| a.path.cmp(&b.path)));
    if env.json {
        let value = as_json(&all, sessions.len(), &days);
        env.out.json(&value)?;
    } else {
        print(env, &all, sessions.len(), &days)?;
    }
    env.out.finish()?;
    let sound = all.faults.iter().all(|fault| fault.kind.is_note());
    Ok(if sound { Outcome::Found } else { Outcome::Nothing(None) })
}

fn in_parallel(sessions: &[Session], args: &Doctor) -> Vec<Report> {
    let progress = Progress::bar("checking sessions", sessions.len() as u64);
    let reports: Vec<Mutex<Report>> = sessions.iter().map(|_| Mutex::default()).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let (Some(session), Ok(())) = (sessions.get(place), interrupt::check()) else { return };
            let mut report = check::session(session, !args.no_secrets);
            if args.repair {
                repair::session(session, &mut report);
            }
            progress.step(1);
            if let Ok(mut slot) = reports[place].lock() {
                *slot = report;
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    progress.end();
    reports.into_iter().map(|report| report.into_inner().unwrap_or_default()).collect()
}

fn print(
    env: &mut Env,
    all: &Report,
    sessions: usize,
    days: &BTreeMap<&str, (u64, u64)>,
) -> Result<(), CliError> {
    let root = env.out.path(env.root.path());
    let mut shown = vec![
        ("root", root),
        ("calls", format!("{} in {}", grouped(all.calls), plural(sessions as u64, "session"))),
        ("size", size(all.bytes)),
    ];
    if all.gone > 0 {
        shown.push(("gone", format!("{} known to the indexes only", plural(all.gone, "call"))));
    }
    pairs(&mut env.out, &shown)?;
    let largest = days.values().map(|(_, bytes)| *bytes).max().unwrap_or_default();
    if !days.is_empty() {
        env.out.blank()?;
        let columns = [left("DAY"), right("CALLS"), right("SIZE"), left("")];
        let mut table = Table::new(&columns);
        for (day, (calls, bytes)) in days.iter().rev() {
            let share = if largest == 0 { 0.0 } else { *bytes as f64 / largest as f64 };
            table.row(
                &mut env.out,
                vec![cell(*day), cell(grouped(*calls)), cell(size(*bytes)), cell(bar(share, 24)).style(GOOD)],
            )?;
        }
        table.end(&mut env.out)?;
    }
    for faults in all.faults.chunk_by(|a, b| a.kind == b.kind) {
        let kind = faults[0].kind;
        env.out.blank()?;
        let count = grouped(faults.len() as u64);
        let style = if kind.is_note() {
            DIM
        } else if kind == Kind::Secret {
            BAD
        } else {
            WARN
        };
        let title = env.out.paint(style.bold(), &format!("{count} × {}", kind.name().replace('_', " ")));
        env.out.line(&format!("{title}  {}", kind.meaning()))?;
        for fault in faults.iter().take(EXAMPLES) {
            let path = fault.path.strip_prefix(env.root.path()).unwrap_or(&fault.path);
            let what =
                if fault.what.is_empty() { String::new() } else { format!("  {}", clean(&fault.what)) };
            let path = env.out.link(&fault.path, &clean(&path.display().to_string()));
            let line = format!("  {path}{}", env.out.paint(DIM, &what));
            env.out.line(&line)?;
        }
        if faults.len() > EXAMPLES {
            let more =
                env.out.paint(DIM, &format!("  … and {} more; --json lists all", faults.len() - EXAMPLES));
            env.out.line(&more)?;
        }
    }
    env.out.blank()?;
    for path in &all.repaired {
        let line = format!("repaired {}", env.out.path(path));
        env.out.line(&line)?;
    }
    let wrong = all.faults.iter().filter(|fault| !fault.kind.is_note()).count();
    let verdict = match wrong {
        0 => env.out.paint(HEADING, "Nothing wrong."),
        wrong => env.out.paint(WARN, &format!("{} to look at.", plural(wrong as u64, "thing"))),
    };
    Ok(env.out.line(&verdict)?)
}

fn as_json(all: &Report, sessions: usize, days: &BTreeMap<&str, (u64, u64)>) -> Value {
    let fault = |fault: &Fault| json!({"kind": fault.kind.name(), "path": row::path(&fault.path), "what": fault.what});
    let day =
        |(day, (calls, bytes)): (&&str, &(u64, u64))| json!({"day": day, "calls": calls, "bytes": bytes});
    json!({
        "sessions": sessions,
        "calls": all.calls,
        "gone": all.gone,
        "bytes": all.bytes,
        "days": days.iter().map(day).collect::<Vec<_>>(),
        "problems": all.faults.iter().map(fault).collect::<Vec<_>>(),
        "repaired": all.repaired.iter().map(|path| row::path(path)).collect::<Vec<_>>(),
    })
}

/// Whether it is something half written or half removed.
fn is_temporary(name: &str) -> bool {
    name.ends_with(".tmp") || name.starts_with(".pruned_")
}

/// The contents, where they can be read.
fn contents(path: &Path, report: &mut Report) -> Option<Vec<u8>> {
    match files::read(path) {
        Ok(contents) => Some(contents),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => {
            report.fault(Kind::Unreadable, path, error.to_string());
            None
        }
    }
}
