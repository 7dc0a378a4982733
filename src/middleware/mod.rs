//! The [`reqwest_middleware`] middleware: recognises calls, opens their spans, and follows the response to the end of
//! its body.

mod head;
mod in_flight;
mod tee;
mod timer;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http_body::Body as _;
use reqwest::{Method, Request, Response, Url};
use reqwest_middleware::{Middleware, Next, Result};
use tracing::Instrument;

use crate::instrument;
use crate::instrument::CallSpan;
use crate::sink::Recorders;
use llmlogs_core::api;
use llmlogs_core::capture::{Api, Body, CapturedRequest, Endpoint};
use llmlogs_core::json;

use in_flight::InFlightCall;

/// A user's predicate of which requests are calls.
type Matcher = Arc<dyn Fn(&Method, &Url) -> bool + Send + Sync>;

/// Records the calls that a client makes to LLM APIs.
///
/// Inference requests are recognised by method and path shape, whatever the host; everything else
/// passes untouched. Put it last, so that what it sees is what goes over the wire; with a retry
/// middleware also first, so that all tries are one call:
///
/// ```no_run
/// use reqwest_middleware::ClientBuilder;
/// use tracing_llmlogs::LlmLogMiddleware;
///
/// let client = ClientBuilder::new(reqwest::Client::new()).with(LlmLogMiddleware::new()).build();
/// ```
///
/// Where no subscriber takes spans of level INFO, a request passes as if the middleware were not there. Where every
/// recorder of the program is switched off, the spans of calls have what the address and the status tell, and end with
/// the response's head: bodies are not looked at, whoever else listens.
#[derive(Clone, Default)]
pub struct LlmLogMiddleware {
    matchers: Vec<Matcher>,
    /// Hosts and the providers behind them.
    hosts: Vec<(String, String)>,
}

impl LlmLogMiddleware {
    /// Returns a middleware that recognises the APIs that the crate knows.
    #[must_use]
    pub fn new() -> Self {
        LlmLogMiddleware::default()
    }

    /// Treats a request as a call if `matcher` returns `true` for it, beside those that are recognised by themselves. Its
    /// bodies are recorded as they are, unless they have the shape of a known API.
    #[must_use]
    pub fn match_request(mut self, matcher: impl Fn(&Method, &Url) -> bool + Send + Sync + 'static) -> Self {
        self.matchers.push(Arc::new(matcher));
        self
    }

    /// Sets the provider name for what `host` serves (OpenTelemetry's [`gen_ai.provider.name`] where it
    /// has one): a gateway or a server of your own. `host` is a name or an address, without the port.
    ///
    /// [`gen_ai.provider.name`]: https://opentelemetry.io/docs/specs/semconv/registry/attributes/gen-ai/
    #[must_use]
    pub fn provider(mut self, host: impl Into<String>, provider: impl Into<String>) -> Self {
        self.hosts.push((host.into().to_ascii_lowercase(), provider.into()));
        self
    }

    fn detect(&self, request: &Request) -> Option<Detected> {
        let parts = api::Request { method: request.method().as_str(), url: request.url().as_str() };
        let matched = || self.matchers.iter().any(|matches| matches(request.method(), request.url()));
        let host = request.url().host_str().unwrap_or_default();
        let named = self.hosts.iter().find(|(known, _)| known == host).map(|(_, provider)| provider);
        let known = api::detect_endpoint_of(parts, named.map_or("", |provider| provider));
        let is_known = known.is_some();
        let mut by_user = matched();
        let mut endpoint = match known {
            Some(endpoint) => endpoint,
            None => api::unrecognised(parts).filter(|_| by_user)?,
        };
        if let Some(provider) = named {
            endpoint.provider = provider.clone().into();
            by_user = true;
        }
        Some(Detected { endpoint, is_known, by_user })
    }
}

/// A request that may be a call.
struct Detected {
    endpoint: Endpoint,
    /// The path is one of an API that the crate knows.
    is_known: bool,
    /// The user named the host or matched the request. Otherwise the body decides whether it is a call.
    by_user: bool,
}

impl fmt::Debug for LlmLogMiddleware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LlmLogMiddleware").finish_non_exhaustive()
    }
}

#[async_trait::async_trait]
impl Middleware for LlmLogMiddleware {
    async fn handle(
        &self,
        mut request: Request,
        extensions: &mut http::Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        if instrument::is_unseen() {
            if Recorders::any_running() && self.detect(&request).is_some() {
                instrument::warn_unseen();
            }
            return next.run(request, extensions).await;
        }
        let Some(detected) = self.detect(&request) else {
            return next.run(request, extensions).await;
        };
        if Recorders::all_off() {
            return send_unrecorded(detected, request, extensions, next).await;
        }
        let sent = SentBody {
            content_encoding: head::content_encoding(request.headers()),
            bytes: buffered_body(&mut request),
        };
        let mut call = match InFlightCall::start(detected, sent) {
            Some(call) => call,
            None => return next.run(request, extensions).await,
        };
        // The span is entered only while this future runs; the response body holds it open.
        let result = next.run(request, extensions).instrument(call.span().clone()).await;
        match result {
            Ok(response) => Ok(tee::attach(response, call).await),
            Err(error) => {
                call.fail(instrument::request_failure(&error));
                Err(error)
            }
        }
    }
}

/// Sends a request that no recorder wants. Its span has what the address and the status tell, and ends with the
/// response's head: neither body is looked at.
async fn send_unrecorded(
    Detected { endpoint, by_user, .. }: Detected,
    request: Request,
    extensions: &mut http::Extensions,
    next: Next<'_>,
) -> Result<Response> {
    if !by_user && !api::body_confirms_llm(&endpoint, None) {
        return next.run(request, extensions).await;
    }
    let span = instrument::open_plain(&endpoint);
    let result = next.run(request, extensions).instrument(span.clone()).await;
    match &result {
        Ok(response) => instrument::record_status(&span, response.status().as_u16()),
        Err(error) => instrument::record_failure(&span, &instrument::request_failure(error)),
    }
    result
}

/// The body of a request.
struct SentBody {
    /// Its `content-encoding` header; empty if it has none.
    content_encoding: String,
    /// `None` if it is not in memory.
    bytes: Option<Bytes>,
}

impl SentBody {
    /// Returns whether the body can be read here: it is in memory, and in no content coding, which would take the caller's
    /// time to decode.
    fn is_readable(&self) -> bool {
        let Some(bytes) = &self.bytes else {
            return false;
        };
        // An object has no coding, whatever the header says.
        !api::is_encoded(&self.content_encoding) || bytes.trim_ascii_start().starts_with(b"{")
    }
}

/// Returns the body of `request`, its bytes by reference, or `None` if it is not in memory.
fn buffered_body(request: &mut Request) -> Option<Bytes> {
    let Some(body) = request.body_mut() else {
        return Some(Bytes::new());
    };
    body.as_bytes()?;
    // A buffered body gives all its bytes as one frame without waiting; they are put back at once.
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let bytes = match std::pin::Pin::new(&mut *body).poll_frame(&mut context) {
        std::task::Poll::Ready(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
        _ => Bytes::new(),
    };
    *body = reqwest::Body::from(bytes.clone());
    Some(bytes)
}

/// How many times the limit of a body's bytes are held of a request: they are the program's own memory, and most of what
/// makes a request large is media, which is not stored in its place.
const REQUEST_LIMIT_FACTOR: usize = 8;

impl InFlightCall {
    /// Opens the call's span and attaches the request to it. Returns `None` if nobody listens, or if the body shows that
    /// the request is no call.
    fn start(Detected { mut endpoint, is_known, by_user }: Detected, sent: SentBody) -> Option<Self> {
        let is_readable = sent.is_readable();
        let SentBody { content_encoding, bytes: body } = sent;
        let text = body.as_deref().filter(|_| is_readable).and_then(|bytes| std::str::from_utf8(bytes).ok());
        let parsed = text.and_then(|text| json::parse_shallow(text).ok());
        if !by_user && is_readable && !api::body_confirms_llm(&endpoint, parsed.as_ref()) {
            return None;
        }
        if !is_known && endpoint.api == Api::Raw {
            // A path of the user's own; the body may well be of a known shape.
            endpoint.api = api::api_of(&endpoint.provider, parsed.as_ref());
        }
        let endpoint = Arc::new(endpoint);
        let span = CallSpan::open(&endpoint, body.as_ref(), parsed.as_ref());
        let policy = instrument::policy(span.span());
        if policy.is_none() {
            instrument::warn_unseen();
        }
        if span.span().is_disabled() {
            return None;
        }
        if policy.is_some_and(|policy| policy.bodies) {
            let limit = policy.map_or(0, |policy| policy.max_body_bytes).saturating_mul(REQUEST_LIMIT_FACTOR);
            let body = body.map_or(Body::Streaming, |bytes| Body::limited(bytes, limit));
            let endpoint = Arc::clone(&endpoint);
            let request = CapturedRequest { endpoint, content_encoding, body };
            instrument::attach_request(span.span(), Arc::new(request));
        }
        Some(InFlightCall::new(span, endpoint, policy))
    }
}
