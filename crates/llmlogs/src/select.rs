//! The call that an argument means.

use llmlogs_core::query::{Filter, Selection, Selector};
use llmlogs_core::read::Call;

use crate::env::{Env, no_calls};
use crate::outcome::{CliError, Outcome};

/// How many are listed if several could be meant.
const LISTED: usize = 8;

/// What an argument led to.
pub(crate) enum Selected {
    Call(Call),
    Nothing(Outcome),
}

/// Finds the call that `selector` means; without one, the latest.
pub(crate) fn select(env: &Env, selector: Option<&str>) -> Result<Selected, CliError> {
    select_among(env, selector, &Filter::new())
}

/// As [`select`]; only calls that pass `filter` count. It goes with no selector, or with that of the Nth latest call.
pub(crate) fn select_among(env: &Env, selector: Option<&str>, filter: &Filter) -> Result<Selected, CliError> {
    let root = env.root.path().display();
    let Some(text) = selector.map(str::trim) else {
        return Ok(match env.root.latest_matching(filter, 1)? {
            Some(entry) => Selected::Call(entry.call().clone()),
            None => nothing(no_calls(env, filter)),
        });
    };
    let selector: Selector = text.parse().map_err(|error| CliError::Usage(format!("{error}")))?;
    if !filter.is_empty() {
        return match selector {
            Selector::Latest(place) => Ok(match env.root.latest_matching(filter, place)? {
                Some(entry) => Selected::Call(entry.call().clone()),
                None => nothing(format!("there are fewer than {place} such calls in {root}")),
            }),
            _ => Err(CliError::Usage(format!("{text} means one call: filters go with @1, @2 … or no CALL"))),
        };
    }
    Ok(match (env.root.select(&selector)?, selector) {
        (Selection::Found(call), _) => Selected::Call(call),
        (Selection::Ambiguous(calls), _) => return Err(ambiguous(env, text, &calls)),
        (Selection::Removed(dir), _) => nothing(format!(
            "{} has been removed\nllmlogs ls still has what the index says of it.",
            dir.display()
        )),
        (_, Selector::Latest(place)) => nothing(format!("there are fewer than {place} calls in {root}")),
        (Selection::NotFound { nearest: Some(id) }, _) => {
            nothing(format!("no call {text} in {root}\nDid you mean {id}?"))
        }
        _ => nothing(format!("no call {text} in {root}\nllmlogs ls lists calls with the ends of their ids.")),
    })
}

fn ambiguous(env: &Env, text: &str, calls: &[Call]) -> CliError {
    let mut message = format!("{text} could be any of {} calls:", calls.len());
    for call in calls.iter().take(LISTED) {
        let path = call.dir().strip_prefix(env.root.path()).unwrap_or(call.dir());
        message.push_str(&format!("\n{}", path.display()));
    }
    if calls.len() > LISTED {
        message.push_str("\n…");
    }
    message.push_str("\nGive more of the id, or one of these folders.");
    CliError::Usage(message)
}

fn nothing(message: String) -> Selected {
    Selected::Nothing(Outcome::nothing(message))
}
