//! `/api/series`: what happened from one stretch of time to the next, for charts.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::Response;
use llmlogs_core::query::Series;
use serde_json::Value;

use crate::page::answer::{ApiError, Asker, answer_asker};
use crate::page::params::Params;
use crate::page::shared::Shared;
use crate::reports;

/// How many stretches there are unless `buckets` says otherwise, and at most.
const BUCKETS: usize = 60;
const MOST: usize = 400;

pub(crate) async fn get(
    State(shared): State<Arc<Shared>>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, ApiError> {
    let params = Params::new(pairs, &["buckets"])?;
    answer_asker(move |asker| series(&shared, &params, asker)).await
}

fn series(shared: &Shared, params: &Params, asker: &Asker) -> Result<Value, ApiError> {
    let filter = params.filter()?;
    let buckets = params.number("buckets", BUCKETS)?.clamp(1, MOST);
    let series = match shared.roots.open(params.root()?)? {
        Some(_) => {
            shared.feed.known(params.root()?).snapshot.while_waited_for(asker.gone()).series(&filter, buckets)
        }
        None => Series::default(),
    };
    Ok(reports::series::json(&series))
}
