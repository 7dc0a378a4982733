//! What a search finds.

use std::path::Path;

use crate::query::call_text::Match;
use crate::read::entry::Entry;

/// A call with matches. Calls that started later compare as greater.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SearchHit {
    /// The call.
    pub entry: Entry,
    /// The first of its matches.
    pub matches: Vec<Match>,
}

impl SearchHit {
    fn order(&self) -> (u64, &Path) {
        ((self.entry.timestamp().max(0.0) * 1000.0) as u64, self.entry.call().dir())
    }
}

impl Ord for SearchHit {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order().cmp(&other.order())
    }
}

impl PartialOrd for SearchHit {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for SearchHit {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for SearchHit {}
