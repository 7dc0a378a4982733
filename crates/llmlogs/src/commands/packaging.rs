//! For whoever packages the command: completions and the manual page.

use std::io::Write;

use clap::CommandFactory;

use crate::args::Cli;
use crate::outcome::{CliError, Outcome};

pub(crate) fn completions(shell: clap_complete::Shell) -> Result<Outcome, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "llmlogs", &mut script);
    print(&script)
}

/// One page with every command, so that a package has one file to install.
pub(crate) fn man() -> Result<Outcome, CliError> {
    let mut command = Cli::command().flatten_help(true);
    command.build();
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        let man = clap_mangen::Man::new(sub.clone());
        writeln!(page, ".SH \"LLMLOGS {}\"", sub.get_name().to_uppercase())?;
        man.render_description_section(&mut page)?;
        man.render_options_section(&mut page)?;
        man.render_extra_section(&mut page)?;
    }
    print(&page)
}

fn print(text: &[u8]) -> Result<Outcome, CliError> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text)?;
    stdout.flush()?;
    Ok(Outcome::Found)
}
