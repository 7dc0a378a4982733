//! Values as Python prints them, `{'code': None}`, in which its libraries put an API's error body into their messages.

use crate::json;

/// Returns the value that `text` begins with as JSON; `None` if it is none that JSON has, or not whole.
pub(super) fn to_json(text: &str) -> Option<String> {
    let mut converted = Vec::with_capacity(text.len());
    let mut rest = text;
    let mut depth = 0_usize;
    while let Some(next) = rest.chars().next() {
        let length = match next {
            '\'' | '"' => {
                let (plain, length) = string(rest)?;
                json::quote(&plain, &mut converted);
                length
            }
            '{' | '[' | '(' => {
                depth += 1;
                converted.push(if next == '{' { b'{' } else { b'[' });
                1
            }
            '}' | ']' | ')' => {
                depth = depth.checked_sub(1)?;
                converted.push(if next == '}' { b'}' } else { b']' });
                1
            }
            'A'..='Z' => {
                let words = [("None", "null"), ("True", "true"), ("False", "false")];
                let (word, same) = words.into_iter().find(|(word, _)| rest.starts_with(word))?;
                converted.extend_from_slice(same.as_bytes());
                word.len()
            }
            ',' | ':' | ' ' | '0'..='9' | '-' | '+' | '.' | 'e' => {
                converted.push(next as u8);
                1
            }
            _ => return None,
        };
        rest = &rest[length..];
        if depth == 0 {
            return String::from_utf8(converted).ok();
        }
    }
    None
}

/// Returns the string that `text` begins with, and its length in `text`.
fn string(text: &str) -> Option<(String, usize)> {
    let mut plain = String::new();
    let mut chars = text.char_indices();
    let (_, quote) = chars.next()?;
    while let Some((at, next)) = chars.next() {
        match next {
            '\\' => match chars.next()?.1 {
                'n' => plain.push('\n'),
                'r' => plain.push('\r'),
                't' => plain.push('\t'),
                kind @ ('x' | 'u' | 'U') => {
                    let digits = match kind {
                        'x' => 2,
                        'u' => 4,
                        _ => 8,
                    };
                    let code = (0..digits)
                        .try_fold(0, |code, _| chars.next()?.1.to_digit(16).map(|digit| code * 16 + digit))?;
                    // Half of a surrogate pair is no character.
                    plain.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                }
                other => plain.push(other),
            },
            next if next == quote => return Some((plain, at + 1)),
            next => plain.push(next),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in r#"[\[\]{}(),: '"\\xuUnNoneTrue0-9a-f你.-]{0,40}|.{0,20}"#) {
            let _anything = to_json(&text);
        }
    }

    #[test]
    fn an_error_body_as_python_prints_it_becomes_json() {
        let printed = r#"{'error': {'message': "You've hit \x1b[1m\n\u4f60", 'param': None, 'n': [1, -2.5e3], 'ok': (True, False)}} and more"#;
        assert_eq!(
            to_json(printed).unwrap(),
            r#"{"error": {"message": "You've hit \u001b[1m\n你", "param": null, "n": [1, -2.5e3], "ok": [true, false]}}"#
        );
    }

    #[test]
    fn what_is_not_whole_or_has_no_json_is_nothing() {
        for odd in
            ["", "{'error': {'message': 'cut o", "{'at': datetime(2025, 1, 1)}", "<html>", "}", "'", r"'\x1"]
        {
            assert_eq!(to_json(odd), None, "{odd}");
        }
    }
}
