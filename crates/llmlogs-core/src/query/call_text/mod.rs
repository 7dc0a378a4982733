//! Where one call has a text: in its messages, in its bodies, in its error.

mod found;
mod pattern;
mod strings;
mod term;

use std::path::Path;

use crate::format::layout::INPUT_FILE;
use crate::format::layout::OUTPUT_FILE;
use crate::read::call::Call;
use crate::read::conversation::last_user_message;
use crate::read::error::{Error, ErrorKind};
use crate::read::line::IndexLine;
use crate::read::packed;

pub use found::{Match, SearchPart};
pub(super) use pattern::Pattern;
pub use term::BodyTerm;

/// How many bytes of text before and after a match are kept.
const AROUND: usize = 200;

/// How many characters of a message the index has at most.
pub(super) const INDEXED: usize = 200;

/// The path of a match in the request's last user message, where a span gave the call another.
const PROMPT: &str = "prompt";

/// The parts of a call that are searched.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Parts {
    pub(super) user: bool,
    pub(super) input: bool,
    pub(super) output: bool,
    pub(super) error: bool,
}

/// Searches one call after the other.
pub(super) struct CallText<'p> {
    pattern: &'p Pattern,
    parts: Parts,
    /// How many matches of a call are kept.
    most: usize,
    /// What could not be read, and was not searched.
    pub(super) unreadable: Vec<Error>,
    buffer: Vec<u8>,
}

impl<'p> CallText<'p> {
    pub(super) fn new(pattern: &'p Pattern, parts: Parts, most: usize) -> Self {
        CallText { pattern, parts, most, unreadable: Vec::new(), buffer: Vec::new() }
    }

    /// Returns the first matches of the call in the folder `dir`, of which `line` is known.
    pub(super) fn matches(&mut self, dir: &Path, line: &IndexLine<'_>) -> Vec<Match> {
        let mut matches = Vec::new();
        if self.parts.user || self.parts.error {
            self.in_line(dir, line, &mut matches);
        }
        if self.parts.input && matches.len() < self.most {
            self.in_body(SearchPart::Input, dir, INPUT_FILE, &mut matches);
        }
        if self.parts.output && matches.len() < self.most {
            self.in_body(SearchPart::Output, dir, OUTPUT_FILE, &mut matches);
        }
        matches
    }

    fn in_text(&self, part: SearchPart, path: &str, text: &str, matches: &mut Vec<Match>) {
        for range in self.pattern.find(text, self.most.saturating_sub(matches.len())) {
            let mut from = range.start.saturating_sub(AROUND);
            let mut to = (range.end + AROUND).min(text.len());
            while !text.is_char_boundary(from) {
                from -= 1;
            }
            while !text.is_char_boundary(to) {
                to += 1;
            }
            matches.push(Match {
                part,
                path: path.to_owned(),
                text: text[from..to].to_owned(),
                start: range.start - from,
                end: range.end - from,
            });
        }
    }

    fn in_line(&mut self, dir: &Path, line: &IndexLine<'_>, matches: &mut Vec<Match>) {
        let mut user = line.user_message.text();
        let mut error = line.error_message.text();
        let is_cut = |text: &str| text.len() >= INDEXED && text.chars().count() >= INDEXED;
        if (self.parts.user && is_cut(&user)) || (self.parts.error && is_cut(&error)) {
            // Its folder has the rest; if that is gone, what the index has is searched.
            if let Ok(metadata) = Call::open(dir).and_then(|call| call.metadata()) {
                user = metadata.context.user_message.into();
                error = metadata.response_info.error_message.into();
            }
        }
        if self.parts.user {
            self.in_text(SearchPart::User, "", &user, matches);
            // A search of the whole request finds it there.
            if line.prompt_differs != Some(false) && !self.parts.input {
                self.in_prompt(dir, &user, matches);
            }
        }
        if self.parts.error {
            self.in_text(SearchPart::Error, "", &error, matches);
        }
    }

    /// Searches the last user message of a request, if it is another than `known`.
    fn in_prompt(&mut self, dir: &Path, known: &str, matches: &mut Vec<Match>) {
        let body = self.read_body(dir, INPUT_FILE);
        if body.as_deref().is_some_and(|body| strings::any_matches(body, self.pattern))
            && let (Some(body), Ok(call)) = (&body, Call::open(dir))
        {
            let prompt = last_user_message(&call, body);
            if prompt != known && matches.len() < self.most {
                self.in_text(SearchPart::User, PROMPT, &prompt, matches);
            }
        }
        self.buffer = body.unwrap_or_default();
    }

    /// Returns the contents of the file `name` of the call in `dir`, in the buffer; `None` if it is missing or cannot be
    /// read.
    fn read_body(&mut self, dir: &Path, name: &str) -> Option<Vec<u8>> {
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        match packed::read_into(dir, name, &mut buffer) {
            Ok(()) => Some(buffer),
            Err(error) => {
                if error.kind() != ErrorKind::NotFound {
                    self.unreadable.push(error);
                }
                None
            }
        }
    }

    fn in_body(&mut self, part: SearchPart, dir: &Path, name: &str, matches: &mut Vec<Match>) {
        let Some(body) = self.read_body(dir, name) else { return };
        if strings::any_matches(&body, self.pattern) {
            let text = String::from_utf8_lossy(&body);
            strings::each(&text, |path, text| {
                if matches.len() < self.most {
                    self.in_text(part, path, text, matches);
                }
            });
        }
        self.buffer = body;
    }
}
