//! `/compare?a=PATH&b=PATH`: two calls side by side, as `llmlogs diff` compares them. A path is `DAY/SESSION/CALL`; with one
//! of the two alone, the other is the call before it in its session.

mod content;
mod sides;
mod text;

use std::sync::Arc;

use axum::extract::{Query, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use llmlogs_core::query::Diff;
use maud::{Markup, html};

use crate::page::answer::{ApiError, blocking};
use crate::page::links;
use crate::page::params::Params;
use crate::page::roots::Roots;
use crate::page::shared::Shared;

use super::frame;
use super::text::visible;
use sides::{Missing, Side};

pub(crate) async fn get(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, ApiError> {
    let params = Params::new(pairs, &["a", "b"])?;
    let kept = links::kept(&query.unwrap_or_default());
    blocking(move || match (params.text("a"), params.text("b")) {
        (Some(a), Some(b)) => two(&shared, params.root()?, a, b, &kept),
        (Some(path), None) | (None, Some(path)) => with_previous(&shared, params.root()?, path, &kept),
        (None, None) => Ok(page(
            &shared.roots,
            StatusCode::BAD_REQUEST,
            &kept,
            &html! {
                h1 { "Compare two calls" }
                p { "Mark two calls in the list with " kbd { "x" } ", then press " kbd { "d" } "; " kbd { "D" }
                    " compares a call with the one before it in its session. The address is /compare?a=PATH&b=PATH, and a path "
                    "DAY/SESSION/CALL." }
                p { a href={ "/calls" (kept) } { "All calls" } }
            },
        )),
    })
    .await
}

fn two(shared: &Shared, root: usize, a: &str, b: &str, kept: &str) -> Result<Response, ApiError> {
    let (a, b) = (sides::open(&shared.roots, root, a)?, sides::open(&shared.roots, root, b)?);
    let (Ok(a), Ok(b)) = (&a, &b) else {
        let missing = [("A", a.err()), ("B", b.err())];
        let missing = missing.into_iter().filter_map(|(name, missing)| Some((name, missing?)));
        return Ok(not_there(&shared.roots, missing, kept));
    };
    let sizes = [a.dir.sizes(), b.dir.sizes()];
    let too_large = sizes.iter().any(|sizes| sizes.too_large());
    let diff = Diff::between_contents(a.contents(!too_large), b.contents(!too_large));
    let content = content::content(shared.clock, &diff, [a, b], too_large.then_some(sizes), kept);
    Ok(page(&shared.roots, StatusCode::OK, kept, &content))
}

/// Leads to the comparison with the call before the one at `path`, which stays the same while the session goes on.
fn with_previous(shared: &Shared, root: usize, path: &str, kept: &str) -> Result<Response, ApiError> {
    let side = match sides::open(&shared.roots, root, path)? {
        Ok(side) => side,
        Err(missing) => return Ok(not_there(&shared.roots, [("A", missing)].into_iter(), kept)),
    };
    Ok(match side.dir.previous() {
        Some(previous) => {
            Redirect::to(&links::compare(&previous.address(), &side.path, kept)).into_response()
        }
        None => page(
            &shared.roots,
            StatusCode::NOT_FOUND,
            kept,
            &html! {
                h1 { "There is no call before it" }
                p { a href=(links::call(&side.path, kept)) { (visible(side.dir.id())) }
                    " is the first call of its session that is there." }
            },
        ),
    })
}

fn not_there(roots: &Roots, missing: impl Iterator<Item = (&'static str, Missing)>, kept: &str) -> Response {
    let content = html! {
        h1 { "There is nothing to compare" }
        @for (name, missing) in missing {
            p { strong { (name) } ": " (visible(&missing.to_string())) }
        }
        p { a href={ "/calls" (kept) } { "All calls" } }
    };
    page(roots, StatusCode::NOT_FOUND, kept, &content)
}

fn page(roots: &Roots, status: StatusCode, kept: &str, content: &Markup) -> Response {
    let page = frame::page(roots, "Comparison", kept, Some("compare"), content);
    (status, Html(page.into_string())).into_response()
}

/// One of the two calls, in the order in which they are compared.
fn named(sides: [&Side; 2]) -> [(&'static str, &'static str, &Side); 2] {
    [("A", "a", sides[0]), ("B", "b", sides[1])]
}
