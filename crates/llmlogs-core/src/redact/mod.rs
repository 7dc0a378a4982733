//! Removes secrets from bodies before anything of them is written.
//!
//! Works on the recorder's own copy of a body: what the caller sends and receives is never changed.

mod builtin;
mod urls;

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use regex::Regex;

use crate::json::{Json, Object, Text};

pub use urls::{error_chain, scrub_urls};

/// The text that replaces a secret.
pub const REPLACEMENT: &str = "[REDACTED]";

/// A user's rule for strings: its arguments are a string's JSON pointer and text; it returns the replacement, if any.
type StringRule = Arc<dyn Fn(&str, &str) -> Option<String> + Send + Sync>;

/// Rules that redact bodies, field values and error messages.
///
/// Pointers are applied first; then, to each string, the built-in rules, the regular expressions and the closures, in
/// the order in which they were added.
#[derive(Clone)]
#[must_use = "rules do nothing until they are given to the builder"]
pub struct Redactor {
    builtin: bool,
    pointers: Vec<Vec<String>>,
    patterns: Vec<Regex>,
    string_rules: Vec<StringRule>,
}

impl Default for Redactor {
    fn default() -> Self {
        Redactor::new()
    }
}

impl Redactor {
    /// Returns the built-in rules: the shapes of API keys, bearer tokens, JSON web tokens and private keys.
    pub fn new() -> Self {
        Redactor { builtin: true, ..Redactor::none() }
    }

    /// Returns a redactor without rules.
    pub fn none() -> Self {
        Redactor { builtin: false, pointers: Vec::new(), patterns: Vec::new(), string_rules: Vec::new() }
    }

    /// Replaces the value at a JSON pointer ([RFC 6901](https://www.rfc-editor.org/rfc/rfc6901)) in every body, whatever
    /// the value's type. A segment `*` matches every element and every member.
    pub fn pointer(mut self, pointer: &str) -> Self {
        let unescaped = |segment: &str| segment.replace("~1", "/").replace("~0", "~");
        self.pointers.push(pointer.split('/').skip(1).map(unescaped).collect());
        self
    }

    /// Replaces each match of a [regular expression](regex) in any string, but not in the names of members.
    ///
    /// # Errors
    ///
    /// If `pattern` is no regular expression; the error shows where.
    pub fn regex(mut self, pattern: &str) -> Result<Self, regex::Error> {
        self.patterns.push(Regex::new(pattern)?);
        Ok(self)
    }

    /// Calls `rule` with the JSON pointer (empty outside of JSON) and the text of every string in every body, and
    /// replaces the string by what it returns; `None` keeps it. Runs on the recorder's threads, and on those
    /// that end calls whose messages are exported to OpenTelemetry.
    ///
    /// If `rule` panics, the whole string is replaced by `[REDACTED]`.
    pub fn map_strings(
        mut self,
        rule: impl Fn(&str, &str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.string_rules.push(Arc::new(rule));
        self
    }

    /// Returns whether a rule runs the user's code.
    #[must_use]
    pub fn runs_user_code(&self) -> bool {
        !self.string_rules.is_empty()
    }

    /// Applies all rules to a body; returns whether anything changed.
    pub fn json(&self, body: &mut Json<'_>) -> bool {
        self.json_beside(body, |_| HashSet::new())
    }

    /// As [`json`](Self::json), but for the strings that `find_media` returns the addresses of: the built-in rules are not
    /// applied to these, since no text of that shape is in base64 media, and looking for it takes longer than all else.
    /// The user's own rules are.
    pub fn json_beside(
        &self,
        body: &mut Json<'_>,
        find_media: impl FnOnce(&Json<'_>) -> HashSet<usize>,
    ) -> bool {
        let mut changed = false;
        for pointer in &self.pointers {
            changed |= replace_at(body, pointer);
        }
        let media = if self.builtin { find_media(body) } else { HashSet::new() };
        changed | self.walk(body, &mut String::new(), &media)
    }

    /// Applies the rules for strings to a text that is not JSON.
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.redact_string("", text, self.builtin) {
            Some(redacted) => Cow::Owned(redacted),
            None => Cow::Borrowed(text),
        }
    }

    /// Returns whether a built-in rule finds a secret in a text.
    #[must_use]
    pub fn has_secret(&self, text: &str) -> bool {
        self.builtin && builtin::redact(text).is_some()
    }

    /// Applies the rules for strings to each text within a body that is not UTF-8 as a whole, such as a form with a file.
    pub fn bytes<'b>(&self, bytes: &'b [u8]) -> Cow<'b, [u8]> {
        let mut redacted = Vec::new();
        let mut changed = false;
        for chunk in bytes.utf8_chunks() {
            let text = match chunk.valid() {
                // Secrets are longer; binary data contains many such short texts.
                short if short.len() < 8 => Cow::Borrowed(short),
                text => self.text(text),
            };
            changed |= matches!(text, Cow::Owned(_));
            redacted.extend_from_slice(text.as_bytes());
            redacted.extend_from_slice(chunk.invalid());
        }
        if changed { Cow::Owned(redacted) } else { Cow::Borrowed(bytes) }
    }

    /// Returns whether a rule depends on the position of a value in the body.
    pub fn has_positional_rules(&self) -> bool {
        !self.pointers.is_empty() || !self.string_rules.is_empty()
    }

    fn walk(&self, json: &mut Json<'_>, pointer: &mut String, media: &HashSet<usize>) -> bool {
        let is_media = !media.is_empty() && media.contains(&address(json));
        match json {
            Json::String(text) => {
                let builtin = self.builtin && !is_media;
                if !builtin && self.patterns.is_empty() && self.string_rules.is_empty() {
                    return false;
                }
                let Some(redacted) = self.redact_string(pointer, &text.plain(), builtin) else {
                    return false;
                };
                *json = Json::string(redacted);
                true
            }
            Json::Array(items) => {
                let mut changed = false;
                for (index, item) in items.iter_mut().enumerate() {
                    let end = self.push_segment(pointer, || index.to_string());
                    changed |= self.walk(item, pointer, media);
                    pointer.truncate(end);
                }
                changed
            }
            Json::Object(members) => {
                let mut changed = false;
                for (key, member) in members.iter_mut() {
                    let end =
                        self.push_segment(pointer, || key.plain().replace('~', "~0").replace('/', "~1"));
                    changed |= self.walk(member, pointer, media);
                    pointer.truncate(end);
                }
                changed | (self.builtin && redact_names(members))
            }
            Json::Null | Json::Bool(_) | Json::Number(_) => false,
        }
    }

    /// Appends a segment to the pointer if a rule needs it; returns the length to truncate it to afterwards.
    fn push_segment(&self, pointer: &mut String, segment: impl FnOnce() -> String) -> usize {
        let end = pointer.len();
        if !self.string_rules.is_empty() {
            pointer.push('/');
            pointer.push_str(&segment());
        }
        end
    }

    /// Returns the redacted string; `None` if nothing changes.
    fn redact_string(&self, pointer: &str, text: &str, builtin: bool) -> Option<String> {
        let mut redacted: Option<String> = None;
        if builtin {
            redacted = builtin::redact(text);
        }
        for pattern in &self.patterns {
            let current = redacted.as_deref().unwrap_or(text);
            if let Cow::Owned(replaced) = pattern.replace_all(current, regex::NoExpand(REPLACEMENT)) {
                redacted = Some(replaced);
            }
        }
        for rule in &self.string_rules {
            let current = redacted.as_deref().unwrap_or(text);
            if let Some(replaced) = apply_rule(rule, pointer, current) {
                redacted = Some(replaced);
            }
        }
        redacted
    }
}

/// Applies the built-in rules to the names of members: a table may be by key. Returns whether anything changed.
fn redact_names(members: &mut Object<'_>) -> bool {
    let mut changed = false;
    for name in members.names_mut() {
        if let Some(redacted) = builtin::redact(&name.plain()) {
            *name = Text::new(redacted);
            changed = true;
        }
    }
    changed
}

/// Returns where a value is, which tells it from every other one for as long as nothing is moved.
pub fn address(json: &Json<'_>) -> usize {
    std::ptr::from_ref(json).addr()
}

/// Runs a user's rule; a panic replaces the string.
fn apply_rule(rule: &StringRule, pointer: &str, text: &str) -> Option<String> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| rule(pointer, text)))
        .unwrap_or_else(|_| Some(REPLACEMENT.to_owned()))
}

fn replace_at(json: &mut Json<'_>, pointer: &[String]) -> bool {
    let Some((first, rest)) = pointer.split_first() else {
        *json = Json::string(REPLACEMENT);
        return true;
    };
    let mut changed = false;
    match json {
        Json::Object(members) => {
            for (key, member) in members.iter_mut() {
                if first == "*" || *key == **first {
                    changed |= replace_at(member, rest);
                }
            }
        }
        Json::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                if first == "*" || *first == index.to_string() {
                    changed |= replace_at(item, rest);
                }
            }
        }
        _ => {}
    }
    changed
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor")
            .field("builtin", &self.builtin)
            .field("pointers", &self.pointers)
            .field("patterns", &self.patterns)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn redacted(rules: &Redactor, body: &str) -> String {
        let mut body = json::parse(body).unwrap();
        let before = body.clone();
        let changed = rules.json(&mut body);
        assert_eq!(changed, body != before);
        let mut out = Vec::new();
        json::compact(&body, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn keys_in_any_string_are_replaced_and_nothing_around_them() {
        let body = r#"{"z":1.0,"messages":[{"content":"my key is sk-proj-abcDEF123456789012345678, ok?"}],"a":12345678901234567890}"#;
        assert_eq!(
            redacted(&Redactor::new(), body),
            r#"{"z":1.0,"messages":[{"content":"my key is [REDACTED], ok?"}],"a":12345678901234567890}"#
        );
        assert_eq!(redacted(&Redactor::none(), body), body);
    }

    #[test]
    fn a_key_that_is_the_name_of_a_member_was_kept() {
        let body = r#"{"keys":[{"sk-proj-abcDEF123456789012345678":{"owner":"me"},"other":1}]}"#;
        let expected = r#"{"keys":[{"[REDACTED]":{"owner":"me"},"other":1}]}"#;
        assert_eq!(redacted(&Redactor::new(), body), expected);
        assert_eq!(redacted(&Redactor::none(), body), body);
    }

    #[test]
    fn a_star_in_a_pointer_matches_every_element_and_member() {
        let rules =
            Redactor::none().pointer("/messages/*/name").pointer("/a~1b").pointer("/list/1").pointer("/no");
        assert_eq!(
            redacted(&rules, r#"{"messages":[{"name":"x","k":1},{"name":{"deep":2}}],"a/b":3,"list":[0,1]}"#),
            r#"{"messages":[{"name":"[REDACTED]","k":1},{"name":"[REDACTED]"}],"a/b":"[REDACTED]","list":[0,"[REDACTED]"]}"#
        );
    }

    #[test]
    fn regular_expressions_and_closures_apply_to_every_string() {
        let rules = Redactor::none().regex(r"\d{4}").unwrap().map_strings(|pointer, text| {
            assert!(text != "boom", "planned");
            (pointer == "/user/mail~1x").then(|| text.to_uppercase())
        });
        assert_eq!(
            redacted(&rules, r#"{"user":{"mail/x":"a@b 1234"},"n":1234,"list":["1234","boom"]}"#),
            r#"{"user":{"mail/x":"A@B [REDACTED]"},"n":1234,"list":["[REDACTED]","[REDACTED]"]}"#
        );
        assert_eq!(rules.text("pin 1234"), "pin [REDACTED]");
        assert!(Redactor::new().regex("(").is_err());
    }
}
