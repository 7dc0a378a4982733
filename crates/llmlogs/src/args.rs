//! The command line.

#[cfg(feature = "proxy")]
mod recording;

use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};

use llmlogs_core::query::{BodyTerm, ContextTerm, Dates, Filter, GroupBy, SearchPart, TimeRange, TimeSpan};

use crate::outcome::CliError;

#[cfg(feature = "proxy")]
pub(crate) use recording::{Proxy, Recording, Run};

/// What happened between this machine and its LLM APIs.
///
/// Without a command: the latest call.
#[derive(Debug, Parser)]
#[command(name = "llmlogs", version, max_term_width = 100, disable_help_subcommand = false)]
#[command(after_help = "\
Examples:
  llmlogs                       the latest call
  llmlogs ls --status error     calls that failed, newest first
  llmlogs show @2               the second latest call, whole
  llmlogs search -i timeout --in error
  llmlogs stats today
  llmlogs tail -f

CALL is a call's id, the end of one, its folder, or @N for the Nth latest (~N too, where \
the shell leaves it alone: zsh wants it quoted).
DATE is 20251027, 2025-10-27, today, yesterday, or a range 2025-10-01..2025-10-27.

Exit status: 0 found, 1 nothing found, 2 wrong use, 3 the root cannot be read.")]
#[command(after_long_help = "\
Examples:
  llmlogs                       the latest call
  llmlogs ls --status error     calls that failed, newest first
  llmlogs show @2               the second latest call, whole
  llmlogs search -i timeout --in error
  llmlogs stats today
  llmlogs tail -f

CALL is a call's id, the end of one, its folder, or @N for the Nth latest (~N too, where \
the shell leaves it alone: zsh wants it quoted).
DATE is 20251027, 2025-10-27, today, yesterday, or a range 2025-10-01..2025-10-27.

The root is --root, else $LLMLOGS_ROOT, else ./llmlogs/apiCall, else that of the nearest parent \
folder.

Environment:
  LLMLOGS_ROOT           the root
  LLMLOGS_WEBHOOK        whom watch tells, unless it is given --webhook:
                         KIND:URL, as there
  LLMLOGS_PAGER, PAGER   the pager for long output on a terminal (less, unless
                         set; cat or nothing: none)
  NO_COLOR               no colours

JSON (--json), with the same keys as the files on disk (metadata.json, index.jsonl):
  llmlogs, show          one object: call_id, session_id, dir, state, metadata;
                         show adds input, output, and llmlogs alone firing, the
                         alerts that fire now, as llmlogs alerts has them
  ls, tail, search       one object a line: the line of index.jsonl with
                         session_id, dir and state
  other commands         see their own --help

Exit status: 0 found, 1 nothing found, 2 wrong use, 3 the root cannot be read.")]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// Of every command.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// The folder below which calls were recorded [default: $LLMLOGS_ROOT, ./llmlogs/apiCall, that of a parent]
    #[arg(long, global = true, value_name = "DIR", help_heading = "Global options")]
    pub(crate) root: Vec<PathBuf>,
    /// Print JSON for programs
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) json: bool,
    /// Times in UTC instead of local time
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) utc: bool,
    /// When to use colours
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        value_enum,
        default_value_t,
        help_heading = "Global options"
    )]
    pub(crate) color: Color,
    /// Never start a pager
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) no_pager: bool,
}

impl Global {
    /// Returns the root of a command that reads one.
    pub(crate) fn one_root(&self) -> Result<Option<&Path>, CliError> {
        match self.root.as_slice() {
            [] => Ok(None),
            [root] => Ok(Some(root)),
            _ => Err(CliError::Usage("--root is given several times; only serve takes several".to_owned())),
        }
    }
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Also when piped.
    Always,
    /// Never.
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List calls, newest first
    #[command(
        visible_alias = "list",
        after_help = "\
Examples:
  llmlogs ls --since 2h --status error
  llmlogs ls --model 'gpt-4o*' --min-latency 10s
  llmlogs ls --date yesterday --tree
  llmlogs ls --context tenant=acme --context phase=plan
  llmlogs ls --limit 0 --json | jq -s 'map(.total_tokens) | add'

Cut columns are shown whole when piped. Calls in flight show their age. A tree sums calls, failures, tokens and \
costs of the calls that are shown below each span."
    )]
    Ls(Ls),
    /// Show one call, whole
    #[command(after_help = "\
Examples:
  llmlogs show                    the latest call
  llmlogs show @2                 the one before it
  llmlogs show 040210_001         by the end of its id
  llmlogs show --status error     the latest one that failed
  llmlogs show --input @1 | jq .messages
  cd \"$(llmlogs show --path)\"")]
    Show(Show),
    /// Search user messages, or bodies and errors
    #[command(after_help = "\
Examples:
  llmlogs search refund
  llmlogs search -i 'rate.?limit' --in error today
  llmlogs search 'def \\w+_total' --in output --since 3d

PATTERN is a regular expression of https://docs.rs/regex. It is matched against the text that JSON \
stands for: \" is a quote, a line break is one.

JSON: one object a line: the line of index.jsonl with session_id, dir, state, and matches: a \
list of {in, path, text, start, end} with byte offsets into text. path is that of a string in a body, or prompt \
for the last user message of a request where a span gave the call another.")]
    Search(Search),
    /// Count calls, tokens, costs and latencies
    #[command(after_help = "\
Examples:
  llmlogs stats
  llmlogs stats today --model 'claude*'
  llmlogs stats --since 7d --json | jq .cost
  llmlogs stats --by provider
  llmlogs stats --by tenant --context phase=plan

The success rate is that of the calls that succeeded or failed: a cancelled one is neither. \
Percentiles are latencies that really occurred (nearest rank). Sessions are listed newest first, \
everything else by calls.

JSON: one object: calls, ok, errors, cancelled, in_flight, interrupted, not_recorded, success_rate, tokens, \
cost (by currency), unpriced, latency_ms {mean, p50, p95, p99, max}, time_to_first_token_ms, \
tokens_per_second, and the lists by_model, by_provider, by_session, by_tool, by_finish_reason, by_hour; with --by also by and groups, a list of {name, calls, …}.")]
    Stats(Stats),
    /// Say what failed, how often, and why
    #[command(after_help = "\
Examples:
  llmlogs failures
  llmlogs failures today
  llmlogs failures --since 7d --provider openai

In causes, numbers read <n>, ids <id> and addresses <url>, so that the same failure counts as one.

JSON: one object: calls, failures, cancelled, failure_rate, over_time, by_type, causes, runs, retries.")]
    Failures(Failures),
    /// Compare two calls
    #[command(after_help = "\
Examples:
  llmlogs diff              the latest call with the one before it
  llmlogs diff @5 @1
  llmlogs diff 040210_001 040215_002

JSON: one object: a, b, fields (name, a, b of what differs), messages, tools and output, each a list \
of {change, a, b}.")]
    Diff(Diff),
    /// Show the last calls, and follow new ones
    #[command(after_help = "\
Examples:
  llmlogs tail
  llmlogs tail -f
  llmlogs tail -f --status error

JSON: one object a line, as ls has them; with -f a call appears when it starts and when it is over.")]
    Tail(Tail),
    /// List what fired, and what fires still
    #[command(after_help = "\
Examples:
  llmlogs alerts
  llmlogs alerts today --state firing
  llmlogs alerts --since 7d --rule in_a_row --json

Alerts come from the rules of a recorder, or from llmlogs watch. One that ended was not resolved before \
its program ended.

JSON: one object a line: the last line of alerts.jsonl with state, file, first (the notice with which it \
began) and undelivered (notices that did not reach a channel).")]
    Alerts(Alerts),
    /// Tell somebody when calls fail, while other programs record them
    #[command(after_help = "\
Examples:
  llmlogs watch --rule 'failure_rate>20%/5m' --rule 'in_a_row>=5'
  llmlogs watch --rule 'p95_latency>10s/5m model=gpt-4o*'
  llmlogs watch --webhook slack:env:SLACK_URL --command notify-send llmlogs
  llmlogs watch --webhook feishu:file:/etc/llmlogs/feishu

Rules:
  in_a_row>=5                so many calls failed without a success between them
  failure_rate>20%/5m        of the calls of 5 minutes, at least 10
                             (at_least=10)
  p95_latency>10s/5m         also p99_, p95_first_token
  cost>5USD/1h, tokens>1M/1h
  silence>10m                no call has ended for so long

Settings follow a rule, with spaces between them: provider=NAME, model=NAME, context.FIELD=VALUE (* \
stands for anything), each=model (or provider, context.FIELD: an alert for each), at_least=N, hold=TIME, successes=N \
and quiet=TIME (when it is resolved), repeat=TIME or never.

A webhook's address is a credential, and a command line is seen by every user of the machine: give it by \
env: or file:. After the address, a secret to sign with may follow (feishu, dingtalk, json), with a space between them.

Alerts are also written to alerts.jsonl in the root; llmlogs alerts lists them. A root that does not exist \
yet is waited for. It runs until Ctrl-C, SIGTERM or SIGHUP, and then waits up to 2 s for notices on their way; the exit \
status is 0 then.

JSON: one object a line: a line of alerts.jsonl.")]
    Watch(Watch),
    /// Show what happens, live, in a browser
    #[command(after_help = "\
Examples:
  llmlogs serve
  llmlogs serve --port 4320
  llmlogs serve --root a/llmlogs/apiCall --root b/llmlogs/apiCall

Prints the address, which only this machine reaches. It contains a token, since every user of the machine \
could open it otherwise; the browser keeps it as a cookie. --root may be given several times, and one that does \
not exist yet is waited for. Nothing is written. It runs until Ctrl-C.")]
    Serve(Serve),
    /// Run a program, and record its calls
    #[cfg(feature = "proxy")]
    #[command(after_help = "\
Examples:
  llmlogs run -- python agent.py
  llmlogs run --for langchain -- python chain.py
  llmlogs run --set MY_BASE_URL=https://api.deepseek.com -- ./agent
  llmlogs run --print-env -- node agent.js

The program's base URLs are pointed at ports of this machine, whatever they point at now, and what comes \
there is passed on byte for byte and recorded. Which variables these are depends on the client: --for \
takes openai, anthropic, google-genai, bedrock, ollama, cohere, groq, together, litellm, langchain, claude, \
codex, gemini-cli, aider or goose; without it the command's name decides, else those of the SDKs are set. A \
program that sets its base URL in its code is not reached.

Standard input, output and error are the program's own. What was set, and a summary at the end, are printed on \
standard error. Exit status: the program's; 128 and the signal's number if a signal ended it.")]
    Run(Run),
    /// Record what goes through a port of this machine
    #[cfg(feature = "proxy")]
    #[command(after_help = "\
Examples:
  llmlogs proxy --upstream https://api.deepseek.com/v1
  llmlogs proxy --upstream https://api.openai.com/v1 --listen 127.0.0.1:8080 --health

Prints a line for each upstream: the address to use instead, an arrow, the upstream. Bytes and headers pass as \
they are, and so do keys, which the proxy does not hold. It answers programs on this machine only. It runs \
until Ctrl-C or SIGTERM, and ends when every call is written.")]
    Proxy(Proxy),
    /// Write calls for other programs
    #[command(after_help = "\
Examples:
  llmlogs export csv --since 30d -o calls.csv
  llmlogs export csv --context-column tenant,phase
  llmlogs export har --session 20251027_040210 -o session.har
  llmlogs export curl @1                  run the latest call again
  llmlogs export fine-tuning --status ok --tool read_file > train.jsonl

Formats:
  jsonl        one object a line: call_id, session_id, dir, state, metadata,
               input, output
  csv          one row a call, columns as in index.jsonl; --context-column
               tenant adds one; ' stands before what a spreadsheet would run
  har          HTTP archive 1.2, which browsers' tools open; a stream is the one
               object that was recorded of it
  curl         one shell command a call; the key is a variable of the
               environment
  fine-tuning  one conversation a line as OpenAI's chat fine-tuning takes it;
               calls that failed, have no answer or have lost media are left out
               and counted on standard error")]
    Export(Export),
    /// Remove old calls
    #[command(after_help = "\
Examples:
  llmlogs prune --older-than 30d --dry-run
  llmlogs prune --max-size 2GB --yes

On a terminal it asks before it removes anything; elsewhere it wants --yes. Sessions that are \
being recorded keep their calls in flight.

JSON: one object: calls (a list of folders), bytes, dry_run.")]
    Prune(Prune),
    /// Pack sessions that have ended into a few files, a tenth as large
    #[command(after_help = "\
Examples:
  llmlogs pack --older-than 7d --dry-run
  llmlogs pack --older-than 7d
  llmlogs pack 20251027_040210

The folders of a session's calls become two Parquet files beside its index, bodies.parquet and calls.parquet. Every \
command reads packed calls as it read their folders, and unpack gives the folders back, to the byte. A folder is \
removed only after its row has been read back and compared. It can be interrupted at any time; the next run goes on. \
Calls that were interrupted, damaged ones, and folders with other files in them stay as they are.

Exit status 0: packed, 1: nothing to pack, 2: wrong use, 3: something could not be read or written.

JSON: one object: dry_run, sessions (a list of {session, calls, before, after, skipped, kept}; before and after are \
{bytes, inodes}; kept is a list of {call, why}), errors.")]
    Pack(Pack),
    /// Turn packed sessions into folders again
    #[command(after_help = "\
Examples:
  llmlogs unpack 20251027_040210
  llmlogs unpack --dry-run

JSON: as that of pack.")]
    Unpack(Unpack),
    /// Check a root, and repair its indexes
    #[command(after_help = "\
Examples:
  llmlogs doctor
  llmlogs doctor --repair
  llmlogs doctor --date today --json

Looks for secrets that the redaction rules know, in every file; for calls that cannot be read, files of \
finished calls that are gone, torn and missing lines of indexes, calls that were interrupted, leftovers, \
permissions that let others read, and files and folders that no recorder put there (folders of others are not \
looked into). --repair rebuilds the indexes of sessions that are over from their calls; nothing else is changed, and \
nothing in a session that is running.

Exit status 0: nothing wrong, 1: something to look at, 2: wrong use, 3: the root cannot be read. Sessions \
that were not shut down and empty folders of the older logger are listed and do not count.

JSON: one object: sessions, calls, gone, bytes, days, problems (a list of {kind, path, what}), repaired.")]
    Doctor(Doctor),
    /// Print a completion script for a shell
    #[command(after_help = "\
Examples:
  llmlogs completions bash > /usr/share/bash-completion/completions/llmlogs
  llmlogs completions zsh > ~/.zfunc/_llmlogs")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    #[command(after_help = "Example:\n  llmlogs man > llmlogs.1")]
    Man,
}

/// Which calls.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Filters")]
pub(crate) struct Filters {
    /// Not before this: 2h, 3d, a date, or a time such as '2025-10-27 04:02'
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true)]
    pub(crate) since: Option<TimeRange>,
    /// Not after this; a date means the end of its day
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true)]
    pub(crate) until: Option<TimeRange>,
    /// Of this session: its id, or the end of it
    #[arg(long, value_name = "ID")]
    pub(crate) session: Option<String>,
    /// Of this model; * stands for anything
    #[arg(long, short, value_name = "NAME")]
    pub(crate) model: Option<String>,
    /// Of this provider; * stands for anything
    #[arg(long, value_name = "NAME")]
    pub(crate) provider: Option<String>,
    /// That ended so, or have not ended
    #[arg(long, value_name = "STATUS", value_enum)]
    pub(crate) status: Vec<StatusFilter>,
    /// That failed with this, such as RateLimitError; * stands for anything
    #[arg(long, value_name = "TYPE")]
    pub(crate) error_type: Option<String>,
    /// In which the model called this tool; * stands for anything
    #[arg(long, value_name = "NAME")]
    pub(crate) tool: Option<String>,
    /// That ended for this reason, such as stop or length; * stands for anything
    #[arg(long, value_name = "REASON")]
    pub(crate) finish_reason: Option<String>,
    /// That took at least this long: 500ms, 10s, 2m
    #[arg(long, value_name = "TIME")]
    pub(crate) min_latency: Option<TimeSpan>,
    /// Whose context has this field with this value, or this field: tenant=acme, tenant; repeated: all of them
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) context: Vec<ContextTerm>,
    /// With this text in any message, request or answer; repeated: all of them. Reads the bodies, as search --in all does
    #[arg(long, value_name = "TEXT")]
    pub(crate) body: Vec<BodyTerm>,
}

impl Filters {
    /// Returns the filter that the options describe, and `dates` of a command that takes some.
    pub(crate) fn filter(&self, dates: Option<&Dates>) -> Filter {
        let mut filter = Filter::new();
        if let Some(dates) = dates {
            filter = filter.dates(dates.clone());
        }
        if let Some(since) = self.since {
            filter = filter.since_range(since);
        }
        if let Some(until) = self.until {
            filter = filter.until_range(until);
        }
        if let Some(session) = &self.session {
            filter = filter.session(session);
        }
        if let Some(model) = &self.model {
            filter = filter.model(model);
        }
        if let Some(provider) = &self.provider {
            filter = filter.provider(provider);
        }
        for status in &self.status {
            filter = filter.status((*status).into());
        }
        if let Some(error_type) = &self.error_type {
            filter = filter.error_type(error_type);
        }
        if let Some(tool) = &self.tool {
            filter = filter.tool(tool);
        }
        if let Some(finish_reason) = &self.finish_reason {
            filter = filter.finish_reason(finish_reason);
        }
        if let Some(latency) = self.min_latency {
            filter = filter.min_latency(latency.0);
        }
        for term in &self.context {
            filter = filter.context_term(term.clone());
        }
        for term in &self.body {
            filter = filter.body(term.clone());
        }
        filter
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StatusFilter {
    Ok,
    Error,
    Cancelled,
    InFlight,
    Interrupted,
    NotRecorded,
}

impl From<StatusFilter> for llmlogs_core::query::StatusFilter {
    fn from(status: StatusFilter) -> Self {
        match status {
            StatusFilter::Ok => Self::Ok,
            StatusFilter::Error => Self::Error,
            StatusFilter::Cancelled => Self::Cancelled,
            StatusFilter::InFlight => Self::InFlight,
            StatusFilter::Interrupted => Self::Interrupted,
            StatusFilter::NotRecorded => Self::NotRecorded,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Ls {
    /// Of this day, or these
    #[arg(long, value_name = "DATE")]
    pub(crate) date: Option<Dates>,
    #[command(flatten)]
    pub(crate) filters: Filters,
    /// How many at most; 0 for all
    #[arg(long, short = 'n', value_name = "N", default_value_t = 20)]
    pub(crate) limit: usize,
    /// Show the calls below the spans that enclose them, with sums
    #[arg(long)]
    pub(crate) tree: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Which call [default: the latest]
    #[arg(value_name = "CALL")]
    pub(crate) call: Option<String>,
    /// Print the request body as it was stored
    #[arg(long, conflicts_with = "output")]
    pub(crate) input: bool,
    /// Print the response body as it was stored
    #[arg(long)]
    pub(crate) output: bool,
    /// Print the call's folder
    #[arg(long, conflicts_with_all = ["input", "output"])]
    pub(crate) path: bool,
    #[command(flatten)]
    pub(crate) filters: Filters,
}

#[derive(Debug, Args)]
pub(crate) struct Search {
    /// A regular expression
    pub(crate) pattern: String,
    /// Of this day, or these
    #[arg(value_name = "DATE")]
    pub(crate) date: Option<Dates>,
    /// Where to search [default: user messages]
    #[arg(long = "in", value_name = "PART", value_enum, value_delimiter = ',')]
    pub(crate) parts: Vec<PartFilter>,
    /// Ignore upper and lower case
    #[arg(long, short)]
    pub(crate) ignore_case: bool,
    /// Take the pattern for plain text
    #[arg(long, short = 'F')]
    pub(crate) fixed_strings: bool,
    #[command(flatten)]
    pub(crate) filters: Filters,
    /// How many calls at most; 0 for all
    #[arg(long, short = 'n', value_name = "N", default_value_t = 50)]
    pub(crate) limit: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PartFilter {
    /// User messages: what a span says, and the last one of the request.
    User,
    /// Request bodies.
    Input,
    /// Response bodies.
    Output,
    /// Error messages.
    Error,
    /// All of them.
    All,
}

impl PartFilter {
    /// Returns the parts of a call that it means.
    pub(crate) fn parts(self) -> &'static [SearchPart] {
        match self {
            PartFilter::User => &[SearchPart::User],
            PartFilter::Input => &[SearchPart::Input],
            PartFilter::Output => &[SearchPart::Output],
            PartFilter::Error => &[SearchPart::Error],
            PartFilter::All => &[SearchPart::User, SearchPart::Input, SearchPart::Output, SearchPart::Error],
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Stats {
    /// Of this day, or these
    #[arg(value_name = "DATE")]
    pub(crate) date: Option<Dates>,
    /// One table, by model, provider, session, tool, or a context field such as tenant (context.model for one that is
    /// called model)
    #[arg(long, value_name = "WHAT")]
    pub(crate) by: Option<GroupBy>,
    #[command(flatten)]
    pub(crate) filters: Filters,
    /// How many rows a table has at most; 0 for all
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) top: usize,
}

#[derive(Debug, Args)]
pub(crate) struct Failures {
    /// Of this day, or these
    #[arg(value_name = "DATE")]
    pub(crate) date: Option<Dates>,
    #[command(flatten)]
    pub(crate) filters: Filters,
    /// How many rows a table has at most; 0 for all
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) top: usize,
}

#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// The first call [default: the second latest]
    #[arg(value_name = "A", default_value = "@2")]
    pub(crate) a: String,
    /// The second call [default: the latest]
    #[arg(value_name = "B", default_value = "@1")]
    pub(crate) b: String,
}

#[derive(Debug, Args)]
pub(crate) struct Tail {
    /// Wait for new calls and show them as they happen
    #[arg(long, short)]
    pub(crate) follow: bool,
    /// How many calls to begin with
    #[arg(long, short = 'n', value_name = "N", default_value_t = 10)]
    pub(crate) limit: usize,
    #[command(flatten)]
    pub(crate) filters: Filters,
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// What to write
    #[arg(value_enum, default_value_t)]
    pub(crate) format: Format,
    /// These calls only
    #[arg(value_name = "CALL")]
    pub(crate) calls: Vec<String>,
    /// Into this file, which appears whole or not at all [default: -, standard output]
    #[arg(long = "output", short = 'o', value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Of this day, or these
    #[arg(long, value_name = "DATE")]
    pub(crate) date: Option<Dates>,
    #[command(flatten)]
    pub(crate) filters: Filters,
    /// How many of the newest at most; 0 for all
    #[arg(long, short = 'n', value_name = "N", default_value_t = 0)]
    pub(crate) limit: usize,
    /// A field of the context as a further column of csv, named context.NAME; repeated, or with commas: several
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = field_name)]
    pub(crate) context_column: Vec<String>,
}

/// Returns the name of a field without the blanks around it, as in `tenant, phase`.
fn field_name(text: &str) -> Result<String, &'static str> {
    match text.trim() {
        "" => Err("it names no field"),
        name => Ok(name.to_owned()),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Format {
    #[default]
    Jsonl,
    Csv,
    Har,
    Curl,
    FineTuning,
}

#[derive(Debug, Args)]
pub(crate) struct Prune {
    /// Remove calls that started longer ago than this: 30d, 12h
    #[arg(long, value_name = "TIME")]
    pub(crate) older_than: Option<TimeSpan>,
    /// Remove the oldest calls until the root is no larger than this: 500MB, 2GB
    #[arg(long, value_name = "SIZE", value_parser = crate::size::parse)]
    pub(crate) max_size: Option<u64>,
    /// Only say what would be removed
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Pack {
    /// Sessions that ended longer ago than this: 7d, 12h
    #[arg(long, value_name = "TIME")]
    pub(crate) older_than: Option<TimeSpan>,
    #[command(flatten)]
    pub(crate) of: PackOf,
}

#[derive(Debug, Args)]
pub(crate) struct Unpack {
    #[command(flatten)]
    pub(crate) of: PackOf,
}

/// What pack and unpack have in common.
#[derive(Debug, Args)]
pub(crate) struct PackOf {
    /// These sessions only: their ids, or the ends of them
    #[arg(value_name = "SESSION")]
    pub(crate) sessions: Vec<String>,
    /// Only say what would be done
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Of this day, or these
    #[arg(long, value_name = "DATE")]
    pub(crate) date: Option<Dates>,
    /// Rebuild the indexes of sessions that are over
    #[arg(long)]
    pub(crate) repair: bool,
    /// Do not look for secrets, which takes the longest
    #[arg(long)]
    pub(crate) no_secrets: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Alerts {
    /// That began to fire on this day, or these
    #[arg(value_name = "DATE")]
    pub(crate) date: Option<Dates>,
    /// That fired at this time or later: 2h, 3d, a date, or a time such as '2025-10-27 04:02'
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true)]
    pub(crate) since: Option<TimeRange>,
    /// That began at this time or earlier; a date means the end of its day
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true)]
    pub(crate) until: Option<TimeRange>,
    /// In this state
    #[arg(long, value_name = "STATE", value_enum)]
    pub(crate) state: Vec<AlertStateFilter>,
    /// Whose rule contains this text
    #[arg(long, value_name = "TEXT")]
    pub(crate) rule: Option<String>,
    /// Of this session: its id, or the end of it
    #[arg(long, value_name = "ID")]
    pub(crate) session: Option<String>,
    /// How many at most; 0 for all
    #[arg(long, short = 'n', value_name = "N", default_value_t = 50)]
    pub(crate) limit: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AlertStateFilter {
    Firing,
    Resolved,
    Ended,
}

#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// Fire when this happens, such as 'failure_rate>20%/5m' or 'in_a_row>=5' [default: both of these]
    #[arg(long = "rule", value_name = "RULE")]
    pub(crate) rules: Vec<String>,
    /// Send each notice there: KIND:URL, KIND:env:VARIABLE or KIND:file:FILE; KIND is slack, feishu, dingtalk, discord or
    /// json [default: $LLMLOGS_WEBHOOK]
    #[arg(long = "webhook", value_name = "WEBHOOK")]
    pub(crate) webhooks: Vec<String>,
    /// Start this program for each notice, without a shell, with the alert as JSON on its standard input; everything that
    /// follows is its arguments
    #[arg(long, value_name = "PROGRAM", num_args = 1.., allow_hyphen_values = true)]
    pub(crate) command: Vec<std::ffi::OsString>,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// The port; 0 for a free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub(crate) port: u16,
    /// Open it in the browser ($BROWSER, else the system's)
    #[arg(long)]
    pub(crate) open: bool,
    /// Answer every user of this machine, without a token
    #[arg(long)]
    pub(crate) no_token: bool,
    /// Answer under this name, too: HOST or HOST:PORT, as a browser behind a proxy or tunnel sends it
    #[arg(long, value_name = "HOST")]
    pub(crate) allow_host: Vec<String>,
}
