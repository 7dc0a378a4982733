//! A text that the bodies or messages of a call must have.

use std::path::Path;
use std::str::FromStr;

use crate::query::error::QueryError;
use crate::read::error::Result;
use crate::read::line::IndexLine;

use super::{CallText, Parts, Pattern};

const EVERYWHERE: Parts = Parts { user: true, input: true, output: true, error: true };

/// A text that a call must have: in any string of its request or response body, whichever message that is, in its user
/// message, or in its error message. Upper and lower case are the same.
///
/// Parsed from the text itself. See [`Filter::body`](super::Filter::body).
#[derive(Debug, Clone)]
pub struct BodyTerm {
    text: String,
    pattern: Pattern,
}

impl BodyTerm {
    /// Returns whether the call in the folder `dir` has the text. One whose folder has been removed has what its line of
    /// the index has.
    ///
    /// # Errors
    ///
    /// If a body is there and cannot be read, and the rest lacks the text.
    pub(in crate::query) fn matches(&self, dir: &Path, line: &IndexLine<'_>) -> Result<bool> {
        let mut text = CallText::new(&self.pattern, EVERYWHERE, 1);
        let is_found = !text.matches(dir, line).is_empty();
        match text.unreadable.pop() {
            Some(error) if !is_found => Err(error),
            _ => Ok(is_found),
        }
    }
}

impl FromStr for BodyTerm {
    type Err = QueryError;

    /// # Errors
    ///
    /// If the text is empty, or too long to be searched for.
    fn from_str(text: &str) -> std::result::Result<Self, QueryError> {
        if text.is_empty() {
            return Err(QueryError::new("there is no text to search for"));
        }
        Ok(BodyTerm { text: text.to_owned(), pattern: Pattern::new(text, true, true)? })
    }
}

impl PartialEq for BodyTerm {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}
