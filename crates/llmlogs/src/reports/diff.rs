//! What differs between two calls, as JSON, and its parts as the command and the page show them.

use llmlogs_core::query::{Change, Diff, DiffSide};
use llmlogs_core::read::{Metadata, State};
use serde_json::{Value, json};

use crate::output::format::{Clock, duration, grouped, money};
use crate::output::row;

/// A field that one of two calls has, or both: empty where a call has none.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) a: String,
    pub(crate) b: String,
}

/// A number that both calls have.
#[derive(Debug)]
pub(crate) struct Delta {
    /// As in `metadata.json`.
    pub(crate) name: &'static str,
    pub(crate) a: f64,
    pub(crate) b: f64,
    /// The currency of a cost; empty otherwise.
    pub(crate) currency: String,
}

/// Returns what `llmlogs diff --json` prints.
pub(crate) fn json(clock: Clock, diff: &Diff) -> Value {
    let side = |side: &DiffSide| json!({"call_id": side.call_id, "dir": row::path(&side.dir)});
    let change = |change: &Change| match change {
        Change::Same { text } => json!({"change": "same", "a": text, "b": text}),
        Change::Removed { a } => json!({"change": "removed", "a": a, "b": null}),
        Change::Added { b } => json!({"change": "added", "a": null, "b": b}),
        Change::Changed { a, b } => json!({"change": "changed", "a": a, "b": b}),
        _ => Value::Null,
    };
    let field = |field: &Field| json!({"name": field.name, "a": field.a, "b": field.b});
    let delta = |delta: &Delta| json!({"name": delta.name, "a": delta.a, "b": delta.b, "change": delta.change(), "currency": delta.currency});
    let differing = fields(clock, diff).into_iter().filter(|field| field.a != field.b);
    json!({
        "a": side(&diff.a),
        "b": side(&diff.b),
        "fields": differing.map(|differing| field(&differing)).collect::<Vec<_>>(),
        "deltas": deltas(diff).iter().map(delta).collect::<Vec<_>>(),
        "messages": diff.messages.iter().map(change).collect::<Vec<_>>(),
        "tools": diff.tools.iter().map(change).collect::<Vec<_>>(),
        "output": diff.output.iter().map(change).collect::<Vec<_>>(),
    })
}

/// Returns every field that one of the two calls has, in the order in which they are shown.
pub(crate) fn fields(clock: Clock, diff: &Diff) -> Vec<Field> {
    let (a, b) = (of_side(clock, &diff.a), of_side(clock, &diff.b));
    let value = |fields: &[(&str, String)], name: &str| {
        fields.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone()).unwrap_or_default()
    };
    let mut names: Vec<&'static str> = Vec::new();
    for (name, _) in a.iter().chain(&b) {
        if !names.contains(name) {
            names.push(name);
        }
    }
    let fields = names.into_iter().map(|name| Field { name, a: value(&a, name), b: value(&b, name) });
    fields.filter(|field| !(field.a.is_empty() && field.b.is_empty())).collect()
}

fn of_side(clock: Clock, side: &DiffSide) -> Vec<(&'static str, String)> {
    let metadata = &side.metadata;
    let cost = &metadata.cost_estimate;
    let cost = if has_cost(metadata) { money(cost.total_cost, &cost.currency) } else { String::new() };
    let status = match (side.state, metadata.status) {
        (State::Finished, status) => format!("{status:?}").to_lowercase(),
        (state, _) => state.as_str().replace('_', " "),
    };
    let first_token = metadata.performance.time_to_first_token_ms.map(duration).unwrap_or_default();
    let mut fields = vec![
        ("time", clock.full(metadata.timestamp)),
        ("session", side.session_id.clone()),
        ("status", status),
        ("provider", metadata.api_info.provider.clone()),
        ("model", metadata.api_info.model.clone()),
        ("endpoint", format!("{}{}", metadata.api_info.base_url, metadata.api_info.endpoint)),
        ("finish", metadata.response_info.finish_reason.clone()),
        ("tokens", row::tokens(metadata)),
        ("cost", cost),
        ("latency", duration(metadata.performance.latency_ms)),
        ("first token", first_token),
        ("attempts", metadata.attempts.len().max(1).to_string()),
    ];
    fields.extend(side.parameters.iter().cloned());
    fields
}

/// An unknown cost is not zero.
fn has_cost(metadata: &Metadata) -> bool {
    !metadata.cost_estimate.currency.is_empty() || metadata.cost_estimate.total_cost != 0.0
}

/// Returns the numbers that both calls have and that can be held against each other: costs in one currency, tokens where
/// both report some.
pub(crate) fn deltas(diff: &Diff) -> Vec<Delta> {
    let (a, b) = (&diff.a.metadata, &diff.b.metadata);
    if diff.a.state != State::Finished || diff.b.state != State::Finished {
        return Vec::new();
    }
    let mut deltas = Vec::new();
    let mut add = |name, a, b, currency: &str| {
        deltas.push(Delta { name, a, b, currency: currency.to_owned() });
    };
    add("latency_ms", a.performance.latency_ms as f64, b.performance.latency_ms as f64, "");
    let firsts = a.performance.time_to_first_token_ms.zip(b.performance.time_to_first_token_ms);
    if let Some((a, b)) = firsts {
        add("time_to_first_token_ms", a as f64, b as f64, "");
    }
    let (used, now) = (a.usage, b.usage);
    if used != Default::default() && now != Default::default() {
        for (name, a, b) in [
            ("prompt_tokens", used.prompt_tokens, now.prompt_tokens),
            ("cached_tokens", used.cached_tokens, now.cached_tokens),
            ("completion_tokens", used.completion_tokens, now.completion_tokens),
            ("reasoning_tokens", used.reasoning_tokens, now.reasoning_tokens),
            ("total_tokens", used.total_tokens, now.total_tokens),
        ] {
            if a > 0 || b > 0 {
                add(name, a as f64, b as f64, "");
            }
        }
    }
    let (cost, other) = (&a.cost_estimate, &b.cost_estimate);
    if has_cost(a) && has_cost(b) && cost.currency == other.currency {
        add("total_cost", cost.total_cost, other.total_cost, &cost.currency);
    }
    deltas
}

impl Delta {
    /// Returns whether the field of this name says no more than this.
    pub(crate) fn is_of(&self, field: &str) -> bool {
        match self.name {
            "latency_ms" => field == "latency",
            "time_to_first_token_ms" => field == "first token",
            "total_tokens" => field == "tokens",
            "total_cost" => field == "cost",
            _ => false,
        }
    }

    pub(crate) fn change(&self) -> f64 {
        self.b - self.a
    }

    /// Returns the first call's number, the second's and their difference, as text.
    pub(crate) fn texts(&self) -> [String; 3] {
        let change = self.change();
        let sign = if change < 0.0 { "−" } else { "+" };
        let share = if self.a > 0.0 && change != 0.0 {
            format!(" ({sign}{:.0}%)", change.abs() * 100.0 / self.a)
        } else {
            String::new()
        };
        let change = if change == 0.0 {
            "the same".to_owned()
        } else {
            format!("{sign}{}{share}", self.text(change.abs()))
        };
        [self.text(self.a), self.text(self.b), change]
    }

    fn text(&self, number: f64) -> String {
        match self.name {
            "total_cost" => money(number, &self.currency),
            name if name.ends_with("_ms") => duration(number as u64),
            _ => grouped(number as u64),
        }
    }
}
