//! URLs without what they may carry of credentials: users, passwords, query parameters.

use std::borrow::Cow;

use crate::json;

/// A URL without its credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CleanUrl<'u> {
    /// Scheme, host and port; no user, no password.
    pub(super) base: Cow<'u, str>,
    /// In lower case.
    pub(super) host: Cow<'u, str>,
    pub(super) port: Option<u16>,
    /// The path alone.
    pub(super) path: &'u str,
    /// The query as it came: it may carry keys (`?key=…`).
    pub(super) query: &'u str,
    /// The provider that the user named for the host; empty if there is none.
    pub(super) named: &'u str,
}

impl<'u> CleanUrl<'u> {
    /// Returns the model that the query names (`?model=…`), as some APIs have it; its `%XX` are not decoded.
    pub(super) fn query_model(&self) -> Option<&'u str> {
        let models = self.query.split('&').filter_map(|parameter| parameter.strip_prefix("model="));
        models.into_iter().find(|model| !model.is_empty())
    }
}

/// Takes an absolute URL apart; returns `None` where it is none.
pub(super) fn clean_url(url: &str) -> Option<CleanUrl<'_>> {
    let scheme = &url[..memchr::memchr(b':', url.as_bytes())?];
    let rest = url[scheme.len()..].strip_prefix("://")?;
    if !scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)) {
        return None;
    }
    let rest = &rest[..memchr::memchr(b'#', rest.as_bytes()).unwrap_or(rest.len())];
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = match memchr::memchr(b'/', rest.as_bytes()) {
        Some(slash) => rest.split_at(slash),
        None => (rest, "/"),
    };
    let (base, host_port) = match memchr::memrchr(b'@', authority.as_bytes()) {
        None => (Cow::Borrowed(&url[..scheme.len() + "://".len() + authority.len()]), authority),
        Some(at) => {
            let host_port = &authority[at + 1..];
            (Cow::Owned([scheme, "://", host_port].concat()), host_port)
        }
    };
    let (host, port) = match memchr::memrchr(b':', host_port.as_bytes()) {
        // The last group of an IPv6 address is no port.
        Some(colon) if !host_port[colon..].contains(']') => {
            (&host_port[..colon], host_port[colon + 1..].parse().ok())
        }
        _ => (host_port, None),
    };
    let host = if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(host.to_ascii_lowercase())
    } else {
        Cow::Borrowed(host)
    };
    Some(CleanUrl { base, host, port, path, query, named: "" })
}

/// Returns a path segment with its `%XX` decoded.
pub(super) fn percent_decoded(segment: &str) -> String {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(decoded) if byte == b'%' => {
                bytes.push(decoded);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(byte);
                rest = tail;
            }
        }
    }
    json::lossy(&bytes).into_owned()
}
