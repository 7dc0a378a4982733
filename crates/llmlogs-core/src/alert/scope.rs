//! Which calls a rule watches, and which of them it watches together.

use serde_json::Value;

use crate::format::IndexEntry;

/// Which calls a rule watches; all of them unless it says otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Scope {
    pub(super) provider: Option<String>,
    pub(super) model: Option<String>,
    /// Fields of the context, each with its value as text.
    pub(super) context: Vec<(String, String)>,
    pub(super) each: Option<Each>,
}

/// By what the calls of a rule are told apart: each value has an alert of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Each {
    Provider,
    Model,
    Context(String),
}

impl Scope {
    /// Returns whether the rule watches `call`.
    pub(super) fn matches(&self, call: &IndexEntry) -> bool {
        let is =
            |wanted: &Option<String>, name: &str| wanted.as_ref().is_none_or(|wanted| fits(wanted, name));
        is(&self.provider, &call.provider)
            && is(&self.model, &call.model)
            && self.context.iter().all(|(name, wanted)| {
                call.context.get(name).is_some_and(|value| fits(wanted, &value_text(value)))
            })
    }

    /// Returns the value of the call by which it is told apart from others; `""` if it is not.
    pub(super) fn group(&self, call: &IndexEntry) -> String {
        match &self.each {
            None => String::new(),
            Some(Each::Provider) => call.provider.clone(),
            Some(Each::Model) => call.model.clone(),
            Some(Each::Context(name)) => call.context.get(name).map(value_text).unwrap_or_default(),
        }
    }
}

/// Returns the value as a person writes it.
fn value_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Returns whether `name` is `wanted`, in which `*` stands for anything; upper and lower case are the same.
fn fits(wanted: &str, name: &str) -> bool {
    let (wanted, name) = (wanted.to_lowercase(), name.to_lowercase());
    let mut parts = wanted.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_fits_whole_or_by_asterisks() {
        assert!(fits("gpt-4o", "GPT-4o") && !fits("gpt-4o", "gpt-4o-mini"));
        assert!(fits("gpt-4o*", "gpt-4o-mini") && fits("*4o*", "gpt-4o") && fits("*", ""));
        assert!(fits("a*b*c", "aXbYc") && !fits("a*b*c", "acb") && !fits("ab*b", "ab"));
    }

    #[test]
    fn a_scope_is_all_of_its_parts() {
        let call = IndexEntry {
            provider: "openai".into(),
            model: "gpt-4o".into(),
            context: serde_json::from_str(r#"{"tenant":"acme","round":3}"#).unwrap(),
            ..IndexEntry::default()
        };
        let context = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
        assert!(Scope::default().matches(&call));
        assert!(Scope { context: context("round", "3"), ..Scope::default() }.matches(&call));
        assert!(!Scope { context: context("round", "4"), ..Scope::default() }.matches(&call));
        assert!(!Scope { context: context("user", "*"), ..Scope::default() }.matches(&call));
        let other =
            Scope { provider: Some("anthropic".into()), model: Some("gpt*".into()), ..Scope::default() };
        assert!(!other.matches(&call));
        let each = Scope { each: Some(Each::Context("tenant".into())), ..Scope::default() };
        assert_eq!(each.group(&call), "acme");
    }
}
