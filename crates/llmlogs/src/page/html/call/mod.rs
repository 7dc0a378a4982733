//! `/call/DAY/SESSION/CALL`: one call, whole. Reads without scripts; with them, a call in flight becomes the finished one by
//! itself, and keys work.

mod files;
mod head;
mod media;
mod missing;
mod previous;
mod tabs;
mod timeline;
mod tools;

use std::cell::Cell;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path as Names, Query, RawQuery, State};
use axum::response::{Html, IntoResponse, Response};
use llmlogs_core::format::call_id;
use llmlogs_core::read::{Conversation, Metadata, State as CallState};
use maud::{Markup, html};
use serde_json::Value;

use crate::output::format::Clock;
use crate::page::answer::{ApiError, blocking};
use crate::page::call_dir::CallDir;
use crate::page::headers::Playing;
use crate::page::links;
use crate::page::params::Params;
use crate::page::shared::Shared;

use super::frame;
use super::room::Room;
use super::text::visible;
use tabs::Tab;

pub(crate) use files::{curl, file, medium};

/// A call as the page needs it.
struct Shown {
    dir: CallDir,
    state: CallState,
    /// In Unix seconds; 0 if it is not known.
    started: f64,
    metadata: Option<Metadata>,
    /// `metadata.json` as it was stored, which tells what was recorded from what has the value of something that was not.
    stored: Value,
    conversation: Option<Conversation>,
    /// The address of the page, without a query.
    address: String,
    /// The query that links keep.
    kept: String,
    clock: Clock,
    /// Whether what has been rendered so far plays a sound or a video.
    plays: Cell<bool>,
}

impl Shown {
    fn read(dir: CallDir, kept: String, clock: Clock) -> Self {
        let state = dir.state();
        let found = if state == CallState::Finished { dir.metadata() } else { None };
        let (contents, metadata) = found.unzip();
        let stored = contents.and_then(|contents| serde_json::from_slice(&contents).ok()).unwrap_or_default();
        let conversation = dir.conversation(metadata.as_ref().unwrap_or(&Metadata::default()));
        let by_name = call_id::CallId::of(dir.id().as_bytes()).timestamp();
        let started = metadata.as_ref().map_or(by_name, |metadata| metadata.timestamp);
        let address = links::call(&dir.address(), "");
        Shown {
            dir,
            state,
            started,
            metadata,
            stored,
            conversation,
            address,
            kept,
            clock,
            plays: Cell::new(false),
        }
    }

    /// Returns the address of something below the page's, with the root.
    fn below(&self, path: &str) -> String {
        format!("{}/{path}{}", self.address, self.kept)
    }

    /// Returns whether the key was recorded, as an older logger does not with all of them.
    fn has(&self, path: &[&str]) -> bool {
        let mut value = &self.stored;
        for key in path {
            let Some(member) = value.get(key) else { return false };
            value = member;
        }
        !value.is_null()
    }
}

pub(crate) async fn get(
    State(shared): State<Arc<Shared>>,
    Names((day, session, call)): Names<(String, String, String)>,
    RawQuery(query): RawQuery,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, ApiError> {
    let params = Params::new(pairs, &["tab"])?;
    let kept = links::kept(&query.unwrap_or_default());
    let (missing_kept, of_missing) = (kept.clone(), shared.clone());
    let page = blocking(move || {
        let tab = Tab::named(params.text("tab").unwrap_or_default())?;
        let root = shared.roots.open(params.root()?)?.ok_or(ApiError::NotFound)?;
        let dir = CallDir::open(root.path(), &day, &session, &call)?;
        let shown = Shown::read(dir, kept, shared.clock);
        let content = content(&shown, tab);
        let page = frame::page(&shared.roots, shown.dir.id(), &shown.kept, Some("call"), &content);
        Ok((page.into_string(), shown.plays.get()))
    })
    .await;
    match page {
        Ok((page, true)) => Ok((Extension(Playing), Html(page)).into_response()),
        Ok((page, false)) => Ok(Html(page).into_response()),
        Err(ApiError::NotFound) => Ok(missing::page(&of_missing.roots, &missing_kept)),
        Err(error) => Err(error),
    }
}

fn content(shown: &Shown, tab: Option<Tab>) -> Markup {
    let room = Room::new();
    let tabs = tabs::of(shown);
    let tab = tab.filter(|tab| tabs.contains(tab)).unwrap_or(tabs[0]);
    html! {
        div #call data-path=(shown.dir.address()) data-state=(shown.state.as_str())
            data-started=(shown.started) data-dir=(shown.dir.path().display()) data-session=(shown.dir.session_id()) {
            (head::head(shown, &room))
            (timeline::timeline(shown))
            nav.tabs aria-label="Parts of the call" {
                @for other in &tabs {
                    a href=(tabs::address(shown, *other)) aria-current=[(*other == tab).then_some("true")] {
                        (other.title()) (tabs::count(shown, *other))
                    }
                }
            }
            section #part aria-label=(tab.title()) { (tabs::content(shown, tab, &room)) }
        }
    }
}

/// A name and what it is, in a list.
fn fact(name: &str, value: &str) -> Markup {
    html! { div { dt { (name) } dd { (visible(value)) } } }
}
