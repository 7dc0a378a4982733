//! `/trace/DAY/SESSION`: the spans and calls of a session of a day as a waterfall, by the tree of `llmlogs ls --tree`.
//!
//! `from` and `to` are seconds since the session's first call: with them, the calls of that range alone are shown and summed.
//! `page` counts from 1; a page has 500 calls and the spans around them.

mod bar;
mod content;
mod rows;
mod scale;

use std::sync::Arc;

use axum::extract::{Path as Names, Query, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use llmlogs_core::read::{Entry, Root, Session};
use maud::{Markup, html};

use crate::outcome::describe;
use crate::output::format::now;
use crate::page::answer::{ApiError, blocking};
use crate::page::links;
use crate::page::params::Params;
use crate::page::roots::Roots;
use crate::page::session_dir;
use crate::page::shared::Shared;
use crate::reports::tree::{Node, end};

use super::frame;
use super::text::visible;
use scale::{Scale, Zoom};

/// What the rows of a trace are made of.
struct Trace<'e> {
    session: &'e Session,
    /// Names, as in the address.
    day: String,
    name: String,
    kept: String,
    root: usize,
    scale: Scale,
    tree: Node<'e>,
    /// Which page is shown, from 0.
    page: usize,
    /// How many calls the session has, those outside of the range included.
    all: usize,
    unreadable: Vec<String>,
    /// Other days on which the session has calls.
    other_days: Vec<String>,
}

pub(crate) async fn get(
    State(shared): State<Arc<Shared>>,
    Names((day, name)): Names<(String, String)>,
    RawQuery(query): RawQuery,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, ApiError> {
    let params = Params::new(pairs, &["from", "to", "page"])?;
    let kept = links::kept(&query.unwrap_or_default());
    blocking(move || {
        let zoom = Zoom::parse(params.text("from"), params.text("to"))?;
        let page_number = params.number("page", 1)?.saturating_sub(1);
        let opened = match shared.roots.open(params.root()?)? {
            Some(root) => found(session_dir::session(&root, &day, &name))?.map(|session| (root, session)),
            None => None,
        };
        let Some((root, session)) = opened else {
            return Ok(not_there(&shared.roots, &format!("{day}/{name}"), &kept));
        };
        let (entries, unreadable) = entries(&session);
        let now = now();
        let scale = Scale::of(&entries, zoom, now);
        let in_range = entries.iter().filter(|entry| scale.overlaps(entry.timestamp(), end(entry, now)));
        let Ok(tree) = Node::of(in_range, || Ok::<(), std::convert::Infallible>(()));
        let trace = Trace {
            other_days: other_days(&root, &session)?,
            session: &session,
            root: params.root()?,
            page: page_number,
            all: entries.len(),
            day,
            name,
            kept,
            scale,
            tree,
            unreadable,
        };
        let title = format!("Session {}", session.id());
        let content = content::content(&trace, shared.clock);
        Ok(page(&shared.roots, StatusCode::OK, &title, &trace.kept, &content))
    })
    .await
}

/// `/trace/SESSION`, by name or id: leads to the newest day on which the session has calls.
pub(crate) async fn of_session(
    State(shared): State<Arc<Shared>>,
    Names(name): Names<String>,
    RawQuery(query): RawQuery,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, ApiError> {
    let params = Params::new(pairs, &["from", "to", "page"])?;
    let kept = links::kept(&query.unwrap_or_default());
    blocking(move || {
        let found = match shared.roots.open(params.root()?)? {
            Some(root) => session_dir::newest(&root, &name)?,
            None => None,
        };
        Ok(match found {
            Some(session) => {
                let folder = session.dir().file_name().unwrap_or_default().to_string_lossy().into_owned();
                Redirect::to(&links::trace(session.day(), &folder, &[], &kept)).into_response()
            }
            None => not_there(&shared.roots, &name, &kept),
        })
    })
    .await
}

fn found<T>(opened: Result<T, ApiError>) -> Result<Option<T>, ApiError> {
    match opened {
        Ok(found) => Ok(Some(found)),
        Err(ApiError::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns the session's calls in the order of their starts, and what could not be read.
fn entries(session: &Session) -> (Vec<Entry>, Vec<String>) {
    let mut entries = Vec::new();
    let mut unreadable = Vec::new();
    for entry in session.entries() {
        match entry {
            Ok(entry) => entries.push(entry),
            Err(error) => unreadable.push(describe(&error)),
        }
    }
    let order = |entry: &Entry| llmlogs_core::format::call_id::number(entry.call().id());
    entries.sort_by(|a, b| a.timestamp().total_cmp(&b.timestamp()).then_with(|| order(a).cmp(&order(b))));
    (entries, unreadable)
}

fn other_days(root: &Root, session: &Session) -> Result<Vec<String>, ApiError> {
    let days = session_dir::days(root, session.id())?;
    Ok(days.into_iter().filter(|day| day != session.day()).collect())
}

fn not_there(roots: &Roots, name: &str, kept: &str) -> Response {
    let content = html! {
        h1 { "There is no such session" }
        p { (visible(name)) " is not in the root. The address is /trace/DAY/SESSION, with the names of the folders." }
        p { a href={ "/calls" (kept) } { "All calls" } }
    };
    page(roots, StatusCode::NOT_FOUND, "No such session", kept, &content)
}

fn page(roots: &Roots, status: StatusCode, title: &str, kept: &str, content: &Markup) -> Response {
    (status, Html(frame::page(roots, title, kept, Some("trace"), content).into_string())).into_response()
}
