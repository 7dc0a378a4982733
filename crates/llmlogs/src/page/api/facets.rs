//! `/api/facets`: what the calls that pass the filter have in common, with counts.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::Response;
use llmlogs_core::format::Status;
use llmlogs_core::read::{Entry, State as CallState};
use serde_json::{Map, Value, json};

use crate::page::answer::{ApiError, answer_asker};
use crate::page::params::Params;
use crate::page::shared::Shared;

use super::calls::Snapshot;

/// At most so many values of a facet are returned, the most frequent ones.
const MOST: usize = 50;

pub(crate) async fn get(
    State(shared): State<Arc<Shared>>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, ApiError> {
    let params = Params::new(pairs, &["as_of"])?;
    answer_asker(move |asker| {
        let root = shared.roots.open(params.root()?)?;
        let mut facets = Facets::default();
        Snapshot::of(root.as_ref(), &params, asker)?.calls.iter().for_each(|entry| facets.add(entry));
        Ok(facets.json())
    })
    .await
}

/// How many calls have a value, by the names of the filter's fields.
#[derive(Debug, Default)]
struct Facets(BTreeMap<&'static str, BTreeMap<String, u64>>);

impl Facets {
    fn add(&mut self, entry: &Entry) {
        let line = entry.line();
        self.count("session", entry.call().session_id());
        if entry.call().state() != CallState::Finished {
            return self.count("status", entry.call().state().as_str());
        }
        let status = match line.status {
            Status::Ok => "ok",
            Status::Error => "error",
            Status::Cancelled => "cancelled",
        };
        self.count("status", status);
        self.count("model", &line.model.text());
        self.count("provider", &line.provider.text());
        self.count("error_type", &line.error_type.text());
        self.count("finish_reason", &line.finish_reason.text());
        for tool in line.tool_names() {
            self.count("tool", &tool.text());
        }
    }

    fn count(&mut self, field: &'static str, value: &str) {
        let values = self.0.entry(field).or_default();
        match values.get_mut(value) {
            Some(calls) => *calls += 1,
            None if value.is_empty() => {}
            None => {
                values.insert(value.to_owned(), 1);
            }
        }
    }

    fn json(self) -> Value {
        let names = ["status", "model", "provider", "error_type", "tool", "session", "finish_reason"];
        let mut facets = self.0;
        let mut answer = Map::new();
        for name in names {
            let mut values: Vec<_> = facets.remove(name).unwrap_or_default().into_iter().collect();
            values.sort_by_key(|(_, calls)| Reverse(*calls));
            let values = values.into_iter().take(MOST);
            let values = values.map(|(value, calls)| json!({"value": value, "calls": calls}));
            answer.insert(name.to_owned(), values.collect());
        }
        answer.into()
    }
}
