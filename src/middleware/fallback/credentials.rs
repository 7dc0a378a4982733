//! What a request that goes to another host leaves behind: everything that may be a credential.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use reqwest::Url;

use crate::middleware::breaker::CREDENTIAL_HEADERS;

/// Headers that say what is asked for and not who asks. No other header of the first request goes to another host.
const TRAVELLING: [&str; 10] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "content-encoding",
    "content-type",
    "user-agent",
    "anthropic-version",
    "anthropic-beta",
    "openai-beta",
    "x-goog-api-client",
];

/// Query parameters of the same kind.
const TRAVELLING_PARAMETERS: [&str; 5] = ["alt", "api-version", "beta", "$alt", "prettyprint"];

/// Returns whether two URLs have the same scheme, host and port.
pub(super) fn is_same_origin(a: &Url, b: &Url) -> bool {
    a.scheme() == b.scheme()
        && a.host_str() == b.host_str()
        && a.port_or_known_default() == b.port_or_known_default()
}

/// Returns the headers that may go to another host.
pub(super) fn travelling(headers: &HeaderMap) -> HeaderMap {
    let may =
        |name: &HeaderName| TRAVELLING.contains(&name.as_str()) || name.as_str().starts_with("x-stainless-");
    headers.iter().filter(|(name, _)| may(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Takes out of a URL for another host whatever it has from the first one's query that may be a credential.
pub(super) fn without_credentials(url: &mut Url, first: &Url) {
    url.set_fragment(None);
    if !first.username().is_empty() && url.username() == first.username() {
        // Only a URL without a host refuses, and that is sent nowhere.
        let _no_host = (url.set_username(""), url.set_password(None));
    }
    let first: Vec<(String, String)> = first.query_pairs().into_owned().collect();
    let kept: Vec<(String, String)> = url
        .query_pairs()
        .into_owned()
        .filter(|pair| {
            let name = pair.0.to_ascii_lowercase();
            TRAVELLING_PARAMETERS.contains(&&*name) || !first.contains(pair)
        })
        .collect();
    url.set_query(None);
    if !kept.is_empty() {
        url.query_pairs_mut().extend_pairs(kept);
    }
}

/// Takes out of `headers`, which go to another host, every value that the first request had and that is none of those
/// that may travel.
pub(super) fn strip(headers: &mut HeaderMap, first: &HeaderMap) {
    let allowed = travelling(first);
    let foreign: Vec<HeaderName> = headers
        .iter()
        .filter(|(name, value)| {
            !allowed.contains_key(*name)
                && first.iter().any(|(_, known)| known == *value && !known.is_empty())
        })
        .map(|(name, _)| name.clone())
        .collect();
    for name in foreign {
        headers.remove(name);
    }
}

/// Keeps a client's default headers from putting its credential into a request to another host: where the first request had
/// none of its own, they may hold one. An empty header takes its place.
pub(super) fn block_defaults(headers: &mut HeaderMap, first: &HeaderMap) {
    if CREDENTIAL_HEADERS.iter().any(|name| first.contains_key(*name)) {
        return;
    }
    for name in [header::AUTHORIZATION.as_str()].into_iter().chain(CREDENTIAL_HEADERS) {
        if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
            headers.entry(name).or_insert(HeaderValue::from_static(""));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v))).collect()
    }

    #[test]
    fn nothing_that_may_be_a_credential_travels() {
        let first = headers(&[
            ("authorization", "Bearer sk-old"),
            ("x-api-key", "sk-old"),
            ("cookie", "session=1"),
            ("openai-organization", "org-1"),
            ("x-tenant-token", "t-1"),
            ("content-type", "application/json"),
            ("anthropic-version", "2023-06-01"),
        ]);
        let expected = headers(&[("content-type", "application/json"), ("anthropic-version", "2023-06-01")]);
        assert_eq!(travelling(&first), expected);
        // A closure that copies what it should not, and brings a credential of its own.
        let mut copied = headers(&[
            ("api-key", "sk-old"),
            ("x-forwarded", "t-1"),
            ("authorization", "Bearer sk-new"),
            ("content-type", "application/json"),
        ]);
        strip(&mut copied, &first);
        let expected = headers(&[("authorization", "Bearer sk-new"), ("content-type", "application/json")]);
        assert_eq!(copied, expected);
    }

    #[test]
    fn a_key_in_the_query_stays_behind() {
        let first = Url::parse("https://a.example/v1/m:generateContent?key=AIza&alt=sse&user=u").unwrap();
        let mut other =
            Url::parse("https://b.example/v1/m:generateContent?key=AIza&alt=sse&user=u&key=new").unwrap();
        without_credentials(&mut other, &first);
        assert_eq!(other.as_str(), "https://b.example/v1/m:generateContent?alt=sse&key=new");
    }

    #[test]
    fn a_credential_among_the_clients_defaults_is_kept_from_another_host() {
        let mut other = headers(&[("x-api-key", "new")]);
        block_defaults(&mut other, &headers(&[("accept", "*/*")]));
        assert_eq!(
            (&other["x-api-key"], &other["authorization"]),
            (&"new".parse().unwrap(), &"".parse().unwrap())
        );
        let mut other = HeaderMap::new();
        block_defaults(&mut other, &headers(&[("authorization", "Bearer sk-old")]));
        assert!(other.is_empty());
    }
}
