//! `llmlogs serve`: the page.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use llmlogs_core::read::DEFAULT_ROOT;

use crate::args::{Global, Serve};
use crate::env;
use crate::outcome::{CliError, Outcome};
use crate::output::format::Clock;
use crate::output::out::complain;
use crate::page::{Page, Token};

pub(crate) fn run(global: &Global, args: &Serve) -> Result<Outcome, CliError> {
    let roots = roots(global);
    for root in roots.iter().filter(|root| !root.exists()) {
        complain(&format!("waiting for {}, which does not exist yet", root.display()));
    }
    let token = if args.no_token { None } else { Some(Token::random().map_err(CliError::Failed)?) };
    let page = Page::bind(args.port, roots, token, &args.allow_host, Clock::new(global.utc))?;
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{}", page.url())?;
    stdout.flush()?;
    if args.open {
        open(&page.url_to_open()?);
    }
    page.run()?;
    Ok(Outcome::Found)
}

/// Opens `url` in a browser. That there is none is no reason not to serve.
fn open(url: &str) {
    let own = std::env::var_os("BROWSER").filter(|browser| !browser.is_empty());
    let mut command = match own {
        Some(browser) => Command::new(browser),
        None if cfg!(target_os = "macos") => Command::new("open"),
        // An empty title; what follows is the address.
        None if cfg!(windows) => {
            let mut command = Command::new("cmd");
            command.args(["/C", "start", ""]);
            command
        }
        None => Command::new("xdg-open"),
    };
    let name = command.get_program().display().to_string();
    // Standard output is the address's alone.
    let started = command.arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    if let Err(error) = started {
        complain(&format!("cannot open a browser ({name}: {error}); open the address yourself"));
    }
}

/// Returns the roots that are given, else the one that is found, else the default one, which is waited for.
fn roots(global: &Global) -> Vec<PathBuf> {
    if !global.root.is_empty() {
        return global.root.clone();
    }
    vec![env::find(None).unwrap_or_else(|_| PathBuf::from(DEFAULT_ROOT))]
}
