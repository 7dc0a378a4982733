//! `llmlogs export`: calls for other programs.

mod csv;
mod curl;
mod fine_tuning;
mod har;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use llmlogs_core::read::{Call, Entry, Metadata, State};

use crate::args::{Export, Format};
use crate::commands::ls::Broken;
use crate::env::Env;
use crate::filter::Filter;
use crate::outcome::{CliError, Outcome};
use crate::output::out;
use crate::output::progress::Progress;
use crate::selector::{Found, resolve};
use crate::{bundle, interrupt};

/// Turns calls into one of the formats.
trait Writer {
    /// Writes a call; `false` where the format has no place for it.
    fn call(&mut self, entry: &Entry, sink: &mut dyn Write) -> Result<bool, CliError>;
    /// What comes after the last call.
    fn end(&mut self, _sink: &mut dyn Write) -> Result<(), CliError> {
        Ok(())
    }
}

struct JsonLines;

impl Writer for JsonLines {
    fn call(&mut self, entry: &Entry, sink: &mut dyn Write) -> Result<bool, CliError> {
        let bundle = bundle::whole(entry.call())?;
        serde_json::to_writer(&mut *sink, &bundle).map_err(std::io::Error::from)?;
        sink.write_all(b"\n")?;
        Ok(true)
    }
}

pub(crate) fn run(env: &mut Env, args: &Export) -> Result<Outcome, CliError> {
    let mut target = match &args.file {
        Some(path) => Target::file(path)?,
        None => Target::Stdout,
    };
    let mut writer: Box<dyn Writer> = match args.format {
        Format::Jsonl => Box::new(JsonLines),
        Format::Csv => Box::new(csv::Csv::new()),
        Format::Har => Box::new(har::Har::default()),
        Format::Curl => Box::new(curl::Curl::default()),
        Format::FineTuning => Box::new(fine_tuning::FineTuning),
    };
    let filter = Filter::new(&args.filters, args.date.as_ref());
    let mut broken = Broken::default();
    let (mut written, mut left_out) = (0_usize, 0_usize);
    let limit = if args.limit == 0 { usize::MAX } else { args.limit };
    let progress = Progress::spinner("exporting calls");
    for entry in chosen(env, args, &filter)? {
        interrupt::check()?;
        let Some(entry) = broken.keep(entry?) else { continue };
        let sink: &mut dyn Write = match &mut target {
            Target::Stdout => &mut env.out,
            Target::File(file) => &mut file.sink,
        };
        if writer.call(&entry, sink).map_err(|problem| target_problem(problem, args.file.as_deref()))? {
            written += 1;
        } else {
            left_out += 1;
        }
        progress.step(1);
        if written >= limit {
            break;
        }
    }
    progress.end();
    match target {
        Target::Stdout => {
            if written > 0 || args.format == Format::Har {
                writer.end(&mut env.out)?;
            }
            env.out.finish()?;
        }
        Target::File(mut file) => {
            writer.end(&mut file.sink)?;
            file.keep()?;
            if let Some(path) = &args.file {
                out::complain(&format!(
                    "{} in {}",
                    crate::output::format::plural(written as u64, "call"),
                    path.display()
                ));
            }
        }
    }
    if left_out > 0 {
        let count = crate::output::format::plural(left_out as u64, "call");
        out::complain(&format!(
            "{count} left out: not finished, failed, or of a shape that the format has no place for"
        ));
    }
    broken.outcome(written, || filter.nothing(env))
}

type Entries<'f> = Box<dyn Iterator<Item = Result<std::io::Result<Entry>, CliError>> + 'f>;

/// Those named, else all that pass the filter.
fn chosen<'f>(env: &Env, args: &Export, filter: &'f Filter) -> Result<Entries<'f>, CliError> {
    if args.calls.is_empty() {
        return Ok(Box::new(filter.newest(env)?.map(Ok)));
    }
    let mut calls = Vec::new();
    for address in &args.calls {
        match resolve(env, Some(address))? {
            Found::Call(call) => calls.push(Ok(Entry::open(call))),
            Found::Nothing(Outcome::Nothing(Some(message))) => return Err(CliError::Usage(message)),
            Found::Nothing(_) => {}
        }
    }
    Ok(Box::new(calls.into_iter()))
}

fn target_problem(problem: CliError, file: Option<&Path>) -> CliError {
    match (problem, file) {
        (CliError::Failed(message), Some(path)) => {
            CliError::Failed(format!("{message} ({})", path.display()))
        }
        (problem, _) => problem,
    }
}

enum Target {
    Stdout,
    File(Whole),
}

impl Target {
    fn file(path: &Path) -> Result<Self, CliError> {
        interrupt::guard()?;
        Ok(Target::File(Whole::new(path)?))
    }
}

/// A file that appears when it is whole. Until then it has another name, and is gone if it never
/// gets that far.
struct Whole {
    sink: BufWriter<File>,
    temporary: PathBuf,
    path: PathBuf,
    kept: bool,
}

impl Whole {
    fn new(path: &Path) -> Result<Self, CliError> {
        let name =
            path.file_name().ok_or_else(|| CliError::Usage(format!("{} names no file", path.display())))?;
        let mut temporary = name.to_os_string();
        temporary.push(format!(".{}.part", std::process::id()));
        let temporary = path.with_file_name(temporary);
        // Recorded bodies are nobody else's business.
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options
            .open(&temporary)
            .map_err(|error| CliError::Failed(format!("cannot write {}: {error}", temporary.display())))?;
        Ok(Whole {
            sink: BufWriter::with_capacity(1 << 16, file),
            temporary,
            path: path.to_owned(),
            kept: false,
        })
    }

    fn keep(mut self) -> Result<(), CliError> {
        let flushed = self.sink.flush().and_then(|()| std::fs::rename(&self.temporary, &self.path));
        flushed
            .map_err(|error| CliError::Failed(format!("cannot write {}: {error}", self.path.display())))?;
        self.kept = true;
        Ok(())
    }
}

impl Drop for Whole {
    fn drop(&mut self) {
        if !self.kept {
            // It was not asked for in this state; there is nobody to tell when it stays.
            let _leftover = std::fs::remove_file(&self.temporary);
        }
    }
}

/// Metadata and bodies of a finished call.
struct Contents {
    metadata: Metadata,
    input: Vec<u8>,
    output: Vec<u8>,
}

fn contents(call: &Call) -> Option<Contents> {
    if call.state() != State::Finished {
        return None;
    }
    Some(Contents { metadata: call.metadata().ok()?, input: call.input().ok()?, output: call.output().ok()? })
}

/// The address that a call went to. An older logger wrote the base with or without the path.
fn url(metadata: &Metadata) -> String {
    let (base, endpoint) = (metadata.api_info.base_url.trim_end_matches('/'), &metadata.api_info.endpoint);
    if base.ends_with(endpoint.as_str()) { base.to_owned() } else { format!("{base}{endpoint}") }
}
