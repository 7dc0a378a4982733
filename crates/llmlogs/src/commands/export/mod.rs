//! `llmlogs export`: calls for other programs.

mod csv;
mod curl;
mod fine_tuning;
mod har;
mod left_out;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use llmlogs_core::query::Filter;
use llmlogs_core::read::{self, Entry, Metadata, State};

use left_out::{Counts, LeftOut};

use crate::args::{Export, Format};
use crate::env::{Env, no_calls};
use crate::outcome::{CliError, Outcome};
use crate::output::format::plural;
use crate::output::out;
use crate::output::progress::Progress;
use crate::output::text::clean;
use crate::read_failures::ReadFailures;
use crate::select::{Selected, select};
use crate::{bundle, interrupt};

/// Turns calls into one of the formats.
trait Writer {
    /// Writes a call, or returns why it is left out.
    fn call(&mut self, entry: &Entry, sink: &mut dyn Write) -> Result<Option<LeftOut>, CliError>;
    /// Writes what comes after the last call.
    fn end(&mut self, _sink: &mut dyn Write) -> Result<(), CliError> {
        Ok(())
    }
}

struct JsonLines;

impl Writer for JsonLines {
    fn call(&mut self, entry: &Entry, sink: &mut dyn Write) -> Result<Option<LeftOut>, CliError> {
        let Ok(bundle) = bundle::whole(entry.call()) else { return Ok(Some(LeftOut::Unreadable)) };
        serde_json::to_writer(&mut *sink, &bundle).map_err(std::io::Error::from)?;
        sink.write_all(b"\n")?;
        Ok(None)
    }
}

pub(crate) fn run(env: &mut Env, args: &Export) -> Result<Outcome, CliError> {
    if !args.context_column.is_empty() && args.format != Format::Csv {
        return Err(CliError::Usage(
            "--context-column is for csv: llmlogs export csv --context-column …".to_owned(),
        ));
    }
    // `-` is standard output, as everywhere.
    let file = args.file.as_deref().filter(|path| path.as_os_str() != "-");
    let mut target = match file {
        Some(path) => Target::file(path)?,
        None => Target::Stdout,
    };
    let mut writer: Box<dyn Writer> = match args.format {
        Format::Jsonl => Box::new(JsonLines),
        Format::Csv => Box::new(csv::Csv::new(&args.context_column)),
        Format::Har => Box::new(har::Har::default()),
        Format::Curl => Box::new(curl::Curl::default()),
        Format::FineTuning => Box::new(fine_tuning::FineTuning),
    };
    let filter = args.filters.filter(args.date.as_ref());
    let mut failures = ReadFailures::default();
    let (mut written, mut left_out) = (0_usize, Counts::default());
    let limit = if args.limit == 0 { usize::MAX } else { args.limit };
    let progress = Progress::spinner("exporting calls");
    for entry in chosen(env, args, &filter)? {
        interrupt::check()?;
        let Some(entry) = failures.keep(entry) else { continue };
        let mut shown = Vec::new();
        let sink: &mut dyn Write = match &mut target {
            Target::Stdout if env.out.is_terminal() => &mut shown,
            Target::Stdout => &mut env.out,
            Target::File(file) => &mut file.sink,
        };
        match writer.call(&entry, sink).map_err(|error| with_file(error, file))? {
            None => written += 1,
            Some(reason) => left_out.add(reason),
        }
        show(env, args.format, &shown)?;
        progress.step(1);
        if written >= limit {
            break;
        }
    }
    progress.end();
    match target {
        Target::Stdout => {
            if written > 0 || args.format == Format::Har {
                let mut shown = Vec::new();
                writer.end(&mut shown)?;
                show(env, args.format, &shown)?;
            }
            env.out.finish()?;
        }
        Target::File(mut atomic) => {
            writer.end(&mut atomic.sink)?;
            atomic.keep()?;
            if let Some(path) = file {
                out::complain(&format!("{} in {}", plural(written as u64, "call"), path.display()));
            }
        }
    }
    let summary = left_out.summary();
    if let Some(summary) = summary.as_ref().filter(|_| written > 0) {
        out::complain(summary);
    }
    failures.outcome(written, || summary.unwrap_or_else(|| no_calls(env, &filter)))
}

/// Prints what is to be shown: as it is, but for a terminal, on which nothing in it may do anything.
fn show(env: &mut Env, format: Format, shown: &[u8]) -> Result<(), CliError> {
    match format {
        Format::Jsonl | Format::Har | Format::FineTuning => env.out.raw_json(shown)?,
        Format::Csv | Format::Curl if env.out.is_terminal() => {
            env.out.write_all(clean(&String::from_utf8_lossy(shown)).as_bytes())?;
        }
        Format::Csv | Format::Curl => env.out.write_all(shown)?,
    }
    Ok(())
}

type Entries = Box<dyn Iterator<Item = read::Result<Entry>>>;

/// Returns the calls that are named, else all that pass the filter.
fn chosen(env: &Env, args: &Export, filter: &Filter) -> Result<Entries, CliError> {
    if args.calls.is_empty() {
        return Ok(Box::new(env.root.query(filter.clone())));
    }
    let mut calls = Vec::new();
    for selector in &args.calls {
        match select(env, Some(selector))? {
            Selected::Call(call) => calls.push(Entry::open(call)),
            Selected::Nothing(Outcome::Nothing(Some(message))) => return Err(CliError::Usage(message)),
            Selected::Nothing(_) => {}
        }
    }
    Ok(Box::new(calls.into_iter()))
}

/// Names the file in an error of writing to it.
fn with_file(error: CliError, file: Option<&Path>) -> CliError {
    match (error, file) {
        (CliError::Failed(message), Some(path)) => {
            CliError::Failed(format!("{message} ({})", path.display()))
        }
        (error, _) => error,
    }
}

enum Target {
    Stdout,
    File(AtomicFile),
}

impl Target {
    fn file(path: &Path) -> Result<Self, CliError> {
        interrupt::guard()?;
        Ok(Target::File(AtomicFile::new(path)?))
    }
}

/// A file that appears when it is complete. Until then it has another name, and is removed if it is never
/// completed.
struct AtomicFile {
    sink: BufWriter<File>,
    temporary: PathBuf,
    path: PathBuf,
    kept: bool,
}

impl AtomicFile {
    fn new(path: &Path) -> Result<Self, CliError> {
        let name =
            path.file_name().ok_or_else(|| CliError::Usage(format!("{} names no file", path.display())))?;
        let mut temporary = name.to_os_string();
        temporary.push(format!(".{}.part", std::process::id()));
        let temporary = path.with_file_name(temporary);
        // Recorded bodies are for their owner only.
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options
            .open(&temporary)
            .map_err(|error| CliError::Failed(format!("cannot write {}: {error}", temporary.display())))?;
        Ok(AtomicFile {
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

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if !self.kept {
            // Nothing can be done if it stays.
            let _leftover = std::fs::remove_file(&self.temporary);
        }
    }
}

/// Returns the metadata of a finished call, else why it is left out.
fn finished_metadata(entry: &Entry) -> Result<Metadata, LeftOut> {
    if entry.call().state() != State::Finished {
        return Err(LeftOut::NotFinished);
    }
    entry.call().metadata().map_err(|_unreadable| LeftOut::Unreadable)
}
