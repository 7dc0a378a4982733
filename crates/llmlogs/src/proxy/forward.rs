//! A request on its way to the upstream, and the response on its way back.

use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, HeaderMap, HeaderValue};
use axum::http::{Request, Response, Version};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use reqwest_middleware::ClientWithMiddleware;

use super::refusal::{self, Refusal};
use super::upstream::Upstream;
use super::{headers, request_body};

/// Where requests go.
#[derive(Debug)]
pub(super) struct Forwarding {
    pub(super) client: ClientWithMiddleware,
    pub(super) upstream: Upstream,
    /// The path that is answered here.
    pub(super) health: Option<String>,
}

impl Forwarding {
    /// Passes `request` on, and returns its response, or what stands in for one.
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        match self.passed_on(request).await {
            Ok(response) => response,
            Err(refusal) => refusal.response(),
        }
    }

    async fn passed_on(&self, request: Request<Incoming>) -> Result<Response<Body>, Refusal> {
        let (head, body) = request.into_parts();
        if let Some(refusal) = refusal::check(&head.method, &head.headers) {
            return Err(refusal);
        }
        let path = head.uri.path_and_query().map(|path| path.as_str()).filter(|path| path.starts_with('/'));
        // An absolute form of the address is what a client sends to a forward proxy.
        let path = path.filter(|_| head.uri.scheme().is_none()).ok_or(Refusal::NoReverseProxy)?;
        if self.health.as_deref() == Some(head.uri.path()) {
            return Ok(Response::new(Body::empty()));
        }
        let url = self.upstream.url(path).map_err(|_problem| Refusal::NoReverseProxy)?;
        let has_body = has_body(&head.headers);
        let mut to_upstream = reqwest::Request::new(head.method, url);
        *to_upstream.headers_mut() = headers::of_request(head.headers, self.upstream.host());
        if has_body {
            let body = request_body::read(Body::new(body)).await;
            let body = body.map_err(|error| Refusal::UnreadableBody(error.to_string()))?;
            if body.as_bytes().is_some_and(<[u8]>::is_empty) {
                // One that was empty in chunks is still one.
                to_upstream.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
            }
            *to_upstream.body_mut() = Some(body);
        }
        let response = self.client.execute(to_upstream).await.map_err(|error| Refusal::Unreachable {
            origin: self.upstream.origin_text().to_owned(),
            problem: describe(error),
        })?;
        let mut response = Response::<reqwest::Body>::from(response);
        *response.headers_mut() = headers::end_to_end(std::mem::take(response.headers_mut()));
        // That of this connection: an HTTP/1.0 upstream ends a body with its connection, chunks tell its end.
        *response.version_mut() = Version::HTTP_11;
        Ok(response.map(|body| Body::new(body.map_err(axum::Error::new))))
    }
}

/// Returns whether the client sends a body, be it an empty one: what it does not send is not made up.
fn has_body(headers: &HeaderMap) -> bool {
    headers.contains_key(CONTENT_LENGTH) || headers.contains_key("transfer-encoding")
}

/// Returns the innermost cause, which says most, without addresses: those may have a key in their query.
fn describe(error: reqwest_middleware::Error) -> String {
    let error: Box<dyn std::error::Error> = match error {
        reqwest_middleware::Error::Reqwest(error) => {
            if error.is_timeout() && error.is_connect() {
                return "no connection within 10 s".to_owned();
            }
            error.without_url().into()
        }
        reqwest_middleware::Error::Middleware(error) => error.into(),
    };
    let mut innermost: &dyn std::error::Error = error.as_ref();
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
