//! `llmlogs diff`: two calls side by side.

mod print;

use llmlogs_core::query::Diff;

use crate::args;
use crate::env::Env;
use crate::outcome::{CliError, Outcome};
use crate::reports::diff;
use crate::select::{Selected, select};

pub(crate) fn run(env: &mut Env, args: &args::Diff) -> Result<Outcome, CliError> {
    let mut calls = Vec::new();
    for selector in [&args.a, &args.b] {
        match select(env, Some(selector))? {
            Selected::Call(call) => calls.push(call),
            Selected::Nothing(outcome) => return Ok(outcome),
        }
    }
    let [a, b] = &calls[..] else { return Err(CliError::Usage("two calls are compared".into())) };
    let diff = Diff::between(a, b);
    if env.json {
        let value = diff::json(env.clock, &diff);
        env.out.json(&value)?;
    } else {
        print::text(env, &diff)?;
    }
    env.out.finish()?;
    Ok(Outcome::Found)
}
