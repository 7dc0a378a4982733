//! What every command needs: the root, the output, how times are shown.

use std::path::{Path, PathBuf};

use llmlogs_core::query::Filter;
use llmlogs_core::read::{DEFAULT_ROOT, ROOT_VARIABLE, Root};

use crate::args::Global;
use crate::outcome::{CliError, describe};
use crate::output::format::Clock;
use crate::output::out::Out;

pub(crate) struct Env {
    pub(crate) root: Root,
    pub(crate) out: Out,
    pub(crate) json: bool,
    pub(crate) clock: Clock,
}

impl Env {
    pub(crate) fn new(global: &Global, pager: bool) -> Result<Self, CliError> {
        let path = find(global.one_root()?)?;
        let root = Root::open(&path).map_err(|error| {
            CliError::Root(format!(
                "cannot read the root: {}\nGive its folder with --root or LLMLOGS_ROOT.",
                describe(&error)
            ))
        })?;
        let out = Out::new(global.color, pager && !global.no_pager);
        Ok(Env { root, out, json: global.json, clock: Clock::new(global.utc) })
    }
}

/// Returns the path of the root: the one that is `given`, or the environment's, or the one that is found.
pub(crate) fn find(given: Option<&Path>) -> Result<PathBuf, CliError> {
    if let Some(path) = given {
        return Ok(path.to_owned());
    }
    if let Some(path) = std::env::var_os(ROOT_VARIABLE).filter(|path| !path.is_empty()) {
        return Ok(path.into());
    }
    let here = std::env::current_dir()
        .map_err(|error| CliError::Root(format!("cannot tell the current folder: {error}")))?;
    for (up, folder) in here.ancestors().enumerate() {
        let candidate = folder.join(DEFAULT_ROOT);
        if candidate.is_dir() {
            return Ok(if up == 0 { PathBuf::from(DEFAULT_ROOT) } else { candidate });
        }
        // In a root, that one is meant.
        if folder.ends_with(DEFAULT_ROOT) {
            return Ok(folder.to_owned());
        }
    }
    Err(CliError::Root(format!(
        "no {DEFAULT_ROOT} here or in a parent folder.\nGive the folder of the calls with --root or LLMLOGS_ROOT."
    )))
}

/// Returns what to say if no call passes `filter`.
pub(crate) fn no_calls(env: &Env, filter: &Filter) -> String {
    let root = env.root.path().display();
    if filter.is_empty() {
        return format!("no calls in {root}");
    }
    let days: Vec<_> =
        env.root.days().map(|days| days.map(|day| day.name().to_owned()).collect()).unwrap_or_default();
    match (days.first(), days.last()) {
        (Some(first), Some(last)) if !days.iter().any(|day| filter.matches_day(day)) => {
            format!("no such calls in {root}: it has days from {first} to {last}")
        }
        (None, _) => format!("no calls in {root}"),
        _ if filter.asks_for_context() => format!(
            "no such calls in {root}\nA field of a span is in the context if the program's .context_field(…) names it; llmlogs show \
             lists those of a call."
        ),
        _ => {
            format!("no such calls in {root}\nllmlogs stats lists the models, tools and sessions there are.")
        }
    }
}
