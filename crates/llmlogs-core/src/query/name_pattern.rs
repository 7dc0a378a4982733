//! Names with `*` in them.

use crate::read::line::RawStr;

/// A name, or a pattern in which `*` stands for anything; upper and lower case are the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NamePattern {
    /// What stands between the asterisks, in lower case.
    parts: Vec<String>,
}

impl NamePattern {
    pub(super) fn new(pattern: &str) -> Self {
        NamePattern { parts: pattern.to_lowercase().split('*').map(str::to_owned).collect() }
    }

    pub(super) fn matches(&self, name: RawStr<'_>) -> bool {
        self.matches_text(&name.text())
    }

    pub(super) fn matches_text(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        let [first, middle @ .., last] = &self.parts[..] else {
            return self.parts.first().is_some_and(|only| *only == name);
        };
        let Some(mut rest) = name.strip_prefix(first.as_str()) else { return false };
        for part in middle {
            match rest.find(part.as_str()) {
                Some(at) => rest = &rest[at + part.len()..],
                None => return false,
            }
        }
        rest.ends_with(last.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_whole_or_by_asterisks() {
        let is = |pattern: &str, name: &str| NamePattern::new(pattern).matches(RawStr(name.as_bytes()));
        assert!(is("gpt-4o", "GPT-4o") && !is("gpt-4o", "gpt-4o-mini"));
        assert!(is("gpt-4o*", "gpt-4o-mini") && is("*4o*", "gpt-4o") && is("*", ""));
        assert!(is("a*b*c", "aXbYc") && !is("a*b*c", "acb") && !is("ab*b", "ab"));
    }
}
