//! Which requests are not passed on, and what they are answered.

use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, ORIGIN, UPGRADE};
use axum::http::{HeaderName, HeaderValue, Method, Response, StatusCode};
use serde_json::json;

/// Why a request was not answered by the upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// `Host` is no name of this machine: a page that rebinds its own name, or a client with a wrong setting.
    ForeignHost,
    /// A browser sent it for a page.
    Browser,
    /// The client asks for another protocol.
    Upgrade,
    /// Signed for the upstream's name, which this is not.
    Signed,
    /// `CONNECT`, or no path.
    NoReverseProxy,
    /// The request could not be read to its end.
    UnreadableBody(String),
    /// The upstream did not answer.
    Unreachable { origin: String, problem: String },
}

/// Returns why a request is not passed on, if it is not; `port` is that of this proxy.
pub(crate) fn check(method: &Method, headers: &HeaderMap) -> Option<Refusal> {
    if !has_loopback_host(headers) {
        return Some(Refusal::ForeignHost);
    }
    let is_of_a_page = |name: HeaderName| headers.get(name).is_some_and(|value| value != "none");
    if headers.contains_key(ORIGIN) || is_of_a_page(HeaderName::from_static("sec-fetch-site")) {
        return Some(Refusal::Browser);
    }
    if method == Method::CONNECT {
        return Some(Refusal::NoReverseProxy);
    }
    if is_websocket(headers) {
        return Some(Refusal::Upgrade);
    }
    let signed = headers.get(AUTHORIZATION).is_some_and(|value| value.as_bytes().starts_with(b"AWS4-"));
    if signed {
        return Some(Refusal::Signed);
    }
    None
}

/// Returns whether `Host` names this machine, with whatever port: a tunnel may have another one.
fn has_loopback_host(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let Ok(host) = host.to_str() else { return false };
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) if port.is_empty() || is_port(port) => address,
        Some(_) => return false,
        None => match host.split_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            Some(_) => return false,
            None => host,
        },
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn is_port(text: &str) -> bool {
    text.strip_prefix(':').is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_websocket(headers: &HeaderMap) -> bool {
    headers.get(UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Refusal::ForeignHost => StatusCode::MISDIRECTED_REQUEST,
            Refusal::Browser => StatusCode::FORBIDDEN,
            Refusal::Upgrade => StatusCode::UPGRADE_REQUIRED,
            Refusal::Signed => StatusCode::NOT_IMPLEMENTED,
            Refusal::NoReverseProxy | Refusal::UnreadableBody(_) => StatusCode::BAD_REQUEST,
            Refusal::Unreachable { .. } => StatusCode::BAD_GATEWAY,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Refusal::ForeignHost => "foreign_host",
            Refusal::Browser => "browser",
            Refusal::Upgrade => "websocket",
            Refusal::Signed => "aws_signature",
            Refusal::NoReverseProxy => "no_path",
            Refusal::UnreadableBody(_) => "unreadable_body",
            Refusal::Unreachable { .. } => "unreachable",
        }
    }

    fn message(&self) -> String {
        match self {
            Refusal::ForeignHost => {
                "The Host header names another machine. This proxy answers programs on this one, under \
                                     127.0.0.1, localhost or [::1]."
                    .to_owned()
            }
            Refusal::Browser => "This proxy does not answer pages in a browser.".to_owned(),
            Refusal::Upgrade => {
                "WebSockets are not recorded here. Clients that have an HTTP way use it after this answer; \
                                 for others, go to the API directly."
                    .to_owned()
            }
            Refusal::Signed => {
                "The request is signed for the API's own address (AWS SigV4), which would refuse it when it \
                                comes from here. Use a bearer key instead: AWS_BEARER_TOKEN_BEDROCK."
                    .to_owned()
            }
            Refusal::NoReverseProxy => {
                "The request names no path. Set the client's base URL to this address; it is no \
                                        HTTP_PROXY."
                    .to_owned()
            }
            Refusal::UnreadableBody(problem) => format!("The request's body ended too early: {problem}."),
            Refusal::Unreachable { origin, problem } => format!("{origin} could not be reached: {problem}."),
        }
    }

    /// Returns the answer, in the shape that most APIs have for an error.
    pub(crate) fn response(&self) -> Response<Body> {
        let body =
            json!({"error": {"message": self.message(), "type": "llmlogs_proxy", "code": self.code()}});
        let mut response = Response::new(Body::from(body.to_string()));
        *response.status_mut() = self.status();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(pairs: &[(&'static str, &'static str)]) -> Option<Refusal> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        check(&Method::POST, &headers)
    }

    #[test]
    fn only_names_of_this_machine_are_answered() {
        for host in ["127.0.0.1:4000", "localhost", "LOCALHOST:1", "[::1]:4000", "[::1]", "127.1.2.3:4000"] {
            assert_eq!(refused(&[("host", host)]), None, "{host}");
        }
        for host in [
            "evil.example",
            "127.0.0.1.evil.example:4000",
            "localhost.evil.example",
            "",
            "127.0.0.1:x",
            "[::1]x",
        ] {
            assert_eq!(refused(&[("host", host)]), Some(Refusal::ForeignHost), "{host}");
        }
        assert_eq!(refused(&[]), Some(Refusal::ForeignHost));
        assert_eq!(refused(&[("host", "localhost"), ("host", "localhost")]), Some(Refusal::ForeignHost));
    }

    #[test]
    fn a_page_a_websocket_and_a_signed_request_are_told_the_way_out() {
        let here = ("host", "127.0.0.1:4000");
        for origin in ["https://evil.example", "null", "http://127.0.0.1:4000"] {
            assert_eq!(refused(&[here, ("origin", origin)]), Some(Refusal::Browser));
        }
        assert_eq!(refused(&[here, ("sec-fetch-site", "cross-site")]), Some(Refusal::Browser));
        assert_eq!(refused(&[here, ("upgrade", "WebSocket")]), Some(Refusal::Upgrade));
        let signed = refused(&[here, ("authorization", "AWS4-HMAC-SHA256 Credential=x")]).unwrap();
        assert!(signed.message().contains("AWS_BEARER_TOKEN_BEDROCK"));
        assert_eq!(refused(&[here, ("authorization", "Bearer k")]), None);
    }
}
