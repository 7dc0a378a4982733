//! `llmlogs doctor`: whether a root is sound.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use llmlogs_core::query::{Filter, Health, HealthCheck, Problem, ProblemKind};
use llmlogs_core::redact::Redactor;

use crate::args::Doctor;
use crate::env::Env;
use crate::interrupt;
use crate::outcome::{CliError, Outcome};
use crate::output::format::{bar, grouped, plural, size};
use crate::output::out::{BAD, DIM, GOOD, HEADING, WARN};
use crate::output::progress::Progress;
use crate::output::row;
use crate::output::table::{Table, cell, left, pairs, right};
use crate::output::text::clean;

/// How many places of one kind are shown.
const EXAMPLES: usize = 8;

/// What it means and what to do.
fn meaning(kind: ProblemKind) -> &'static str {
    match kind {
        ProblemKind::Secret => {
            "text with the shape of a secret: change it where it is valid, then remove what holds it"
        }
        ProblemKind::Unreadable => "cannot be read, or is no JSON; the other files of its folder can be read",
        ProblemKind::MissingFile => "files of finished calls that are gone; nothing brings them back",
        ProblemKind::TornLine => "indexes that end in half a line; --repair puts them right",
        ProblemKind::DamagedLine => "damaged lines of indexes; --repair puts them right",
        ProblemKind::MissingLine => "finished calls that their index lacks; --repair adds them",
        ProblemKind::GoneEntry => "calls in the older logger's index that are gone; --repair takes them out",
        ProblemKind::HalfPacked => {
            "calls that are packed and have a folder, too; pack or --repair completes it"
        }
        ProblemKind::Interrupted => "calls whose program ended before they did; what they were asked is kept",
        ProblemKind::NotRecorded => {
            "empty folders of calls that the older logger could not write; nothing needs to be done"
        }
        ProblemKind::Died => {
            "sessions whose program did not shut the recorder down; nothing needs to be done"
        }
        ProblemKind::Leftover => "temporary files of programs that died; they can be removed",
        ProblemKind::Stray => "things that no recorder put there; no command reads or removes them",
        ProblemKind::Link => "links, which are not followed",
        ProblemKind::Permissions => "open to other users; chmod -R go= closes them",
        _ => "",
    }
}

/// Returns whether it is listed without counting against the root.
fn is_note(kind: ProblemKind) -> bool {
    matches!(kind, ProblemKind::Died | ProblemKind::NotRecorded)
}

/// What was found in a root.
#[derive(Debug, Default)]
struct Report {
    sessions: usize,
    problems: Vec<Problem>,
    calls: u64,
    /// Lines of calls whose folders are gone: an index may outlive its calls.
    gone: u64,
    bytes: u64,
    /// Calls and bytes by day.
    days: BTreeMap<String, (u64, u64)>,
    repaired: Vec<PathBuf>,
}

impl Report {
    fn new(health: Health) -> Self {
        let mut all = Report { sessions: health.sessions.len(), ..Report::default() };
        all.problems = health.problems;
        all.repaired.extend(health.repaired);
        for session in health.sessions {
            let day = all.days.entry(session.day).or_default();
            day.0 += session.calls;
            day.1 += session.bytes;
            all.calls += session.calls;
            all.gone += session.gone;
            all.bytes += session.bytes;
            all.problems.extend(session.problems);
            all.repaired.extend(session.repaired);
        }
        all.problems.sort_by(|a, b| a.kind.cmp(&b.kind).then_with(|| a.path.cmp(&b.path)));
        all
    }
}

pub(crate) fn run(env: &mut Env, args: &Doctor) -> Result<Outcome, CliError> {
    interrupt::guard()?;
    let mut filter = Filter::new();
    if let Some(dates) = &args.date {
        filter = filter.dates(dates.clone());
    }
    let check = HealthCheck::new().repair(args.repair).secrets(!args.no_secrets);
    let progress = Progress::bar("checking sessions");
    let health = env.root.check(&filter, &check, &|so_far| {
        progress.show(so_far);
        interrupt::check().is_ok()
    })?;
    progress.end();
    interrupt::check()?;
    let all = Report::new(health);
    if env.json {
        let value = as_json(&all);
        env.out.json(&value)?;
    } else {
        print(env, &all)?;
    }
    env.out.finish()?;
    let sound = all.problems.iter().all(|problem| is_note(problem.kind));
    Ok(if sound { Outcome::Found } else { Outcome::Nothing(None) })
}

fn print(env: &mut Env, all: &Report) -> Result<(), CliError> {
    let days = &all.days;
    let root = env.out.path(env.root.path());
    let mut shown = vec![
        ("root", root),
        ("calls", format!("{} in {}", grouped(all.calls), plural(all.sessions as u64, "session"))),
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
                vec![
                    cell(day.as_str()),
                    cell(grouped(*calls)),
                    cell(size(*bytes)),
                    cell(bar(share, 24)).style(GOOD),
                ],
            )?;
        }
        table.end(&mut env.out)?;
    }
    for problems in all.problems.chunk_by(|a, b| a.kind == b.kind) {
        let kind = problems[0].kind;
        env.out.blank()?;
        let count = grouped(problems.len() as u64);
        let style = if is_note(kind) {
            DIM
        } else if kind == ProblemKind::Secret {
            BAD
        } else {
            WARN
        };
        let title = env.out.paint(style.bold(), &format!("{count} × {}", kind.as_str().replace('_', " ")));
        env.out.line(&format!("{title}  {}", meaning(kind)))?;
        let places = places(env.root.path(), problems);
        for (path, what) in places.iter().take(EXAMPLES) {
            let shown = path.strip_prefix(env.root.path()).unwrap_or(path);
            let target = without_secrets(path);
            let path = env.out.link(Path::new(&target), &clean(&without_secrets(shown)));
            let what = if what.is_empty() { String::new() } else { format!("  {}", clean(what)) };
            let line = format!("  {path}{}", env.out.paint(DIM, &what));
            env.out.line(&line)?;
        }
        if places.len() > EXAMPLES {
            let more =
                env.out.paint(DIM, &format!("  … and {} more; --json lists all", places.len() - EXAMPLES));
            env.out.line(&more)?;
        }
    }
    env.out.blank()?;
    for path in &all.repaired {
        let line = format!("repaired {}", env.out.path(path));
        env.out.line(&line)?;
    }
    let wrong = all.problems.iter().filter(|problem| !is_note(problem.kind)).count();
    let verdict = match wrong {
        0 => env.out.paint(HEADING, "Nothing wrong."),
        wrong => env.out.paint(WARN, &format!("{} to look at.", plural(wrong as u64, "thing"))),
    };
    Ok(env.out.line(&verdict)?)
}

/// Returns where the problems of one kind are, and what more is known of each. Several files of one call are one place.
fn places(root: &Path, problems: &[Problem]) -> Vec<(PathBuf, String)> {
    if problems.first().is_some_and(|problem| problem.kind == ProblemKind::Permissions) {
        return open_places(problems);
    }
    let is_of_files = |kind| matches!(kind, ProblemKind::Secret | ProblemKind::MissingFile);
    let mut places: Vec<(PathBuf, String)> = Vec::new();
    for problem in problems {
        let of_call = problem.path.parent().filter(|dir| {
            let name = dir.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            is_of_files(problem.kind) && name.starts_with("call_") && *dir != root
        });
        let Some(dir) = of_call else {
            places.push((problem.path.clone(), problem.detail.clone()));
            continue;
        };
        let name = without_secrets(Path::new(problem.path.file_name().unwrap_or_default()));
        match places.last_mut() {
            Some((known, files)) if known == dir => {
                files.push_str(", ");
                files.push_str(&name);
            }
            _ => places.push((dir.to_owned(), name)),
        }
    }
    places
}

/// Returns the topmost files and folders that are open to others, and how many are below each.
fn open_places(problems: &[Problem]) -> Vec<(PathBuf, String)> {
    let mut places: Vec<(&Problem, usize)> = Vec::new();
    for problem in problems {
        match places.last_mut() {
            Some((above, below)) if problem.path.starts_with(&above.path) => *below += 1,
            _ => places.push((problem, 0)),
        }
    }
    let below = |count: usize| {
        if count == 0 { String::new() } else { format!(", and {} below it", grouped(count as u64)) }
    };
    places
        .into_iter()
        .map(|(problem, count)| (problem.path.clone(), format!("{}{}", problem.detail, below(count))))
        .collect()
}

/// Returns a path that can be shown: the name of a file may hold a secret.
fn without_secrets(path: &Path) -> String {
    Redactor::new().text(&path.display().to_string()).into_owned()
}

fn as_json(all: &Report) -> Value {
    let problem = |problem: &Problem| json!({"kind": problem.kind.as_str(), "path": without_secrets(&problem.path), "what": problem.detail});
    let day =
        |(day, (calls, bytes)): (&String, &(u64, u64))| json!({"day": day, "calls": calls, "bytes": bytes});
    json!({
        "sessions": all.sessions,
        "calls": all.calls,
        "gone": all.gone,
        "bytes": all.bytes,
        "days": all.days.iter().map(day).collect::<Vec<_>>(),
        "problems": all.problems.iter().map(problem).collect::<Vec<_>>(),
        "repaired": all.repaired.iter().map(|path| row::path(path)).collect::<Vec<_>>(),
    })
}
