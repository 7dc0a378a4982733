//! The answers as JSON, by the same code as the commands' `--json`; a file a question.

mod call;
mod calls;
mod events;
mod live;
mod overview;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

use super::shared::Shared;

/// Returns the routes below `/api`.
pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/overview", get(overview::get))
        .route("/calls", get(calls::get))
        .route("/events", get(events::get))
        .route("/live", get(live::get))
        .route("/call/{day}/{session}/{call}", get(call::get))
}
