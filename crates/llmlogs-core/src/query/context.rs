//! The context of a call, as far as a question needs it: from its line of the index, else from `metadata.json`.

use std::cell::OnceCell;
use std::path::PathBuf;
use std::str::FromStr;

use serde_json::{Map, Value};

use crate::read::call::{Call, State};
use crate::read::entry::Entry;
use crate::read::error::{ErrorKind, Result};
use crate::read::line::IndexLine;

use super::error::QueryError;
use super::name_pattern::NamePattern;

/// How many characters of a message the index has at most.
const INDEXED: usize = 200;

/// A field that the context of a call must have, and its value if that matters.
///
/// Parsed from `name=value`, or `name` for a field that is set, whatever its value. A field of an object is written
/// with dots: `user.plan`; the name of a field may have dots itself. See [`Filter::context`](super::Filter::context).
#[derive(Debug, Clone, PartialEq)]
pub struct ContextTerm {
    name: String,
    value: Option<Wanted>,
}

#[derive(Debug, Clone, PartialEq)]
struct Wanted {
    pattern: NamePattern,
    /// The value as a number, if it is one: `1` is 1.0.
    number: Option<f64>,
}

impl ContextTerm {
    pub(super) fn new(name: &str, value: Option<&str>) -> Self {
        let wanted = |text: &str| Wanted { pattern: NamePattern::new(text), number: text.parse().ok() };
        ContextTerm { name: name.to_owned(), value: value.map(wanted) }
    }

    pub(super) fn matches(&self, context: &ContextOf<'_>) -> Result<bool> {
        let found = context.get(&self.name)?;
        Ok(match (&self.value, &found) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(wanted), Some(value)) => wanted.is(value),
        })
    }
}

impl Wanted {
    fn is(&self, value: &Value) -> bool {
        match value {
            Value::Array(items) => items.iter().any(|item| self.is(item)),
            Value::Number(number) if self.number.is_some() => number.as_f64() == self.number,
            value => self.pattern.matches_text(&text_of(value)),
        }
    }
}

impl FromStr for ContextTerm {
    type Err = QueryError;

    fn from_str(text: &str) -> std::result::Result<Self, QueryError> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value)),
            None => (text.trim(), None),
        };
        if name.is_empty() {
            return Err(QueryError::new(format!(
                "{text:?} names no field: write name=value, or name alone for calls that have the field"
            )));
        }
        Ok(ContextTerm::new(name, value))
    }
}

/// Returns a value as text: a string as it is, anything else as JSON.
pub(super) fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The context of a finished call. Its `metadata.json` is read at most once, and only if the line of the index leaves a
/// question open.
pub(super) struct ContextOf<'c> {
    line: &'c IndexLine<'c>,
    /// Returns the call's folder; `None` if the line's id is no name.
    dir: &'c dyn Fn() -> Option<PathBuf>,
    indexed: OnceCell<Map<String, Value>>,
    stored: OnceCell<Map<String, Value>>,
}

impl<'c> ContextOf<'c> {
    pub(super) fn new(line: &'c IndexLine<'c>, dir: &'c dyn Fn() -> Option<PathBuf>) -> Self {
        ContextOf { line, dir, indexed: OnceCell::new(), stored: OnceCell::new() }
    }

    /// Returns the field `name`; `None` if it is not set, or if the call has been removed and its line lacks the field.
    ///
    /// # Errors
    ///
    /// If `metadata.json` has to be read and cannot be.
    pub(super) fn get(&self, name: &str) -> Result<Option<Value>> {
        match self.in_line(name) {
            Some(known) => Ok(known),
            None => Ok(field(self.stored()?, name)),
        }
    }

    /// Returns what the line says of a field; `None` if it leaves that open.
    fn in_line(&self, name: &str) -> Option<Option<Value>> {
        match name {
            "user_message" => {
                let message = self.line.user_message.text();
                let is_whole = message.len() < INDEXED || message.chars().count() < INDEXED;
                is_whole.then(|| Some(Value::from(&*message)).filter(|_| !message.is_empty()))
            }
            "spans" => {
                let trace = self.line.trace.text();
                let names: Vec<_> = trace.split('/').filter(|_| !trace.is_empty()).collect();
                // A name may have a slash in it; an older recorder's line has no ids.
                if names.is_empty() {
                    return self.line.context_complete.then_some(None);
                }
                (names.len() == self.line.span_ids().count()).then(|| Some(Value::from(names)))
            }
            name => {
                let indexed = self.indexed.get_or_init(|| self.line.context());
                match indexed.get(name) {
                    Some(value) => Some(Some(value.clone()).filter(|_| is_set(name, value))),
                    None => self.line.context_complete.then_some(None),
                }
            }
        }
    }

    fn stored(&self) -> Result<&Map<String, Value>> {
        if let Some(stored) = self.stored.get() {
            return Ok(stored);
        }
        let read = match (self.dir)() {
            Some(dir) => Call::new(dir, State::Finished).metadata().map(|metadata| metadata.context),
            None => Ok(Default::default()),
        };
        let context = match read {
            Ok(context) => context,
            Err(error) if error.kind() == ErrorKind::NotFound => Default::default(),
            Err(error) => return Err(error),
        };
        let members = match serde_json::to_value(context) {
            Ok(Value::Object(members)) => members,
            _ => Map::new(),
        };
        Ok(self.stored.get_or_init(|| members))
    }
}

impl Entry {
    /// Returns a field of the call's context: from its line of the index, else from `metadata.json`. `None` if the field is
    /// not set, or the call has not ended.
    ///
    /// A field of an object is written with dots, as for [`Filter::context`](super::Filter::context).
    ///
    /// # Errors
    ///
    /// If `metadata.json` has to be read and cannot be.
    pub fn context_field(&self, name: &str) -> Result<Option<Value>> {
        if self.call().state() != State::Finished {
            return Ok(None);
        }
        ContextOf::new(&self.line(), &|| Some(self.call().dir().to_owned())).get(name)
    }

    /// As [`context_field`](Self::context_field), as text: a string as it is, anything else as JSON.
    ///
    /// # Errors
    ///
    /// As [`context_field`](Self::context_field).
    pub fn context_text(&self, name: &str) -> Result<Option<String>> {
        Ok(self.context_field(name)?.as_ref().map(text_of))
    }
}

/// Returns a field, or a field of an object behind its name and a dot.
fn field(members: &Map<String, Value>, name: &str) -> Option<Value> {
    if let Some(value) = members.get(name) {
        return Some(value.clone()).filter(|value| is_set(name, value));
    }
    let mut dots = name.match_indices('.').map(|(dot, _)| dot);
    dots.find_map(|dot| match members.get(&name[..dot]) {
        Some(Value::Object(inner)) => field(inner, &name[dot + 1..]),
        _ => None,
    })
}

/// Returns whether a field is set; those that every context has may be not.
fn is_set(name: &str, value: &Value) -> bool {
    match name {
        "agent_iteration" => !value.is_null() && *value != 0,
        "user_message" | "phase" | "round" | "task_id" => !value.is_null() && *value != "",
        "spans" => value.as_array().is_some_and(|spans| !spans.is_empty()),
        _ => !value.is_null(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn matches(term: &str, line: &Value, metadata: Option<&Value>) -> bool {
        let folder = tempfile::tempdir().unwrap();
        if let Some(metadata) = metadata {
            std::fs::write(folder.path().join("metadata.json"), metadata.to_string()).unwrap();
        }
        let line = line.to_string();
        let line = IndexLine::parse(line.as_bytes()).unwrap();
        let dir = || Some(folder.path().to_owned());
        term.parse::<ContextTerm>().unwrap().matches(&ContextOf::new(&line, &dir)).unwrap()
    }

    #[test]
    fn values_match_by_their_text() {
        let line = json!({"context": {
            "tenant": "Acme Corp", "round": 2, "share": 1.5, "whole": 2.0, "dry": false, "http.route": "/v1",
        }, "context_complete": true});
        for term in [
            "tenant=acme corp",
            "tenant=acme*",
            "tenant",
            "round=2",
            "round=2.0",
            "share=1.5",
            "whole=2",
            "dry=false",
            "http.route=/v1",
            "dry",
            " tenant =Acme Corp",
        ] {
            assert!(matches(term, &line, None), "{term}");
        }
        for term in [
            "tenant=acme",
            "tenant=",
            "round=20",
            "dry=true",
            "tenan",
            "http=/v1",
            "phase",
            "agent_iteration=0",
        ] {
            assert!(!matches(term, &line, None), "{term}");
        }
    }

    #[test]
    fn a_field_that_an_index_line_leaves_out_was_taken_for_missing() {
        let long = "x".repeat(300);
        let metadata = json!({"context": {
            "long": long, "user": {"plan": "pro", "tags": ["a", "b"]}, "a.b": {"c": true}, "agent_iteration": 0,
            "user_message": long, "spans": ["agent/1", "plan"], "phase": null,
        }});
        // Lines of an older recorder have no context, or do not say whether it is complete.
        for line in
            [json!({}), json!({"context": {"other": 1}}), json!({"context": {}, "context_complete": false})]
        {
            for term in [
                "long",
                "long=xxx*",
                "user.plan=pro",
                "user.tags=b",
                "a.b.c=true",
                "user",
                "spans=plan",
                "spans=agent/1",
                "spans",
            ] {
                assert!(matches(term, &line, Some(&metadata)), "{term}: {line}");
            }
            for term in ["long=xxx", "user.plan=free", "user.name", "agent_iteration", "phase", "tenant"] {
                assert!(!matches(term, &line, Some(&metadata)), "{term}: {line}");
            }
            assert!(!matches("long", &line, None));
        }
        let cut = json!({"user_message": "x".repeat(200), "trace": "agent/1/plan", "span_ids": ["1", "2"]});
        let whole = format!("user_message={long}");
        assert!(matches(&whole, &cut, Some(&metadata)) && matches("spans=agent/1", &cut, Some(&metadata)));
        let known = json!({"user_message": "hi", "trace": "agent/plan", "span_ids": ["1", "2"]});
        assert!(matches("user_message=HI", &known, None) && matches("spans=plan", &known, None));
    }

    #[test]
    fn a_complete_line_is_believed_without_a_look_at_the_folder() {
        let metadata = json!({"context": {"tenant": "acme"}});
        assert!(!matches("tenant", &json!({"context": {}, "context_complete": true}), Some(&metadata)));
    }

    #[test]
    fn a_term_without_a_name_says_what_to_write() {
        for wrong in ["=x", "", " = ", "="] {
            let error = wrong.parse::<ContextTerm>().unwrap_err().to_string();
            assert!(error.contains("write name=value"), "{error}");
        }
    }
}
