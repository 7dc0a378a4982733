//! Names of providers, models and types of errors. A program that makes up models must not make a series of each.

use std::collections::HashMap;

/// How many pairs of provider and model, types of errors, and currencies there are at most; further ones are `other`.
const MOST: usize = 200;

/// The length of a name in characters.
const LENGTH: usize = 120;

/// What stands for an empty name: an empty label is none to Prometheus.
const UNKNOWN: &str = "unknown";

const OTHER: &str = "other";

/// All names so far. A name that has a number keeps it.
#[derive(Debug, Default)]
pub(super) struct Labels {
    /// Provider and model.
    pairs: Names<(String, String)>,
    types: Names<String>,
    currencies: Names<String>,
}

/// The number of a name; that of all others is [`MOST`].
pub(super) type Id = u16;

#[derive(Debug)]
struct Names<T> {
    numbers: HashMap<T, Id>,
    names: Vec<T>,
}

impl Labels {
    pub(super) fn pair(&mut self, provider: &str, model: &str) -> Id {
        self.pairs.id((short(provider), short(model)))
    }

    pub(super) fn error_type(&mut self, name: &str) -> Id {
        self.types.id(short(name))
    }

    pub(super) fn currency(&mut self, name: &str) -> Id {
        self.currencies.id(short(name))
    }

    /// Returns provider and model.
    pub(super) fn pair_of(&self, id: Id) -> (&str, &str) {
        self.pairs.names.get(usize::from(id)).map_or((OTHER, OTHER), |(provider, model)| (provider, model))
    }

    pub(super) fn error_type_of(&self, id: Id) -> &str {
        self.types.names.get(usize::from(id)).map_or(OTHER, String::as_str)
    }

    pub(super) fn currency_of(&self, id: Id) -> &str {
        self.currencies.names.get(usize::from(id)).map_or(OTHER, String::as_str)
    }
}

impl<T> Default for Names<T> {
    fn default() -> Self {
        Names { numbers: HashMap::new(), names: Vec::new() }
    }
}

impl<T: Clone + Eq + std::hash::Hash> Names<T> {
    fn id(&mut self, name: T) -> Id {
        if let Some(id) = self.numbers.get(&name) {
            return *id;
        }
        let id = self.names.len().min(MOST) as Id;
        if usize::from(id) < MOST {
            self.numbers.insert(name.clone(), id);
            self.names.push(name);
        }
        id
    }
}

fn short(name: &str) -> String {
    match name.char_indices().nth(LENGTH) {
        Some((end, _)) => name[..end].to_owned(),
        None if name.is_empty() => UNKNOWN.to_owned(),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn further_names_are_one_and_known_ones_stay() {
        let mut labels = Labels::default();
        for number in 0..1000 {
            labels.pair("openai", &format!("made-up-{number}"));
        }
        let (known, further) = (labels.pair("openai", "made-up-7"), labels.pair("openai", "made-up-700"));
        assert_eq!(labels.pair_of(known), ("openai", "made-up-7"));
        assert_eq!(labels.pair_of(further), ("other", "other"));
        assert_eq!(labels.pairs.names.len(), MOST);
        let (none, long) = (labels.error_type(""), labels.error_type(&"ä".repeat(1000)));
        assert_eq!(
            (labels.error_type_of(none), labels.error_type_of(long).chars().count()),
            ("unknown", LENGTH)
        );
    }
}
