//! What is shown in the place of a call that is not there.

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use maud::html;

use super::frame;

pub(super) fn page(kept: &str) -> Response {
    let content = html! {
        h1 { "There is no such call" }
        p { "Its folder is not there. It may have been removed: " code { "llmlogs prune" }
            " and a recorder's retention remove old days." }
        p { a href={ "/calls" (kept) } { "All calls" } }
    };
    (StatusCode::NOT_FOUND, Html(frame::page("No such call", kept, None, &content).into_string()))
        .into_response()
}
