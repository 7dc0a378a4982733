//! A request on its way to the upstream, and the response on its way back.

use axum::body::Body;
use axum::extract::Request;
use axum::http::Response;
use axum::http::header::{CONTENT_LENGTH, HeaderMap};
use http_body_util::BodyExt;
use reqwest_middleware::ClientWithMiddleware;

use super::refusal::{self, Refusal};
use super::upstream::Upstream;
use super::{headers, request_body};

/// Passes `request` on to `upstream`, and returns its response, or what stands in for one.
pub(crate) async fn forward(
    client: &ClientWithMiddleware,
    upstream: &Upstream,
    request: Request,
) -> Response<Body> {
    match passed_on(client, upstream, request).await {
        Ok(response) => response,
        Err(refusal) => refusal.response(),
    }
}

async fn passed_on(
    client: &ClientWithMiddleware,
    upstream: &Upstream,
    request: Request,
) -> Result<Response<Body>, Refusal> {
    let (head, body) = request.into_parts();
    if let Some(refusal) = refusal::check(&head.method, &head.headers) {
        return Err(refusal);
    }
    let path = head.uri.path_and_query().map(|path| path.as_str()).filter(|path| path.starts_with('/'));
    // An absolute form of the address is what a client sends to a forward proxy.
    let path = path.filter(|_| head.uri.scheme().is_none()).ok_or(Refusal::NoReverseProxy)?;
    let url = upstream.url(path).map_err(|_problem| Refusal::NoReverseProxy)?;
    let has_body = has_body(&head.headers);
    let mut to_upstream = reqwest::Request::new(head.method, url);
    *to_upstream.headers_mut() = headers::of_request(head.headers);
    if has_body {
        let body = request_body::read(body).await;
        *to_upstream.body_mut() = Some(body.map_err(|error| Refusal::UnreadableBody(error.to_string()))?);
    }
    let response = client.execute(to_upstream).await.map_err(|error| Refusal::Unreachable {
        origin: upstream.origin_text().to_owned(),
        problem: describe(error),
    })?;
    let mut response = axum::http::Response::<reqwest::Body>::from(response);
    headers::remove_hop_by_hop(response.headers_mut());
    Ok(response.map(|body| Body::new(body.map_err(axum::Error::new))))
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
