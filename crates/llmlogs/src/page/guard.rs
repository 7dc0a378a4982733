//! Who may ask. Runs before a path is decoded or a route is looked for, so that no spelling of a path gets around it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::header::{ALLOW, AUTHORIZATION, COOKIE, HOST, LOCATION, ORIGIN, SET_COOKIE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::hosts::Hosts;
use super::token::Token;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What a request is held against.
#[derive(Debug)]
pub(crate) struct Guard {
    hosts: Hosts,
    /// `None`: everybody on this machine may ask.
    token: Option<Token>,
    /// Stands for the token once, until then.
    code: Mutex<Option<(Token, Instant)>>,
    cookie: String,
}

/// A request that may not go on.
#[derive(Debug, PartialEq, Eq)]
enum Refusal {
    Method,
    Host,
    Foreign,
    Token,
    Path,
}

impl Guard {
    /// Cookies are shared by all ports of a host, so the cookie's name has the port.
    pub(crate) fn new(hosts: Hosts, token: Option<Token>, port: u16) -> Self {
        Guard { hosts, token, code: Mutex::default(), cookie: format!("llmlogs_{port}") }
    }

    /// Lets `code` stand for the token in one request within the next minute: every user of the machine sees the address
    /// with which a browser is started.
    pub(crate) fn accept_once(&self, code: Token) {
        *self.code.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((code, Instant::now() + CODE_LIFETIME));
    }

    /// Returns whether `given` is the code, which is none afterwards.
    fn takes_code(&self, given: &str) -> bool {
        let mut code = self.code.lock().unwrap_or_else(PoisonError::into_inner);
        let is_right = code.as_ref().is_some_and(|(code, until)| code.is(given) && Instant::now() < *until);
        if is_right {
            *code = None;
        }
        is_right
    }

    fn check_source(&self, request: &Request) -> Result<(), Refusal> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return Err(Refusal::Method);
        }
        let headers = request.headers();
        let host = only(headers, &HOST).ok_or(Refusal::Host)?;
        if !self.hosts.contain(host) {
            return Err(Refusal::Host);
        }
        // As in a request to a proxy: `GET http://other/ HTTP/1.1`.
        if request.uri().authority().is_some_and(|authority| authority.as_str() != host) {
            return Err(Refusal::Host);
        }
        if headers.contains_key(ORIGIN) && !only(headers, &ORIGIN).is_some_and(|origin| is_of(origin, host)) {
            return Err(Refusal::Foreign);
        }
        if headers.contains_key(SEC_FETCH_SITE)
            && !matches!(only(headers, &SEC_FETCH_SITE), Some("same-origin" | "none"))
        {
            return Err(Refusal::Foreign);
        }
        Ok(())
    }

    /// Returns whether the cookie or the `Authorization` header has the token.
    fn knows_token(&self, token: &Token, headers: &HeaderMap) -> bool {
        let bearer = only(headers, &AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
        let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut of_page = cookies
            .flat_map(|value| value.split(';'))
            .filter_map(|cookie| cookie.trim().split_once('='))
            .filter(|(name, _)| *name == self.cookie)
            .map(|(_, value)| value);
        bearer.is_some_and(|given| token.is(given)) || of_page.any(|given| token.is(given))
    }

    /// Returns the response that makes the token of an address a cookie, and takes it out of the address.
    fn keep_token(&self, token: &Token, path: &str, query: &str) -> Result<Response, Refusal> {
        // `//host` and `/\host` would lead elsewhere.
        if !path.starts_with('/') || path[1..].starts_with(['/', '\\']) {
            return Err(Refusal::Path);
        }
        let rest: Vec<&str> =
            query.split('&').filter(|pair| !pair.starts_with(TOKEN) && !pair.starts_with(CODE)).collect();
        let location = if rest.is_empty() { path.to_owned() } else { format!("{path}?{}", rest.join("&")) };
        let cookie = format!("{}={}; Path=/; HttpOnly; SameSite=Lax", self.cookie, token.as_str());
        let value = |text: String| HeaderValue::from_str(&text).map_err(|_| Refusal::Path);
        let headers = [(LOCATION, value(location)?), (SET_COOKIE, value(cookie)?)];
        Ok((StatusCode::SEE_OTHER, headers).into_response())
    }
}

const TOKEN: &str = "token=";
const CODE: &str = "code=";

/// How long a browser may take to start.
const CODE_LIFETIME: Duration = Duration::from_secs(60);

/// Lets a request pass, or answers it.
pub(crate) async fn check(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    match decide(&guard, &request) {
        Ok(None) => next.run(request).await,
        Ok(Some(response)) => response,
        Err(refusal) => refusal.into_response(),
    }
}

/// Returns the guard's own answer, if it has one.
fn decide(guard: &Guard, request: &Request) -> Result<Option<Response>, Refusal> {
    guard.check_source(request)?;
    let Some(token) = &guard.token else { return Ok(None) };
    let query = request.uri().query().unwrap_or_default();
    let given = query.split('&').find_map(|pair| pair.strip_prefix(TOKEN));
    if let Some(given) = given {
        return match token.is(given) {
            true => guard.keep_token(token, request.uri().path(), query).map(Some),
            false => Err(Refusal::Token),
        };
    }
    if let Some(given) = query.split('&').find_map(|pair| pair.strip_prefix(CODE)) {
        return match guard.takes_code(given) {
            true => guard.keep_token(token, request.uri().path(), query).map(Some),
            false => Err(Refusal::Token),
        };
    }
    if guard.knows_token(token, request.headers()) { Ok(None) } else { Err(Refusal::Token) }
}

/// Returns the value of a header that is there exactly once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    if values.next().is_some() { None } else { value.to_str().ok() }
}

/// Returns whether `origin` is the one of a page from `host`.
fn is_of(origin: &str, host: &str) -> bool {
    let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host))
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, text) = match self {
            Refusal::Method => {
                (StatusCode::METHOD_NOT_ALLOWED, "Only GET and HEAD: the page is read only.\n")
            }
            Refusal::Host => (
                StatusCode::MISDIRECTED_REQUEST,
                "This is not the page's host; llmlogs serve --allow-host HOST allows another.\n",
            ),
            Refusal::Foreign => (
                StatusCode::FORBIDDEN,
                "The request comes from another site. To open a link from there, paste its address.\n",
            ),
            Refusal::Token => (
                StatusCode::UNAUTHORIZED,
                "Open the whole address that llmlogs serve printed: it has a token.\n",
            ),
            Refusal::Path => (StatusCode::BAD_REQUEST, "This is no path of the page.\n"),
        };
        let mut response = (status, text).into_response();
        if status == StatusCode::METHOD_NOT_ALLOWED {
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        }
        response
    }
}
