//! Fallbacks: where a call goes when its own target does not answer.

mod credentials;
mod model;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use http::{HeaderName, HeaderValue};
use reqwest::{Request, Url};

use super::retry::FailedAttempt;

type HeaderSource = Arc<dyn Fn() -> String + Send + Sync>;
type PathRule = Arc<dyn Fn(&str) -> String + Send + Sync>;
type MakeRequest = Arc<dyn Fn(&Request, &FailedAttempt<'_>) -> Option<Request> + Send + Sync>;

/// Where a call goes when its own target does not answer: another model, another endpoint of the same API, or whatever a
/// function makes of it. Several are tried in the order in which they were given to the middleware, each once a call.
///
/// A fallback is asked after a failure that a retry may mend but did not, after HTTP 401, 402, 403 and 404 (401, 402 and an
/// exhausted quota: only with another credential), and while the breaker's circuit is open. Wrong requests, prompts that are
/// too long and refused content go to the caller; [`Retry::when`](crate::Retry::when) may decide otherwise.
///
/// The answer has to be in the shape that the caller expects: a target of another API is skipped, and a warning says so
/// once. The first request's credential never goes to another host: of its headers only those that say what is asked for
/// are sent there, and where it has no credential of its own, empty headers stand against one among the client's defaults.
/// Middlewares that come after this one see the request and may add to it.
///
/// ```
/// use tracing_llmlogs::{Fallback, LlmLogMiddleware};
///
/// let middleware = LlmLogMiddleware::new()
///     .fallback(Fallback::model("gpt-4o", "gpt-4o-mini"))
///     .fallback(
///         Fallback::endpoint("https://openrouter.ai/api/v1")
///             .with_model("openai/gpt-4o")
///             .header("authorization", || format!("Bearer {}", std::env::var("OPENROUTER_API_KEY").unwrap_or_default())),
///     );
/// ```
#[derive(Clone)]
#[must_use = "a fallback does nothing until it is given to a middleware"]
pub struct Fallback {
    from: Option<String>,
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    Model(String),
    Endpoint(Endpoint),
    Request(MakeRequest),
}

#[derive(Clone)]
struct Endpoint {
    base_url: String,
    model: Option<String>,
    path: Option<PathRule>,
    headers: Vec<(String, HeaderSource)>,
}

/// What a fallback makes of a call.
#[allow(clippy::large_enum_variant, reason = "made once for a call that failed, and taken apart at once")]
pub(super) enum Prepared {
    Ready(Request),
    /// It is for other calls.
    NotForThis,
    /// It cannot be asked, for this reason.
    Impossible(&'static str),
}

impl Fallback {
    /// Returns a fallback to model `to`, on the same endpoint and with the same credential, for calls to model `from`.
    pub fn model(from: impl Into<String>, to: impl Into<String>) -> Self {
        Fallback { from: Some(from.into()), kind: Kind::Model(to.into()) }
    }

    /// Returns a fallback to another endpoint that speaks the same API. `base_url` is what an SDK of that API takes: scheme
    /// and host, and a path if the endpoint has one, such as `https://openrouter.ai/api/v1`. What follows the version in the
    /// first request's path is appended to it; [`path`](Self::path) sets another rule.
    pub fn endpoint(base_url: impl Into<String>) -> Self {
        let endpoint = Endpoint { base_url: base_url.into(), model: None, path: None, headers: Vec::new() };
        Fallback { from: None, kind: Kind::Endpoint(endpoint) }
    }

    /// Returns a fallback to the request that `make` returns; `None` where there is none for this call. It gets the first
    /// request and the attempt that failed. A panic counts as `None`.
    pub fn request(
        make: impl Fn(&Request, &FailedAttempt<'_>) -> Option<Request> + Send + Sync + 'static,
    ) -> Self {
        Fallback { from: None, kind: Kind::Request(Arc::new(make)) }
    }

    /// Restricts the fallback to calls to `model`. Default: all, but for [`Fallback::model`].
    pub fn only_from(mut self, model: impl Into<String>) -> Self {
        self.from = Some(model.into());
        self
    }

    /// Sets the model that an endpoint is asked for. Default: the first request's. Nothing else than an endpoint has it.
    pub fn with_model(mut self, model: impl Into<String>) -> Self {
        if let Kind::Endpoint(endpoint) = &mut self.kind {
            endpoint.model = Some(model.into());
        }
        self
    }

    /// Sets the rule that makes an endpoint's path from the first request's. Nothing else than an endpoint has it.
    pub fn path(mut self, rule: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        if let Kind::Endpoint(endpoint) = &mut self.kind {
            endpoint.path = Some(Arc::new(rule));
        }
        self
    }

    /// Sets a header of the requests to an endpoint, such as its credential; `value` is asked for each of them. It is sent
    /// even if the first request has the same, as that of one account in two regions. Nothing else than an endpoint has it.
    pub fn header(
        mut self,
        name: impl Into<String>,
        value: impl Fn() -> String + Send + Sync + 'static,
    ) -> Self {
        if let Kind::Endpoint(endpoint) = &mut self.kind {
            endpoint.headers.push((name.into(), Arc::new(value)));
        }
        self
    }

    /// Returns the request that comes after `failed`. `first` is the caller's own, whose model is `model`.
    pub(super) fn prepare(&self, first: &Request, model: &str, failed: &FailedAttempt<'_>) -> Prepared {
        if self.from.as_deref().is_some_and(|from| from != model && from != failed.model) {
            return Prepared::NotForThis;
        }
        let made = catch_unwind(AssertUnwindSafe(|| match &self.kind {
            Kind::Request(make) => make(first, failed).map_or(Prepared::NotForThis, Prepared::Ready),
            Kind::Model(_) | Kind::Endpoint(_) if is_signed(first) => {
                Prepared::Impossible("the request is signed, and the signature holds for it alone")
            }
            Kind::Model(to) => {
                let changed = first.try_clone().and_then(|request| with_model(request, to));
                changed.map_or(Prepared::Impossible("the request does not name its model"), Prepared::Ready)
            }
            Kind::Endpoint(endpoint) => endpoint.prepare(first),
        }));
        let mut request = match made.unwrap_or(Prepared::Impossible("a function of the program panicked")) {
            Prepared::Ready(request) => request,
            other => return other,
        };
        if !credentials::is_same_origin(request.url(), first.url()) {
            credentials::without_credentials(request.url_mut(), first.url());
            // What is set for an endpoint is meant for it, even if it is what the first request has.
            if let Kind::Request(_) = self.kind {
                credentials::strip(request.headers_mut(), first.headers());
            }
            credentials::block_defaults(request.headers_mut(), first.headers());
        }
        Prepared::Ready(request)
    }
}

impl fmt::Debug for Fallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Fallback");
        debug.field("from", &self.from);
        match &self.kind {
            Kind::Model(to) => debug.field("model", to),
            // Without what the URL may carry of a credential.
            Kind::Endpoint(endpoint) => debug.field("host", &endpoint.host()).field("model", &endpoint.model),
            Kind::Request(_) => debug.field("request", &"a function"),
        };
        debug.finish_non_exhaustive()
    }
}

impl Endpoint {
    fn host(&self) -> Option<String> {
        Url::parse(&self.base_url).ok()?.host_str().map(str::to_owned)
    }

    fn prepare(&self, first: &Request) -> Prepared {
        let Ok(base) = Url::parse(&self.base_url) else {
            return Prepared::Impossible("its base URL is none");
        };
        let Some(mut request) = first.try_clone() else {
            return Prepared::Impossible("the request's body cannot be sent twice");
        };
        let is_same_origin = credentials::is_same_origin(&base, first.url());
        let path = match &self.path {
            Some(rule) => rule(first.url().path()),
            None => path_at(base.path(), first.url().path()),
        };
        let mut url = base;
        url.set_path(&path);
        if url.query().is_none() {
            url.set_query(first.url().query());
        }
        *request.url_mut() = url;
        if let Some(model) = &self.model {
            match with_model(request, model) {
                Some(changed) => request = changed,
                None => return Prepared::Impossible("the request does not name its model"),
            }
        }
        if !is_same_origin {
            *request.headers_mut() = credentials::travelling(first.headers());
        }
        for (name, value) in &self.headers {
            let (Ok(name), Ok(mut value)) =
                (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(&value()))
            else {
                return Prepared::Impossible("one of its headers cannot be sent");
            };
            value.set_sensitive(true);
            request.headers_mut().insert(name, value);
        }
        Prepared::Ready(request)
    }
}

/// Returns `request` for another model; `None` if it names none.
fn with_model(mut request: Request, model: &str) -> Option<Request> {
    let in_path = model::in_path(request.url().path(), model);
    let body = request.body().and_then(reqwest::Body::as_bytes);
    let in_body = body.and_then(|body| model::in_body(body, model));
    if in_path.is_none() && in_body.is_none() {
        return None;
    }
    if let Some(path) = in_path {
        request.url_mut().set_path(&path);
    }
    if let Some(body) = in_body {
        request.headers_mut().remove(http::header::CONTENT_LENGTH);
        *request.body_mut() = Some(body.into());
    }
    Some(request)
}

/// Returns whether a request carries a signature of its own body, as AWS has it.
fn is_signed(request: &Request) -> bool {
    let authorization = request.headers().get(http::header::AUTHORIZATION);
    authorization.is_some_and(|value| value.as_bytes().starts_with(b"AWS4-"))
}

/// Returns the path that stands for `path` below `base`: where the base names a version of the API, what follows the
/// version in `path`, else the version and what follows it.
fn path_at(base: &str, path: &str) -> String {
    let base = base.trim_end_matches('/');
    if base.is_empty() {
        return path.to_owned();
    }
    let tail = match (version(base), version(path)) {
        (Some(_), Some((_, end))) => &path[end..],
        (None, Some((start, _))) => &path[start..],
        (_, None) => path,
    };
    format!("{base}{tail}")
}

/// Returns where the first segment of `path` that is a version, such as `v1` or `v1beta`, starts (with its slash) and ends.
fn version(path: &str) -> Option<(usize, usize)> {
    let mut start = 0;
    for segment in path.split_inclusive('/') {
        let name = segment.trim_end_matches('/');
        let mut rest = name.strip_prefix('v').unwrap_or_default().chars();
        if rest.next().is_some_and(|c| c.is_ascii_digit()) && rest.all(|c| c.is_ascii_alphanumeric()) {
            return Some((start.max(1) - 1, start + name.len()));
        }
        start += segment.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::middleware::retry::FailureKind;

    fn failed() -> FailedAttempt<'static> {
        FailedAttempt {
            number: 1,
            provider: "openai",
            model: "gpt-4o",
            kind: FailureKind::Server,
            status: Some(503),
            headers: None,
            error_code: "",
            error_message: "",
            delay: None,
        }
    }

    fn first() -> Request {
        let client = reqwest::Client::new();
        let request = client.post("https://api.openai.com/v1/chat/completions");
        let request =
            request.header("authorization", "Bearer sk-old").header("content-type", "application/json");
        request.body(r#"{"model":"gpt-4o","messages":[]}"#).build().unwrap()
    }

    fn ready(fallback: &Fallback) -> Request {
        match fallback.prepare(&first(), "gpt-4o", &failed()) {
            Prepared::Ready(request) => request,
            Prepared::NotForThis => panic!("not for this"),
            Prepared::Impossible(why) => panic!("{why}"),
        }
    }

    fn body(request: &Request) -> &str {
        std::str::from_utf8(request.body().unwrap().as_bytes().unwrap()).unwrap()
    }

    #[test]
    fn another_model_keeps_everything_else() {
        let request = ready(&Fallback::model("gpt-4o", "gpt-4o-mini"));
        assert_eq!(request.url().as_str(), "https://api.openai.com/v1/chat/completions");
        assert_eq!(request.headers()["authorization"], "Bearer sk-old");
        assert_eq!(body(&request), r#"{"model":"gpt-4o-mini","messages":[]}"#);
        let other = Fallback::model("gpt-5", "gpt-4o-mini").prepare(&first(), "gpt-4o", &failed());
        assert!(matches!(other, Prepared::NotForThis));
    }

    #[test]
    fn another_endpoint_gets_its_own_path_model_and_credential() {
        let fallback = Fallback::endpoint("https://openrouter.ai/api/v1")
            .with_model("openai/gpt-4o")
            .header("authorization", || "Bearer sk-new".to_owned());
        let request = ready(&fallback);
        assert_eq!(request.url().as_str(), "https://openrouter.ai/api/v1/chat/completions");
        assert_eq!(request.headers()["authorization"], "Bearer sk-new");
        assert!(request.headers()["authorization"].is_sensitive());
        assert_eq!(request.headers()["content-type"], "application/json");
        assert_eq!(body(&request), r#"{"model":"openai/gpt-4o","messages":[]}"#);
        let bare = ready(&Fallback::endpoint("https://other.example"));
        assert_eq!(bare.headers().get("authorization"), None);
    }

    #[test]
    fn a_function_may_copy_what_it_likes_but_no_credential_to_another_host() {
        let make = |first: &Request, _: &FailedAttempt<'_>| {
            let mut request = first.try_clone()?;
            *request.url_mut() = Url::parse("https://other.example/v1/chat/completions").ok()?;
            Some(request)
        };
        assert_eq!(ready(&Fallback::request(make)).headers().get("authorization"), None);
        let panics = Fallback::request(|_, _| panic!("a bug")).prepare(&first(), "gpt-4o", &failed());
        assert!(matches!(panics, Prepared::Impossible(_)));
    }

    #[test]
    fn a_signed_request_is_not_changed() {
        let mut signed = first();
        signed.headers_mut().insert("authorization", "AWS4-HMAC-SHA256 Credential=x".parse().unwrap());
        let other = Fallback::model("gpt-4o", "gpt-4o-mini").prepare(&signed, "gpt-4o", &failed());
        assert!(matches!(other, Prepared::Impossible(_)));
    }

    #[test]
    fn a_path_goes_below_a_base_as_sdks_have_it() {
        for (base, path, expected) in [
            ("/", "/v1/chat/completions", "/v1/chat/completions"),
            ("/api/v1", "/v1/chat/completions", "/api/v1/chat/completions"),
            ("/api/v1/", "/chat/completions", "/api/v1/chat/completions"),
            ("/v1beta/openai", "/v1/chat/completions", "/v1beta/openai/chat/completions"),
            ("/anthropic", "/v1/messages", "/anthropic/v1/messages"),
            ("/anthropic", "/proxy/v1/messages", "/anthropic/v1/messages"),
            ("/v1beta", "/v1beta/models/g:generateContent", "/v1beta/models/g:generateContent"),
            ("/x", "/chat/completions", "/x/chat/completions"),
        ] {
            assert_eq!(path_at(base, path), expected, "{base} {path}");
        }
    }
}
