//! Removal of credentials in URLs from error messages.

/// Returns the messages of an error and of its sources, without repetitions, [scrubbed](scrub_urls).
pub fn error_chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let more = cause.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        source = cause.source();
    }
    scrub_urls(&text)
}

/// Returns `text` with every URL in it reduced to scheme, host, port and path.
pub fn scrub_urls(text: &str) -> String {
    let mut scrubbed = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(place) = rest.find("://") {
        let (before, after) = rest.split_at(place + "://".len());
        scrubbed.push_str(before);
        let end = after
            .find(|c: char| c.is_whitespace() || matches!(c, ')' | '"' | '\'' | '<' | '>' | '`' | '}' | ','))
            .unwrap_or(after.len());
        let (url, tail) = after.split_at(end);
        let path_start = url.find('/').unwrap_or(url.len());
        let user_end = url[..path_start].rfind('@').map_or(0, |at| at + 1);
        let query = url.find(['?', '#']).unwrap_or(url.len());
        scrubbed.push_str(url.get(user_end..query).unwrap_or_default());
        rest = tail;
    }
    scrubbed.push_str(rest);
    scrubbed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_lose_user_password_and_query_and_nothing_else_changes() {
        for (text, scrubbed) in [
            (
                "error sending request for url (https://u:p@h:1/a/b?key=s#f)",
                "error sending request for url (https://h:1/a/b)",
            ),
            ("proxy http://user:secret@127.0.0.1:8080 refused", "proxy http://127.0.0.1:8080 refused"),
            ("https://h?key=s", "https://h"),
            ("two http://a@b http://c?d.", "two http://b http://c"),
            ("no url, just text? yes @ home", "no url, just text? yes @ home"),
            ("", ""),
        ] {
            assert_eq!(scrub_urls(text), scrubbed);
        }
    }
}
