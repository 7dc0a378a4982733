//! The settings of all recorders that see a call's span, as one.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use llmlogs_core::json::Json;
use llmlogs_core::redact::Redactor;

use crate::export::ExportRules;

/// The rules where no recorder has any.
static DEFAULT: LazyLock<Redactor> = LazyLock::new(Redactor::new);

/// The settings of recorders.
#[derive(Default)]
pub(super) struct Rules(Vec<Arc<ExportRules>>);

impl Rules {
    /// Adds the settings of more recorders.
    pub(super) fn join(&mut self, more: &[Arc<ExportRules>]) {
        for rules in more {
            if !self.0.iter().any(|known| Arc::ptr_eq(known, rules)) {
                self.0.push(Arc::clone(rules));
            }
        }
        // A body is quoted as the last redactor allows, and one that goes by positions allows nothing.
        self.0.sort_by_key(|rules| rules.redact.has_positional_rules());
    }

    /// Returns the most bytes of an attribute with messages.
    pub(super) fn max_bytes(&self) -> usize {
        self.0.iter().map(|rules| rules.max_bytes).min().unwrap_or(ExportRules::MAX_BYTES)
    }

    /// Returns the redactor of each recorder, else the built-in one.
    pub(super) fn redactors(&self) -> impl Iterator<Item = &Redactor> {
        let builtin = self.0.is_empty().then(|| &*DEFAULT);
        self.0.iter().map(|rules| &rules.redact).chain(builtin)
    }

    /// Redacts a body.
    pub(super) fn json(&self, body: &mut Json<'_>) {
        self.redactors().for_each(|redactor| {
            redactor.json(body);
        });
    }

    /// Redacts a text that is no part of a body.
    pub(super) fn text(&self, text: &str) -> String {
        let redact = |text: String, redactor: &Redactor| match redactor.text(&text) {
            Cow::Owned(redacted) => redacted,
            Cow::Borrowed(_) => text,
        };
        self.redactors().fold(text.to_owned(), redact)
    }

    /// Redacts a body that is text; `None` if a rule depends on positions, which text has none of.
    pub(super) fn body_text(&self, text: &str) -> Option<String> {
        (!self.redactors().any(Redactor::has_positional_rules)).then(|| self.text(text))
    }
}
