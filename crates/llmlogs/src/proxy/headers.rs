//! Which headers are of one connection only: RFC 9110, section 7.6.1.

use axum::http::header::{CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue};

/// Those that are so by their name. `te`, `trailer` and the framing are made anew for each connection.
const HOP_BY_HOP: [&str; 8] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// Returns `headers` without those that are of one connection only, and those that `Connection` names; the others stay in
/// their order, which removing them one by one would change.
pub(crate) fn end_to_end(headers: HeaderMap) -> HeaderMap {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    let mut kept = HeaderMap::with_capacity(headers.len());
    let mut current = None;
    for (name, value) in headers {
        // Only the first value of a header comes with its name.
        current = name.or(current);
        if let Some(name) = &current
            && !HOP_BY_HOP.contains(&name.as_str())
            && !named.contains(name)
        {
            kept.append(name, value);
        }
    }
    kept
}

/// Returns what is passed on of a request's headers, with the upstream's own name in the place of that which the client has
/// for this proxy.
pub(crate) fn of_request(headers: HeaderMap, upstream: HeaderValue) -> HeaderMap {
    let mut kept = end_to_end(headers);
    kept.insert(HOST, upstream);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_belongs_to_the_connection_goes() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("host", "127.0.0.1:4000"),
            ("connection", "keep-alive, X-Own"),
            ("x-own", "1"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("authorization", "Bearer k"),
            ("accept-encoding", "gzip, br"),
            ("x-stainless-lang", "python"),
        ] {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        headers.append("authorization", HeaderValue::from_static("Bearer l"));
        let kept = of_request(headers, HeaderValue::from_static("api.example"));
        let kept: Vec<_> =
            kept.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        let expected = [
            ("host", "api.example"),
            ("authorization", "Bearer k"),
            ("authorization", "Bearer l"),
            ("accept-encoding", "gzip, br"),
            ("x-stainless-lang", "python"),
        ];
        assert_eq!(kept, expected);
    }
}
