//! Where a text was found.

use serde::Serialize;

/// A part of a call that can be searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SearchPart {
    /// The user message: the span's, and the last one of the request.
    User,
    /// The request body.
    Input,
    /// The response body.
    Output,
    /// The error message.
    Error,
}

impl SearchPart {
    /// Returns the part's name as JSON output has it: `user`, `input`, `output`, `error`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            SearchPart::User => "user",
            SearchPart::Input => "input",
            SearchPart::Output => "output",
            SearchPart::Error => "error",
        }
    }
}

/// Where a pattern matches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Match {
    /// In which part.
    #[serde(rename = "in")]
    pub part: SearchPart,
    /// The path of the string in a body: `messages[1].content`; empty for messages, `prompt` for the last user message of
    /// the request where the call's user message comes from a span.
    pub path: String,
    /// The match and the text around it.
    pub text: String,
    /// Where in `text` the match starts, in bytes.
    pub start: usize,
    /// Where in `text` the match ends, in bytes.
    pub end: usize,
}
