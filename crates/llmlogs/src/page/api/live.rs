//! `/api/live`: server-sent events. Each has an id from which the stream goes on after a break.
//!
//! | event | data |
//! | --- | --- |
//! | `hello` | `{}`: what happens from now on follows |
//! | `calls` | a list of `{what, call}`; `call` is as in `/api/calls` |
//! | `reset` | `{}`: some events are lost, ask anew |

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use llmlogs_core::query::Filter;
use serde_json::{Value, json};

use crate::page::answer::{ApiError, blocking};
use crate::page::feed::{Feed, LiveEvent, Since, Viewer};
use crate::page::params::Params;
use crate::page::roots::call_json;
use crate::page::shared::Shared;

/// The time between two events: at most four a second.
const PAUSE: Duration = Duration::from_millis(250);

struct Cursor {
    viewer: Viewer,
    shared: Arc<Shared>,
    root: usize,
    filter: Filter,
    place: Place,
}

enum Place {
    /// It has to be told that it begins.
    New,
    /// An id of another run.
    Unknown,
    Behind(u64),
}

pub(crate) async fn get(
    State(shared): State<Arc<Shared>>,
    Query(pairs): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let params = Params::new(pairs, &[])?;
    let last_id = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let place = match last_id {
        None => Place::New,
        Some(id) => parse_id(&shared.feed, id).map_or(Place::Unknown, Place::Behind),
    };
    let cursor = Cursor {
        viewer: Viewer::new(shared.feed.clone()),
        root: params.root()?,
        filter: params.filter()?,
        place,
        shared,
    };
    let events = unfold(cursor, |mut cursor| async {
        let event = cursor.next().await?;
        Some((Ok::<_, Infallible>(event), cursor))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()).into_response())
}

impl Cursor {
    async fn next(&mut self) -> Option<Event> {
        let mut newest = self.viewer.0.newest();
        let at = match self.place {
            Place::New => return Some(self.go_to(*newest.borrow(), "hello")),
            Place::Unknown => return Some(self.go_to(*newest.borrow(), "reset")),
            Place::Behind(at) => at,
        };
        tokio::time::sleep(PAUSE).await;
        let mut at = at;
        loop {
            match self.viewer.0.since(at) {
                Since::Gone(last) => return Some(self.go_to(last, "reset")),
                Since::Events(events, last) => {
                    let (shared, filter, root) = (self.shared.clone(), self.filter.clone(), self.root);
                    // A filter may read files.
                    let calls = blocking(move || {
                        let passing =
                            events.iter().filter_map(|event| json_of(&shared, root, &filter, event));
                        Ok(passing.collect::<Vec<Value>>())
                    });
                    let calls = calls.await.ok()?;
                    at = last;
                    if !calls.is_empty() {
                        return Some(self.go_to(last, "calls").data(Value::from(calls).to_string()));
                    }
                }
            }
            newest.wait_for(|newest| *newest > at).await.ok()?;
        }
    }

    /// Goes to number `at`, and returns the event that says so.
    fn go_to(&mut self, at: u64, what: &str) -> Event {
        self.place = Place::Behind(at);
        let event = Event::default().event(what).id(id(&self.viewer.0, at));
        if what == "calls" { event } else { event.data("{}") }
    }
}

/// Returns what a browser gets of an event that is one of its root and passes its filter.
fn json_of(shared: &Shared, root: usize, filter: &Filter, event: &LiveEvent) -> Option<Value> {
    if event.root != root || !filter.matches(&event.entry) {
        return None;
    }
    let path = shared.roots.paths().get(root)?;
    Some(json!({"what": event.what, "call": call_json(path, &event.entry)}))
}

/// Returns the id of the event with this number.
pub(super) fn id(feed: &Feed, number: u64) -> String {
    format!("{:x}-{number}", feed.run())
}

/// Returns the number of the event with this id; `None` if it is one of another run.
pub(super) fn parse_id(feed: &Feed, id: &str) -> Option<u64> {
    let (run, number) = id.split_once('-')?;
    if u64::from_str_radix(run, 16).ok()? != feed.run() {
        return None;
    }
    number.parse().ok()
}
