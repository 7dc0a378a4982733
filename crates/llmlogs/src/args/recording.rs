//! `run` and `proxy`: what is recorded, of whom, and how.

use std::ffi::OsString;
use std::net::SocketAddr;

use clap::Args;

use crate::proxy::Upstream;

#[derive(Debug, Args)]
pub(crate) struct Proxy {
    /// The API to pass requests on to; repeated: several, each on a port of its own
    #[arg(long, value_name = "URL", required = true)]
    pub(crate) upstream: Vec<Upstream>,
    /// Listen here; repeated, in the order of the upstreams [default: a free port of 127.0.0.1]
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Vec<SocketAddr>,
    /// Also answer every request to this path, such as /healthz, with 200 and nothing else
    #[arg(long, value_name = "PATH", num_args = 0..=1, default_missing_value = "/llmlogs/health", value_parser = path)]
    pub(crate) health: Option<String>,
    #[command(flatten)]
    pub(crate) recording: Recording,
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// For this client or program instead of what the command's name says; repeated, or with commas: several
    #[arg(long = "for", value_name = "NAME", value_delimiter = ',')]
    pub(crate) clients: Vec<String>,
    /// Point this environment variable at a recorded copy of UPSTREAM, too
    #[arg(long, value_name = "NAME=UPSTREAM", value_parser = setting)]
    pub(crate) set: Vec<(String, Upstream)>,
    /// Print what would be set, and do not run anything
    #[arg(long)]
    pub(crate) print_env: bool,
    /// Show the page of `llmlogs serve` meanwhile; its address is printed on standard error
    #[arg(long)]
    pub(crate) serve: bool,
    /// No summary at the end
    #[arg(long, short)]
    pub(crate) quiet: bool,
    #[command(flatten)]
    pub(crate) recording: Recording,
    /// The program and its arguments
    #[arg(value_name = "COMMAND", trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    pub(crate) command: Vec<OsString>,
}

/// What both share.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Recording")]
pub(crate) struct Recording {
    /// Repeat calls that failed for a reason that may pass
    #[arg(long)]
    pub(crate) retry: bool,
    /// Ask the second model where the first one keeps failing; repeated: several
    #[arg(long, value_name = "MODEL=MODEL", value_parser = fallback)]
    pub(crate) fallback: Vec<(String, String)>,
    /// Remove calls that started longer ago than this: 30d, 12h
    #[arg(long, value_name = "TIME")]
    pub(crate) keep_for: Option<llmlogs_core::query::TimeSpan>,
    /// Remove the oldest calls when the root is larger than this: 500MB, 2GB
    #[arg(long, value_name = "SIZE", value_parser = crate::size::parse)]
    pub(crate) max_size: Option<u64>,
    /// Tell on standard error, in alerts.jsonl and to the webhooks when this happens, such as 'in_a_row>=5'; repeated: several
    #[arg(long = "rule", value_name = "RULE")]
    pub(crate) rules: Vec<llmlogs_core::alert::Rule>,
    /// Send each notice there, as watch does: KIND:URL, KIND:env:VARIABLE or KIND:file:FILE
    #[arg(long = "webhook", value_name = "WEBHOOK", requires = "rules")]
    pub(crate) webhooks: Vec<String>,
    /// Replace what these regular expressions match, one a line of FILE, by [REDACTED] before anything is written
    #[arg(long, value_name = "FILE")]
    pub(crate) redact: Option<std::path::PathBuf>,
}

fn setting(text: &str) -> Result<(String, Upstream), String> {
    let (name, upstream) = text
        .split_once('=')
        .ok_or("it is no NAME=UPSTREAM, as in OPENAI_BASE_URL=https://api.openai.com/v1")?;
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Err(format!("{name} is no name of an environment variable"));
    }
    Ok((name.to_owned(), upstream.parse()?))
}

fn fallback(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((from, to)) if !from.is_empty() && !to.is_empty() => Ok((from.to_owned(), to.to_owned())),
        _ => Err("it is no MODEL=MODEL, as in gpt-4o=gpt-4o-mini".to_owned()),
    }
}

fn path(text: &str) -> Result<String, String> {
    if text.starts_with('/') && !text.contains('?') {
        Ok(text.to_owned())
    } else {
        Err("a path begins with /".to_owned())
    }
}
