//! One row a call.

use std::io::Write;

use llmlogs_core::read::{Entry, IndexEntry, State, Status};

use super::{LeftOut, Writer};
use crate::outcome::CliError;
use crate::output::row;

const COLUMNS: [&str; 29] = [
    "call_id",
    "session_id",
    "state",
    "timestamp",
    "status",
    "provider",
    "model",
    "operation",
    "http_status",
    "error_type",
    "error_code",
    "error_message",
    "finish_reason",
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "cached_tokens",
    "reasoning_tokens",
    "latency_ms",
    "time_to_first_token_ms",
    "total_cost",
    "currency",
    "attempts",
    "waited_ms",
    "fallback_model",
    "tool_names",
    "user_message",
    "trace",
    "dir",
];

pub(crate) struct Csv {
    started: bool,
    /// Names of fields of the context, which have columns after the others.
    context: Vec<String>,
}

impl Csv {
    pub(crate) fn new(context: &[String]) -> Self {
        Csv { started: false, context: context.to_vec() }
    }
}

impl Writer for Csv {
    fn call(&mut self, entry: &Entry, sink: &mut dyn Write) -> Result<Option<LeftOut>, CliError> {
        let mut rows = csv::WriterBuilder::new().buffer_capacity(1 << 12).from_writer(Vec::new());
        let wrong = |error: csv::Error| CliError::Failed(format!("cannot make a row: {error}"));
        if !std::mem::replace(&mut self.started, true) {
            let context = self.context.iter().map(|name| format!("context.{name}"));
            rows.write_record(COLUMNS.map(str::to_owned).into_iter().chain(context)).map_err(wrong)?;
        }
        let mut row = fields(entry);
        for name in &self.context {
            row.push(entry.context_text(name)?.unwrap_or_default());
        }
        rows.write_record(row.into_iter().map(inert)).map_err(wrong)?;
        let bytes =
            rows.into_inner().map_err(|error| CliError::Failed(format!("cannot make a row: {error}")))?;
        sink.write_all(&bytes)?;
        Ok(None)
    }
}

/// Returns a cell that no spreadsheet takes for a formula: with a quotation mark before it where it would
/// (<https://owasp.org/www-community/attacks/CSV_Injection>). Numbers stay numbers.
fn inert(cell: String) -> String {
    let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    if is_formula && cell.parse::<f64>().is_err() { format!("'{cell}") } else { cell }
}

fn fields(entry: &Entry) -> Vec<String> {
    let call = entry.call();
    let line: IndexEntry = entry.index().unwrap_or_default();
    let finished = call.state() == State::Finished;
    let status = match line.status {
        _ if !finished => "",
        Status::Ok => "ok",
        Status::Error => "error",
        Status::Cancelled => "cancelled",
    };
    let optional = |number: Option<u64>| number.map_or_else(String::new, |number| number.to_string());
    vec![
        call.id().to_owned(),
        call.session_id().to_owned(),
        call.state().as_str().to_owned(),
        line.timestamp.to_string(),
        status.to_owned(),
        line.provider,
        line.model,
        line.operation,
        optional(line.http_status.map(u64::from)),
        line.error_type,
        line.error_code,
        line.error_message,
        line.finish_reason,
        line.prompt_tokens.to_string(),
        line.completion_tokens.to_string(),
        line.total_tokens.to_string(),
        line.cached_tokens.to_string(),
        line.reasoning_tokens.to_string(),
        line.latency_ms.to_string(),
        optional(line.time_to_first_token_ms),
        line.total_cost.to_string(),
        line.currency,
        line.attempts.to_string(),
        line.waited_ms.to_string(),
        line.fallback_model,
        line.tool_names.join(" "),
        line.user_message,
        line.trace,
        row::path(call.dir()),
    ]
}
