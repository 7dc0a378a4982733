//! The `llmlogs` command: what happened, in one short command.
//!
//! Reads through [`llmlogs_core::read`], which `tracing_llmlogs::read` is. Only `proxy` records calls.
//!
//! | module | what is in it |
//! | --- | --- |
//! | `args` | the command line |
//! | `commands` | a file a command: asks, then prints |
//! | `output` | how text gets onto a terminal, into a pipe, into a table |
//! | `env` | root, output and clock of a run |
//! | `select` | the call that an argument means |
//! | `bundle`, `reports` | calls, counts and failures as JSON |
//! | `proxy` | what `llmlogs run` and `llmlogs proxy` pass requests on with |
//! | `page` | the page that `llmlogs serve` shows in a browser |
//! | `outcome`, `read_failures` | how a command ends |
//! | `confirm`, `interrupt`, `size`, `webhook` | questions on the terminal, Ctrl-C, sizes and webhooks as people write them |

mod args;
mod bundle;
mod commands;
mod confirm;
mod env;
mod interrupt;
mod outcome;
mod output;
mod page;
#[cfg(feature = "proxy")]
mod proxy;
mod read_failures;
mod replay;
mod reports;
mod select;
mod size;
mod webhook;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use args::{Cli, Command};
use commands::{
    alerts, diff, doctor, export, failures, latest, ls, pack, packaging, prune, search, serve, show, stats,
    tail, watch,
};
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
        #[cfg(feature = "proxy")]
        Ok(Outcome::Status(status)) => (status, None),
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
        Some(Command::Alerts(args)) => alerts::run(&mut env(true)?, &args),
        Some(Command::Watch(args)) => watch::run(&cli.global, &args),
        Some(Command::Serve(args)) => serve::run(&cli.global, &args),
        #[cfg(feature = "proxy")]
        Some(Command::Run(args)) => commands::run::run(&cli.global, &args),
        #[cfg(feature = "proxy")]
        Some(Command::Proxy(args)) => commands::proxy::run(&cli.global, &args),
        Some(Command::Export(args)) => export::run(&mut env(false)?, &args),
        Some(Command::Prune(args)) => prune::run(&mut env(false)?, &args),
        Some(Command::Pack(args)) => pack::pack(&mut env(false)?, &args),
        Some(Command::Unpack(args)) => pack::unpack(&mut env(false)?, &args),
        Some(Command::Doctor(args)) => doctor::run(&mut env(true)?, &args),
        Some(Command::Completions { shell }) => packaging::completions(shell),
        Some(Command::Man) => packaging::man(),
    }
}
