//! The API behind a port: its origin.

use std::fmt;
use std::str::FromStr;

use axum::http::HeaderValue;
use reqwest::Url;

/// Scheme, host and port of an API, and the path that clients put before their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Upstream {
    /// Without a path.
    origin: Url,
    /// What follows the origin in a client's setting, such as `/v1`; no request is changed by it.
    path: String,
}

impl Upstream {
    /// Returns the address of a request to `path_and_query`, which is kept as it is.
    pub(crate) fn url(&self, path_and_query: &str) -> Result<Url, String> {
        let text = format!("{}{path_and_query}", self.origin_text());
        let url = Url::parse(&text).map_err(|error| format!("{path_and_query} is no path: {error}"))?;
        // A path such as `//other/host` must not change where the request goes.
        if url.origin() == self.origin.origin() {
            Ok(url)
        } else {
            Err(format!("{path_and_query} is no path"))
        }
    }

    /// Returns scheme, host and port, without a slash at the end.
    pub(crate) fn origin_text(&self) -> &str {
        self.origin.as_str().trim_end_matches('/')
    }

    /// Returns what the `Host` header of a request names: the host, and its port unless it is the scheme's own.
    pub(crate) fn host(&self) -> HeaderValue {
        let name = self.origin.host_str().unwrap_or_default();
        let host = match self.origin.port() {
            Some(port) => format!("{name}:{port}"),
            None => name.to_owned(),
        };
        HeaderValue::try_from(host).expect("a URL's host is ASCII without control characters")
    }

    /// Returns what a client is told instead of the upstream's address: the same path at `port` of this machine.
    pub(crate) fn through(&self, port: u16) -> String {
        format!("http://127.0.0.1:{port}{}", self.path)
    }

    /// Returns whether both are the same API.
    pub(crate) fn has_origin_of(&self, other: &Upstream) -> bool {
        self.origin == other.origin
    }
}

impl FromStr for Upstream {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // The address may have a password in it: it is not repeated.
        let parsed = Url::parse(text)
            .map_err(|error| format!("it is no URL ({error}); https://api.openai.com is one"))?;
        if !matches!(parsed.scheme(), "http" | "https") {
            return Err(format!("{} is not spoken here: http and https are", parsed.scheme()));
        }
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(
                "it has a user or a password in it, which the proxy never holds: leave them to the client"
                    .to_owned(),
            );
        }
        if parsed.query().is_some() || parsed.fragment().is_some() {
            return Err("it has a query or a fragment: an origin and a path are enough".to_owned());
        }
        let path = parsed.path();
        // As it was written: `/v1/` and `/v1` are two settings for some clients.
        let has_path = path != "/" || text.ends_with('/');
        let path = if has_path { path.to_owned() } else { String::new() };
        let mut origin = parsed;
        origin.set_path("");
        Ok(Upstream { origin, path })
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin_text(), self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upstream(text: &str) -> Upstream {
        text.parse().unwrap()
    }

    #[test]
    fn a_setting_keeps_everything_but_its_origin() {
        for (setting, expected) in [
            ("https://api.deepseek.com/v1", "http://127.0.0.1:4000/v1"),
            ("https://api.deepseek.com/v1/", "http://127.0.0.1:4000/v1/"),
            ("https://api.anthropic.com", "http://127.0.0.1:4000"),
            ("https://api.anthropic.com/", "http://127.0.0.1:4000/"),
            ("https://gateway.example:8443/v1/acct/gw/openai", "http://127.0.0.1:4000/v1/acct/gw/openai"),
        ] {
            assert_eq!(upstream(setting).through(4000), expected);
            assert_eq!(upstream(setting).to_string(), setting);
        }
    }

    #[test]
    fn the_hosts_own_port_is_not_named() {
        for (setting, expected) in [
            ("https://api.openai.com:443/v1", "api.openai.com"),
            ("http://localhost:11434", "localhost:11434"),
            ("http://[::1]:8080/v1", "[::1]:8080"),
            ("https://bücher.example", "xn--bcher-kva.example"),
        ] {
            assert_eq!(upstream(setting).host(), expected);
        }
    }

    #[test]
    fn no_path_changes_where_a_request_goes() {
        let api = upstream("https://api.openai.com/v1");
        assert_eq!(api.url("/v1/models?a=%2F").unwrap().as_str(), "https://api.openai.com/v1/models?a=%2F");
        assert_eq!(api.url("//evil.example/x").unwrap().host_str(), Some("api.openai.com"));
        assert!(api.url("@evil.example/x").is_err());
        assert!(api.url(".evil.example/x").is_err());
        assert!(api.url(":81/x").is_err());
    }

    #[test]
    fn an_address_with_credentials_is_refused_and_not_repeated() {
        let error = "https://user:hunter2@api.example/v1".parse::<Upstream>().unwrap_err();
        assert!(error.contains("password") && !error.contains("hunter2"), "{error}");
        assert!("ftp://api.example".parse::<Upstream>().is_err());
        assert!("api.openai.com".parse::<Upstream>().is_err());
        assert!("https://api.example/?key=1".parse::<Upstream>().is_err());
    }
}
