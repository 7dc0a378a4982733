//! What every response carries, refusals too, so that a browser protects the page.

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      frame-ancestors 'self'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'";

/// [`POLICY`] of a page that plays sounds or videos of its own.
const PLAYING: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; \
                       connect-src 'self'; frame-ancestors 'self'; base-uri 'none'; form-action 'none'; \
                       require-trusted-types-for 'script'";

/// The mark of a response that never changes: a browser may keep it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Immutable;

/// The mark of a page that plays sounds or videos of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Playing;

/// Sets the headers.
pub(crate) async fn set(mut response: Response) -> Response {
    let is_immutable = response.extensions().get::<Immutable>().is_some();
    let policy = if response.extensions().get::<Playing>().is_some() { PLAYING } else { POLICY };
    add(response.headers_mut(), policy, is_immutable);
    response
}

fn add(headers: &mut HeaderMap, policy: &'static str, is_immutable: bool) {
    let same_origin = HeaderValue::from_static("same-origin");
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(HeaderName::from_static("cross-origin-opener-policy"), same_origin.clone());
    headers.insert(HeaderName::from_static("cross-origin-resource-policy"), same_origin);
    let cache = if is_immutable { "private, max-age=31536000, immutable" } else { "no-store" };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
}
