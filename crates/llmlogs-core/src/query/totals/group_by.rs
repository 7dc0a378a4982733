//! By what the calls of a root are grouped.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::query::context::{ContextOf, text_of};
use crate::query::error::QueryError;
use crate::read::error::Result;
use crate::read::line::IndexLine;

/// What stands before the name of a field of the context.
const CONTEXT: &str = "context.";

/// By what calls are grouped. See [`Root::totals_by`](crate::read::Root::totals_by).
///
/// Parsed from `model`, `provider`, `session`, `tool`, or the name of a field of the context; `context.model` is the
/// field of that name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GroupBy {
    /// By the requested model.
    Model,
    /// By provider.
    Provider,
    /// By session id.
    Session,
    /// By the tools that the model called: a call is in the group of each of them.
    Tool,
    /// By the value of a field of the context; a field of an object is written with dots: `user.plan`.
    Context(String),
}

impl FromStr for GroupBy {
    type Err = QueryError;

    fn from_str(text: &str) -> std::result::Result<Self, QueryError> {
        let text = text.trim();
        Ok(match text {
            "model" => GroupBy::Model,
            "provider" => GroupBy::Provider,
            "session" => GroupBy::Session,
            "tool" => GroupBy::Tool,
            _ => match text.strip_prefix(CONTEXT).unwrap_or(text) {
                "" => {
                    return Err(QueryError::new(
                        "write model, provider, session, tool, or the name of a context field",
                    ));
                }
                name => GroupBy::Context(name.to_owned()),
            },
        })
    }
}

impl fmt::Display for GroupBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GroupBy::Model => f.write_str("model"),
            GroupBy::Provider => f.write_str("provider"),
            GroupBy::Session => f.write_str("session"),
            GroupBy::Tool => f.write_str("tool"),
            GroupBy::Context(name) => write!(f, "{CONTEXT}{name}"),
        }
    }
}

impl GroupBy {
    /// Returns the groups that a call is in, each once, escaped as in the index. A call without a tool, or without the
    /// field, is in the group without a name. `dir` returns the call's folder.
    ///
    /// # Errors
    ///
    /// If the context has to be read from `metadata.json`, and cannot be.
    pub(super) fn groups(
        &self,
        session: &str,
        line: &IndexLine<'_>,
        dir: &dyn Fn() -> Option<PathBuf>,
    ) -> Result<Vec<Vec<u8>>> {
        Ok(match self {
            GroupBy::Model => vec![line.model.0.to_vec()],
            GroupBy::Provider => vec![line.provider.0.to_vec()],
            GroupBy::Session => vec![escaped(session)],
            GroupBy::Tool => {
                let mut tools: Vec<_> = line.tool_names().map(|name| name.0.to_vec()).collect();
                tools.sort();
                tools.dedup();
                if tools.is_empty() { vec![Vec::new()] } else { tools }
            }
            GroupBy::Context(name) => {
                let value = ContextOf::new(line, dir).get(name)?;
                vec![value.map(|value| escaped(&text_of(&value))).unwrap_or_default()]
            }
        })
    }
}

/// Returns a text as it would stand between the quotes of a JSON string.
fn escaped(text: &str) -> Vec<u8> {
    let quoted = serde_json::to_vec(text).unwrap_or_default();
    quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_field_named_as_something_else_is_asked_for_with_a_prefix() {
        let by = |text: &str| text.parse::<GroupBy>().unwrap();
        assert_eq!((by("model"), by("tenant")), (GroupBy::Model, GroupBy::Context("tenant".into())));
        for text in ["model", "provider", "session", "tool", "context.model", "context.user.plan"] {
            assert_eq!(by(text).to_string(), text);
        }
        assert_eq!(by("context.model"), GroupBy::Context("model".into()));
        assert!("".parse::<GroupBy>().is_err() && "context.".parse::<GroupBy>().is_err());
    }

    #[test]
    fn a_call_counts_once_for_a_tool_that_it_calls_twice() {
        let line = IndexLine::parse(br#"{"tool_names":["b","a","b"]}"#).unwrap();
        assert_eq!(GroupBy::Tool.groups("s", &line, &|| None).unwrap(), [b"a".to_vec(), b"b".to_vec()]);
        let none = IndexLine::parse(b"{}").unwrap();
        assert_eq!(GroupBy::Tool.groups("s", &none, &|| None).unwrap(), [b"".to_vec()]);
    }
}
