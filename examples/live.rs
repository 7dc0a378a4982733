//! A small agent that works for a minute at providers that are not always well, and the page beside it.
//!
//! ```text
//! cargo run --example live
//! ```
//!
//! The page stays until Ctrl-C. The providers are on loopback, whatever their names: it needs neither keys nor the internet.
//! `--seconds N` lets the agent work longer or shorter, `--once` ends with it. `LLMLOGS_ROOT` chooses the folder;
//! `./llmlogs/apiCall` is the default.

#![allow(clippy::print_stdout, reason = "it shows what it did")]

use std::env;
use std::error::Error;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use llmlogs_test_support::agent::{Agent, Providers};
use reqwest_middleware::ClientBuilder;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tracing_llmlogs::{Alerts, Fallback, LlmLogLayer, LlmLogMiddleware, Retry};
use tracing_subscriber::prelude::*;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (time, once) = arguments()?;
    let alerts = Alerts::new().rule("failure_rate>40%/10s at_least=3 each=model quiet=5s".parse()?);
    let (layer, guard) = LlmLogLayer::builder().context_field("tenant").alerts(alerts).build()?;
    tracing_subscriber::registry().with(layer).init();

    let root = guard.session_dir();
    let root = root.ancestors().nth(2).ok_or("a session lies two folders below its root")?;
    println!("Building and starting the page …");
    let (mut page, url) = serve(root).await?;
    println!("\n  {url}\n");

    let providers = Providers::start().await;
    let middleware = LlmLogMiddleware::new()
        .retry(Retry::new().max_attempts(2).backoff(Duration::from_millis(200), Duration::from_secs(1)))
        .fallback(Fallback::model("gpt-4o", "gpt-4o-mini"));
    let client = ClientBuilder::new(providers.client().build()?).with(middleware).build();

    let agent = Agent::new(client, providers);
    println!("The agent works for {} seconds; Ctrl-C ends both.", time.as_secs());
    tokio::select! {
        () = agent.work(time) => {
            guard.flush(Duration::from_secs(5))?;
            println!("The agent has finished.{}", if once { "" } else { " The page stays until Ctrl-C." });
            if !once {
                tokio::signal::ctrl_c().await?;
            }
        }
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        ended = page.wait() => return Err(format!("the page has ended: {}", ended?).into()),
    }
    guard.shutdown(Duration::from_secs(5));
    Ok(())
}

/// Starts the page, which is the command's, and returns its address.
async fn serve(root: &Path) -> Result<(Child, String), Box<dyn Error>> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut page = Command::new(cargo)
        .args(["run", "--quiet", "--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")])
        .args(["--package", "llmlogs", "--", "serve", "--root"])
        .arg(root)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut url = String::new();
    let stdout = page.stdout.take().ok_or("its standard output is piped")?;
    BufReader::new(stdout).read_line(&mut url).await?;
    if url.is_empty() {
        return Err(format!("the page did not start: {}", page.wait().await?).into());
    }
    Ok((page, url.trim_end().to_owned()))
}

/// Returns for how long the agent works, and whether the program ends with it.
fn arguments() -> Result<(Duration, bool), Box<dyn Error>> {
    let (mut seconds, mut once) = (60, false);
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--once" => once = true,
            "--seconds" => seconds = arguments.next().ok_or("--seconds takes a number")?.parse()?,
            other => return Err(format!("{other}: only --seconds N and --once are known").into()),
        }
    }
    Ok((Duration::from_secs(seconds), once))
}
