//! A small report from a root: calls, failures, tokens and cost by model, the most frequent causes of failures, and
//! the last conversation.
//!
//! ```sh
//! cargo run --example read -- path/to/llmlogs/apiCall
//! ```
//!
//! Without an argument the root is `$LLMLOGS_ROOT`, else `./llmlogs/apiCall`.

use std::error::Error;
use std::io::{self, Write};

use tracing_llmlogs::read::{Filter, Root, default_root};

/// How many causes of failures are listed.
const CAUSES: usize = 3;

fn main() -> Result<(), Box<dyn Error>> {
    let root = Root::open(std::env::args_os().nth(1).map_or_else(default_root, Into::into))?;
    let mut out = io::stdout().lock();

    // Any of the command's filters, as one string: `model:gpt* status:error since:2h`.
    let filter = Filter::parse("")?;
    let totals = root.totals(&filter)?;
    writeln!(out, "{} calls in {}", totals.all.calls, root.path().display())?;
    for model in &totals.by_model {
        let of = &model.totals;
        let cost: Vec<_> =
            of.cost.iter().map(|cost| format!("{:.4} {}", cost.amount, cost.currency)).collect();
        writeln!(
            out,
            "  {}: {} calls, {} failed, {} tokens, {}",
            model.name,
            of.calls,
            of.errors,
            of.total_tokens,
            if cost.is_empty() { "cost not known".to_owned() } else { cost.join(" + ") },
        )?;
    }

    for cause in root.failures(&filter)?.causes.iter().take(CAUSES) {
        writeln!(out, "{}× {}: {}", cause.count.count, cause.error_type, cause.message)?;
    }

    if let Some(entry) = root.query(filter).next().transpose()? {
        let conversation = entry.call().conversation()?;
        writeln!(out, "\n{}", entry.call().id())?;
        for message in &conversation.messages {
            writeln!(out, "{}: {}", message.role, message.text())?;
        }
        writeln!(out, "assistant: {}", conversation.answer())?;
    }
    Ok(())
}
