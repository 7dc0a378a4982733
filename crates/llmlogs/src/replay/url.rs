//! Where a call went, as one address.

use std::fmt::Write as _;

use llmlogs_core::read::Metadata;

/// Where a call is said to have gone whose address was not recorded. The top-level domain exists nowhere (RFC 2606).
const NOT_RECORDED: &str = "https://address-not-recorded.invalid";

/// Returns the URL that a call went to; `None` if its host was not recorded. An older logger wrote the base with or
/// without the path.
pub(crate) fn url(metadata: &Metadata) -> Option<String> {
    let base = metadata.api_info.base_url.trim_end_matches('/');
    if base.is_empty() {
        return None;
    }
    let endpoint = &metadata.api_info.endpoint;
    let path = if base.ends_with(endpoint.as_str()) { "" } else { endpoint };
    let scheme = if base.contains("://") { "" } else { "https://" };
    Some(encoded(&format!("{scheme}{base}{path}{}", query(metadata))))
}

/// Returns the URL that a call went to, or one that says that it is not known.
pub(crate) fn url_or_placeholder(metadata: &Metadata) -> String {
    url(metadata).unwrap_or_else(|| {
        let endpoint = &metadata.api_info.endpoint;
        let slash = if endpoint.starts_with('/') { "" } else { "/" };
        encoded(&format!("{NOT_RECORDED}{slash}{endpoint}{}", query(metadata)))
    })
}

fn query(metadata: &Metadata) -> String {
    match &*metadata.api_info.query {
        "" => String::new(),
        query => format!("?{query}"),
    }
}

/// Returns a URL in which everything is escaped that RFC 3986 has no place for.
fn encoded(url: &str) -> String {
    let authority = url.find("://").map_or(0, |scheme| scheme + "://".len());
    let path = url[authority..].find(['/', '?']).map_or(url.len(), |path| authority + path);
    let mut out = String::with_capacity(url.len());
    for (place, byte) in url.bytes().enumerate() {
        let is_escape = || {
            let digits = url.as_bytes().get(place + 1..place + 3);
            digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
        };
        let is_legal = match byte {
            b'%' => is_escape(),
            // Around an IPv6 address.
            b'[' | b']' => place < path,
            _ => byte.is_ascii_alphanumeric() || b"-._~:/?#@!$&'()*+,;=".contains(&byte),
        };
        if is_legal {
            out.push(char::from(byte));
        } else {
            let _infallible = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(base_url: &str, endpoint: &str, query: &str) -> Metadata {
        let mut metadata = Metadata::default();
        metadata.api_info.base_url = base_url.into();
        metadata.api_info.endpoint = endpoint.into();
        metadata.api_info.query = query.into();
        metadata
    }

    #[test]
    fn an_address_is_one_whatever_was_recorded() {
        for (base, endpoint, query, expected) in [
            ("https://h/", "/v1/chat", "alt=sse", "https://h/v1/chat?alt=sse"),
            ("https://h/v1/chat", "/v1/chat", "", "https://h/v1/chat"),
            ("localhost:8000", "/v1", "", "https://localhost:8000/v1"),
            (
                "http://[::1]:80",
                "/[REDACTED]/模 型%",
                "",
                "http://[::1]:80/%5BREDACTED%5D/%E6%A8%A1%20%E5%9E%8B%25",
            ),
            ("https://a b", "", "", "https://a%20b"),
        ] {
            assert_eq!(url(&metadata(base, endpoint, query)).unwrap(), expected);
        }
        assert_eq!(url(&metadata("", "/v1", "")), None);
        let none = url_or_placeholder(&metadata("", "", ""));
        assert_eq!(none, "https://address-not-recorded.invalid/");
    }
}
