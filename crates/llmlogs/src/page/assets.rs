//! Files for the browser, which are part of the program.

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const ICON: &str = "image/svg+xml";

/// Returns the routes of the pages and of what they load.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/", get(|| file(HTML, include_str!("assets/overview.html"))))
        .route("/calls", get(|| file(HTML, include_str!("assets/calls.html"))))
        // Browsers ask for it whatever the page says.
        .route("/favicon.ico", get(|| file(ICON, include_str!("assets/icon.svg"))))
        .route("/assets/page.css", get(|| file(CSS, include_str!("assets/page.css"))))
        .route("/assets/overview.js", get(|| file(SCRIPT, include_str!("assets/overview.js"))))
        .route("/assets/calls.js", get(|| file(SCRIPT, include_str!("assets/calls.js"))))
        .route("/assets/common.js", get(|| file(SCRIPT, include_str!("assets/common.js"))))
        .route("/assets/address.js", get(|| file(SCRIPT, include_str!("assets/address.js"))))
        .route("/assets/ask.js", get(|| file(SCRIPT, include_str!("assets/ask.js"))))
        .route("/assets/dom.js", get(|| file(SCRIPT, include_str!("assets/dom.js"))))
        .route("/assets/filter.js", get(|| file(SCRIPT, include_str!("assets/filter.js"))))
        .route("/assets/format.js", get(|| file(SCRIPT, include_str!("assets/format.js"))))
        .route("/assets/keys.js", get(|| file(SCRIPT, include_str!("assets/keys.js"))))
        .route("/assets/live.js", get(|| file(SCRIPT, include_str!("assets/live.js"))))
        .route("/assets/stream.js", get(|| file(SCRIPT, include_str!("assets/stream.js"))))
        .route("/assets/suggest.js", get(|| file(SCRIPT, include_str!("assets/suggest.js"))))
        .route("/assets/terms.js", get(|| file(SCRIPT, include_str!("assets/terms.js"))))
}

async fn file(kind: &'static str, text: &'static str) -> impl IntoResponse {
    ([(CONTENT_TYPE, kind)], text)
}
