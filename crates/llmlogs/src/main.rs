//! The `llmlogs` command: what happened, in one short command.
//!
//! Reads through [`read`](llmlogs_core::read); never records. `commands/` has a file a command, which gathers first and
//! prints afterwards; `output/` is how text gets onto a terminal. What they share is here: `args` what can be said, `env`
//! root and terminal, `filter` and `selector` which calls are meant.

mod args;
mod body;
mod bundle;
mod commands;
mod confirm;
mod count;
mod env;
mod filter;
mod interrupt;
mod mask;
mod outcome;
mod output;
mod selector;
mod when;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use args::{Cli, Command};
use commands::{diff, doctor, export, failures, latest, ls, packaging, prune, search, show, stats, tail};
use env::Env;
use outcome::{CliError, Outcome};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Nothing can be done when it cannot even be printed.
            let _unprinted = error.print();
            let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            return ExitCode::from(if asked { 0 } else { 2 });
        }
    };
    let (code, message) = match run(cli) {
        Ok(Outcome::Found) => (0, None),
        Ok(Outcome::Nothing(message)) => (1, message),
        Err(CliError::ClosedPipe) => (0, None),
        Err(CliError::Usage(message)) => (2, Some(message)),
        Err(CliError::Root(message) | CliError::Failed(message)) => (3, Some(message)),
        Err(CliError::Interrupted) => (130, None),
    };
    if let Some(message) = message {
        output::out::complain(&message);
    }
    ExitCode::from(code)
}

fn run(cli: Cli) -> Result<Outcome, CliError> {
    let env = |pager: bool| Env::new(&cli.global, pager);
    match cli.command {
        None => latest::run(&mut env(false)?),
        Some(Command::Ls(args)) => ls::run(&mut env(true)?, &args),
        Some(Command::Show(args)) => show::run(&mut env(true)?, &args),
        Some(Command::Search(args)) => search::run(&mut env(true)?, &args),
        Some(Command::Stats(args)) => stats::run(&mut env(true)?, &args),
        Some(Command::Failures(args)) => failures::run(&mut env(true)?, &args),
        Some(Command::Diff(args)) => diff::run(&mut env(true)?, &args),
        Some(Command::Tail(args)) => tail::run(&mut env(false)?, &args),
        Some(Command::Export(args)) => export::run(&mut env(false)?, &args),
        Some(Command::Prune(args)) => prune::run(&mut env(false)?, &args),
        Some(Command::Doctor(args)) => doctor::run(&mut env(true)?, &args),
        Some(Command::Completions { shell }) => packaging::completions(shell),
        Some(Command::Man) => packaging::man(),
    }
}

/// How many bytes the indexes of the sessions have.
fn index_bytes(sessions: &[llmlogs_core::read::Session]) -> u64 {
    let size =
        |session: &llmlogs_core::read::Session| std::fs::symlink_metadata(session.dir().join("index.jsonl"));
    sessions.iter().filter_map(|session| size(session).ok()).map(|found| found.len()).sum()
}
