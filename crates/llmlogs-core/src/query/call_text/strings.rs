//! The strings of a stored body.

use crate::json::{self, Json};
use crate::read::line::{RawStr, plain_length};

use super::pattern::Pattern;

/// Returns whether a string of the body matches, keys included. Allocates nothing for bodies without a match, unless
/// they have escapes.
pub(super) fn any_matches(body: &[u8], pattern: &Pattern) -> bool {
    if let Some(stored) = pattern.stored() {
        return stored.is_match(body);
    }
    let mut at = 0;
    while let Some(quote) = memchr::memchr(b'"', &body[at..]) {
        let start = at + quote + 1;
        let mut end = start;
        let mut escaped = false;
        loop {
            end += plain_length(body.get(end..).unwrap_or_default());
            match body.get(end) {
                Some(b'\\') => {
                    escaped = true;
                    end += 2;
                }
                Some(_) => break,
                None => return false,
            }
        }
        let raw = &body[start..end];
        let matches = if escaped { pattern.is_in(RawStr(raw).text().as_bytes()) } else { pattern.is_in(raw) };
        if matches {
            return true;
        }
        at = end + 1;
    }
    false
}

/// Calls `visit` with every string value of the body and its path: `messages[1].content`.
pub(super) fn each(body: &str, mut visit: impl FnMut(&str, &str)) {
    if let Ok(parsed) = json::parse(body) {
        walk(&parsed, &mut String::new(), &mut visit);
    }
}

fn walk(json: &Json<'_>, path: &mut String, visit: &mut impl FnMut(&str, &str)) {
    let length = path.len();
    if let Some(text) = json.as_str() {
        visit(path, &text);
    } else if let Some(object) = json.as_object() {
        for (key, value) in object.iter() {
            if length > 0 {
                path.push('.');
            }
            path.push_str(&key.plain());
            walk(value, path, visit);
            path.truncate(length);
        }
    } else {
        for (place, item) in json.items().iter().enumerate() {
            path.push_str(&format!("[{place}]"));
            walk(item, path, visit);
            path.truncate(length);
        }
    }
}
