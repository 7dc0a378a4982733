//! The answers as JSON, by the same code as the commands' `--json`; a file a question.

mod as_of;
mod call;
mod calls;
mod events;
mod facets;
mod live;
mod neighbours;
mod overview;
mod series;

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
        .route("/facets", get(facets::get))
        .route("/live", get(live::get))
        .route("/neighbours", get(neighbours::get))
        .route("/series", get(series::get))
        .route("/call/{day}/{session}/{call}", get(call::get))
}
