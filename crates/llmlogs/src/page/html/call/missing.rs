//! What is shown in the place of a call that is not there.

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use maud::html;

use crate::page::roots::Roots;

use super::frame;

pub(super) fn page(roots: &Roots, kept: &str) -> Response {
    let content = html! {
        h1 { "There is no such call" }
        p { "Its folder is not there. It may have been removed: " code { "llmlogs prune" }
            " and a recorder's retention remove old days." }
        p { a href={ "/calls" (kept) } { "All calls" } }
    };
    let page = frame::page(roots, "No such call", kept, None, &content);
    (StatusCode::NOT_FOUND, Html(page.into_string())).into_response()
}
