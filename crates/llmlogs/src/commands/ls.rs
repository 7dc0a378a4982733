//! `llmlogs ls`: calls, newest first.

use crate::args::Ls;
use crate::commands::tree;
use crate::env::Env;
use crate::filter::Filter;
use crate::interrupt;
use crate::outcome::{CliError, Outcome};
use crate::output::progress::Progress;
use crate::output::row;
use crate::output::table::Table;

pub(crate) fn run(env: &mut Env, args: &Ls) -> Result<Outcome, CliError> {
    let filter = Filter::new(&args.filters, args.date.as_ref());
    let limit = if args.limit == 0 { usize::MAX } else { args.limit };
    let mut broken = Broken::default();
    let mut found = 0_usize;
    let mut table = Table::new(&row::COLUMNS);
    let mut kept = Vec::new();
    let progress = Progress::spinner("looking through calls");
    for entry in filter.newest(env)? {
        interrupt::check()?;
        let Some(entry) = broken.keep(entry) else { continue };
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
    env.out.finish()?;
    broken.outcome(found, || filter.nothing(env))
}

/// What could not be read on the way: said once, never in the way of the rest.
#[derive(Debug, Default)]
pub(crate) struct Broken {
    first: Option<String>,
    count: usize,
}

impl Broken {
    pub(crate) fn keep<T>(&mut self, found: std::io::Result<T>) -> Option<T> {
        found.map_err(|error| self.add(&error)).ok()
    }

    pub(crate) fn add(&mut self, error: &std::io::Error) {
        self.count += 1;
        self.first.get_or_insert_with(|| error.to_string());
    }

    fn message(&self) -> Option<String> {
        let first = self.first.as_ref()?;
        let others = match self.count {
            1 => String::new(),
            count => format!(" (and {} more)", count - 1),
        };
        Some(format!("cannot read {first}{others}\nllmlogs doctor tells more."))
    }

    /// How a command ends that showed `found` things.
    pub(crate) fn outcome(self, found: usize, nothing: impl FnOnce() -> String) -> Result<Outcome, CliError> {
        match (self.message(), found) {
            (Some(message), 0) => Err(CliError::Root(message)),
            (Some(message), _) => {
                crate::output::out::complain(&message);
                Ok(Outcome::Found)
            }
            (None, 0) => Ok(Outcome::nothing(nothing())),
            (None, _) => Ok(Outcome::Found),
        }
    }
}
