//! The listening socket, and the way of a request: headers, guard, then a route.

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn_with_state, map_response};
use axum::routing::get;

use crate::outcome::CliError;
use crate::output::format::Clock;

use super::feed::Feed;
use super::guard::{self, Guard};
use super::hosts::Hosts;
use super::metrics::{self, Metrics};
use super::roots::Roots;
use super::shared::Shared;
use super::token::Token;
use super::{api, assets, headers, html};

/// A page that listens.
#[derive(Debug)]
pub(crate) struct Page {
    listener: TcpListener,
    port: u16,
    token: Option<Token>,
    guard: Arc<Guard>,
    shared: Arc<Shared>,
}

impl Page {
    /// Listens on the loopback address; a `port` of 0 means a free one. Without a `token`, every user of the machine may
    /// ask.
    pub(crate) fn bind(
        port: u16,
        roots: Vec<PathBuf>,
        token: Option<Token>,
        allowed_hosts: &[String],
        clock: Clock,
    ) -> Result<Self, CliError> {
        let failed = |error| CliError::Failed(format!("cannot listen on 127.0.0.1:{port}: {error}"));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        let guard = Arc::new(Guard::new(Hosts::new(port, allowed_hosts), token.clone(), port));
        let feed = Feed::start(&roots)
            .map_err(|error| CliError::Failed(format!("cannot watch the roots: {error}")))?;
        let shared = Arc::new(Shared { roots: Roots::new(roots), clock, feed, metrics: Metrics::default() });
        Ok(Page { listener, port, token, guard, shared })
    }

    /// Returns the address, with the token.
    pub(crate) fn url(&self) -> String {
        let token = self.token.as_ref().map(|token| format!("?token={}", token.as_str()));
        format!("http://127.0.0.1:{}/{}", self.port, token.unwrap_or_default())
    }

    /// Answers requests until the process ends.
    pub(crate) fn run(self) -> Result<(), CliError> {
        let failed = |error| CliError::Failed(format!("cannot serve: {error}"));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .max_blocking_threads(BLOCKING_THREADS)
            .build()
            .map_err(failed)?;
        runtime
            .block_on(async {
                let listener = tokio::net::TcpListener::from_std(self.listener)?;
                axum::serve(listener, router(self.guard, self.shared)).await
            })
            .map_err(failed)
    }
}

/// How many questions are answered at a time; each reads on all processors.
const BLOCKING_THREADS: usize = 4;

/// Returns the routes within the guard, within the headers. The outer router has no route of its own, so nothing of a
/// request is matched before the guard has seen it.
fn router(guard: Arc<Guard>, shared: Arc<Shared>) -> Router {
    let routes = Router::new()
        .nest("/api", api::routes())
        .route("/metrics", get(metrics::get))
        .route("/call/{day}/{session}/{call}", get(html::call))
        .route("/call/{day}/{session}/{call}/curl", get(html::curl))
        .route("/call/{day}/{session}/{call}/file/{name}", get(html::file))
        .route("/call/{day}/{session}/{call}/media/{hash}", get(html::medium))
        .route("/compare", get(html::compare))
        .route("/trace/{session}", get(html::trace_of_session))
        .route("/trace/{day}/{session}", get(html::trace))
        .merge(assets::routes())
        .with_state(shared);
    Router::new()
        .fallback_service(routes)
        .layer(from_fn_with_state(guard, guard::check))
        .layer(map_response(headers::set))
}
