//! Failure messages without what differs from one time to the next.

/// Returns the message with numbers as `<n>`, ids as `<id>` and addresses as `<url>`, in one line.
pub(crate) fn mask(message: &str) -> String {
    let mut masked = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(c) = rest.chars().next() {
        if c.is_whitespace() {
            if !masked.ends_with(' ') && !masked.is_empty() {
                masked.push(' ');
            }
            rest = &rest[c.len_utf8()..];
            continue;
        }
        if let Some(length) = url_length(rest) {
            masked.push_str("<url>");
            rest = &rest[length..];
            continue;
        }
        let length = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
        if length == 0 {
            masked.push(c);
            rest = &rest[c.len_utf8()..];
            continue;
        }
        // A full stop ends the sentence, not the word.
        let word = rest[..length].trim_end_matches(['.', '-']);
        let word = if word.is_empty() { &rest[..length] } else { word };
        push_word(&mut masked, word);
        rest = &rest[word.len()..];
    }
    masked.truncate(masked.trim_end().len());
    masked
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')
}

/// Returns the length of the URL with which `text` starts.
fn url_length(text: &str) -> Option<usize> {
    let scheme =
        ["https://", "http://", "wss://", "ws://"].into_iter().find(|scheme| text.starts_with(scheme))?;
    let ends = |c: char| c.is_whitespace() || matches!(c, ')' | '"' | '\'' | '>' | '`' | ',' | ']' | '}');
    let length = text[scheme.len()..].find(ends).map_or(text.len(), |end| scheme.len() + end);
    Some(text[..length].trim_end_matches(['.', ':', ';']).len())
}

fn push_word(masked: &mut String, word: &str) {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    if digits == 0 {
        masked.push_str(word);
    } else if is_id(word, digits) {
        masked.push_str("<id>");
    } else if word.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
        // `30s`, `2.5`, `20000ms`: the unit stays.
        let unit = word.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '_'));
        masked.push_str("<n>");
        masked.push_str(if unit.bytes().any(|byte| byte.is_ascii_digit()) { "" } else { unit });
    } else {
        // The names of models and parameters have digits, too.
        masked.push_str(word);
    }
}

/// Returns whether a word looks generated: long, with letters and digits mixed.
fn is_id(word: &str, digits: usize) -> bool {
    let letters = word.bytes().filter(u8::is_ascii_alphabetic).count();
    let hex = word.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let tail = word.rsplit(['_', '-']).next().unwrap_or(word);
    let mixed = |text: &str| {
        text.bytes().any(|byte| byte.is_ascii_digit()) && text.bytes().any(|byte| byte.is_ascii_alphabetic())
    };
    let random = |text: &str, least: usize| text.len() >= least && mixed(text) && !text.contains('.');
    (hex && word.len() >= 8 && letters > 0)
        || random(tail, 10)
        || (word.contains('_') && random(tail, 6))
        || (word.contains(['_', '-']) && tail.len() >= 12 && digits >= 12)
        // `req_1`, `call_42`: a short prefix and a number.
        || (word.contains('_') && !tail.is_empty() && tail.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::mask;

    #[test]
    fn what_differs_is_masked_and_what_distinguishes_stays() {
        let cases = [
            ("Request timed out after 30 seconds.", "Request timed out after <n> seconds."),
            ("try again in 20.5s (request req_011CQabc9)", "try again in <n>s (request <id>)"),
            (
                "error sending request for url (https://api.openai.com/v1/chat?x=1): timed out",
                "error sending request for url (<url>): timed out",
            ),
            ("model gpt-4o-mini not found", "model gpt-4o-mini not found"),
            ("claude-3-5-sonnet is overloaded", "claude-3-5-sonnet is overloaded"),
            ("trace 7f3a9c21-11aa-4e1b-9a77-0123456789ab\n\n failed", "trace <id> failed"),
            ("maximum context length is 128,000 tokens", "maximum context length is <n>,<n> tokens"),
            ("余额不足 12.5 元", "余额不足 <n> 元"),
            ("see https://a.b/c. Then", "see <url>. Then"),
            ("", ""),
        ];
        for (message, masked) in cases {
            assert_eq!(mask(message), masked);
        }
    }
}
