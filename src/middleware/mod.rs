//! The [`reqwest_middleware`] middleware: recognises calls, opens their spans, and follows the response to the end of
//! its body.

mod breaker;
mod fallback;
mod group;
mod head;
mod in_flight;
mod read_ahead;
mod resilience;
mod retry;
mod sent_body;
mod tee;
mod timer;

use std::fmt;
use std::sync::Arc;

use reqwest::{Method, Request, Response, Url};
use reqwest_middleware::{Middleware, Next, Result};
use tracing::Instrument;

use crate::instrument;
use crate::instrument::CallSpan;
use crate::sink::Recorders;
use llmlogs_core::api;
use llmlogs_core::capture::{Api, Body, CapturedRequest, Endpoint};
use llmlogs_core::json::Json;

use group::Membership;
use in_flight::InFlightCall;
use resilience::{ActingCall, Describe, Recording, Resilience, Settings, model_of};
use sent_body::{SentBody, parsed_body};

pub use breaker::Breaker;
pub use fallback::Fallback;
pub use resilience::{CircuitOpenError, Circuits, DeadlineError, NoRetry};
pub use retry::{FailedAttempt, FailureKind, Retry, Verdict};

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
    settings: Settings,
    /// Made of the settings; `None` if nothing is done about failures.
    resilience: Option<Arc<Resilience>>,
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

    /// Repeats calls that failed, as `retry` says. Default: none is.
    ///
    /// All attempts at a call are one folder. A request can opt out with [`NoRetry`] among its extensions. A request whose
    /// body is a stream is sent once. `reqwest` repeats some requests by itself, below every middleware, when a server
    /// refuses them by the protocol: `reqwest::ClientBuilder::retry(reqwest::retry::never())` switches that off.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.settings.retry = Some(retry);
        self.with_settings()
    }

    /// Keeps calls away from targets that keep failing, as `breaker` says. Default: none is.
    #[must_use]
    pub fn breaker(mut self, breaker: Breaker) -> Self {
        self.settings.breaker = Some(breaker);
        self.with_settings()
    }

    /// Adds a fallback, after those that are there. Default: none.
    #[must_use]
    pub fn fallback(mut self, fallback: Fallback) -> Self {
        self.settings.fallbacks.push(fallback);
        self.with_settings()
    }

    /// Returns a handle to the circuits of the breaker, for whoever wants to know what is degraded. Middlewares that are
    /// cloned from this one have the same ones; a later change of a setting makes new ones.
    #[must_use]
    pub fn circuits(&self) -> Circuits {
        Circuits::of(self.resilience.as_deref())
    }

    fn with_settings(mut self) -> Self {
        self.resilience = Some(Resilience::new(&self.settings));
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
        let is_unseen = instrument::is_unseen();
        if is_unseen && Recorders::any_running() && self.detect(&request).is_some() {
            instrument::warn_unseen();
        }
        let resilience = self.resilience.as_deref().filter(|_| extensions.get::<NoRetry>().is_none());
        if is_unseen && resilience.is_none() {
            return next.run(request, extensions).await;
        }
        let Some(detected) = self.detect(&request) else {
            return next.run(request, extensions).await;
        };
        if let Some(resilience) = resilience {
            return self.act(resilience, detected, request, extensions, next).await;
        }
        if Recorders::all_off() {
            return send_unrecorded(detected, request, extensions, next).await;
        }
        let sent = SentBody::of(&mut request);
        let parsed = sent.parsed();
        if !detected.is_confirmed_by(&sent, parsed.as_ref()) {
            drop(parsed);
            return next.run(request, extensions).await;
        }
        let membership = Membership::of(extensions, false);
        let endpoint = detected.into_endpoint(parsed.as_ref());
        let call = InFlightCall::start(&endpoint, &sent, parsed.as_ref(), &membership);
        drop(parsed);
        let Some(mut call) = call else {
            return next.run(request, extensions).await;
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

/// How many times the limit of a body's bytes are held of a request: they are the program's own memory, and most of what
/// makes a request large is media, which is not stored in its place.
const REQUEST_LIMIT_FACTOR: usize = 8;

impl Detected {
    /// Returns whether the body, as far as it can be read, shows that the request is a call.
    fn is_confirmed_by(&self, sent: &SentBody, parsed: Option<&Json<'_>>) -> bool {
        self.by_user || !sent.is_readable() || api::body_confirms_llm(&self.endpoint, parsed)
    }

    /// Returns the endpoint of a request with this body.
    fn into_endpoint(self, parsed: Option<&Json<'_>>) -> Arc<Endpoint> {
        let Detected { mut endpoint, is_known, .. } = self;
        if !is_known && endpoint.api == Api::Raw {
            // A path of the user's own; the body may well be of a known shape.
            endpoint.api = api::api_of(&endpoint.provider, parsed);
        }
        Arc::new(endpoint)
    }
}

impl InFlightCall {
    /// Opens the call's span and attaches the request to it. Returns `None` if nobody listens.
    fn start(
        endpoint: &Arc<Endpoint>,
        sent: &SentBody,
        parsed: Option<&Json<'_>>,
        membership: &Membership,
    ) -> Option<Box<Self>> {
        let span = CallSpan::open(endpoint, sent.bytes.as_ref(), parsed);
        let policy = instrument::policy(span.span());
        if policy.is_none() {
            instrument::warn_unseen();
        }
        if span.span().is_disabled() {
            return None;
        }
        if policy.is_some_and(|policy| policy.bodies) {
            let limit = policy.map_or(0, |policy| policy.max_body_bytes).saturating_mul(REQUEST_LIMIT_FACTOR);
            let body = sent.bytes.clone().map_or(Body::Streaming, |bytes| Body::limited(bytes, limit));
            instrument::attach_group(span.span(), membership.group);
            let (endpoint, content_encoding) = (Arc::clone(endpoint), sent.content_encoding.clone());
            instrument::attach_request(
                span.span(),
                Arc::new(CapturedRequest { endpoint, content_encoding, body }),
            );
        }
        Some(Box::new(InFlightCall::new(span, Arc::clone(endpoint), policy)))
    }
}

impl LlmLogMiddleware {
    /// Sends a request whose failures something is done about, recorded or not.
    async fn act(
        &self,
        resilience: &Resilience,
        detected: Detected,
        mut request: Request,
        extensions: &mut http::Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        let sent = SentBody::of(&mut request);
        let membership = Membership::of(extensions, true);
        let parsed = sent.parsed();
        if !detected.is_confirmed_by(&sent, parsed.as_ref()) {
            drop(parsed);
            return next.run(request, extensions).await;
        }
        let endpoint = detected.into_endpoint(parsed.as_ref());
        let recording = if instrument::is_unseen() {
            Recording::Nothing
        } else if Recorders::all_off() {
            Recording::Span(instrument::open_plain(&endpoint))
        } else {
            let call = InFlightCall::start(&endpoint, &sent, parsed.as_ref(), &membership);
            call.map_or(Recording::Nothing, Recording::Call)
        };
        let model = model_of(&endpoint, parsed.as_ref());
        let is_stream = parsed.as_ref().and_then(|body| body.get("stream").as_bool()) == Some(true);
        drop(parsed);
        if membership.is_acted_for {
            // Nothing is done twice.
            resilience::warn_two_loops(
                "a client has two of these middlewares that do something about failures",
            );
            let result = recording.inside(next.run(request, extensions)).await;
            return recording.result(result).await;
        }
        let call = ActingCall {
            resilience,
            describe: self,
            endpoint,
            model,
            is_repeatable: sent.bytes.is_some(),
            is_stream,
            group: membership.first_group,
            recording,
            extensions: &mut *extensions,
            next,
        };
        let result = call.run(request).await;
        membership.leave(extensions);
        result
    }
}

impl Describe for LlmLogMiddleware {
    fn endpoint(&self, request: &Request) -> Option<Endpoint> {
        let detected = self.detect(request)?;
        Some(Arc::unwrap_or_clone(detected.into_endpoint(parsed_body(request).as_ref())))
    }
}
